"""A room as others see it: its tablets and the worst of their axes, and what the hotel's systems say of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from msgspec import Struct

from rules.ids import DeviceId, RoomId
from rules.room_status import RoomStatus, RoomWord
from rules.state import DeviceState, LinkState, Posture, Power

_LINKS: Final = (LinkState.ONLINE, LinkState.SLEEPING, LinkState.NEVER_SEEN, LinkState.AWAY, LinkState.SILENT)
_POSTURES: Final = (Posture.IN_ROOM, Posture.UNKNOWN, Posture.WEAK, Posture.OUT_OF_ZONE, Posture.FOREIGN)
_POWERS: Final = (Power.CHARGING, Power.OK, Power.UNKNOWN, Power.LOW, Power.CRITICAL)

_Axis = TypeVar("_Axis", bound=StrEnum)


class RoomSaid(Struct, frozen=True, rename="camel", kw_only=True):
    """What the hotel's systems say of a room, without whose stay it is. All None: nothing is known."""

    occupied: bool | None
    departs_at: datetime | None
    service: RoomWord | None
    housekeeping_since: datetime | None
    checked_out_at: datetime | None
    changed_at: datetime | None
    changed_by: str | None


class RoomState(Struct, frozen=True, rename="camel", kw_only=True):
    """The retained payload of `hotels/{h}/rooms/{room}/state`."""

    room_id: RoomId
    floor: str | None
    devices: tuple[DeviceId, ...]
    link: LinkState
    posture: Posture
    power: Power
    status: RoomSaid


def room_state(
    room_id: RoomId, floor: str | None, tablets: Sequence[tuple[DeviceId, DeviceState]], *, status: RoomStatus
) -> RoomState:
    """The state of a room that has tablets."""
    return RoomState(
        room_id=room_id,
        floor=floor,
        devices=tuple(name for name, _ in tablets),
        link=_worst(_LINKS, (state.link for _, state in tablets)),
        posture=_worst(_POSTURES, (state.posture for _, state in tablets)),
        power=_worst(_POWERS, (state.power for _, state in tablets)),
        status=said_of(status),
    )


def said_of(status: RoomStatus) -> RoomSaid:
    return RoomSaid(
        occupied=status.occupied,
        departs_at=status.departs_at,
        service=status.service,
        housekeeping_since=status.housekeeping_since,
        checked_out_at=status.checked_out_at,
        changed_at=status.changed_at,
        changed_by=status.changed_by,
    )


def _worst(order: Sequence[_Axis], values: Iterable[_Axis]) -> _Axis:
    return max(values, key=order.index)
