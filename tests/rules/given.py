"""A tablet, told second by second what to say; it passes its deadlines as the bridge would."""

from datetime import UTC, datetime, timedelta

from rules import token
from rules.alarm import Occasion
from rules.alerts import AlertChange, Because, ChangeKind, Family, OpenAlert
from rules.deadlines import deadline, pass_deadline
from rules.evaluate import evaluate
from rules.ids import DeviceId, HotelId, MessageId, RoomId
from rules.messages import DeviceMessage, Heartbeat, Link, Plug, Renew, Report, ReportKind, State, TokenEnd, TokenEnded
from rules.policy import Assignment, Place, Policy, Profile
from rules.state import DeviceState

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

OWN, OWN_TOO = "aa:00:00:00:00:01", "aa:00:00:00:00:02"
NEIGHBOUR = "bb:00:00:00:00:01"
ELSEWHERE = "cc:00:00:00:00:01"
FOREIGN = "ff:00:00:00:00:01"

ROOM = Place(
    room_id=RoomId("204"),
    floor="2",
    access_points=frozenset({OWN, OWN_TOO}),
    neighbours=frozenset({OWN, OWN_TOO, NEIGHBOUR}),
    hotel_access_points=frozenset({OWN, OWN_TOO, NEIGHBOUR, ELSEWHERE}),
    rooms=frozenset({RoomId("204"), RoomId("205"), RoomId("301")}),
    rooms_on={
        OWN: frozenset({RoomId("204")}),
        OWN_TOO: frozenset({RoomId("204")}),
        NEIGHBOUR: frozenset({RoomId("205")}),
        ELSEWHERE: frozenset({RoomId("301")}),
    },
)
UNKNOWN_PLACE = Place(room_id=RoomId("204"))
CALIBRATED = Policy(rssi_floor=-70)
STRICT = Policy(rssi_floor=-70, profile=Profile.STRICT)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def assigned(place: Place = ROOM, policy: Policy = CALIBRATED, *, device: str = "tab-1") -> Assignment:
    return Assignment(hotel_id=HotelId("demo"), device_id=DeviceId(device), place=place, policy=policy)


def kinds(changes: tuple[AlertChange, ...]) -> list[ChangeKind]:
    return [change.kind for change in changes]


def because(change: AlertChange) -> list[Because]:
    return [reason.because for reason in change.why]


class Tablet:
    """One tablet with its state, and every change of an alert so far. Times are seconds after noon, ascending."""

    def __init__(
        self,
        assignment: Assignment | None = None,
        *,
        state: DeviceState | None = None,
        watching_since: datetime = NOON,
    ) -> None:
        self.assignment = assignment or assigned()
        self.state = state or DeviceState()
        self.watching_since = watching_since
        self.changes: list[AlertChange] = []
        self._messages = 0

    def alert(self, family: Family) -> OpenAlert:
        return self.state.alerts[family]

    def due(self) -> float | None:
        """Its next deadline, in seconds after noon."""
        due = deadline(self.state, assignment=self.assignment, watching_since=self.watching_since)
        return None if due is None else (due - NOON).total_seconds()

    def until(self, seconds: float) -> tuple[AlertChange, ...]:
        """Nothing is heard until then; what that changes."""
        made: list[AlertChange] = []
        while (due := self.due()) is not None and due <= seconds:
            made += self._pass(after(due))
        self.changes += made
        return tuple(made)

    def hear(self, seconds: float, message: DeviceMessage) -> tuple[AlertChange, ...]:
        """What one message changes, after the deadlines before it."""
        self.until(seconds)
        verdict = evaluate(self.state, message, assignment=self.assignment, now=after(seconds))
        self.state = verdict.state
        self.changes += verdict.changes
        return verdict.changes

    def beat(
        self,
        seconds: float,
        *,
        rssi: float | None = -50,
        bssid: str | None = OWN,
        battery: float | None = 80,
        charging: bool | None = False,
        screen_on: bool | None = None,
        sid: str | None = None,
        agent: str | None = None,
        clock_error: float = 0,
        plug: Plug | None = None,
        temp_c: float | None = None,
        kiosk: bool | None = None,
        room_id: str | None = None,
        backlog: int | None = None,
    ) -> tuple[AlertChange, ...]:
        message = Heartbeat(
            id=self._id(),
            ts=after(seconds + clock_error),
            sid=sid,
            rssi=rssi,
            wifi_bssid=bssid,
            battery=battery,
            charging=charging,
            screen_on=screen_on,
            agent=agent,
            plug=plug,
            temp_c=temp_c,
            kiosk=kiosk,
            room_id=room_id,
            backlog=backlog,
        )
        return self.hear(seconds, message)

    def bare_beat(self, seconds: float, *, sid: str | None = None) -> tuple[AlertChange, ...]:
        """A heartbeat in which everything is unknown."""
        return self.beat(seconds, rssi=None, bssid=None, battery=None, charging=None, sid=sid)

    def report(
        self,
        seconds: float,
        kind: ReportKind,
        *,
        cause: str | None = None,
        level: float | None = None,
        rssi: float | None = None,
        threats: tuple[str, ...] = (),
    ) -> tuple[AlertChange, ...]:
        message = Report(
            id=self._id(), ts=after(seconds), kind=kind, cause=cause, level=level, rssi=rssi, threats=threats
        )
        return self.hear(seconds, message)

    def say(
        self,
        seconds: float,
        link: Link,
        *,
        sid: str | None = None,
        reason: str | None = None,
        wake_by: float | None = None,
        clock_error: float = 0,
    ) -> tuple[AlertChange, ...]:
        """Birth, sleep, farewell or will; `clock_error` is how many seconds the tablet's own clock is ahead."""
        message = State(
            id=self._id(),
            ts=after(seconds + clock_error),
            state=link,
            sid=sid,
            reason=reason,
            wake_by=None if wake_by is None else after(wake_by + clock_error),
        )
        return self.hear(seconds, message)

    def expire(self, seconds: float, cause: TokenEnd = TokenEnd.EXPIRED) -> tuple[AlertChange, ...]:
        return self.hear(seconds, TokenEnded(id=self._id(), ts=after(seconds), cause=cause))

    def given(self, seconds: float, *, life: float | None) -> tuple[AlertChange, ...]:
        """It gets a token that is good for `life` seconds; None: those that it has are voided."""
        self.until(seconds)
        ends = None if life is None else after(seconds + life)
        occasion = Occasion(self.assignment, f"token:{seconds}", after(seconds))
        verdict = token.given(self.state, issued_at=after(seconds), expires_at=ends, occasion=occasion)
        self.state = verdict.state
        self.changes += verdict.changes
        return verdict.changes

    def renew(self, seconds: float, *, sid: str | None = None) -> tuple[AlertChange, ...]:
        """It asks for a token, whether or not it gets one."""
        return self.hear(seconds, Renew(id=self._id(), ts=after(seconds), sid=sid))

    def _pass(self, due: datetime) -> tuple[AlertChange, ...]:
        verdict = pass_deadline(self.state, assignment=self.assignment, watching_since=self.watching_since, at=due)
        self.state = verdict.state
        return verdict.changes

    def _id(self) -> MessageId:
        self._messages += 1
        return MessageId(f"m{self._messages}")
