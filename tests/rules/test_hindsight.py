"""Why there was none: each case names what held the alert back, with what was observed and the limit."""

from datetime import timedelta

import pytest
from hypothesis import given
from msgspec.structs import replace

from rules.alerts import Because, ChangeKind, Family, Rule
from rules.gap import Gap
from rules.hindsight import Finding, LookedBack, look_back
from rules.ids import DeviceId, HotelId, IntegratorName, MessageId, RoomId, WindowId
from rules.inputs import AssignmentRecord, InputKind, PartnerRecord
from rules.messages import Heartbeat, Link, Plug, Report, ReportKind, TokenEnd
from rules.policy import Policy, Window
from rules.room_status import PmsKind, PmsRecord
from tests.rules.given import CALIBRATED, ELSEWHERE, FOREIGN, NEIGHBOUR, OWN, OWN_TOO, after
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


def test_a_silence_that_nobody_was_there_to_judge_is_not_called_allowed(tablet: Recorded) -> None:
    found = only(tablet, end=400)

    assert (found.because.because, found.because.since, found.alert_id) == (Because.NOT_LISTENING, after(60), None)


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


def test_a_start_after_which_nobody_was_given_time_is_not_named(tablet: Recorded) -> None:
    tablet.watching_since = after(40)
    again = Gap(since=after(40), until=after(40), gives_grace=False)
    tablet.write(InputKind.WATCHING, "watching:2", after(40), again, of_hotel=True)
    tablet.beat(95)

    assert only(tablet, end=100).because.because is not Because.WE_BEGAN_AGAIN


def test_two_low_samples_are_too_few(tablet: Recorded) -> None:
    beats(tablet, 30, 40, rssi=-90)
    beats(tablet, 50, 80)

    found = only(tablet, end=85)

    assert (found.signs, found.since, found.until) == (2, after(30), after(40))
    assert (found.because.because, found.because.observed, found.because.limit) == (Because.TOO_FEW_SAMPLES, 2, 3)


def test_what_began_first_is_told_first(tablet: Recorded) -> None:
    for second in range(30, 130, 10):
        tablet.beat(second, rssi=-90 if second < 120 else -50, kiosk=second != 40)
    tablet.beat(130, rssi=-90)

    began = [found.since for found in hindsight(tablet, end=135).findings]

    assert began == [after(30), after(40)]


def test_what_lasts_is_not_told_as_over(tablet: Recorded) -> None:
    beats(tablet, 30, 40, rssi=-90)

    assert only(tablet, end=45).until is None


def test_what_the_rule_still_counts_is_told_of_the_time_in_which_there_was_a_sign_of_it(tablet: Recorded) -> None:
    tablet.beat(30, temp_c=50)
    beats(tablet, 40, 300)

    assert only(tablet, end=305).until is None
    assert hindsight(tablet, start=100, end=305).findings == ()


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


def test_what_the_tablet_reports_of_its_battery_is_a_sample_too(tablet: Recorded) -> None:
    tablet.beat(30, battery=15)
    tablet.report(35, ReportKind.BATTERY, level=60)
    tablet.beat(40, battery=15)

    found = hindsight(tablet, end=45).findings

    assert [(one.because.because, one.because.observed) for one in found] == [(Because.TOO_FEW_SAMPLES, 1)] * 2


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

    assert (found.family, found.rule, found.signs) == (Family.TAMPER, Rule.TAMPER_KIOSK, 6)
    assert (found.because.because, found.because.observed, found.because.limit) == (Because.TOO_SHORT, 50, 300)


def test_two_samples_of_heat_are_too_few(tablet: Recorded) -> None:
    for second in range(30, 80, 10):
        tablet.beat(second, temp_c=50 if second < 50 else 30)

    found = only(tablet, end=75)

    assert (found.family, found.because.because, found.because.observed) == (Family.POWER, Because.TOO_FEW_SAMPLES, 2)


