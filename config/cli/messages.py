"""`innwatch messages`: what was stored of what the tablets said."""

import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, HotelArgument, id_text
from config.cli.printing import print_line
from rules.ids import DeviceId, HotelId

if TYPE_CHECKING:
    from store.records import MessageRow


def messages(
    hotel: HotelArgument,
    device: Annotated[str | None, typer.Argument(metavar="DEVICE", help="Of one tablet.", parser=id_text)] = None,
    count: Annotated[bool, typer.Option("--count", help="Print only how many there are.")] = False,
    inputs: Annotated[
        bool, typer.Option("--inputs", help="Every input of the rules: passed deadlines and assignments as well.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List stored messages in the order they were stored."""
    device_id = None if device is None else DeviceId(device)

    async def work(at: Installation) -> int:
        number = 0
        async for row in _rows(at, HotelId(hotel), device_id, inputs=inputs):
            number += 1
            if not count:
                _print(row, as_json=as_json)
        return number

    number = with_installation(data, work)
    if count:
        print(number)


async def _rows(
    at: Installation, hotel_id: HotelId, device_id: DeviceId | None, *, inputs: bool
) -> "AsyncIterator[MessageRow]":
    from store import InputKind, NotFound

    await at.store.hotel(hotel_id)
    if device_id is not None and await at.store.find_device(hotel_id, device_id) is None:
        raise NotFound("device", device_id)
    ours = {InputKind.DEADLINE, InputKind.ASSIGNMENT, InputKind.WATCHING, InputKind.EXPIRED}
    async for row in at.store.messages(hotel_id, device_id):
        if inputs or row.kind not in ours:
            yield row


def _print(row: "MessageRow", *, as_json: bool) -> None:
    if as_json:
        print_line(row)
    else:
        late = "  late" if row.late else ""
        sys.stdout.write(f"{row.received_at.isoformat()}  {row.kind:10}  {row.device_id or '–':20}  {row.id}{late}\n")
