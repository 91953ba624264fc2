"""`innwatch calibrate`: floors and access points for rooms, learned from their own tablets, tried, and set by you."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, HotelArgument, id_text
from config.cli.printing import print_json, print_table
from config.cli.replay import moment, must_be_there, say_how_far, show, the_line_is_over
from rules.ids import HotelId, RoomId

if TYPE_CHECKING:
    from rules.calibration import Calibration
    from rules.proposal import ReplayResult


def calibrate(
    hotel: HotelArgument,
    room: Annotated[
        list[str] | None,
        typer.Option("--room", help="This room alone; repeatable.", parser=id_text, metavar="ROOM"),
    ] = None,
    start: Annotated[
        str, typer.Option("--from", help="Since when to try it: a time, or so long ago.", metavar="TIME")
    ] = "24h",
    apply: Annotated[bool, typer.Option("--apply", help="Set what is proposed, after it was tried.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Propose a floor and access points for each room, and show which alerts they would have gained and lost.

    It is learned from the last week, of rooms with 1,000 heartbeats or more. Nothing changes without --apply.
    """
    hotel_id, wanted = HotelId(hotel), {RoomId(one) for one in room or ()}

    async def work(at: Installation) -> "tuple[list[Calibration], ReplayResult, tzinfo]":
        from zoneinfo import ZoneInfo

        from config.replaying import judge_again
        from rules.calibration import proposal_of

        zone, now = ZoneInfo((await at.store.hotel(hotel_id)).timezone), at.now()
        since = moment(start, zone=zone, now=now, option="--from")
        if since >= now:
            raise typer.BadParameter("--from must be in the past")
        await must_be_there(at, hotel_id, sorted(wanted))
        learned = [one for one in await at.store.calibrations(hotel_id, now=now) if not wanted or one.room_id in wanted]
        found = await judge_again(at.store, hotel_id, proposal_of(learned), start=since, end=now, told=say_how_far)
        if apply:
            for one in learned:
                await _apply(at, hotel_id, one)
        return learned, found, zone

    learned, found, zone = with_installation(data, work)
    the_line_is_over()
    if as_json:
        print_json({"rooms": learned, "replay": found, "applied": apply})
        return
    _print(learned)
    print()
    show(found, zone=zone)
    ready = sum(one.ready for one in learned)
    if ready and not apply:
        print(f"\n{ready} rooms would change; to set it, say --apply")
    elif apply:
        print(f"\n{ready} rooms changed")


async def _apply(at: Installation, hotel_id: HotelId, one: "Calibration") -> None:
    from store.records import RoomChanges

    if one.ready:
        changes = RoomChanges(rssi_floor=one.rssi_floor, access_points=one.access_points)
        await at.store.change_room(hotel_id, one.room_id, changes, by=at.by, now=at.now())


def _print(learned: "Sequence[Calibration]") -> None:
    print_table(
        ("room", "samples", "days", "weakest", "middle", "floor", "proposed", "access points", "new"),
        [
            (
                one.room_id,
                one.samples,
                one.days,
                one.weakest,
                one.median,
                one.was_floor,
                one.rssi_floor if one.rssi_floor is not None else "too little heard",
                one.was_access_points,
                [bssid for bssid in one.access_points if bssid not in one.was_access_points],
            )
            for one in learned
        ],
    )
