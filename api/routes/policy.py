"""Policy: the thresholds that the hotel, a room or a tablet decides. What a level leaves out it inherits.

The three levels have the same three routes; who puts thinks of the whole level, who patches of what they name.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from litestar import get, patch, put
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import UNSET, Struct, UnsetType, defstruct
from msgspec.structs import asdict, fields

from api.gate import needs
from api.parameters import Name, device_named, room_named
from api.problems import invalid, problems
from broker.tokens import Role
from rules.ids import DeviceId, HotelId, RoomId
from rules.policy import PolicyChanges, in_full
from store import Actor, Store
from store.records import LevelPolicy, PolicyException

_REVISION: Final = "if_revision"

if TYPE_CHECKING:

    class ChangedPolicy(PolicyChanges, frozen=True, kw_only=True):
        """Thresholds as in `PolicyChanges`, null to inherit one again, and the `revision` that was seen, if any."""

        if_revision: str | UnsetType
else:
    ChangedPolicy = defstruct(
        "ChangedPolicy",
        [
            (_REVISION, str | UnsetType, UNSET),
            *((field.name, field.type | None, UNSET) for field in fields(PolicyChanges)),
        ],
        rename="camel",
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


class PolicyView(Struct, frozen=True):
    """What a level decides, what it inherits, and what it comes to; durations are seconds.

    `revision` is another one once the level decides something else. Without `rssiFloor` the place is not calibrated: a
    weak signal is info there, below `rssiDefaultFloor`.
    `pushed` names what is not in effect as the level decides or inherits it, and the threshold that it gave way to.
    """

    own: PolicyChanges
    inherited: PolicyChanges
    effective: PolicyChanges
    revision: str
    pushed: Mapping[str, str]


class PolicyExceptions(Struct, frozen=True):
    """The rooms and the tablets that decide thresholds themselves, by room and before its tablets."""

    exceptions: tuple[PolicyException, ...]


class Level(Struct, frozen=True):
    """Whose policy: a room's, a tablet's, or (neither) the hotel's."""

    room_id: RoomId | None = None
    device_id: DeviceId | None = None


async def show(
    store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], level: NamedDependency[Level]
) -> PolicyView:
    """What a level decides: the hotel, a room, or a tablet alone, which keeps it in whichever room it stands."""
    return _view(await store.policy(hotel_id, room_id=level.room_id, device_id=level.device_id))


async def put_all(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    level: NamedDependency[Level],
    data: JSONBody[PolicyChanges],
) -> PolicyView:
    """Let a level decide just this, and inherit the rest; but a hotel's `profile` and a room's `rssiFloor` stay."""
    return _view(
        await store.put_policy(hotel_id, data, room_id=level.room_id, device_id=level.device_id, by=by, now=clock())
    )


async def change(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    level: NamedDependency[Level],
    data: JSONBody[ChangedPolicy],
) -> PolicyView:
    """Change what is named and nothing else; null is inherited again.

    With `ifRevision` only if the level is still as it was seen: else 409, with `by` and `at` of the last change.
    """
    named = {name: value for name, value in asdict(data).items() if value is not UNSET and name != _REVISION}
    unset = {name for name, value in named.items() if value is None}
    if "profile" in unset and level == Level():
        raise invalid("profile", "a hotel always has one")
    changed = await store.change_policy(
        hotel_id,
        PolicyChanges(**{name: value for name, value in named.items() if name not in unset}),
        unset=unset,
        room_id=level.room_id,
        device_id=level.device_id,
        if_revision=None if data.if_revision is UNSET else data.if_revision,
        by=by,
        now=clock(),
    )
    return _view(changed)


@get(
    "/policy/exceptions",
    tags=["policy"],
    operation_id="listPolicyExceptions",
    opt=needs(Role.VIEWER),
    responses=problems(401, 403, 404, 503),
)
async def list_exceptions(store: NamedDependency[Store], hotel_id: NamedDependency[HotelId]) -> PolicyExceptions:
    """Which rooms and tablets the hotel's policy does not hold for, and in which thresholds.

    `own` is what they decide, `inherited` what those would be without that. A room's own `rssiFloor` is its
    calibration, and not told.
    """
    return PolicyExceptions(tuple(await store.policy_exceptions(hotel_id)))


async def _of_hotel() -> Level:
    return Level()


async def _of_room(room_id: Name) -> Level:
    return Level(room_id=room_named(room_id))


async def _of_device(device_id: Name) -> Level:
    return Level(device_id=device_named(device_id))


def _routes(path: str, whose: str, level: Callable[..., Any]) -> tuple[HTTPRouteHandler, ...]:
    given = {"level": Provide(level)}
    reads, writes = problems(400, 401, 403, 404, 503), problems(400, 401, 403, 404, 413, 415, 503)
    return (
        get(
            path,
            tags=["policy"],
            operation_id=f"show{whose}Policy",
            opt=needs(Role.VIEWER),
            dependencies=given,
            responses=reads,
        )(show),
        put(
            path,
            tags=["policy"],
            operation_id=f"put{whose}Policy",
            opt=needs(Role.MANAGER),
            dependencies=given,
            responses=writes,
        )(put_all),
        patch(
            path,
            tags=["policy"],
            operation_id=f"change{whose}Policy",
            opt=needs(Role.MANAGER),
            dependencies=given,
            responses=writes | problems(409),
        )(change),
    )


ROUTES: Final = (
    list_exceptions,
    *_routes("/policy", "", _of_hotel),
    *_routes("/rooms/{room_id:str}/policy", "Room", _of_room),
    *_routes("/devices/{device_id:str}/policy", "Device", _of_device),
)


def _view(policy: LevelPolicy) -> PolicyView:
    return PolicyView(policy.own, in_full(policy.inherited), in_full(policy.effective), policy.revision, policy.pushed)
