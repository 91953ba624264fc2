"""Hypothesis strategies: what tablets might say, in what order, with which pauses."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar

from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from rules.ids import MessageId
from rules.messages import DeviceMessage, Heartbeat, Link, Plug, Renew, Report, ReportKind, State, TokenEnd, TokenEnded
from rules.policy import Assignment, Place, Policy, Profile
from tests.rules.given import (
    ELSEWHERE,
    FOREIGN,
    NEIGHBOUR,
    NOON,
    OWN,
    OWN_TOO,
    ROOM,
    UNKNOWN_PLACE,
    Tablet,
    after,
    assigned,
)


class Step(Struct, frozen=True):
    """One message, `pause` seconds after the one before."""

    pause: float
    message: DeviceMessage


Story = list[Step]

_PAUSES = st.sampled_from([0.5, 2, 4, 4, 4, 10, 10, 10, 17, 45, 75, 310, 700])
_SIDS = st.sampled_from([None, "boot-1", "boot-2", "boot-3"])
_SIGNALS = st.none() | st.sampled_from([-120, -81, -80, -79, -71, -70, -69, -65, -64, -63, -40])
_ACCESS_POINTS = st.sampled_from([None, OWN, OWN_TOO, OWN.upper(), NEIGHBOUR, ELSEWHERE, FOREIGN, "rubbish"])
_LEVELS = st.none() | st.sampled_from([0, 9, 10, 11, 14, 15, 16, 19, 20, 21, 24, 25, 26, 100])
_MAYBE = st.none() | st.booleans()
_ID = st.just(MessageId("-"))
_TS = st.sampled_from([NOON, NOON, NOON, NOON, after(130), after(-40)])
"""`tell` gives each message an id and a time; these are how far its clock is ahead, counted from noon."""

heartbeats = st.builds(
    Heartbeat,
    id=_ID,
    ts=_TS,
    sid=_SIDS,
    rssi=_SIGNALS,
    wifi_bssid=_ACCESS_POINTS,
    battery=_LEVELS,
    charging=_MAYBE,
    screen_on=_MAYBE,
    plug=st.none() | st.sampled_from(Plug),
    temp_c=st.sampled_from([None, 30, 42, 43, 45, 50]),
    kiosk=_MAYBE,
    room_id=st.sampled_from([None, None, "204", "205", "no room"]),
    backlog=st.sampled_from([None, 0, 0, 1, 51]),
)
reports = st.builds(
    Report,
    id=_ID,
    ts=_TS,
    sid=_SIDS,
    kind=st.sampled_from(ReportKind),
    cause=st.sampled_from([None, "foreign-ap", "weak-signal", "wifi-off", "root"]),
    rssi=_SIGNALS,
    wifi_bssid=_ACCESS_POINTS,
    level=_LEVELS,
)
states = st.builds(
    State,
    id=_ID,
    ts=_TS,
    sid=_SIDS,
    state=st.sampled_from(Link),
    reason=st.sampled_from([None, "reboot", "update", "reconnect", "power-off"]),
    wake_by=st.none() | st.sampled_from([after(-5), after(30), after(300), after(3600)]),
)
renewals = st.builds(Renew, id=_ID, ts=_TS, sid=_SIDS)
token_ends = st.builds(TokenEnded, id=_ID, ts=_TS, cause=st.sampled_from(TokenEnd))

messages = st.one_of(heartbeats, heartbeats, heartbeats, reports, states, renewals, token_ends)
assignments: st.SearchStrategy[Assignment] = st.builds(
    assigned,
    st.sampled_from([ROOM, UNKNOWN_PLACE, Place(hotel_access_points=frozenset({ELSEWHERE}))]),
    st.builds(Policy, profile=st.sampled_from(Profile), rssi_floor=st.sampled_from([None, -70]), docked=st.booleans()),
)


def stories(of: st.SearchStrategy[DeviceMessage] = messages, *, longest: int = 30) -> st.SearchStrategy[Story]:
    """Lists of steps."""
    return st.lists(st.builds(Step, _PAUSES, of), max_size=longest)


USUAL = Heartbeat(
    id=MessageId("-"), ts=NOON, sid="boot-1", rssi=-55, wifi_bssid=OWN, battery=80, charging=False, agent="agent"
)
USUALS = (
    USUAL,
    replace(USUAL, battery=None, charging=None),
    replace(USUAL, rssi=None),
    replace(USUAL, wifi_bssid="02:00:00:00:00:00"),  # for want of a permission
    replace(USUAL, wifi_bssid=None, rssi=None, battery=None, charging=None),
)
"""What tablets say time and again; not each says all of it."""

DRAINING = [Step(600, replace(USUAL, battery=level)) for level in (96, 92, 88, 84, 80)]
"""After it the battery's alert is open, and stays so."""

LOW = replace(USUAL, battery=18)
CRITICAL = replace(USUAL, battery=9)
EMPTYING = [Step(600, replace(USUAL, battery=level)) for level in (34, 30, 26, 22, 18)]
"""After it and another like `LOW` the battery is low, and drains."""


def usual_beats(usual: Heartbeat = USUAL) -> st.SearchStrategy[Heartbeat]:
    """A good sample like the ones before, of which one thing may be different."""
    other: dict[str, st.SearchStrategy[object]] = {
        "sid": _SIDS,
        "rssi": _SIGNALS,
        "wifi_bssid": _ACCESS_POINTS,
        "battery": _LEVELS,
        "charging": _MAYBE,
        "screen_on": _MAYBE,
        "ts": _TS,
        "plug": st.sampled_from(Plug),
        "temp_c": st.sampled_from([30, 45]),
        "kiosk": _MAYBE,
        "room_id": st.sampled_from(["204", "205"]),
        "backlog": st.sampled_from([0, 51]),
    }
    change = st.sampled_from(sorted(other)).flatmap(lambda name: st.tuples(st.just(name), other[name]))
    return st.lists(change, max_size=1).map(lambda changes: replace(usual, **dict(changes)))


def steps_aside(usual: Heartbeat = USUAL) -> st.SearchStrategy[Story]:
    """A few messages after which a tablet may not be quite as usual."""
    beats = st.builds(Step, _PAUSES, usual_beats(usual))
    return st.lists(beats, max_size=4) | stories(longest=1)


M = TypeVar("M", Heartbeat, DeviceMessage)


def stamped(message: M, seconds: float, *, waited: float = 0) -> M:
    """The message as it is said then (seconds after noon), and heard after it `waited`."""
    by = timedelta(seconds=seconds - waited)
    if isinstance(message, State) and message.wake_by is not None:
        return replace(message, ts=message.ts + by, wake_by=message.wake_by + by)
    return replace(message, ts=message.ts + by)


def tell(tablet: Tablet, story: Iterable[Step], *, start: float = 0) -> float:
    """Let the tablet say it all, each message with an id and a time; when it ended, in seconds after noon."""
    for number, step in enumerate(story):
        start += step.pause
        tablet.hear(start, replace(stamped(step.message, start), id=MessageId(f"s{number}")))
    return start
