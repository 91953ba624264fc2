"""Why there was none: each case names what held the alert back, with what was observed and the limit."""

from datetime import timedelta

import pytest
from hypothesis import given
from msgspec.structs import replace

from rules.alerts import Because, ChangeKind, Family
from rules.hindsight import Finding, LookedBack, look_back
from rules.ids import DeviceId, HotelId, MessageId, WindowId
from rules.inputs import InputKind
from rules.messages import Heartbeat, Link, Report, ReportKind, TokenEnd
from rules.policy import Policy, Window
from tests.rules.given import CALIBRATED, ELSEWHERE, FOREIGN, OWN, OWN_TOO, after
from tests.rules.history import ROOMS, Recorded
from tests.rules.stories import Story, stories, tell

HOTEL, TAB = HotelId("demo"), DeviceId("tab-1")


def hindsight(tablet: Recorded, *, start: float = 0, end: float = 5000) -> LookedBack:
    return look_back(tablet.rows, hotel_id=HOTEL, device_id=TAB, start=after(start), end=after(end))


def only(tablet: Recorded, *, end: float) -> Finding:
    (found,) = hindsight(tablet, end=end).findings
    return found


def beats(
    tablet: Recorded,
    start: int,
    end: int,
    *,
    rssi: float = -50,
    bssid: str = OWN,
    battery: float = 80,
    charging: bool = False,
) -> None:
    """A heartbeat every 10 s, the last one at `end`."""
    for second in range(start, end + 1, 10):
        tablet.beat(second, rssi=rssi, bssid=bssid, battery=battery, charging=charging)


@pytest.fixture
def tablet() -> Recorded:
    """One of the normal profile in a room with a floor, heard until 0:20."""
    tablet = Recorded()
    beats(tablet, 0, 20)
    return tablet


def test_of_a_tablet_that_is_well_there_is_nothing_to_tell(tablet: Recorded) -> None:
    beats(tablet, 30, 300)

    looked = hindsight(tablet, end=305)

    assert looked.findings == ()
    assert len(looked.heard) == 31
    assert looked.assignment is not None
    assert looked.assignment.policy == CALIBRATED


def test_a_gap_that_is_allowed_says_for_how_long_it_would_have_been(tablet: Recorded) -> None:
    tablet.beat(58)

    found = only(tablet, end=60)

    assert (found.family, found.alert_id) == (Family.SILENCE, None)
    assert (found.because.because, found.because.observed, found.because.limit) == (Because.WITHIN_ALLOWANCE, 38, 40)


def test_a_sleep_that_was_announced_is_named_and_not_the_allowance(tablet: Recorded) -> None:
    tablet.say(30, Link.SLEEPING, wake_by=330)
    tablet.beat(325)

    found = only(tablet, end=330)

    assert (found.because.because, found.because.observed, found.because.limit) == (Because.ASLEEP, 295, 310)


def test_the_same_silence_without_an_announcement_is_the_alert(tablet: Recorded) -> None:
    tablet.until(300)
    tablet.beat(325)

    found = only(tablet, end=330)

    assert found.because.because is Because.NOTHING_HEARD
    assert found.alert_id == tablet.changes[0].alert.id


def test_a_goodbye_is_named(tablet: Recorded) -> None:
    tablet.say(30, Link.BYE, reason="reboot")
    tablet.beat(190)

    found = only(tablet, end=195)

    assert (found.because.because, found.because.observed, found.because.limit) == (Because.SAID_GOODBYE, 160, 190)


@pytest.mark.parametrize(
    ("cause", "because"), [(TokenEnd.EXPIRED, Because.TOKEN_EXPIRED), (TokenEnd.REVOKED, Because.TOKEN_REVOKED)]
)
def test_a_token_that_ended_is_no_silence(tablet: Recorded, cause: TokenEnd, because: Because) -> None:
    tablet.expire(30, cause)
    tablet.beat(400)

    silence = next(found for found in hindsight(tablet, end=410).findings if found.family is Family.SILENCE)

    assert (silence.because.because, silence.alert_id) == (because, None)


