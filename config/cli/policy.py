"""`innwatch policy`: the thresholds that a hotel, a room or a tablet decides."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, HotelArgument, id_text
from config.cli.printing import plain, print_json, print_table
from rules.ids import DeviceId, HotelId, RoomId

if TYPE_CHECKING:
    from rules.policy import PolicyChanges
    from store.records import LevelPolicy, PolicyException

app = typer.Typer(
    name="policy",
    help="The thresholds that a hotel, a room or a tablet decides; what it leaves out it inherits.",
    no_args_is_help=True,
)

OfRoom = Annotated[
    str | None, typer.Option("--room", help="Of this room alone.", parser=id_text, metavar="ROOM", show_default=False)
]
OfDevice = Annotated[
    str | None,
    typer.Option("--device", help="Of this tablet alone.", parser=id_text, metavar="DEVICE", show_default=False),
]
IfRevision = Annotated[
    str | None,
    typer.Option("--if-revision", help="Only if it is still as `show --json` had it.", show_default=False),
]


@app.command("show")
def show(
    hotel: HotelArgument, room: OfRoom = None, device: OfDevice = None, data: Data = None, as_json: AsJson = False
) -> None:
    """Show what a level decides and what it inherits: every threshold by the name that `set` takes."""
    room_id, device_id = _level(room, device)

    async def work(at: Installation) -> "LevelPolicy":
        return await at.store.policy(HotelId(hotel), room_id=room_id, device_id=device_id)

    _print(with_installation(data, work), as_json=as_json)


@app.command("set")
def set_(
    hotel: HotelArgument,
    thresholds: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE…", help="Such as batteryLow=30 or byeReboot=5m.")
    ],
    *,
    room: OfRoom = None,
    device: OfDevice = None,
    if_revision: IfRevision = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let a level decide thresholds: takes effect within about a second, and nothing is forgotten for it.

    Times are seconds, or as 30s, 10m, 2h; signals dBm, batteries percent.
    """
    room_id, device_id = _level(room, device)
    changes = changes_of(thresholds)

    async def work(at: Installation) -> "LevelPolicy":
        return await at.store.change_policy(
            HotelId(hotel),
            changes,
            room_id=room_id,
            device_id=device_id,
            if_revision=if_revision,
            by=at.by,
            now=at.now(),
        )

    _print(with_installation(data, work), as_json=as_json)


