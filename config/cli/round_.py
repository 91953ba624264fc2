"""`innwatch round`: who must be charged before tonight, in walking order."""

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, HotelArgument
from config.cli.printing import in_zone, print_json, print_table
from rules.ids import HotelId

if TYPE_CHECKING:
    from rules.forecast import Round

_COLUMNS = ("floor", "room", "tablet", "battery %", "% an hour", "% at 07:00", "empty at")


def round_(hotel: HotelArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Show which tablets will be nearly empty before 07:00, this night or the next: floor by floor, room by room."""

    async def work(at: Installation) -> "tuple[Round, str]":
        known = await at.store.load_hotel(HotelId(hotel))
        return await at.store.round(HotelId(hotel), at=at.now()), known.hotel.timezone

    found, timezone = with_installation(data, work)
    if as_json:
        print_json(found)
        return
    zone = ZoneInfo(timezone)
    evening = found.evening.astimezone(zone)
    if not found.stops:
        print(f"nobody to charge in the night of {evening:%A, %d %B}")
        return
    print(f"round of {evening:%A, %d %B, %H:%M}: {len(found.stops)} to charge")
    print_table(
        _COLUMNS,
        (
            (
                stop.floor,
                stop.room_id,
                stop.device_id,
                stop.battery,
                stop.rate,
                stop.left,
                in_zone(stop.empty_at, zone),
            )
            for stop in found.stops
        ),
    )