def test_our_own_start_gives_everybody_time_to_come_back(tablet: Recorded) -> None:
    tablet.watching_since = after(40)
    tablet.write(InputKind.WATCHING, "watching:2", after(40), {}, of_hotel=True)
    tablet.beat(95)

    found = only(tablet, end=100)

    assert (found.because.because, found.because.limit) == (Because.WE_BEGAN_AGAIN, 60)


def test_two_low_samples_are_too_few(tablet: Recorded) -> None:
    beats(tablet, 30, 40, rssi=-90)
    beats(tablet, 50, 80)

    found = only(tablet, end=85)

    assert (found.signs, found.since, found.until) == (2, after(30), after(40))
    assert (found.because.because, found.because.observed, found.because.limit) == (Because.TOO_FEW_SAMPLES, 2, 3)


def test_three_low_samples_in_a_moment_are_too_short(tablet: Recorded) -> None:
    for second in (30, 33, 36):
        tablet.beat(second, rssi=-90)
    beats(tablet, 40, 80)

    found = only(tablet, end=85)

    assert (found.because.because, found.because.observed, found.because.limit) == (Because.TOO_SHORT, 6, 10)


def test_a_weak_signal_that_sufficed_names_its_alert(tablet: Recorded) -> None:
    beats(tablet, 30, 60, rssi=-90)

    found = only(tablet, end=65)

    assert (found.because.because, found.because.limit) == (Because.SIGNAL_BELOW_FLOOR, -70)
    assert found.alert_id == tablet.alert(Family.BREACH).id


def test_roaming_between_the_rooms_own_access_points_is_told_as_such(tablet: Recorded) -> None:
    beats(tablet, 30, 80, bssid=OWN_TOO)

    assert only(tablet, end=85).because.because is Because.OWN_ACCESS_POINTS


def test_a_moment_on_a_strange_access_point_is_too_little(tablet: Recorded) -> None:
    tablet.beat(30, bssid=FOREIGN)
    beats(tablet, 40, 80, bssid=OWN)

    found = only(tablet, end=85)

    assert (found.because.because, found.because.observed, found.because.limit) == (Because.TOO_FEW_SAMPLES, 1, 3)


def test_a_tablet_elsewhere_names_where(tablet: Recorded) -> None:
    beats(tablet, 30, 60, bssid=ELSEWHERE)

    found = only(tablet, end=65)

    assert (found.because.because, found.alert_id) == (Because.OUT_OF_ZONE, tablet.alert(Family.BREACH).id)


def test_a_low_battery_on_the_charger_is_no_alert(tablet: Recorded) -> None:
    beats(tablet, 30, 60, battery=15, charging=True)

    found = only(tablet, end=65)

    assert (found.family, found.because.because, found.because.limit) == (Family.BATTERY, Because.LOW_ON_CHARGER, 20)


def test_a_window_of_maintenance_is_named(tablet: Recorded) -> None:
    window = Window(id=WindowId("w"), starts_at=after(10), ends_at=after(200))
    tablet.assignment = replace(tablet.assignment, windows=(window,))
    tablet.write(InputKind.INVENTORY, "inventory:2", after(21), replace(ROOMS, windows=(window,)), of_hotel=True)
    tablet.beat(150)

    found = only(tablet, end=155)

    assert (found.because.because, found.because.limit, found.because.since) == (Because.MAINTENANCE, 190, after(10))


def test_a_kiosk_that_was_left_for_a_moment_says_for_how_long_it_may_be(tablet: Recorded) -> None:
    for second in range(30, 120, 10):
        tablet.beat(second, kiosk=second >= 90)

    found = only(tablet, end=115)

    assert (found.family, found.signs) == (Family.TAMPER, 6)
    assert (found.because.because, found.because.observed, found.because.limit) == (Because.TOO_SHORT, 50, 300)


