"""`innwatch access-point`: the access points that were learned, and whether they are the hotel's."""

from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, HotelArgument
from config.cli.printing import in_zone, print_json, print_table
from rules.ids import HotelId

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from store.records import LearnedAccessPoint

app = typer.Typer(
    name="access-point", help="Access points that tablets were heard on and no room lists.", no_args_is_help=True
)


def _bssid(text: str) -> str:
    from rules.place import normal_bssid

    bssid = normal_bssid(text)
    if bssid is None:
        raise typer.BadParameter(f"{text!r} is no BSSID such as a4:2b:b0:c1:d2:e3")
    return bssid


BssidArgument = Annotated[str, typer.Argument(metavar="BSSID", help="As `list` has it.", parser=_bssid)]


@app.command("list")
def list_(hotel: HotelArgument, data: Data = None, as_json: AsJson = False) -> None:
    """List those that were learned, and what was said of them."""

    async def work(at: Installation) -> "tuple[list[LearnedAccessPoint], ZoneInfo]":
        from zoneinfo import ZoneInfo

        zone = ZoneInfo((await at.store.hotel(HotelId(hotel))).timezone)
        return await at.store.learned_access_points(HotelId(hotel)), zone

    found, zone = with_installation(data, work)
    if as_json:
        print_json(found)
    else:
        print_table(
            ("access point", "network", "rooms", "since", "state", "by"),
            [(one.bssid, one.ssid, one.rooms, in_zone(one.since, zone), one.state, one.decided_by) for one in found],
        )


@app.command("confirm")
def confirm(hotel: HotelArgument, bssid: BssidArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Say that it is the hotel's: a tablet on it is elsewhere in the hotel, and what no list knows is foreign again."""

    async def work(at: Installation) -> "LearnedAccessPoint":
        return await at.store.confirm_access_point(HotelId(hotel), bssid, by=at.by, now=at.now())

    _say(with_installation(data, work), "is the hotel's", as_json=as_json)


@app.command("forget")
def forget(hotel: HotelArgument, bssid: BssidArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Say that it is not the hotel's: a tablet on it is on a foreign network, and it is not learned again."""

    async def work(at: Installation) -> "LearnedAccessPoint":
        return await at.store.forget_access_point(HotelId(hotel), bssid, by=at.by, now=at.now())

    _say(with_installation(data, work), "is not the hotel's", as_json=as_json)


def _say(found: "LearnedAccessPoint", what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        print(f"access point {found.bssid} {what}")
