"""`innwatch quarantine`: what was refused, and why."""

from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, HotelArgument
from config.cli.printing import in_zone, print_json, print_table
from rules.ids import HotelId

if TYPE_CHECKING:
    from store.records import Hotel, QuarantineRow

app = typer.Typer(name="quarantine", help="Messages that were refused.", no_args_is_help=True)


@app.callback()
def _noun() -> None:
    """Messages that were refused."""


@app.command("list")
def list_(
    hotel: HotelArgument,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1, max=10_000)] = 50,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List refused messages, the newest first."""
    from zoneinfo import ZoneInfo

    found, rows = with_installation(data, lambda at: _newest(at, HotelId(hotel), limit))
    if as_json:
        print_json(rows)
    else:
        zone = ZoneInfo(found.timezone)
        print_table(
            ("received", "tablet", "reason", "detail", "begins with"),
            [(in_zone(row.at, zone), row.device_id, row.reason, row.detail, row.head[:60]) for row in rows],
        )


async def _newest(at: Installation, hotel_id: HotelId, limit: int) -> "tuple[Hotel, list[QuarantineRow]]":
    hotel = await at.store.hotel(hotel_id)
    rows: list[QuarantineRow] = []
    cursor: str | None = None
    while len(rows) < limit:
        page = await at.store.quarantine(hotel_id, cursor=cursor, limit=min(limit - len(rows), 100))
        rows.extend(page.items)
        cursor = page.next
        if cursor is None:
            break
    return hotel, rows
