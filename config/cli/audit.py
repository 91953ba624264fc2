"""`innwatch audit`: who did what to what, when, from where."""

from collections.abc import Mapping
from datetime import tzinfo
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, id_text
from config.cli.printing import in_zone, plain, print_json, print_table
from rules.ids import HotelId

if TYPE_CHECKING:
    from store import AuditEntry


def audit(
    hotel: Annotated[
        str | None,
        typer.Argument(metavar="HOTEL", help="Of this hotel; else what belongs to none.", parser=id_text),
    ] = None,
    *,
    deed: Annotated[
        str | None, typer.Option("--deed", help="Only this one, or those that begin so, such as device.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Only what they did.", metavar="NAME")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Only what was done to it: the id of a tablet, …")] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1, max=100_000)] = 50,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List who did what, the newest first: in a hotel, or without one to accounts and keys."""
    hotel_id = None if hotel is None else HotelId(hotel)
    wanted = {"deed": deed, "actor": by, "subject": to}
    zone, lines = with_installation(data, lambda at: _newest(at, hotel_id, wanted, limit))
    if as_json:
        print_json(lines)
    else:
        print_table(
            ("at", "who", "as", "from", "deed", "to", "detail"),
            [
                (
                    in_zone(line.at, zone),
                    line.actor,
                    line.actor_kind,
                    line.address,
                    line.deed,
                    line.subject,
                    ", ".join(f"{name} {plain(value)}" for name, value in line.detail.items()),
                )
                for line in lines
            ],
        )


async def _newest(
    at: Installation, hotel_id: HotelId | None, wanted: Mapping[str, str | None], limit: int
) -> "tuple[tzinfo, list[AuditEntry]]":
    from zoneinfo import ZoneInfo

    store = at.store
    zone = ZoneInfo("UTC" if hotel_id is None else (await store.hotel(hotel_id)).timezone)
    pages = store.platform_audit if hotel_id is None else partial(store.audit, hotel_id)
    lines: list[AuditEntry] = []
    cursor: str | None = None
    while len(lines) < limit:
        page = await pages(**wanted, cursor=cursor, limit=min(limit - len(lines), 100))
        lines.extend(page.items)
        cursor = page.next
        if cursor is None:
            break
    return zone, lines
