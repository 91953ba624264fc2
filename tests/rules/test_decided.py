"""Deadlines among what people decide: windows, words on a room, thresholds, and alerts that are ended by hand."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from rules.alarm import Occasion
from rules.alerts import AlertChange, OpenAlert
from rules.dismissal import dismiss
from rules.evaluate import judge_anew
from rules.ids import WindowId
from rules.policy import Assignment, Policy, Profile, Window
from rules.response import Resolved
from rules.review import review
from rules.room_status import NOTHING_SAID, RoomStatus, RoomWord
from tests.rules.given import Tablet, after
from tests.rules.stories import Step, assignments, stories, tell

MOST = 20
"""Deadlines that a tablet may have one after the other while nothing happens."""


class Ended(Struct, frozen=True):
    """Somebody resolves one of the open alerts."""

    which: int


class Planned(Struct, frozen=True):
    """A window, which may begin in the past of a tablet that was not heard."""

    starts_in: float
    lasts: float


class Withdrawn(Struct, frozen=True):
    """All windows."""


class Doing(Struct, frozen=True):
    """What somebody does, `pause` seconds after what was before."""

    pause: float
    what: Ended | Planned | Withdrawn | Policy | RoomStatus


ROOMS = (
    NOTHING_SAID,
    RoomStatus(occupied=True, departs_at=after(4000)),
    RoomStatus(occupied=False, checked_out_at=after(400)),
    RoomStatus(service=RoomWord.OUT_OF_ORDER),
    RoomStatus(housekeeping_since=after(300)),
)
doings = st.one_of(
    st.builds(Ended, st.integers(0, 3)),
    st.builds(Planned, st.sampled_from([-500, 0, 5, 100, 1000]), st.sampled_from([20, 600, 4000])),
    st.builds(Withdrawn),
    st.builds(Policy, profile=st.sampled_from(Profile), rssi_floor=st.sampled_from([None, -70, -45])),
    st.sampled_from(ROOMS),
)
nights = st.lists(
    stories(longest=4) | st.builds(Doing, st.sampled_from([0, 0.5, 10, 60, 700, 2000]), doings).map(lambda one: [one]),
    max_size=12,
)


class Watched(Tablet):
    """One whose deadlines lead onwards, as many as a watch may be asked to wake for."""

    passed: tuple[datetime, ...] = ()

    def until(self, seconds: float) -> tuple[AlertChange, ...]:
        self.passed = ()
        return super().until(seconds)

    def _pass(self, due: datetime) -> tuple[AlertChange, ...]:
        assert not self.passed or due >= self.passed[-1]
        assert len(self.passed) < MOST, self.passed
        self.passed = (*self.passed, due)
        return super()._pass(due)

    def follow(self, seconds: float, what: object) -> None:
        """As the bridge does: first what is due, then what was decided, and what is open is judged by it."""
        self.until(seconds)
        at, was = after(seconds), self.assignment.policy
        match what:
            case Ended(which):
                alerts = [one for one in self.state.alerts.values() if one.dismissed is None]
                if alerts:
                    self._resolve(alerts[which % len(alerts)], at=at)
                return
            case Planned(starts_in, lasts):
                start = seconds + starts_in
                window = Window(id=WindowId(f"w{seconds}"), starts_at=after(start), ends_at=after(start + lasts))
                self.assignment = replace(self.assignment, windows=(*self.assignment.windows, window))
            case Withdrawn():
                self.assignment = replace(self.assignment, windows=())
            case Policy():
                self.assignment = replace(self.assignment, policy=what)
            case RoomStatus():
                self.assignment = replace(self.assignment, room=what)
        occasion = Occasion(self.assignment, f"decided:{seconds}", at)
        if isinstance(what, RoomStatus):
            verdict = judge_anew(self.state, occasion=occasion)
        else:
            verdict = review(self.state, was=was, moved=False, occasion=occasion)
        self.state = verdict.state

    def _resolve(self, alert: OpenAlert, *, at: datetime) -> None:
        deed = Resolved(alert_id=alert.id, family=alert.family, severity=alert.severity, by="ana", at=at)
        self.state = dismiss(self.state, deed, occasion=Occasion(self.assignment, deed.name, at)).state


@given(assignments, nights)
def test_each_deadline_leads_to_a_later_one_whatever_people_decide(
    assignment: Assignment, night: list[list[Step] | list[Doing]]
) -> None:
    tablet = Watched(assignment)
    seconds = 0.0
    for part in night:
        for one in part:
            if isinstance(one, Step):
                seconds = tell(tablet, [one], start=seconds)
            else:
                seconds += one.pause
                tablet.follow(seconds, one.what)

    tablet.until(seconds + 200_000)

    due = tablet.due()
    assert due is None or due > seconds + 200_000
