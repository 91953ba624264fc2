"""What the API says and hears, as it stands on the wire. Other records go out as the rules or the store made them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from broker.tokens import Role
from rules.alerts import AlertSnapshot
from rules.clearance import Clearance
from rules.ids import DeviceId, HotelId, MessageId, RoomId
from rules.messages import TokenEnd
from rules.policy import Profile
from rules.response import NOTE_LIMIT
from rules.room_config import RoomConfig
from rules.snapshot import token_end_of
from rules.state import LinkState, Posture, Power
from rules.texts import LINE, LINES
from store.records import CommandName, DeviceRow, HistoryPoint, Room, TimelineEntry
from store.records.pms import ClearanceGiven

Word = Annotated[str, Meta(min_length=1, max_length=64, pattern=LINE)]
Given = Annotated[str, Meta(max_length=1000)] | bool | Annotated[int, Meta(ge=-(2**53), le=2**53)] | float | None
"""An argument of a command: for the tablet, as it was given."""


Words = Annotated[str, Meta(max_length=NOTE_LIMIT, pattern=LINES)]
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
Bssids = Annotated[tuple[Annotated[str, Meta(max_length=17)], ...], Meta(max_length=64)]
Dbm = Annotated[float, Meta(ge=-126, le=0)]


class LogIn(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`hotel_id` chooses among several memberships; without it the first one is taken."""

    username: Annotated[str, Meta(min_length=1, max_length=256)]
    password: Annotated[str, Meta(min_length=1, max_length=1024)]
    hotel_id: Annotated[str, Meta(max_length=256)] | None = None

    def __repr__(self) -> str:
        return f"LogIn(username={self.username!r})"


class Switch(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    hotel_id: Annotated[str, Meta(max_length=256)]


class Ticket(Struct, frozen=True, rename="camel"):
    """`expires_in` is in seconds."""

    ticket: str
    expires_in: int

    def __repr__(self) -> str:
        return "Ticket(…)"


class HotelChoice(Struct, frozen=True):
    id: HotelId
    name: str
    role: Role


class Grant(Struct, frozen=True, rename="camel", kw_only=True):
    """A token. `expires_in` is in seconds; `hotel_id` is None for an admin who is in no hotel."""

    token: str
    expires_in: int
    hotel_id: HotelId | None
    hotels: tuple[HotelChoice, ...]

    def __repr__(self) -> str:
        return f"Grant(hotel_id={self.hotel_id!r})"


class SessionHotel(Struct, frozen=True):
    id: HotelId
    name: str
    timezone: str
    profile: Profile


class MqttPlace(Struct, frozen=True, rename="camel", kw_only=True):
    """Where and as whom a browser finds the broker: `ws(s)://{its own host}:{port}{path}`, the token as password."""

    port: int
    path: str
    secure: bool
    username: str
    client_id_prefix: str


class Session(Struct, frozen=True, rename="camel", kw_only=True):
    """Who the token stands for. `hotel` is None for an admin who is in no hotel.

    `temporary_password`: somebody else chose the password that they log in by.
    """

    user: str
    role: Role
    temporary_password: bool
    hotel: SessionHotel | None
    hotels: tuple[HotelChoice, ...]
    expires_at: datetime
    mqtt: MqttPlace


class AlertDetail(AlertSnapshot, frozen=True, rename="camel", kw_only=True):
    """An alert with its life so far, oldest first."""

    timeline: tuple[TimelineEntry, ...]


def of_alert_alone(timeline: Iterable[TimelineEntry]) -> tuple[TimelineEntry, ...]:
    """An alert's life without the notices of it: what was told to whom is for the hotel's people."""
    return tuple(step for step in timeline if step.channel is None)


class Answer(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What every answer to an alert may say: which revision of it was seen."""

    if_revision: Annotated[int, Meta(ge=1, le=2**53)] | None = None


class Acknowledge(Answer, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    note: Words | None = None


class Assign(Answer, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    assignee: Annotated[str, Meta(max_length=256)] | None


class AddNote(Answer, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    note: Annotated[str, Meta(min_length=1, max_length=NOTE_LIMIT, pattern=LINES)]


class Resolve(Answer, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    note: Words | None = None


class Snooze(Answer, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    until: Annotated[datetime, Meta(tz=True)] | None


class Ask(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What a tablet is to do, with what, and after how many seconds it need not begin any more."""

    name: CommandName
    args: Annotated[dict[Word, Given], Meta(max_length=16)] = {}
    expires_in_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 300


class Taken(Struct, frozen=True):
    """The message is on disk."""

    ok: bool = True


class TakenWord(Struct, frozen=True):
    """What a hotel's system said is on disk: what it is told by MQTT, in the same words.

    `duplicate`: it had been said before. `stale`: it is older than what its sender said of the room since, and changes
    nothing. What is refused is a problem, with the reason.
    """

    id: MessageId
    verdict: Literal["accepted"] = "accepted"
    duplicate: bool = False
    stale: bool = False


class ClearanceView(Struct, frozen=True, kw_only=True):
    """A room as it is at this moment, and what the desk was told at its last check-out."""

    now: Clearance
    given: ClearanceGiven | None


class TakenHeartbeat(Struct, frozen=True):
    """The heartbeat is on disk; `status` is the tablet's in the single word of the old system."""

    status: Literal["ok", "breach", "offline", "compromised"]
    ok: bool = True


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


class BrokerPlace(Struct, frozen=True, rename="camel", kw_only=True):
    """Where a tablet connects by MQTT, with its token as password; `url` is null where there is no TCP for it."""

    url: str | None
    websocket_url: str
    client_id: str
    username: str


class RegisterTablet(Struct, frozen=True, rename="camel", kw_only=True):
    """Who comes, and where it believes to be. Fields that nobody knows are ignored: old and new agents mix."""

    device_id: Annotated[str, Meta(max_length=256)]
    room_id: Annotated[str, Meta(max_length=256)] | None = None
    hotel_id: Annotated[str, Meta(max_length=256)] | None = None


class AskedToken(RegisterTablet, frozen=True, rename="camel", kw_only=True):
    """Of the tablet whose token this comes with; its room is where it is known to be, whatever stands here."""


class Registered(Struct, frozen=True, rename="camel", kw_only=True):
    """A tablet's first token, and all that it needs to begin. `expires_in` is in seconds."""

    ok: bool = True
    token: str
    type: Literal["device"] = "device"
    expires_in: int
    hotel_id: HotelId
    device_id: DeviceId
    room_id: RoomId
    broker: BrokerPlace
    config: RoomConfig

    def __repr__(self) -> str:
        return f"Registered({self.hotel_id!r}, {self.device_id!r})"


class RenewedToken(Struct, frozen=True, kw_only=True):
    """A further token, in the words of the old system. `expires_in` is in seconds."""

    token: str
    type: Literal["device"] = "device"
    expires_in: int

    def __repr__(self) -> str:
        return "RenewedToken(…)"


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


class Alive(Struct, frozen=True):
    status: str


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
