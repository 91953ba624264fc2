"""Tablets and rooms: as they are, and what people make of them."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from api.records.fields import Bssids, Dbm, Given, Id, Text, Word
from rules.ids import DeviceId, RoomId
from rules.messages import TokenEnd
from rules.policy import Profile
from rules.snapshot import token_end_of
from rules.state import LinkState, Posture, Power
from store.records import CommandName, DeviceRow, HistoryPoint, Room


class DeviceView(Struct, frozen=True, rename="camel", kw_only=True):
    """A tablet: where it belongs and what is known of it. RSSI in dBm, battery in percent; null is unknown.

    `token_ended` is why it is away, when it is so by our doing.
    """

    device_id: DeviceId
    name: str | None
    room_id: RoomId
    floor: str | None
    link: LinkState
    posture: Posture
    power: Power
    since: datetime | None
    last_heard: datetime | None
    battery: float | None
    charging: bool | None
    rssi: float | None
    agent: str | None
    token_ended: TokenEnd | None


class RoomView(Struct, frozen=True, rename="camel", kw_only=True):
    """A room and its tablets. `rssi_floor` in dBm; null: not calibrated."""

    room_id: RoomId
    name: str | None
    floor: str | None
    access_points: tuple[str, ...]
    rssi_floor: float | None
    zone: str | None
    device_ids: tuple[DeviceId, ...]


class History(Struct, frozen=True, rename="camel"):
    """A tablet's heartbeats, oldest first; slices in which it was not heard are left out."""

    items: tuple[HistoryPoint, ...]


class Ask(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What a tablet is to do, with what, and after how many seconds it need not begin any more."""

    name: CommandName
    args: Annotated[dict[Word, Given], Meta(max_length=16)] = {}
    expires_in_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 300


class NewTablet(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    device_id: Id
    room_id: Id
    name: Text | None = None


class TabletChanges(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """`name` is for people; null takes it away."""

    name: Text | None


class Move(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    room_id: Id


class Replacement(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """`new_device_id`: what the new hardware calls itself; without it the id stays."""

    new_device_id: Id | None = None


class NewRoom(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A room. `access_points` are BSSIDs, `rssi_floor` is dBm; a profile of its own in place of the hotel's.

    `zone` is what may fail at once with other rooms, beside floor and access point: a switch, a wing.
    """

    room_id: Id
    name: Text | None = None
    floor: Word | None = None
    access_points: Bssids = ()
    rssi_floor: Dbm | None = None
    profile: Profile | None = None
    zone: Word | None = None


class ChangedRoom(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What is to be different of a room; what is left out stays."""

    name: Text | UnsetType | None = UNSET
    floor: Word | UnsetType | None = UNSET
    access_points: Bssids | UnsetType = UNSET
    rssi_floor: Dbm | UnsetType | None = UNSET
    profile: Profile | UnsetType | None = UNSET
    zone: Word | UnsetType | None = UNSET


def device_view(row: DeviceRow) -> DeviceView:
    state = row.state
    return DeviceView(
        device_id=row.device.id,
        name=row.device.name,
        room_id=row.device.room_id,
        floor=row.floor,
        link=state.link,
        posture=state.posture,
        power=state.power,
        since=state.since,
        last_heard=state.last_heard,
        battery=state.battery,
        charging=state.charging,
        rssi=state.rssi,
        agent=state.agent,
        token_ended=token_end_of(state),
    )


def room_view(room: Room, device_ids: tuple[DeviceId, ...]) -> RoomView:
    return RoomView(
        room_id=room.id,
        name=room.name,
        floor=room.floor,
        access_points=room.access_points,
        rssi_floor=room.rssi_floor,
        zone=room.zone,
        device_ids=device_ids,
    )
