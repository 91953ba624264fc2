"""What is history and what is now, by a clock that may be wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rules.alerts import ChangeKind, Family
from rules.evaluate import evaluate
from rules.ids import MessageId
from rules.lateness import doubt, judge, said_at
from rules.messages import DeviceMessage, Heartbeat, Link, Report, ReportKind, State, TokenEnd, TokenEnded
from rules.policy import Policy
from rules.state import DeviceState, Verdict
from tests.rules.given import NOON, OWN, Tablet, after

HOUR = 3600.0


class Listener:
    """Hears messages of one tablet: what is said, `wrong` seconds ahead of our clock, arrives some time later."""

    def __init__(self, *, wrong: float = 0, sid: str | None = "boot-1", up: bool = False) -> None:
        self.wrong, self.sid, self.up = wrong, sid, up
        self.state = DeviceState(sid=sid)

    def said(self, at: float, *, report: bool = False, sid: str | None = None) -> DeviceMessage:
        ts, up_ms = after(at + self.wrong), int(at * 1000) + 10**7 if self.up else None
        if report:
            return Report(id=MessageId("r"), ts=ts, sid=sid or self.sid, up_ms=up_ms, kind=ReportKind.BREACH)
        return Heartbeat(id=MessageId("m"), ts=ts, sid=sid or self.sid, up_ms=up_ms)

    def is_late(self, at: float, *, waited: float = 0, report: bool = False, sid: str | None = None) -> bool:
        message = self.said(at - waited, report=report, sid=sid)
        clock, late = judge(self.state, message, policy=Policy(), now=after(at))
        heard = self.state.last_heard if late else after(at)
        if late:
            clock = doubt(self.state, message, now=after(at)).clock
        self.state = DeviceState(
            sid=sid or self.sid,
            previous_sid=self.state.sid if sid not in (None, self.state.sid) else self.state.previous_sid,
            last_heard=heard,
            clock=clock,
        )
        return late


@pytest.mark.parametrize("wrong", [0, HOUR, -HOUR, -50 * 365 * 24 * HOUR])
def test_a_wrong_clock_alone_makes_no_message_late(wrong: float) -> None:
    tablet = Listener(wrong=wrong)
    assert not any(tablet.is_late(at) for at in (0, 10, 20, 1000, 5000))


@pytest.mark.parametrize("wrong", [0, HOUR, -HOUR])
def test_a_message_that_waited_for_over_a_minute_is_late(wrong: float) -> None:
    tablet = Listener(wrong=wrong)
    assert not tablet.is_late(0)
    assert not tablet.is_late(100, waited=60)
    assert tablet.is_late(200, waited=61, report=True)
    assert tablet.is_late(300, waited=90)
    assert not tablet.is_late(301)


def test_nothing_is_known_of_the_clock_of_a_session_that_begins() -> None:
    tablet = Listener()
    assert not tablet.is_late(0)
    tablet.wrong = -500
    assert not tablet.is_late(600, sid="boot-2")
    assert not tablet.is_late(610, sid="boot-2")


def test_a_message_of_a_session_before_is_held_against_the_present_clock() -> None:
    tablet = Listener()
    tablet.is_late(0)
    tablet.is_late(100, sid="boot-2")
    assert tablet.is_late(200, waited=150, report=True, sid="boot-1")
    assert not tablet.is_late(200, waited=10, report=True, sid="boot-1")


def test_a_clock_that_is_set_back_between_two_heartbeats_makes_none_late() -> None:
    tablet = Listener()
    tablet.is_late(0)
    tablet.wrong = -300
    assert not any(tablet.is_late(at) for at in (10, 20, 30))
    assert tablet.is_late(200, waited=100)


def test_a_tablet_that_says_how_long_it_is_up_may_have_its_clock_set_whenever_it_likes() -> None:
    tablet = Listener(up=True)
    tablet.is_late(0)
    tablet.wrong = -300
    assert not tablet.is_late(1000, report=True)
    assert not tablet.is_late(1010)
    assert tablet.is_late(1100, waited=80)


def test_heartbeats_that_are_all_as_late_as_each_other_have_not_waited() -> None:
    tablet = Listener()
    tablet.is_late(0)
    tablet.wrong = -300  # while its Wi-Fi was away
    assert [tablet.is_late(at) for at in (600, 604, 608, 612, 616)] == [True, True, True, False, False]


def test_heartbeats_that_come_ever_less_late_have_waited() -> None:
    tablet = Listener()
    tablet.is_late(0)
    heard = [tablet.is_late(600 + n / 4, waited=600 + n / 4 - said) for n, said in enumerate(range(10, 600, 10))]
    assert heard == [True] * 55 + [False] * 4


@pytest.mark.parametrize(
    "message",
    [
        State(id=MessageId("lost-s"), ts=NOON, sid="boot-1", state=Link.LOST),
        TokenEnded(id=MessageId("e"), ts=NOON, cause=TokenEnd.EXPIRED),
    ],
)
def test_what_the_broker_says_is_never_late(message: DeviceMessage) -> None:
    tablet = Listener()
    tablet.is_late(0)
    assert judge(tablet.state, message, policy=Policy(), now=after(5000)) == (tablet.state.clock, False)


def test_what_is_kept_is_dated_by_how_the_clock_goes() -> None:
    tablet = Listener(wrong=-HOUR)
    tablet.is_late(1000)
    assert said_at(tablet.state, tablet.said(400), now=after(1000)) == after(400)
    assert said_at(tablet.state, tablet.said(1400), now=after(1000)) == after(1000)
    assert said_at(DeviceState(), tablet.said(HOUR), now=after(1000)) == NOON


def test_what_was_kept_in_the_same_boot_is_dated_by_how_long_it_was_up() -> None:
    tablet = Listener(up=True, sid="boot-7")
    tablet.is_late(1000)
    kept = Listener(up=True, wrong=-50 * 365 * 24 * HOUR, sid="boot-5").said(400)
    assert said_at(tablet.state, kept, now=after(1000)) == after(400)


@given(
    st.lists(st.tuples(st.integers(0, 2**63 - 1) | st.none(), st.datetimes(), st.floats(0, 1000)), max_size=8),
)
def test_no_clock_is_so_wrong_that_it_cannot_be_judged(said: list[tuple[int | None, object, float]]) -> None:
    state = DeviceState()
    now = 0.0
    for up_ms, ts, pause in said:
        now += pause
        moment = ts.replace(year=1970 + ts.year % 230, day=1, tzinfo=NOON.tzinfo)  # type: ignore[attr-defined]
        message = Heartbeat(id=MessageId("m"), ts=moment, up_ms=up_ms, sid="b-1")
        clock, late = judge(state, message, policy=Policy(), now=after(now))
        said_at(state, message, now=after(now))
        state = DeviceState(sid="b-1", last_heard=state.last_heard if late else after(now), clock=clock)


def dated(tablet: Tablet, seconds: float, *, ts: float | None, report: bool) -> Verdict:
    """What the tablet says over HTTP, with the time that its clock shows or with none."""
    name, moment = MessageId(f"m{seconds}"), after(seconds if ts is None else ts)
    message: DeviceMessage = Heartbeat(
        id=name, ts=moment, dated=ts is not None, rssi=-50, wifi_bssid=OWN, battery=80, charging=False
    )
    if report:
        message = Report(id=name, ts=moment, dated=ts is not None, kind=ReportKind.BREACH, cause="foreign-ap")
    verdict = evaluate(tablet.state, message, assignment=tablet.assignment, now=after(seconds))
    tablet.state = verdict.state
    return verdict


@pytest.mark.parametrize("wrong", [-HOUR, HOUR])
def test_a_tablet_that_dates_its_reports_and_not_its_heartbeats_is_heard_whatever_its_clock_says(wrong: float) -> None:
    tablet = Tablet()
    for at in range(0, 60, 10):
        assert not dated(tablet, at, ts=None, report=False).late
    (opened,) = dated(tablet, 60, ts=60 + wrong, report=True).changes
    assert (opened.kind, opened.alert.family) == (ChangeKind.OPENED, Family.BREACH)
    assert Family.CLOCK not in tablet.state.alerts


def test_a_tablet_that_dates_its_heartbeats_and_not_its_reports_is_heard_in_between() -> None:
    tablet = Tablet()
    assert [dated(tablet, at, ts=at - HOUR, report=False).late for at in (0, 10, 20)] == [False] * 3
    assert not dated(tablet, 25, ts=None, report=True).late
    assert [dated(tablet, at, ts=at - HOUR, report=False).late for at in (30, 40)] == [False] * 2


def test_what_our_own_api_dated_waited_for_as_long_as_that_says() -> None:
    tablet, undated = Tablet(), replace(Heartbeat(id=MessageId("m"), ts=NOON), dated=False)
    assert not evaluate(tablet.state, undated, assignment=tablet.assignment, now=after(60)).late
    assert evaluate(tablet.state, undated, assignment=tablet.assignment, now=after(61)).late
    assert said_at(tablet.state, undated, now=after(61)) == NOON


def test_a_heartbeat_without_a_time_is_as_usual_and_says_nothing_of_the_clock() -> None:
    tablet = Tablet()
    dated(tablet, 0, ts=-30, report=False)
    clock = tablet.state.clock
    assert dated(tablet, 20, ts=None, report=False).as_usual
    assert tablet.state.clock == clock