@app.command("unset")
def unset(
    hotel: HotelArgument,
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Such as batteryLow.")],
    *,
    room: OfRoom = None,
    device: OfDevice = None,
    if_revision: IfRevision = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let a level inherit thresholds again."""
    from rules.policy import NO_CHANGES

    room_id, device_id = _level(room, device)
    inherited = names_of(names)
    if "profile" in names and room_id is None and device_id is None:
        raise typer.BadParameter("a hotel always has a profile: set profile=normal")

    async def work(at: Installation) -> "LevelPolicy":
        return await at.store.change_policy(
            HotelId(hotel),
            NO_CHANGES,
            unset=inherited,
            room_id=room_id,
            device_id=device_id,
            if_revision=if_revision,
            by=at.by,
            now=at.now(),
        )

    _print(with_installation(data, work), as_json=as_json)


@app.command("exceptions")
def exceptions(hotel: HotelArgument, data: Data = None, as_json: AsJson = False) -> None:
    """List the rooms and tablets that decide thresholds themselves, and what they would be held to otherwise.

    The floor of a room is its calibration, and not listed.
    """

    async def work(at: Installation) -> "list[PolicyException]":
        return await at.store.policy_exceptions(HotelId(hotel))

    found = with_installation(data, work)
    if as_json:
        print_json(found)
        return
    print_table(
        ("room", "tablet", "threshold", "here", "otherwise"),
        [
            (one.room_id, one.device_id, word, *(_shown_of(level, name) for level in (one.own, one.inherited)))
            for one in found
            for word, name in _fields().items()
            if _shown_of(one.own, name) is not None
        ],
    )


def _shown_of(level: "PolicyChanges", name: str) -> object:
    """What a level says of a threshold, as people read it; None: nothing."""
    from msgspec import UNSET

    value = getattr(level, name)
    return None if value is UNSET else threshold_shown(name, value)


def _level(room: str | None, device: str | None) -> tuple[RoomId | None, DeviceId | None]:
    if room is not None and device is not None:
        raise typer.BadParameter("give --room or --device: a tablet has its policy in whichever room it stands")
    return (None if room is None else RoomId(room)), (None if device is None else DeviceId(device))


def _fields() -> dict[str, str]:
    """What each threshold is called in our records, by its name for people."""
    from msgspec.structs import fields

    from rules.policy import PolicyChanges

    return {field.encode_name: field.name for field in fields(PolicyChanges)}


def names_of(names: Sequence[str]) -> list[str]:
    """What thresholds are called in our records. Raises BadParameter for one that there is not."""
    fields = _fields()
    if unknown := [name for name in names if name not in fields]:
        raise typer.BadParameter(_no_such(unknown[0]))
    return [fields[name] for name in names]


def _no_such(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, _fields(), n=1)
    return f"there is no threshold {name!r}" + (f"; is it {near[0]}?" if near else ": see `innwatch policy show`")


def changes_of(thresholds: Sequence[str]) -> "PolicyChanges":
    """What was given as NAME=VALUE. Raises BadParameter, which says the limit."""
    import msgspec

    from rules.policy import NO_CHANGES, PolicyChanges, merged
    from rules.thresholds import THRESHOLDS

    changes, given = NO_CHANGES, dict[str, str]()
    for text in thresholds:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE, such as batteryLow=30")
        if name not in THRESHOLDS:
            raise typer.BadParameter(_no_such(name))
        if name in given:
            raise typer.BadParameter(f"{name} is given twice: {given[name]} and {value}")
        given[name] = value
        try:
            changes = merged(changes, msgspec.convert({name: _value(name, value)}, PolicyChanges))
        except msgspec.ValidationError:
            raise typer.BadParameter(f"{text}: it must be {THRESHOLDS[name].limits}") from None
    return changes


def _value(name: str, text: str) -> object:
    from config.variable import seconds
    from rules.policy import SPANS

    if _fields()[name] in SPANS and (found := seconds(text)) is not None:
        return found
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return int(number) if number.is_integer() else number  # a number of times takes no 3.0


def _print(policy: "LevelPolicy", *, as_json: bool) -> None:
    from msgspec import UNSET
    from msgspec.structs import asdict

    from rules.policy import in_full
    from rules.thresholds import THRESHOLDS

    inherited, effective = in_full(policy.inherited), in_full(policy.effective)
    if as_json:
        whole = {"own": policy.own, "inherited": inherited, "effective": effective, "revision": policy.revision}
        print_json({**whole, "pushed": policy.pushed})
        return
    levels = asdict(policy.own), asdict(inherited), asdict(effective)
    print_table(
        ("threshold", "own", "inherited", "in effect", "unit", "what it is"),
        [
            (
                word,
                *(None if level[name] is UNSET else threshold_shown(name, level[name]) for level in levels),
                THRESHOLDS[word].unit,
                f"{THRESHOLDS[word].words}: {THRESHOLDS[word].means}",
            )
            for word, name in _fields().items()
        ],
    )
    for moved, by in policy.pushed.items():
        stands, pushing = (plain(threshold_shown(name, levels[-1][name])) for name in names_of((moved, by)))
        print(f"{moved} is {stands} in effect, since {by} is {pushing}: the two would contradict each other")


def threshold_shown(name: str, value: object) -> object:
    """A threshold as people read it: durations with their unit. `name` is that of our records."""
    from datetime import timedelta

    from config.variable import shown
    from rules.policy import SPANS

    if name in SPANS and isinstance(value, (int, float)):
        text = shown(timedelta(seconds=value))
        return f"{text}s" if text[-1].isdigit() else text
    return value
