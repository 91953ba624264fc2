"""`innwatch command`: ask a tablet to do something, and see what became of it."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, DeviceArgument, HotelArgument, id_text
from config.cli.printing import in_zone, print_json, print_table
from rules.ids import DeviceId, HotelId

if TYPE_CHECKING:
    from store.records import Argument, Command, Hotel

app = typer.Typer(name="command", help="What tablets are asked to do.", no_args_is_help=True)

NAMES = ("ring", "lock", "unlock", "locate", "message", "reboot", "sync", "apply-config")
LARGEST_ARGS = 4096
"""Bytes; as over HTTP."""


def _name(text: str) -> str:
    if text not in NAMES:
        raise typer.BadParameter(f"{text!r} is no command; there are {', '.join(NAMES)}")
    return text


def _pair(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not (name and equals and len(name) <= 64 and text.isprintable()):
        raise typer.BadParameter(f"{text!r} is no argument; write NAME=VALUE, such as text='Please call the desk'")
    return text


@app.command("send")
def send(
    hotel: HotelArgument,
    device: DeviceArgument,
    command: Annotated[str, typer.Argument(metavar="COMMAND", help=f"One of {', '.join(NAMES)}.", parser=_name)],
    *,
    args: Annotated[
        list[str] | None,
        typer.Option(
            "--arg",
            help="An argument; repeatable. A VALUE that is a number, true, false or null is taken for that.",
            parser=_pair,
            metavar="NAME=VALUE",
        ),
    ] = None,
    expires: Annotated[
        int,
        typer.Option(
            "--expires", help="Seconds until it need not begin any more.", min=1, max=86_400, metavar="SECONDS"
        ),
    ] = 300,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask a tablet to do something. It is sent within a second, and again when the tablet comes back."""
    given = dict(_argument(text) for text in args or ())
    if sum(len(text.encode()) for text in args or ()) > LARGEST_ARGS:
        raise typer.BadParameter(f"the arguments have more than {LARGEST_ARGS} bytes")

    async def work(at: Installation) -> "Command":
        from store.records import CommandName

        now = at.now()
        return await at.store.add_command(
            HotelId(hotel),
            DeviceId(device),
            CommandName(command),
            given,
            by=at.by,
            now=now,
            expires_at=now + timedelta(seconds=expires),
        )

    made = with_installation(data, work)
    if as_json:
        print_json(made)
    else:
        print(f"asked {device} of {hotel} to {command}: {made.id}")
        print(f"how it goes: innwatch command list {hotel} {device}")


@app.command("list")
def list_(
    hotel: HotelArgument,
    device: Annotated[str | None, typer.Argument(metavar="DEVICE", help="Of one tablet.", parser=id_text)] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1, max=10_000)] = 50,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List what tablets were asked, the newest first, and how far it has come."""
    from zoneinfo import ZoneInfo

    device_id = None if device is None else DeviceId(device)
    found, commands = with_installation(data, lambda at: _newest(at, HotelId(hotel), device_id, limit))
    if as_json:
        print_json(commands)
        return
    zone = ZoneInfo(found.timezone)
    print_table(
        ("asked", "tablet", "command", "state", "since", "detail", "by", "id"),
        [
            (
                in_zone(one.created_at, zone),
                one.device_id,
                one.name,
                one.state,
                in_zone(one.changed_at, zone),
                one.detail,
                one.by,
                one.id,
            )
            for one in commands
        ],
    )


def _argument(text: str) -> "tuple[str, Argument]":
    import msgspec

    name, _, value = text.partition("=")
    try:
        return name, msgspec.json.decode(value, type=bool | int | float | None)
    except msgspec.DecodeError:
        return name, value


async def _newest(
    at: Installation, hotel_id: HotelId, device_id: DeviceId | None, limit: int
) -> "tuple[Hotel, list[Command]]":
    from store import NotFound

    hotel = await at.store.hotel(hotel_id)
    if device_id is not None and await at.store.find_device(hotel_id, device_id) is None:
        raise NotFound("device", device_id)
    commands: list[Command] = []
    cursor: str | None = None
    while len(commands) < limit:
        page = await at.store.commands(hotel_id, device_id, cursor=cursor, limit=min(limit - len(commands), 100))
        commands.extend(page.items)
        cursor = page.next
        if cursor is None:
            break
    return hotel, commands
