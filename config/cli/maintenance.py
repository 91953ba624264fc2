"""`innwatch maintenance`: add, list, end the windows in which tablets alarm nobody."""

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import LONGEST_NAME, AsJson, Data, HotelArgument, id_text, length_text
from config.cli.printing import in_zone, plain, print_json, print_table
from rules.ids import HotelId, RoomId, WindowId
from rules.moments import ERA, in_our_era
from rules.texts import is_line

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from store.records import MaintenanceWindow

app = typer.Typer(
    name="maintenance", help="Times in which a room, a floor or the hotel alarms nobody.", no_args_is_help=True
)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write it as 2026-11-23T22:00") from None
    if not in_our_era(moment):
        raise typer.BadParameter(f"{text!r} {ERA}")
    return moment


def _reason(text: str) -> str:
    if not (text.strip() and len(text) <= LONGEST_NAME and is_line(text)):
        raise typer.BadParameter(
            f"a reason has 1 to {LONGEST_NAME} characters on one line, none of which turns its direction"
        )
    return text.strip()


@app.command("add")
def add(  # noqa: PLR0913, typer spells options as arguments
    hotel: HotelArgument,
    *,
    room: Annotated[str | None, typer.Option("--room", help="In this room alone.", parser=id_text)] = None,
    floor: Annotated[str | None, typer.Option("--floor", help="On this floor alone.")] = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", help="When it begins, by the hotel's clocks.", parser=_moment, show_default="now"),
    ] = None,
    lasts: Annotated[
        timedelta | None, typer.Option("--for", help="How long, such as 30m or 2h.", parser=length_text, metavar="TIME")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", help="Until when, instead of --for.", parser=_moment)
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for people.", parser=_reason)] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let a room, a floor or (neither) the whole hotel alarm nobody for a while; tampering is told in any case."""
    if (lasts is None) == (until is None):
        raise typer.BadParameter("say --for or --until")
    if room is not None and floor is not None:
        raise typer.BadParameter("give --room or --floor")

    async def work(at: Installation) -> "tuple[MaintenanceWindow, ZoneInfo]":
        from zoneinfo import ZoneInfo

        from config.errors import StartRefused
        from store import NoWindow, TooManyWindows
        from store.records import NewWindow

        now, zone = at.now(), ZoneInfo((await at.store.hotel(HotelId(hotel))).timezone)
        begins = now if start is None else _in(start, zone)
        asked = NewWindow(
            room_id=None if room is None else RoomId(room),
            floor=floor,
            starts_at=begins,
            ends_at=_in(until, zone) if until is not None else begins + (lasts or timedelta()),
            reason=reason,
        )
        try:
            window = await at.store.add_window(HotelId(hotel), WindowId(secrets.token_hex(8)), asked, by=at.by, now=now)
        except (NoWindow, TooManyWindows) as error:
            raise StartRefused(str(error)) from None
        return window, zone

    window, zone = with_installation(data, work)
    if as_json:
        print_json(window)
    else:
        times = [plain(in_zone(moment, zone)) for moment in (window.starts_at, window.ends_at)]
        print(f"maintenance {window.id}: {_where(window)}, from {times[0]} to {times[1]}")
        print(f"to end it sooner: innwatch maintenance end {hotel} {window.id}")


@app.command("list")
def list_(hotel: HotelArgument, data: Data = None, as_json: AsJson = False) -> None:
    """List the latest windows, the newest first."""

    async def work(at: Installation) -> "tuple[tuple[MaintenanceWindow, ...], ZoneInfo, datetime]":
        from zoneinfo import ZoneInfo

        zone = ZoneInfo((await at.store.hotel(HotelId(hotel))).timezone)
        return (await at.store.maintenance(HotelId(hotel), limit=100)).items, zone, at.now()

    windows, zone, now = with_installation(data, work)
    if as_json:
        print_json(windows)
    else:
        print_table(
            ("window", "where", "from", "to", "state", "reason", "by"),
            [
                (
                    one.id,
                    _where(one),
                    in_zone(one.starts_at, zone),
                    in_zone(one.ended_at or one.ends_at, zone),
                    one.state_at(now),
                    one.reason,
                    one.created_by,
                )
                for one in windows
            ],
        )


@app.command("end")
def end(
    hotel: HotelArgument,
    window: Annotated[str, typer.Argument(metavar="WINDOW", help="Its id, of `list`.", parser=id_text)],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """End one that runs, or withdraw one that is to come: what still fires is told at once."""

    async def work(at: Installation) -> "MaintenanceWindow":
        return await at.store.end_window(HotelId(hotel), WindowId(window), by=at.by, now=at.now())

    ended = with_installation(data, work)
    if as_json:
        print_json(ended)
    else:
        print(f"maintenance {ended.id} is over: {_where(ended)}")


def _in(moment: datetime, zone: "ZoneInfo") -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _where(window: "MaintenanceWindow") -> str:
    if window.room_id is not None:
        return f"room {window.room_id}"
    return "the hotel" if window.floor is None else f"floor {window.floor}"
