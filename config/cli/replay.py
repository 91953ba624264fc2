"""`innwatch replay`: what other thresholds would have raised, and what not, in hours or days that are over."""

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, HotelArgument, id_text
from config.cli.policy import changes_of, names_of
from config.cli.printing import in_zone, print_facts, print_json, print_table
from rules.ids import DeviceId, HotelId, ReplayId, RoomId
from rules.moments import ERA, in_our_era

if TYPE_CHECKING:
    from rules.proposal import Proposal, ReplayResult, Trouble

_NICE = 15
"""How much later than others a replay that somebody asked for over HTTP gets its turn."""


def replay(  # noqa: PLR0913, typer spells options as arguments
    hotel: HotelArgument,
    *,
    start: Annotated[
        str, typer.Option("--from", help="Since when: 2026-11-23T08:00, or so long ago: 24h.", metavar="TIME")
    ] = "24h",
    end: Annotated[str, typer.Option("--to", help="Until when, said likewise.", metavar="TIME")] = "0s",
    thresholds: Annotated[
        list[str] | None,
        typer.Option("--set", help="A threshold to try, such as rssiFloor=-70; repeatable.", metavar="NAME=VALUE"),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", help="A threshold to inherit again, such as rssiFloor; repeatable.", metavar="NAME"),
    ] = None,
    room: Annotated[
        list[str] | None,
        typer.Option("--room", help="As if this room decided it; repeatable.", parser=id_text, metavar="ROOM"),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option("--device", help="As if this tablet decided it; repeatable.", parser=id_text, metavar="DEVICE"),
    ] = None,
    override_all: Annotated[
        bool,
        typer.Option("--override-all", help="Also where rooms and tablets decide it themselves; saving does not."),
    ] = False,
    asked: Annotated[str | None, typer.Option("--asked", hidden=True)] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Judge what is stored again with other thresholds, and list the alerts gained and lost. Changes nothing.

    What is set is tried as `innwatch policy set` would save it: without --room and --device as the hotel's, and what
    rooms and tablets decide themselves stays. Without --set and --unset it judges as it was judged: then nothing is
    gained or lost. Times without a zone are the hotel's.
    """
    hotel_id = HotelId(hotel)
    if asked is not None:
        os.nice(_NICE)
        with_installation(data, lambda at: _as_asked(at, hotel_id, ReplayId(asked)))
        return
    proposal = _proposal(
        thresholds or (), unset=unset or (), rooms=room or (), devices=device or (), override_all=override_all
    )

    async def work(at: Installation) -> "tuple[ReplayResult, tzinfo]":
        from zoneinfo import ZoneInfo

        from config.replaying import judge_again

        zone = ZoneInfo((await at.store.hotel(hotel_id)).timezone)
        since, until = (moment(text, zone=zone, now=at.now(), option=name) for text, name in _named(start, end))
        if since >= until:
            raise typer.BadParameter("--from must be before --to")
        if until > at.now():
            raise typer.BadParameter("--to is in the future: nothing is stored of that yet")
        await must_be_there(at, hotel_id, proposal.rooms, proposal.devices)
        found = await judge_again(at.store, hotel_id, proposal, start=since, end=until, told=say_how_far)
        return found, zone

    found, zone = with_installation(data, work)
    the_line_is_over()
    if as_json:
        print_json(found)
    else:
        show(found, zone=zone)


def _proposal(
    thresholds: Sequence[str],
    *,
    unset: Sequence[str],
    rooms: Sequence[str],
    devices: Sequence[str],
    override_all: bool,
) -> "Proposal":
    from msgspec import UNSET
    from msgspec.structs import asdict, replace

    from rules.proposal import NOTHING_TRIED, Proposal

    if rooms and devices:
        raise typer.BadParameter("give --room or --device: a tablet has its policy in whichever room it stands")
    if "profile" in unset and not (rooms or devices):
        raise typer.BadParameter("a hotel always has a profile: --set profile=normal")
    said = {name: value for name, value in asdict(changes_of(thresholds)).items() if value is not UNSET}
    inherited = dict.fromkeys(names_of(unset))
    if both := [text for name, text in zip(names_of(unset), unset, strict=True) if name in said]:
        raise typer.BadParameter(f"--set {both[0]} and --unset {both[0]} are not both to be had")
    return Proposal(
        policy=replace(NOTHING_TRIED, **said, **inherited),
        rooms=tuple(RoomId(one) for one in rooms),
        devices=tuple(DeviceId(one) for one in devices),
        override_all=override_all,
    )


def _named(start: str, end: str) -> Sequence[tuple[str, str]]:
    return (start, "--from"), (end, "--to")


def moment(text: str, *, zone: tzinfo, now: datetime, option: str) -> datetime:
    """A time as one would write it, the hotel's where it names no zone; or how long ago. Raises BadParameter."""
    from config.variable import seconds

    ago = seconds(text)
    try:
        at = now - timedelta(seconds=ago) if ago is not None else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        wanted = "use 2026-11-23T08:00, or 24h for so long ago"
        raise typer.BadParameter(f"{option}: {text!r} is no time: {wanted}") from None
    if not in_our_era(at):
        raise typer.BadParameter(f"{option}: {text!r} {ERA}")
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


async def must_be_there(
    at: Installation, hotel_id: HotelId, rooms: Iterable[RoomId], devices: Iterable[DeviceId] = ()
) -> None:
    """Raises BadParameter for a room or a tablet that the hotel does not have."""
    for room in rooms:
        if await at.store.room(hotel_id, room) is None:
            raise typer.BadParameter(f"--room: {hotel_id} has no room {room}")
    for device in devices:
        known = await at.store.find_device(hotel_id, device)
        if known is None or known.retired_at is not None:
            raise typer.BadParameter(f"--device: {hotel_id} has no tablet {device}")


def show(found: "ReplayResult", *, zone: tzinfo) -> None:
    """For people: the alerts, then what to make of them."""
    for title, troubles, count in (
        ("gained", found.gained, found.gained_count),
        ("lost", found.lost, found.lost_count),
    ):
        print(f"{count} {title}")
        if troubles:
            _print_troubles(troubles, zone=zone)
        if count > len(troubles):
            print(f"… and {count - len(troubles)} more")
        print()
    facts: dict[str, object] = {
        "as before": found.kept,
        "from": in_zone(found.starts_at, zone),
        "to": in_zone(found.ends_at, zone),
        "inputs": f"{found.inputs} in {found.took_s:g} s",
    }
    if not found.inputs:
        facts["caution"] = "nothing is stored of that time: there was nothing to judge"
    elif not found.whole:
        facts["caution"] = "nothing is known from before; trouble that began earlier may look gained or lost"
    if found.diverged or found.unreadable or found.strange:
        facts["faults"] = (
            f"{found.diverged} checkpoints were missed, {found.unreadable} inputs could not be read,"
            f" {found.strange} are of tablets not known by then"
        )
    print_facts(facts)


def _print_troubles(troubles: "Sequence[Trouble]", *, zone: tzinfo) -> None:
    print_table(
        ("opened", "ended", "tablet", "room", "rule", "severity"),
        [
            (
                in_zone(one.opened_at, zone),
                in_zone(one.ended_at, zone),
                one.device_id,
                one.room_id,
                one.rule.value,
                one.severity.value,
            )
            for one in troubles
        ],
    )


async def say_how_far(done: int, total: int) -> None:
    """For whoever waits at a terminal."""
    if sys.stderr.isatty():
        print(f"\r{100 * done // max(total, 1)} % of {total} rows", end="", file=sys.stderr, flush=True)


def the_line_is_over() -> None:
    if sys.stderr.isatty():
        print(end="\r\033[K", file=sys.stderr)


async def _as_asked(at: Installation, hotel_id: HotelId, replay_id: ReplayId) -> None:
    """One that waits in the database: what it asks for stands there, and there its progress and its result go."""
    from config.replaying import do_as_asked

    await do_as_asked(at.store, hotel_id, replay_id, now=at.now)
