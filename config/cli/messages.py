"""`innwatch messages`: what was stored of what the tablets said."""

import sys
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
        async for row in at.store.messages(hotel_id, device_id):
            _print(row, as_json=as_json)

    with_installation(data, work)


def _print(row: "MessageRow", *, as_json: bool) -> None:
    if as_json:
        print_line(row)
    else:
        late = "  late" if row.late else ""
        sys.stdout.write(f"{row.received_at.isoformat()}  {row.kind:10}  {row.device_id or '–':20}  {row.id}{late}\n")
