"""Other thresholds, tried on what has been: what is proposed, and which alerts that would have gained and lost."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import UNSET, Meta, Struct, defstruct, field
from msgspec.structs import fields, replace

from rules.alerts import ChangeKind, Family, Rule, Severity
from rules.ids import AlertId, DeviceId, RoomId
from rules.policy import PolicyChanges
from rules.replay import Step

NO_FLOORS: Final[Mapping[RoomId, float]] = {}
NO_SETS: Final[Mapping[RoomId, tuple[str, ...]]] = {}

if TYPE_CHECKING:

    class TriedPolicy(PolicyChanges, frozen=True, kw_only=True):
        """Thresholds as in `PolicyChanges`; null: inherited again."""
else:
    TriedPolicy = defstruct(
        "TriedPolicy",
        [(field.name, field.type | None, UNSET) for field in fields(PolicyChanges)],
        rename="camel",
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )

NOTHING_TRIED: Final = TriedPolicy()


class Proposal(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`policy` as if a level decided it: some `rooms`, some `devices`, or (neither) the hotel; and floors (dBm) and
    access points of some rooms.

    It is resolved as it would be once it was saved (`rules.trial`): what a room or a tablet decides itself goes before
    what the hotel does. With `override_all` they decide nothing of what `policy` names. Where it says nothing,
    everything is as it was.
    """

    policy: TriedPolicy = NOTHING_TRIED
    rooms: tuple[RoomId, ...] = ()
    devices: tuple[DeviceId, ...] = ()
    override_all: bool = False
    floors: Mapping[RoomId, Annotated[float, Meta(ge=-126, le=0)]] = NO_FLOORS
    access_points: Mapping[RoomId, tuple[str, ...]] = NO_SETS


Moment = Annotated[datetime, Meta(tz=True)]


class Trouble(Struct, frozen=True, rename="camel", kw_only=True):
    """One alert from its beginning to its end, as it was or as it would have been; the most severe that it became."""

    id: AlertId
    device_id: DeviceId
    room_id: RoomId | None
    family: Family
    rule: Rule
    severity: Severity
    opened_at: datetime
    ended_at: datetime | None = None


OfDevice = tuple[int, Trouble]


class Difference(Struct, frozen=True, rename="camel"):
    """What a proposal would have raised that was not, what was raised and would not have been, and how many stay."""

    gained: tuple[Trouble, ...]
    lost: tuple[Trouble, ...]
    kept: int


class ReplayRequest(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What somebody asks for: a time that is over, and what is to be tried on it."""

    starts_at: Moment
    ends_at: Moment
    proposal: Proposal = field(default_factory=Proposal)  # what describes the API takes no other default


class ReplayResult(Struct, frozen=True, rename="camel", kw_only=True):
    """`inputs` were judged, those before `starts_at` from the last checkpoint on included, in `took_s` seconds.

    `whole`: what was before `starts_at` is known, from a checkpoint or from the very beginning; else a tablet whose
    trouble is older than the first row may differ. `diverged`: at how many checkpoints a tablet that the proposal does
    not touch was not what it had been, which is a fault of ours. `unreadable` and `strange` inputs were left out.
    """

    starts_at: datetime
    ends_at: datetime
    inputs: int
    took_s: float
    whole: bool
    diverged: int
    unreadable: int
    strange: int
    kept: int
    gained_count: int
    lost_count: int
    gained: tuple[Trouble, ...]
    lost: tuple[Trouble, ...]


class Gathered:
    """The alerts of a replay, put together from its steps. Give `told` to it."""

    def __init__(self) -> None:
        self._troubles: dict[AlertId, OfDevice] = {}

    def told(self, step: Step) -> None:
        for change in step.changes:
            alert = change.alert
            _, known = self._troubles.get(alert.id, (0, None))
            if known is None:
                known = Trouble(
                    id=alert.id,
                    device_id=step.device_id,
                    room_id=step.assignment.place.room_id,
                    family=alert.family,
                    rule=alert.rule,
                    severity=alert.severity,
                    opened_at=alert.opened_at,
                )
            worst = max(known.severity, alert.severity, key=lambda severity: severity.rank)
            ended = change.at if change.kind is ChangeKind.CLEARED else None
            self._troubles[alert.id] = step.device, replace(known, rule=alert.rule, severity=worst, ended_at=ended)

    def since(self, start: datetime) -> list[OfDevice]:
        """Those that had not ended before `start`."""
        return [one for one in self._troubles.values() if one[1].ended_at is None or one[1].ended_at >= start]


def difference(raised: Iterable[OfDevice], proposed: Iterable[OfDevice], *, start: datetime) -> Difference:
    """Hold what would have been raised from `start` on against what was.

    Each comes with the number of its device, which keeps that when it gets another id. It is the same trouble where a
    tablet has an alert of the same family at the same time, however it is named and whenever it began. One that began
    before `start` is neither gained nor lost.
    """
    was, would = _by_family(raised), _by_family(proposed)
    gained, _ = _apart(would, was, start=start)
    lost, kept = _apart(was, would, start=start)
    return Difference(_in_order(gained), _in_order(lost), len(kept))


_Troubles = dict[tuple[int, Family], list[Trouble]]


def _by_family(troubles: Iterable[OfDevice]) -> _Troubles:
    found: _Troubles = {}
    for device, one in troubles:
        found.setdefault((device, one.family), []).append(one)
    return found


def _apart(ones: _Troubles, others: _Troubles, *, start: datetime) -> tuple[list[Trouble], list[Trouble]]:
    """Those that began from `start` on and meet none of the others; and those that do."""
    alone: list[Trouble] = []
    shared: list[Trouble] = []
    for name, some in ones.items():
        for one in some:
            if one.opened_at >= start:
                (shared if any(_meet(one, other) for other in others.get(name, ())) else alone).append(one)
    return alone, shared


def _meet(one: Trouble, other: Trouble) -> bool:
    return (other.ended_at is None or one.opened_at <= other.ended_at) and (
        one.ended_at is None or other.opened_at <= one.ended_at
    )


def _in_order(troubles: Iterable[Trouble]) -> tuple[Trouble, ...]:
    return tuple(sorted(troubles, key=lambda one: (one.opened_at, one.device_id, one.family)))