def test_a_backlog_says_how_near_it_came(tablet: Recorded) -> None:
    for second in range(30, 300, 10):
        tablet.beat(second, backlog=0 if second >= 270 else 3)

    found = only(tablet, end=295)

    assert (found.family, found.signs) == (Family.BACKLOG, 23)
    assert (found.because.because, found.because.observed, found.because.limit) == (Because.TOO_SHORT, 230, 900)


def test_how_long_a_backlog_lasted_is_asked_where_the_tablet_says_what_waits(tablet: Recorded) -> None:
    tablet.beat(30, backlog=3)
    tablet.beat(60, backlog=3)
    beats(tablet, 70, 1200)

    found = next(one for one in hindsight(tablet, end=1205).findings if one.family is Family.BACKLOG)

    assert (found.because.because, found.because.observed, found.alert_id) == (Because.TOO_SHORT, 30, None)


def test_two_messages_with_a_wrong_clock_are_too_few(tablet: Recorded) -> None:
    for second in range(30, 80, 10):
        tablet.beat(second, clock_error=200 if second < 50 else 0)

    found = only(tablet, end=75)

    assert (found.family, found.because.because, found.because.observed) == (Family.CLOCK, Because.TOO_FEW_SAMPLES, 2)


def test_a_dock_that_was_left_for_some_minutes_says_for_how_long_it_may_be() -> None:
    tablet = Recorded(replace(CALIBRATED, docked=True))
    for second in range(0, 400, 10):
        tablet.beat(second, plug=Plug.NONE if 30 <= second < 330 else Plug.AC)

    found = only(tablet, end=395)

    assert (found.family, found.because.because) == (Family.POWER, Because.TOO_SHORT)
    assert (found.because.observed, found.because.limit) == (290, 600)


def test_off_a_charger_in_a_room_without_a_dock_is_nothing_to_the_rules() -> None:
    tablet = Recorded()
    for second in range(0, 1200, 10):
        tablet.beat(second, plug=Plug.AC if second < 30 else Plug.NONE)

    found = only(tablet, end=1195)

    assert (found.family, found.because.because) == (Family.POWER, Because.NOT_DOCKED)
    assert (found.because.observed, found.because.limit) == (1160, 600)


