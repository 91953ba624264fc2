"""`innwatch enrol` makes a one-time code for a tablet; `innwatch enrolment` says what became of it, and says yes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, HotelArgument, RoomArgument, id_text
from config.cli.printing import in_zone, plain, print_facts, print_json, print_table, warn
from config.cli.reached import Server, address_of, warn_of_this_machine
from rules.ids import EnrolmentId, HotelId

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from api.enrolling import IssuedEnrolment, Reception
    from store.records import Enrolment, Hotel

app = typer.Typer(name="enrolment", help="Codes for tablets, and what became of them.", no_args_is_help=True)

_WHITE_ON_BLACK, _USUAL = "\x1b[38;5;231;48;5;16m", "\x1b[0m"

EnrolmentArgument = Annotated[
    str, typer.Argument(metavar="ENROLMENT", help="The enrolment's id, as `list` shows it.", parser=id_text)
]


Svg = Annotated[
    Path | None,
    typer.Option("--svg", help="Write the QR code into this file instead of drawing it here.", metavar="FILE"),
]


def enrol(
    hotel: HotelArgument,
    room: RoomArgument,
    *,
    device: Annotated[
        str | None, typer.Option("--device", help="For this tablet alone.", parser=id_text, metavar="DEVICE")
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="A tablet that is known may take it (wiped, say); its old tokens are void then."),
    ] = False,
    server: Server = None,
    svg: Svg = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a one-time code with which a tablet comes to a room: to scan, to open or to type, within 15 minutes."""

    async def work(at: Installation) -> "tuple[Hotel, IssuedEnrolment]":
        from api.enrolling import NewEnrolment

        wanted = NewEnrolment(room_id=room, device_id=device, again=again)
        here = address_of(at, server)
        return await at.store.hotel(HotelId(hotel)), await reception_of(at).issue(
            HotelId(hotel), wanted, here=here, by=at.by
        )

    found, issued = with_installation(data, work)
    show_issued(issued, hotel=found, server=server, svg=svg, as_json=as_json)


@app.command("list")
def list_(hotel: HotelArgument, data: Data = None, as_json: AsJson = False) -> None:
    """List a hotel's enrolments, newest first."""

    async def work(at: Installation) -> "tuple[Hotel, list[Enrolment], datetime]":
        return await at.store.hotel(HotelId(hotel)), await _all(at, HotelId(hotel)), at.now()

    found, enrolments, now = with_installation(data, work)
    if as_json:
        import msgspec

        print_json([msgspec.to_builtins(one) | {"state": one.state(now)} for one in enrolments])
        return
    zone = _zone(found)
    print_table(
        ("enrolment", "room", "state", "tablet", "made by", "made", "good until"),
        [
            (
                one.id,
                one.room_id,
                one.state(now),
                one.enrolled_device_id or one.wanted_device_id or one.device_id,
                one.created_by,
                in_zone(one.created_at, zone),
                in_zone(one.expires_at, zone),
            )
            for one in enrolments
        ],
    )


@app.command("approve")
def approve(hotel: HotelArgument, enrolment: EnrolmentArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Say yes to the known tablet that came with a code; when it comes again its old tokens are void."""
    done = with_installation(
        data,
        lambda at: at.store.approve_enrolment(HotelId(hotel), EnrolmentId(enrolment), by=at.by, now=at.now()),
    )
    if as_json:
        print_json(done)
    else:
        print(f"approved: {done.wanted_device_id} may come to room {done.room_id} with the code that it has")


@app.command("withdraw")
def withdraw(hotel: HotelArgument, enrolment: EnrolmentArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Let nobody use a code any more."""
    done = with_installation(
        data,
        lambda at: at.store.withdraw_enrolment(HotelId(hotel), EnrolmentId(enrolment), by=at.by, now=at.now()),
    )
    if as_json:
        print_json(done)
    else:
        print(f"withdrawn: the code of enrolment {done.id} is no good any more")


def reception_of(at: Installation) -> "Reception":
    from api.enrolling import Reception

    return Reception(store=at.store, keys=at.keys, clock=at.now)


def show_issued(
    issued: "IssuedEnrolment", *, hotel: "Hotel", server: str | None, svg: Path | None, as_json: bool
) -> None:
    """Tell a code, once. Raises StartRefused where its picture cannot be written; the code has been told by then."""
    warn_of_this_machine(issued.link, server=server, what_for="a tablet")
    if as_json:
        print_json(issued)
    else:
        print_facts(
            {
                "room": f"{issued.room_id} of {hotel.id}",
                "for": "a tablet" if issued.device_id is None else f"tablet {issued.device_id} alone",
                "code": issued.code,
                "link": issued.link,
                "good until": f"{plain(in_zone(issued.expires_at, _zone(hotel)))}, once",
                "enrolment": issued.id,
            }
            | ({} if svg is None else {"QR code": str(svg)})
        )
    if svg is not None:
        _write(issued.qr, svg)
    elif not as_json:
        _draw(issued.link)


def _draw(link: str) -> None:
    import io
    import sys

    import segno

    try:
        "█▀▄".encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        warn("the QR code cannot be drawn on this terminal, which shows no UTF-8; see --svg")
        return
    drawn = io.StringIO()
    segno.make(link, error="m", micro=False).terminal(out=drawn, compact=True, border=2)
    # Drawn light on dark: in the colours of a light terminal it would be a negative, which many cameras do not read.
    light, usual = (_WHITE_ON_BLACK, _USUAL) if sys.stdout.isatty() else ("", "")
    print()
    for line in drawn.getvalue().splitlines():
        print(f"{light}{line}{usual}")


def _write(svg: str, file: Path) -> None:
    from config.errors import StartRefused

    try:
        file.write_text(svg + "\n", encoding="utf-8")
    except OSError as error:
        raise StartRefused(f"{file}: {error.strerror}") from error


async def _all(at: Installation, hotel_id: HotelId) -> "list[Enrolment]":
    enrolments: list[Enrolment] = []
    cursor: str | None = None
    while True:
        page = await at.store.enrolments(hotel_id, cursor=cursor, limit=500)
        enrolments.extend(page.items)
        cursor = page.next
        if cursor is None:
            return enrolments


def _zone(hotel: "Hotel") -> "tzinfo":
    from zoneinfo import ZoneInfo

    return ZoneInfo(hotel.timezone)
