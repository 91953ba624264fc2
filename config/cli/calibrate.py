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
    apply: Annotated[
        str | None,
        typer.Option("--apply", help="Set what was proposed, if it is that still.", metavar="REVISION"),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Propose a floor and access points for each room, and show which alerts they would have gained and lost.

    It is learned from the last week, of rooms with 1,000 heartbeats or more, on three days at least. Nothing changes
    without --apply, which takes the revision that was shown with the proposal.
    """
    hotel_id, wanted = HotelId(hotel), {RoomId(one) for one in room or ()}

    async def work(at: Installation) -> "tuple[list[Calibration], ReplayResult | None, tzinfo]":
        from zoneinfo import ZoneInfo

        from config.replaying import judge_again
        from rules.calibration import proposal_of

        zone, now = ZoneInfo((await at.store.hotel(hotel_id)).timezone), at.now()
        since = moment(start, zone=zone, now=now, option="--from")
        if since >= now:
            raise typer.BadParameter("--from must be in the past")
        await must_be_there(at, hotel_id, sorted(wanted))
        learned = [one for one in await at.store.calibrations(hotel_id, now=now) if not wanted or one.room_id in wanted]
        if apply is not None:
            _must_be_proposed(apply, learned)
        if not any(one.ready for one in learned):
            return learned, None, zone
        found = await judge_again(at.store, hotel_id, proposal_of(learned), start=since, end=now, told=say_how_far)
        for one in learned if apply is not None else ():
            if one.ready:
                await at.store.apply_calibration(
                    hotel_id, one.room_id, if_revision=one.revision, by=at.by, now=at.now()
                )
        return learned, found, zone

    from rules.calibration import nothing_ready, revision_of

    learned, found, zone = with_installation(data, work)
    the_line_is_over()
    if as_json:
        whole = {"rooms": learned, "revision": revision_of(learned), "replay": found, "applied": apply is not None}
        print_json(whole)
        return
    _print(learned)
    print()
    if found is None:
        print(nothing_ready(learned))
        return
    show(found, zone=zone)
    ready = _rooms(sum(one.ready for one in learned))
    if apply is None:
        print(f"\n{ready} would change; to set it, say --apply {revision_of(learned)}")
    else:
        print(f"\n{ready} changed")


def _must_be_proposed(revision: str, learned: "Sequence[Calibration]") -> None:
    """Raises StartRefused where something else is proposed, or nothing."""
    from config.errors import StartRefused
    from rules.calibration import nothing_ready, revision_of

    if not any(one.ready for one in learned):
        raise StartRefused(f"nothing is proposed by now; {nothing_ready(learned)}")
    if revision != revision_of(learned):
        raise StartRefused("something else is proposed by now: look at it again, and give its revision to --apply")


def _rooms(count: int) -> str:
    return "1 room" if count == 1 else f"{count} rooms"


def _print(learned: "Sequence[Calibration]") -> None:
    from rules.calibration import lacking

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
                one.rssi_floor if one.rssi_floor is not None else f"too little: {lacking(one)}",
                one.was_access_points,
                [bssid for bssid in one.access_points if bssid not in one.was_access_points],
            )
            for one in learned
        ],
    )
