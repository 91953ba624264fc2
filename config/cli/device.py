"""`innwatch device`: add one, add many, list, show, name, move, revoke, replace, retire."""

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.enrol import Svg, reception_of, show_issued
from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, DeviceArgument, HotelArgument, Name, RoomArgument, Ttl, id_text, life
from config.cli.printing import in_zone, plain, print_facts, print_json, print_table, warn
from config.cli.reached import Server, address_of
from rules.ids import DeviceId, HotelId, RoomId, is_id
from rules.snapshot import token_end_of

if TYPE_CHECKING:
    from api.enrolling import IssuedEnrolment
    from store.records import Device, DeviceRow, Hotel

app = typer.Typer(name="device", help="Tablets.", no_args_is_help=True)

MOST_AT_ONCE = 100_000
LARGEST_NUMBER = 10_000_000


@app.command("add")
def add(  # noqa: PLR0913, typer spells options as arguments
    hotel: HotelArgument,
    device: Annotated[str | None, typer.Argument(metavar="DEVICE", help="The tablet's id.", parser=id_text)] = None,
    *,
    room: Annotated[
        str | None, typer.Option("--room", help="The room it belongs to.", parser=id_text, metavar="ROOM")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", help="Add so many, each in a new room.", min=1, max=MOST_AT_ONCE)
    ] = None,
    prefix: Annotated[str | None, typer.Option("--prefix", help="What their ids begin with, such as tab-.")] = None,
    first: Annotated[
        int | None, typer.Option("--first", help="The number of the first one.", min=1, max=LARGEST_NUMBER)
    ] = None,
    tokens: Annotated[bool, typer.Option("--tokens", help="With tokens, as passwords.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="A line each: client_id,username,password,topic,device_id,room_id,bssid.")
    ] = False,
    ttl: Ttl = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add a tablet to a room that is there, or --count tablets to rooms of their own."""
    if count is None:
        if prefix is not None or first is not None or tokens or as_csv or ttl is not None:
            raise typer.BadParameter("--prefix, --first, --tokens, --csv and --ttl go with --count")
        if device is None or room is None:
            raise typer.BadParameter("give DEVICE and --room ROOM, or --count N")
        _add_one(HotelId(hotel), DeviceId(device), room_id=RoomId(room), data=data, as_json=as_json)
        return
    if device is not None or room is not None:
        raise typer.BadParameter("--count makes its own devices and rooms; leave out DEVICE and --room")
    from config.cli.bulk import Many, add_many, print_csv

    many = Many(HotelId(hotel), count, _prefix(prefix), first or 1)
    logins = add_many(many, tokens=tokens, ttl=life(ttl), data=data)
    if as_json:
        print_json(logins)
    elif as_csv or tokens:
        print_csv(logins)
    else:
        print(f"added {count} tablets to {hotel}: {logins[0].device_id} to {logins[-1].device_id}")


@app.command("list")
def list_(hotel: HotelArgument, data: Data = None, as_json: AsJson = False) -> None:
    """List a hotel's tablets and how they do."""
    found, rows = with_installation(data, lambda at: _rows(at, HotelId(hotel)))
    if as_json:
        print_json([_record(row) for row in rows])
    else:
        zone = _zone(found)
        print_table(
            ("tablet", "room", "link", "posture", "power", "last heard", "alerts"),
            [
                (
                    row.device.id,
                    row.device.room_id,
                    _link(row),
                    row.state.posture,
                    row.state.power,
                    in_zone(row.state.last_heard, zone),
                    tuple(alert.rule for alert in row.state.alerts.values()),
                )
                for row in rows
            ],
        )


@app.command("show")
def show(hotel: HotelArgument, device: DeviceArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Show a tablet and what is known of it now."""

    found, row = with_installation(data, lambda at: _row(at, HotelId(hotel), DeviceId(device)))
    if as_json:
        print_json(_record(row))
    else:
        print_facts(_facts(row, zone=_zone(found)))


@app.command("revoke")
def revoke(hotel: HotelArgument, device: DeviceArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Void every token that a tablet has, and close its connection. `innwatch token device` mints a new one.

    That it is not heard any more accuses nobody: it counts as away, not as silent, until it comes back.
    """

    async def work(at: Installation) -> "tuple[Hotel, DeviceRow, Device]":
        hotel_, row = await _row(at, HotelId(hotel), DeviceId(device))
        return hotel_, row, await at.store.revoke_device(HotelId(hotel), DeviceId(device), by=at.by, now=at.now())

    found, before, after = with_installation(data, work)
    if as_json:
        print_json({"hotelId": after.hotel_id, "id": after.id, "gen": after.gen, "revokedAt": after.revoked_at})
        return
    print(f"revoked {device} of {hotel}: its tokens are void, its connection is closed within seconds")
    since = _still_out_since(before)
    if since is not None:
        warn(f"it was revoked before, at {plain(in_zone(since, _zone(found)))}, and has not been heard since")
    print(f"a new token: innwatch token device {hotel} {device}")


@app.command("rename")
def rename(
    hotel: HotelArgument, device: DeviceArgument, *, name: Name = None, data: Data = None, as_json: AsJson = False
) -> None:
    """Give a tablet a name for people; without --name, take it away."""
    done = with_installation(
        data,
        lambda at: at.store.rename_device(HotelId(hotel), DeviceId(device), name=name, by=at.by, now=at.now()),
    )
    if as_json:
        print_json({"hotelId": done.hotel_id, "id": done.id, "name": done.name})
    else:
        print(f"tablet {device} is called {name}" if name else f"tablet {device} has no name for people any more")


@app.command("move")
def move(
    hotel: HotelArgument, device: DeviceArgument, room: RoomArgument, data: Data = None, as_json: AsJson = False
) -> None:
    """Let a tablet belong to another room. It keeps its token and its history, and hears of it by itself."""
    done = with_installation(
        data,
        lambda at: at.store.move_device(HotelId(hotel), DeviceId(device), room_id=RoomId(room), by=at.by, now=at.now()),
    )
    if as_json:
        print_json({"hotelId": done.hotel_id, "id": done.id, "roomId": done.room_id})
    else:
        print(f"tablet {device} belongs to room {room}")


@app.command("replace")
def replace(
    hotel: HotelArgument,
    device: DeviceArgument,
    *,
    new_id: Annotated[
        str | None,
        typer.Option("--by", help="What the new hardware calls itself.", parser=id_text, metavar="DEVICE"),
    ] = None,
    server: Server = None,
    svg: Svg = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let other hardware be this tablet: the old one is shut out, the new one gets a code as from `innwatch enrol`.

    Room and history stay the tablet's.
    """

    async def work(at: Installation) -> "tuple[Hotel, IssuedEnrolment]":
        found = await at.store.hotel(HotelId(hotel))
        to = None if new_id is None else DeviceId(new_id)
        here = address_of(at, server)
        return found, await reception_of(at).replace(found.id, DeviceId(device), new_id=to, here=here, by=at.by)

    found, issued = with_installation(data, work)
    show_issued(issued, hotel=found, server=server, svg=svg, as_json=as_json)


@app.command("retire")
def retire(hotel: HotelArgument, device: DeviceArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Know a tablet no more: its tokens are void, its alerts over, and nothing that it sends revives it.

    What it sent stays. Only an enrolment brings it back.
    """
    done = with_installation(
        data,
        lambda at: at.store.retire_device(HotelId(hotel), DeviceId(device), by=at.by, now=at.now()),
    )
    if as_json:
        print_json({"hotelId": done.hotel_id, "id": done.id, "gen": done.gen, "retiredAt": done.retired_at})
    else:
        print(f"retired {device} of {hotel}: its tokens are void, its connection is closed within seconds")


def _still_out_since(row: "DeviceRow") -> "datetime | None":
    """When a tablet was revoked that has not been back since."""
    revoked_at, heard = row.device.revoked_at, row.state.last_heard
    return revoked_at if revoked_at is not None and (heard is None or heard < revoked_at) else None


def _add_one(hotel_id: HotelId, device_id: DeviceId, *, room_id: RoomId, data: Data, as_json: bool) -> None:
    async def work(at: Installation) -> "Device":
        return await at.store.add_device(hotel_id, device_id, room_id=room_id, by=at.by, now=at.now())

    made = with_installation(data, work)
    if as_json:
        print_json({"hotelId": made.hotel_id, "id": made.id, "roomId": made.room_id, "addedAt": made.added_at})
    else:
        print(f"added tablet {device_id} to room {room_id}; to enrol it: innwatch enrol {hotel_id} {room_id}")


async def _row(at: Installation, hotel_id: HotelId, device_id: DeviceId) -> "tuple[Hotel, DeviceRow]":
    from store import NotFound

    hotel = await at.store.hotel(hotel_id)
    row = await at.store.device(hotel_id, device_id)
    if row is None:
        raise NotFound("device", device_id)
    return hotel, row


async def _rows(at: Installation, hotel_id: HotelId) -> "tuple[Hotel, list[DeviceRow]]":
    hotel = await at.store.hotel(hotel_id)
    rows: list[DeviceRow] = []
    cursor: str | None = None
    while True:
        page = await at.store.devices(hotel_id, cursor=cursor, limit=500)
        rows.extend(page.items)
        cursor = page.next
        if cursor is None:
            return hotel, rows


def _record(row: "DeviceRow") -> dict[str, object]:
    device, state = row.device, row.state
    return {
        "hotelId": device.hotel_id,
        "id": device.id,
        "name": device.name,
        "roomId": device.room_id,
        "floor": row.floor,
        "addedAt": device.added_at,
        "gen": device.gen,
        "revokedAt": device.revoked_at,
        "tokenIssuedAt": device.token_issued_at,
        "tokenExpiresAt": device.token_expires_at,
        "link": state.link,
        "tokenEnded": token_end_of(state),
        "posture": state.posture,
        "power": state.power,
        "since": state.since,
        "lastHeard": state.last_heard,
        "battery": state.battery,
        "charging": state.charging,
        "rssi": state.rssi,
        "bssid": state.bssid,
        "agent": state.agent,
        "alerts": [
            {"id": alert.id, "rule": alert.rule, "severity": alert.severity, "openedAt": alert.opened_at}
            for alert in state.alerts.values()
        ],
    }


def _facts(row: "DeviceRow", *, zone: tzinfo) -> dict[str, object]:
    """The same for people: in words, with units, at the hotel's own time."""
    device, state = row.device, row.state
    return {
        "tablet": device.id,
        "hotel": device.hotel_id,
        "name": device.name,
        "room": device.room_id,
        "floor": row.floor,
        "added": in_zone(device.added_at, zone),
        "generation of tokens": device.gen,
        "newest token made": in_zone(device.token_issued_at, zone),
        "newest token good until": in_zone(device.token_expires_at, zone),
        "last revoked": in_zone(device.revoked_at, zone),
        "link": _link(row),
        "posture": state.posture,
        "power": state.power,
        "so since": in_zone(state.since, zone),
        "last heard": in_zone(state.last_heard, zone),
        "battery": None if state.battery is None else f"{state.battery:g} %",
        "charging": state.charging,
        "signal": None if state.rssi is None else f"{state.rssi:g} dBm",
        "access point": state.bssid,
        "agent": state.agent,
        "alerts": [f"{alert.rule} ({alert.severity})" for alert in state.alerts.values()],
    }


def _link(row: "DeviceRow") -> str:
    ended = token_end_of(row.state)
    return row.state.link if ended is None else f"{row.state.link} (token {ended})"


def _zone(hotel: "Hotel") -> tzinfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo(hotel.timezone)


def _prefix(text: str | None) -> str:
    """Room for the numbers and for the name of the room."""
    prefix = "tab-" if text is None else text
    if not is_id(f"room-{prefix}{LARGEST_NUMBER}"):
        raise typer.BadParameter("--prefix has at most 50 letters, digits, '-' and '_'")
    return prefix
