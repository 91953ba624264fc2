"""`innwatch messages`: what was stored of what the tablets said."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, HotelArgument, id_text
from config.cli.printing import in_zone, plain, print_line
from rules.ids import DeviceId, HotelId

if TYPE_CHECKING:
    from store.records import HotelFacts, MessageRow


def messages(
    hotel: HotelArgument,
    device: Annotated[str | None, typer.Argument(metavar="DEVICE", help="Of one tablet.", parser=id_text)] = None,
    count: Annotated[bool, typer.Option("--count", help="Print only how many there are.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List stored messages in the order they were stored."""
    hotel_id, device_id = HotelId(hotel), None if device is None else DeviceId(device)

    async def work(at: Installation) -> None:
        from store import NotFound

        await at.store.hotel(hotel_id)
        if device_id is not None and await at.store.find_device(hotel_id, device_id) is None:
            raise NotFound("device", device_id)
        if count:
            print(await at.store.count_messages(hotel_id, device_id))
            return
        show = print_line if as_json else _Table(await at.store.load_hotel(hotel_id), device_id).show
        async for row in at.store.messages(hotel_id, device_id):
            show(row)

    with_installation(data, work)


class _Table:
    """Printed as it comes, since it may have millions of lines: each column is as wide as what it can hold."""

    def __init__(self, facts: "HotelFacts", device_id: DeviceId | None) -> None:
        from zoneinfo import ZoneInfo

        from store import InputKind

        self._zone = ZoneInfo(facts.hotel.timezone)
        tablets = [row.device.id for row in facts.devices] if device_id is None else [device_id]
        columns = {
            "received": len("2026-01-01 12:00:00 +0530"),
            "tablet": max(map(len, ["tablet", *tablets])),
            "kind": max(map(len, InputKind)),
            "late": len("late"),
            "message": len("message"),
        }
        self._line = "  ".join(f"{{:{width}}}" for width in columns.values())
        self._print(columns)
        print("─" * (sum(columns.values()) + 2 * (len(columns) - 1)))

    def show(self, row: "MessageRow") -> None:
        late = "late" if row.late else ""
        self._print((plain(in_zone(row.received_at, self._zone)), plain(row.device_id), row.kind, late, row.id))

    def _print(self, cells: Iterable[str]) -> None:
        sys.stdout.write(self._line.format(*cells).rstrip() + "\n")