def test_a_battery_that_empties_fast_for_twenty_minutes_says_how_long_it_takes(tablet: Recorded) -> None:
    for second in range(30, 1300, 10):
        tablet.beat(second, battery=80 - second // 120)
    beats(tablet, 1300, 1350, battery=80, charging=True)

    found = only(tablet, end=1355)

    assert (found.family, found.because.because) == (Family.BATTERY, Because.TOO_SHORT)
    assert (found.because.observed, found.because.limit) == (1200, 1800)


def test_a_battery_that_empties_slower_than_the_limit_says_how_fast(tablet: Recorded) -> None:
    for second in range(30, 3700, 10):
        tablet.beat(second, battery=80 - second // 300)

    drain = next(one for one in hindsight(tablet, end=3705).findings if one.because.because is Because.DRAINS_SLOWLY)

    assert (drain.family, drain.because.observed, drain.because.limit) == (Family.BATTERY, 12, 15)
    assert drain.alert_id is None


def test_a_battery_that_empties_on_its_charger_is_no_alert_and_says_so(tablet: Recorded) -> None:
    for second in range(0, 3700, 10):
        tablet.beat(second, battery=80 - second // 120, charging=True)

    found = only(tablet, end=3705)

    assert (found.rule, found.alert_id, found.until) == (Rule.BATTERY_DRAIN, None, None)
    assert (found.because.because, found.because.observed, found.because.limit) == (Because.FALLS_ON_CHARGER, 30, 15)


def test_a_battery_that_keeps_its_charge_on_the_charger_is_nothing(tablet: Recorded) -> None:
    for second in range(0, 3700, 10):
        tablet.beat(second, battery=80 - second // 900, charging=True)

    assert hindsight(tablet, end=3705).findings == ()


def test_one_that_would_not_last_the_night_is_told_in_the_evening_and_not_before(tablet: Recorded) -> None:
    for second in range(30, 3700, 10):
        tablet.beat(second, battery=80 - second // 300)

    tonight = [one for one in hindsight(tablet, end=3705).findings if one.because.because is Because.NOT_YET_EVENING]

    assert [(one.family, one.because.limit) for one in tonight] == [(Family.BATTERY, 5)]
    assert tonight[0].because.since == after(9 * 3600)


def test_one_that_is_charged_before_the_evening_says_so(tablet: Recorded) -> None:
    for second in range(30, 3700, 10):
        tablet.beat(second, battery=80 - second // 300)
    beats(tablet, 3700, 3800, battery=68, charging=True)

    found = hindsight(tablet, end=3805).findings

    assert [one.because.because for one in found] == [Because.DRAINS_SLOWLY, Because.CHARGING]


def test_twenty_minutes_in_another_room_are_too_short(tablet: Recorded) -> None:
    beats(tablet, 30, 1200, bssid=NEIGHBOUR)
    beats(tablet, 1210, 4000)

    found = next(one for one in hindsight(tablet, end=4005).findings if one.family is Family.ROOM)

    assert (found.because.because, found.because.observed, found.because.limit) == (Because.TOO_SHORT, 1170, 1800)
    assert (found.signs, found.until) == (118, after(1200))


def test_a_moment_in_another_room_is_over_once_it_is_seen_in_its_own(tablet: Recorded) -> None:
    beats(tablet, 30, 90, bssid=NEIGHBOUR)
    (lasts,) = (one for one in hindsight(tablet, end=95).findings if one.family is Family.ROOM)
    beats(tablet, 100, 300)
    (over,) = (one for one in hindsight(tablet, end=305).findings if one.family is Family.ROOM)

    assert (lasts.until, over.until, over.alert_id) == (None, after(90), None)
    assert [one.family for one in hindsight(tablet, start=200, end=305).findings] == []


def test_half_of_the_time_in_another_room_is_too_little(tablet: Recorded) -> None:
    for second in range(30, 2700, 10):
        tablet.beat(second, bssid=OWN if second // 300 % 2 else NEIGHBOUR)

    found = next(one for one in hindsight(tablet, end=2705).findings if one.family is Family.ROOM)

    assert (found.because.because, found.because.limit) == (Because.TOO_SMALL_A_SHARE, 70)
    assert found.alert_id is None


def test_two_words_of_another_room_are_too_few(tablet: Recorded) -> None:
    for second in range(30, 80, 10):
        tablet.beat(second, room_id="205" if second < 50 else "204")

    found = only(tablet, end=75)

    assert (found.family, found.because.because, found.because.observed) == (Family.ROOM, Because.TOO_FEW_SAMPLES, 2)


def test_of_two_that_are_swapped_the_one_that_follows_names_the_other(tablet: Recorded) -> None:
    beats(tablet, 30, 50, bssid=OWN)
    for second in range(60, 120, 10):
        tablet.beat(second, room_id="205")
    partner = PartnerRecord(DeviceId("tab-2"), leads=False)
    tablet.write(InputKind.ASSIGNMENT, "partner:1", after(115), partner)

    found = only(tablet, end=118)

    assert (found.because.because, found.because.observed) == (Because.TOLD_OF_ITS_PARTNER, "tab-2")


def test_two_take_overs_are_too_few(tablet: Recorded) -> None:
    for second, sid in ((30, "a-1"), (40, "b-1"), (50, "a-2"), (60, "a-2")):
        tablet.beat(second, sid=sid)

    found = only(tablet, end=65)

    assert (found.family, found.signs) == (Family.IDENTITY, 2)
    assert (found.because.because, found.because.observed, found.because.limit) == (Because.TOO_FEW_TAKE_OVERS, 2, 3)


def test_one_that_only_starts_anew_is_no_copy(tablet: Recorded) -> None:
    for second, sid in ((30, "a-1"), (40, "b-1"), (50, "c-1"), (60, "d-1")):
        tablet.beat(second, sid=sid)

    found = only(tablet, end=65)

    assert (found.because.because, found.because.observed, found.alert_id) == (Because.ONLY_RESTARTED, 3, None)


def test_heartbeats_that_are_late_while_it_speaks_say_so(tablet: Recorded) -> None:
    tablet.report(45, ReportKind.BATTERY, level=80)
    tablet.beat(55)
    beats(tablet, 60, 80)

    late = [one for one in hindsight(tablet, end=85).findings if one.because.because is Because.HEARTBEATS_LATE]

    assert [(one.because.observed, one.because.limit, one.alert_id) for one in late] == [(35, 40, None)]


def test_one_that_was_put_out_and_has_a_newer_token_has_time_to_come_back(tablet: Recorded) -> None:
    tablet.given(25, life=86_400)
    tablet.expire(30)
    beats(tablet, 50, 80)

    token = [one for one in hindsight(tablet, end=85).findings if one.family is Family.TOKEN]

    assert [(one.because.because, one.because.limit, one.alert_id) for one in token] == [
        (Because.HAS_NEWER_TOKEN, 60, None)
    ]


def test_a_token_that_is_not_renewed_right_after_our_own_start_is_given_time() -> None:
    tablet = Recorded()
    tablet.given(0, life=100)
    beats(tablet, 0, 70)
    tablet.watching_since = after(84)
    tablet.write(InputKind.WATCHING, "watching:2", after(84), {}, of_hotel=True)
    beats(tablet, 88, 90)
    tablet.given(95, life=86_400)

    (found,) = (one for one in hindsight(tablet, end=97).findings if one.family is Family.TOKEN)

    assert (found.because.because, found.since) == (Because.WE_BEGAN_AGAIN, after(85))


def test_one_that_was_never_heard_says_since_when_and_how_long_it_may_take() -> None:
    tablet = Recorded()
    record = AssignmentRecord(2, RoomId("204"), CALIBRATED, added_at=after(-3600))
    tablet.write(InputKind.ASSIGNMENT, "assignment:2", after(1), record)

    looked = hindsight(tablet, end=3600)

    (found,) = looked.findings
    assert (found.family, found.since, found.signs) == (Family.NEVER_SEEN, after(-3600), 0)
    assert (found.because.because, found.because.observed, found.because.limit) == (Because.TOO_SHORT, 7200, 86_400)
    assert looked.assignment is not None


def check_out(tablet: Recorded, second: float) -> None:
    """Of its room, as the hotel's own system says it."""
    word = PmsRecord(by=IntegratorName("p"), kind=PmsKind.CHECKOUT, room_id=RoomId("204"), ts=after(second))
    tablet.write(InputKind.PMS, f"pms:p:{second}", after(second), word, of_hotel=True)


def test_a_check_out_of_a_room_in_order_says_that_the_tablet_was_there(tablet: Recorded) -> None:
    check_out(tablet, 25)
    beats(tablet, 30, 120)

    found = only(tablet, end=125)

    assert (found.family, found.because.because, found.alert_id) == (Family.CHECKOUT, Because.SEEN_IN_ITS_ROOM, None)
    assert (found.because.observed, found.because.limit) == (100, 2700)


def test_a_tablet_that_sleeps_after_the_check_out_is_not_known_to_be_gone(tablet: Recorded) -> None:
    check_out(tablet, 25)
    tablet.say(30, Link.SLEEPING, wake_by=330)

    found = {one.family: one.because.because for one in hindsight(tablet, end=200).findings}

    assert found[Family.CHECKOUT] is Because.ASLEEP


def test_a_connection_that_breaks_after_the_check_out_and_is_there_again_is_nobody_gone(tablet: Recorded) -> None:
    check_out(tablet, 25)
    tablet.say(30, Link.LOST)
    gone = [one.because for one in hindsight(tablet, end=31).findings if one.family is Family.CHECKOUT]
    tablet.say(32, Link.READY)
    beats(tablet, 40, 120)
    found = only(tablet, end=125)

    assert [(one.because, one.observed, one.limit) for one in gone] == [(Because.WITHIN_ALLOWANCE, 1, 10)]
    assert (found.family, found.because.because, found.alert_id) == (Family.CHECKOUT, Because.SEEN_IN_ITS_ROOM, None)


def test_one_that_goes_an_hour_after_the_check_out_is_no_affair_of_its_guard(tablet: Recorded) -> None:
    check_out(tablet, 25)
    beats(tablet, 30, 3600)
    tablet.until(4000)

    check_outs = [one for one in hindsight(tablet, end=4000).findings if one.family is Family.CHECKOUT]

    assert [one.because.because for one in check_outs] == [Because.SEEN_IN_ITS_ROOM, Because.GUARD_OVER]
    assert (check_outs[1].because.observed, check_outs[1].because.limit) == (3615, 2700)


def test_a_guard_that_people_made_longer_guards_again_and_why_says_so() -> None:
    shorter = replace(CALIBRATED, checkout_guard=timedelta(seconds=60))
    tablet = Recorded(shorter)
    beats(tablet, 0, 20)
    check_out(tablet, 25)
    beats(tablet, 30, 300)
    tablet.judge_by(replace(shorter, checkout_guard=timedelta(minutes=45)), at=305)
    tablet.until(400)

    check_outs = [one for one in hindsight(tablet, end=400).findings if one.family is Family.CHECKOUT]

    assert [one.because.because for one in check_outs] == [Because.SEEN_IN_ITS_ROOM, Because.GONE_SILENT]
    assert [one.alert_id is None for one in check_outs] == [True, False]


def test_a_reason_that_joined_an_alert_later_is_not_dated_to_its_beginning() -> None:
    tablet = Recorded(replace(CALIBRATED, docked=True))
    for second in range(0, 50, 10):
        tablet.beat(second, plug=Plug.AC if second < 30 else Plug.NONE)
        if second == 20:
            check_out(tablet, 25)
    tablet.until(200)

    guard = next(one for one in hindsight(tablet, end=200).findings if one.family is Family.CHECKOUT)

    assert (guard.since, guard.because.because) == (after(25), Because.UNPLUGGED)


def test_a_tablet_that_was_retired_is_neither_silent_nor_awaited_any_more(tablet: Recorded) -> None:
    tablet.until(100)
    record = AssignmentRecord(2, RoomId("204"), CALIBRATED, added_at=after(-60))
    tablet.write(InputKind.ASSIGNMENT, "assignment:2", after(110), record)
    tablet.write(InputKind.ASSIGNMENT, "removed:1", after(120), {})

    found = only(tablet, end=400)

    assert (found.family, found.until, found.alert_id) == (
        Family.SILENCE,
        after(120),
        tablet.alert(Family.SILENCE).id,
    )


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

    silent, silence, breach = hindsight(tablet, end=90).findings

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
        assert found.until is None or found.until >= found.since
        if found.alert_id is not None:
            assert found.alert_id in opened
        elif found.because.because in {
            Because.WITHIN_ALLOWANCE,
            Because.ASLEEP,
            Because.SAID_GOODBYE,
            Because.TOO_SHORT,
        }:
            assert isinstance(found.because.observed, float | int)
            assert isinstance(found.because.limit, float | int)
            assert found.because.observed <= found.because.limit
        elif found.because.because is Because.TOO_FEW_SAMPLES:
            assert isinstance(found.because.observed, float | int)
            assert isinstance(found.because.limit, float | int)
            assert found.because.observed < found.because.limit
