"""`innwatch legacy`: how far a hotel is on the way from HTTP to MQTT, and for whom the shared token may speak."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, HotelArgument, id_text
from config.cli.printing import in_zone, print_json, print_table, warn
from rules.ids import DeviceId, HotelId

if TYPE_CHECKING:
    from store.records import Contact, Hotel, MigrationCounts, MigrationRow, OrphanRow

app = typer.Typer(name="legacy", help="Tablets of the old system, and the token that they share.", no_args_is_help=True)

Tablets = Annotated[list[str] | None, typer.Argument(metavar="[DEVICE]…", help="The tablets' ids.", parser=id_text)]
NAMED: Final = 20
"""Strangers that are named."""

All = Annotated[bool, typer.Option("--all", help="All tablets of the hotel.")]


@app.command("show")
def show(
    hotel: HotelArgument,
    *,
    cut: Annotated[bool, typer.Option("--cut", help="Only those that the end of the shared token would cut.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show by which way each tablet speaks, and what the end of the shared token would cut."""

    async def work(at: Installation) -> "tuple[Hotel, MigrationCounts, list[MigrationRow], list[OrphanRow]]":
        found = await at.store.hotel(HotelId(hotel))
        counts, rows = await at.store.migration_counts(found.id), await _rows(at, found.id, cut=cut)
        return found, counts, rows, await at.store.orphans(found.id)

    found, counts, rows, strangers = with_installation(data, work)
    if as_json:
        print_json({"counts": counts, "items": rows, "strangers": strangers})
        return
    from zoneinfo import ZoneInfo

    def heard(contact: "Contact | None") -> object:
        return None if contact is None else in_zone(contact.last_at, ZoneInfo(found.timezone))

    print_table(
        ("tablet", "room", "speaks by", "shared token last", "http last", "mqtt last", "shared token may", "cut"),
        [
            (
                row.device_id,
                row.room_id,
                row.speaks,
                heard(row.legacy_token),
                heard(row.http),
                heard(row.mqtt),
                row.shared_token,
                row.cut,
            )
            for row in rows
        ],
    )
    print(
        f"{counts.devices} tablets: {counts.mqtt} by MQTT, {counts.http} by HTTP with a token of their own,"
        f" {counts.legacy_token} by the shared token, {counts.never} never heard; its end would cut {counts.cut}"
    )
    if strangers:
        names = ", ".join(one.device_id for one in strangers[:NAMED]) + (" …" if len(strangers) > NAMED else "")
        warn(f"{len(strangers)} came and are unknown, or not allowed: {names}")


@app.command("allow")
def allow(hotel: HotelArgument, devices: Tablets = None, *, every: All = False, data: Data = None) -> None:
    """Let the shared token (API_TOKEN) speak for these tablets."""
    changed = _change(HotelId(hotel), devices, every=every, allowed=True, data=data)
    print(f"the shared token may speak for {changed} more of {hotel}")


@app.command("end")
def end(hotel: HotelArgument, devices: Tablets = None, *, every: All = False, data: Data = None) -> None:
    """Let the shared token speak for these tablets no more. What they have of their own stays good."""
    changed = _change(HotelId(hotel), devices, every=every, allowed=False, data=data)
    print(f"the shared token speaks for {changed} fewer of {hotel}; felt at once")


def _change(hotel_id: HotelId, devices: list[str] | None, *, every: bool, allowed: bool, data: Data) -> int:
    """How many it was not so for."""
    if bool(devices) == every:
        raise typer.BadParameter("give the tablets' ids, or --all")

    async def work(at: Installation) -> int:
        from store import NotFound

        await at.store.hotel(hotel_id)
        named = [DeviceId(one) for one in devices or ()]
        for one in named:  # before any of them is cut off: a refusal should have changed nothing
            if await at.store.find_device(hotel_id, one) is None:
                raise NotFound("device", one)
        named = named or [row.device_id for row in await _rows(at, hotel_id)]
        done = [
            await at.store.let_shared_token_speak(hotel_id, one, allowed=allowed, by=at.by, now=at.now())
            for one in named
        ]
        return sum(done)

    return with_installation(data, work)


async def _rows(at: Installation, hotel_id: HotelId, *, cut: bool = False) -> "list[MigrationRow]":
    rows: list[MigrationRow] = []
    cursor: str | None = None
    while True:
        page = await at.store.migration(hotel_id, cut=cut, cursor=cursor, limit=500)
        rows.extend(page.items)
        cursor = page.next
        if cursor is None:
            return rows
