"""`innwatch room`: add, change, list, show."""

from collections.abc import Collection
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from msgspec import UNSET, UnsetType

from config.cli.installation import Installation, with_installation
from config.cli.options import AccessPoints, AsJson, Data, HotelArgument, Name, RoomArgument
from config.cli.printing import print_facts, print_json, print_table
from rules.ids import HotelId, RoomId
from rules.policy import Profile

if TYPE_CHECKING:
    from store.records import Room

app = typer.Typer(name="room", help="Rooms and their access points.", no_args_is_help=True)

T = TypeVar("T")

Floor = Annotated[str | None, typer.Option("--floor", help="The storey; rooms on one are neighbours.")]
FloorRssi = Annotated[
    float | None,
    typer.Option("--floor-rssi", help="The signal that its tablet never falls below inside.", metavar="DBM"),
]
Zone = Annotated[
    str | None,
    typer.Option("--zone", help="What may fail at once with other rooms, beside floor and access point: a switch."),
]
OwnProfile = Annotated[Profile | None, typer.Option("--profile", help="Another one than the hotel's.")]

_COLUMNS = ("room", "name", "floor", "access points", "floor dBm", "profile", "zone")


@app.command("add")
def add(  # noqa: PLR0913, typer spells options as arguments
    hotel: HotelArgument,
    room: RoomArgument,
    *,
    name: Name = None,
    floor: Floor = None,
    ap: AccessPoints = None,
    floor_rssi: FloorRssi = None,
    profile: OwnProfile = None,
    zone: Zone = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add a room."""
    from store.records import Room

    made = Room(
        id=RoomId(room),
        name=name,
        floor=_word("floor", floor),
        access_points=tuple(dict.fromkeys(ap or ())),
        rssi_floor=_dbm(floor_rssi),
        profile=profile,
        zone=_word("zone", zone),
    )

    async def work(at: Installation) -> None:
        await at.store.add_room(HotelId(hotel), made, by=at.by, now=at.now())

    with_installation(data, work)
    if as_json:
        print_json(made)
    else:
        print(f"added room {room} to {hotel}")


class Clearable(StrEnum):
    NAME = "name"
    FLOOR = "floor"
    ACCESS_POINTS = "ap"
    FLOOR_RSSI = "floor-rssi"
    PROFILE = "profile"
    ZONE = "zone"


@app.command("change")
def change(  # noqa: PLR0913, typer spells options as arguments
    hotel: HotelArgument,
    room: RoomArgument,
    *,
    name: Name = None,
    floor: Floor = None,
    ap: AccessPoints = None,
    floor_rssi: FloorRssi = None,
    profile: OwnProfile = None,
    zone: Zone = None,
    clear: Annotated[list[Clearable] | None, typer.Option("--clear", help="Take this away; repeatable.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Change a room: what is not named stays; --ap names all its access points. Its tablets hear of it."""
    from store.records import RoomChanges

    cleared = frozenset(clear or ())
    bssids = _new(tuple(dict.fromkeys(ap)) if ap else None, Clearable.ACCESS_POINTS, cleared)
    changes = RoomChanges(
        name=_new(name, Clearable.NAME, cleared),
        floor=_new(_word("floor", floor), Clearable.FLOOR, cleared),
        access_points=() if bssids is None else bssids,
        rssi_floor=_new(_dbm(floor_rssi), Clearable.FLOOR_RSSI, cleared),
        profile=_new(profile, Clearable.PROFILE, cleared),
        zone=_new(_word("zone", zone), Clearable.ZONE, cleared),
    )
    if changes == RoomChanges():
        raise typer.BadParameter("say what is to be different")
    changed = with_installation(
        data, lambda at: at.store.change_room(HotelId(hotel), RoomId(room), changes, by=at.by, now=at.now())
    )
    if as_json:
        print_json(changed)
    else:
        print_facts(dict(zip(_COLUMNS, _row(changed), strict=True)))


@app.command("list")
def list_(hotel: HotelArgument, data: Data = None, as_json: AsJson = False) -> None:
    """List a hotel's rooms."""
    rooms = with_installation(data, lambda at: _rooms(at, HotelId(hotel)))
    if as_json:
        print_json(rooms)
    else:
        print_table(_COLUMNS, [_row(one) for one in rooms])


@app.command("show")
def show(hotel: HotelArgument, room: RoomArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Show a room and the tablets that belong to it."""

    async def work(at: Installation) -> "tuple[Room, tuple[str, ...]]":
        from store import NotFound

        facts = await at.store.load_hotel(HotelId(hotel))
        found = next((one for one in facts.rooms if one.id == room), None)
        if found is None:
            raise NotFound("room", room)
        return found, tuple(row.device.id for row in facts.devices if row.device.room_id == room)

    found, devices = with_installation(data, work)
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(found) | {"devices": devices})
    else:
        print_facts(dict(zip(_COLUMNS, _row(found), strict=True)) | {"tablets": devices})


def _new(value: T | None, what: Clearable, cleared: Collection[Clearable]) -> T | UnsetType | None:
    """What becomes of one thing of a room: a value, None where it is taken away, unset where it stays."""
    if value is None:
        return None if what in cleared else UNSET
    if what in cleared:
        raise typer.BadParameter(f"--clear {what} takes away what --{what} sets")
    return value


async def _rooms(at: Installation, hotel_id: HotelId) -> "list[Room]":
    await at.store.hotel(hotel_id)
    rooms: list[Room] = []
    cursor: str | None = None
    while True:
        page = await at.store.rooms(hotel_id, cursor=cursor, limit=500)
        rooms.extend(page.items)
        cursor = page.next
        if cursor is None:
            return rooms


def _row(room: "Room") -> tuple[object, ...]:
    return room.id, room.name, room.floor, room.access_points, room.rssi_floor, room.profile, room.zone


def _word(what: str, text: str | None) -> str | None:
    if text is None:
        return None
    if not (text.strip() and text.isprintable() and len(text) <= 64):
        raise typer.BadParameter(f"a {what} has 1 to 64 printable characters, such as 3 or Mezzanine")
    return text.strip()


def _dbm(value: float | None) -> float | None:
    if value is not None and not -126 <= value <= 0:
        raise typer.BadParameter("--floor-rssi is in dBm, from -126 to 0, such as -75")
    return value