def test_two_samples_of_heat_are_too_few(tablet: Recorded) -> None:
    for second in range(30, 80, 10):
        tablet.beat(second, temp_c=50 if second < 50 else 30)

    found = only(tablet, end=75)

    assert (found.family, found.because.because, found.because.observed) == (Family.POWER, Because.TOO_FEW_SAMPLES, 2)


def test_what_came_late_is_history(tablet: Recorded) -> None:
    said = Report(id=MessageId("kept"), ts=after(25), kind=ReportKind.BREACH, cause="weak-signal")
    tablet.beat(30)
    tablet.write(InputKind.REPORT, said.id, after(40), said, ts=said.ts, late=True)

    found = only(tablet, end=45)

    assert (found.because.because, found.because.cause) == (Because.CAME_LATE, "weak-signal")
    assert found.because.since == after(25)


def test_a_backlog_is_neither_samples_nor_life_and_is_told_as_one_stretch(tablet: Recorded) -> None:
    """Of a tablet that was out of reach for half a minute, with a weak signal and no battery left."""
    for second in range(25, 55, 5):
        kept = Heartbeat(id=MessageId(f"k{second}"), ts=after(second), rssi=-88, wifi_bssid=FOREIGN, battery=9)
        tablet.write(InputKind.HEARTBEAT, kept.id, after(52), kept, ts=kept.ts, late=True)
    said = Report(id=MessageId("kept"), ts=after(26), kind=ReportKind.BREACH, cause="weak-signal")
    tablet.write(InputKind.REPORT, said.id, after(53), said, ts=said.ts, late=True)
    beats(tablet, 55, 85)

    silence, breach, silent = hindsight(tablet, end=90).findings

    assert (silent.because.because, silent.since, silent.until) == (Because.WITHIN_ALLOWANCE, after(20), after(55))
    assert (breach.family, breach.signs, breach.because.cause) == (Family.BREACH, 1, "weak-signal")
    assert (silence.family, silence.signs, silence.because.since) == (Family.SILENCE, 6, after(25))


def test_of_an_alert_that_flaps_nobody_is_told_that_it_is_there_again(tablet: Recorded) -> None:
    for second in range(30, 280, 10):
        tablet.beat(second, rssi=-90 if (second - 30) // 50 % 2 == 0 else -50)
    assert tablet.changes[-1].kind is ChangeKind.FLAPPING
    beats(tablet, 280, 320, rssi=-90)

    runs = hindsight(tablet, end=325).findings

    assert runs[0].untold is None
    assert runs[-1].untold is not None
    assert (runs[-1].untold.because, runs[-1].alert_id) == (Because.FLAPPING, tablet.changes[-1].alert.id)


def test_what_was_over_before_or_comes_after_is_not_told(tablet: Recorded) -> None:
    tablet.beat(58)
    beats(tablet, 60, 300)

    assert hindsight(tablet, start=100, end=300).findings == ()
    assert hindsight(tablet, start=0, end=15).findings == ()


@given(stories(longest=25))
def test_whatever_is_held_back_says_a_limit_that_was_kept_and_every_alert_stands_by_its_id(story: Story) -> None:
    tablet = Recorded(Policy(rssi_floor=-70))
    end = tell(tablet, story)
    opened = {change.alert.id for change in tablet.changes if change.kind is ChangeKind.OPENED}

    looked = hindsight(tablet, end=end + 1)

    for found in looked.findings:
        assert found.until - found.since >= timedelta(0)
        if found.alert_id is not None:
            assert found.alert_id in opened
        elif found.because.because in {Because.WITHIN_ALLOWANCE, Because.ASLEEP, Because.SAID_GOODBYE}:
            assert isinstance(found.because.observed, float | int)
            assert isinstance(found.because.limit, float | int)
            assert found.because.observed <= found.because.limit
        elif found.because.because in {Because.TOO_FEW_SAMPLES, Because.TOO_SHORT}:
            assert isinstance(found.because.observed, float | int)
            assert isinstance(found.because.limit, float | int)
            assert found.because.observed < found.because.limit
