"""`innwatch hotel`: add, list, show; whom it tells; suspend and resume."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.channels import channel_record, given_channels, warn_of_dead_ones, who_is_told
from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, Emails, HotelArgument, Name, SlackWebhook, TimeZone
from config.cli.printing import in_zone, plain, print_facts, print_json, print_table
from rules.ids import HotelId
from rules.policy import Profile

if TYPE_CHECKING:
    from store.records import Channel, ChannelRow, Hotel, HotelFacts

app = typer.Typer(name="hotel", help="Hotels and whom they tell.", no_args_is_help=True)


@app.command("add")
def add(
    hotel: HotelArgument,
    name: Name = None,
    timezone: TimeZone = "UTC",
    profile: Annotated[Profile, typer.Option("--profile", help="How quick a silence is.")] = Profile.NORMAL,
    email: Emails = None,
    slack_webhook: SlackWebhook = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add a hotel. Whom it tells: --email and --slack-webhook, else ALERT_EMAIL_RECIPIENTS and SLACK_WEBHOOK_URL."""
    from store.records import Hotel

    made = Hotel(id=HotelId(hotel), name=name or hotel, timezone=timezone, profile=profile)

    async def work(at: Installation) -> "tuple[Channel, ...]":
        channels = given_channels(at.settings, emails=email, slack_webhook=slack_webhook)
        await at.store.add_hotel(made, channels=channels, by=at.by, now=at.now())
        warn_of_dead_ones(channels, at.settings)
        return channels

    channels = with_installation(data, work)
    if as_json:
        print_json(_record(made, channels))
    else:
        print(f"added hotel {hotel}; it tells {who_is_told(channels)}")


@app.command("list")
def list_(data: Data = None, as_json: AsJson = False) -> None:
    """List the hotels."""

    async def work(at: Installation) -> "tuple[Hotel, ...]":
        return await at.store.hotels()

    hotels = with_installation(data, work)
    if as_json:
        print_json(hotels)
    else:
        print_table(
            ("hotel", "name", "time zone", "profile", "suspended"),
            [(one.id, one.name, one.timezone, one.profile, _at_home(one)) for one in hotels],
        )


@app.command("show")
def show(hotel: HotelArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Show a hotel, how much is in it, and whom it tells."""

    async def work(at: Installation) -> "tuple[HotelFacts, tuple[ChannelRow, ...]]":
        return await at.store.load_hotel(HotelId(hotel)), await at.store.channels(HotelId(hotel))

    facts, rows = with_installation(data, work)
    channels = tuple(row.channel for row in rows)
    counts = {"rooms": len(facts.rooms), "devices": len(facts.devices)}
    if as_json:
        print_json(_record(facts.hotel, channels) | counts)
    else:
        print_facts(
            {
                "hotel": facts.hotel.id,
                "name": facts.hotel.name,
                "time zone": facts.hotel.timezone,
                "profile": facts.hotel.profile,
                "suspended": _at_home(facts.hotel),
                "tells": who_is_told(channels),
                **counts,
            }
        )


@app.command("suspend")
def suspend(hotel: HotelArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Shut out everybody of a hotel, tablets and people and integrators, until `resume`.

    Nothing is deleted, and open alerts stay open. Its tablets count as away, not as silent: nobody watches them.
    """

    async def work(at: Installation) -> tuple[bool, "Hotel"]:
        changed = await at.store.suspend_hotel(HotelId(hotel), by=at.by, now=at.now())
        return changed, await at.store.hotel(HotelId(hotel))

    changed, found = with_installation(data, work)
    if as_json:
        print_json({"id": hotel, "suspendedAt": found.suspended_at, "changed": changed})
    elif changed:
        print(f"suspended {hotel}: everybody of it is out within seconds, and its tablets are not watched")
        print(f"to let them in again: innwatch hotel resume {hotel}")
    else:
        print(f"{hotel} was suspended already, at {plain(_at_home(found))}")


@app.command("resume")
def resume(hotel: HotelArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Let everybody of a suspended hotel in again. Each tablet is watched from its first sign of life on."""

    async def work(at: Installation) -> bool:
        return await at.store.resume_hotel(HotelId(hotel), by=at.by, now=at.now())

    changed = with_installation(data, work)
    if as_json:
        print_json({"id": hotel, "suspendedAt": None, "changed": changed})
    elif changed:
        print(f"resumed {hotel}; those of its tablets that stay away are in `innwatch device list {hotel}`")
    else:
        print(f"{hotel} was not suspended")


@app.command("channels")
def channels(hotel: HotelArgument, data: Data = None, as_json: AsJson = False) -> None:
    """List the channels by which a hotel tells people."""

    async def work(at: Installation) -> "tuple[ChannelRow, ...]":
        await at.store.hotel(HotelId(hotel))
        rows = await at.store.channels(HotelId(hotel))
        warn_of_dead_ones([row.channel for row in rows], at.settings)
        return rows

    rows = with_installation(data, work)
    if as_json:
        print_json([_channel_record(row) for row in rows])
    else:
        print_table(
            ("channel", "kind", "tells"), [(row.id, row.channel.kind, who_is_told([row.channel])) for row in rows]
        )


@app.command("channel-add")
def channel_add(
    hotel: HotelArgument,
    email: Emails = None,
    slack_webhook: SlackWebhook = None,
    it: Annotated[
        bool, typer.Option("--it", help="For the hotel's IT: told of tokens that expire, and of nothing else.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let a hotel tell more people: of the alerts that change from now on."""
    if not email and slack_webhook is None:
        raise typer.BadParameter("give --email ADDRESS or --slack-webhook URL")

    async def work(at: Installation) -> "tuple[ChannelRow, ...]":
        await at.store.hotel(HotelId(hotel))
        new = _added(await at.store.channels(HotelId(hotel)), emails=email, slack_webhook=slack_webhook, it=it)
        rows = [await at.store.add_channel(HotelId(hotel), one, by=at.by, now=at.now()) for one in new]
        warn_of_dead_ones(new, at.settings)
        return tuple(rows)

    rows = with_installation(data, work)
    if as_json:
        print_json([_channel_record(row) for row in rows])
    else:
        print(f"{hotel} tells {who_is_told([row.channel for row in rows])} from now on")


@app.command("channel-remove")
def channel_remove(
    hotel: HotelArgument,
    channel: Annotated[int, typer.Argument(metavar="CHANNEL", help="Its number, of `hotel channels`.", min=1)],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let a channel tell nobody any more. What waits for it is cancelled; what it told stays in the ledger."""

    async def work(at: Installation) -> "tuple[ChannelRow, ...]":
        from store.records import ChannelId

        await at.store.hotel(HotelId(hotel))
        await at.store.remove_channel(HotelId(hotel), ChannelId(channel), by=at.by, now=at.now())
        return await at.store.channels(HotelId(hotel))

    rows = with_installation(data, work)
    if as_json:
        print_json([_channel_record(row) for row in rows])
    else:
        print(f"removed channel {channel}; {hotel} tells {who_is_told([row.channel for row in rows])}")


def _at_home(hotel: "Hotel") -> "datetime | None":
    """Since when it is suspended, as its own clocks show it."""
    from zoneinfo import ZoneInfo

    return in_zone(hotel.suspended_at, ZoneInfo(hotel.timezone))


def _channel_record(row: "ChannelRow") -> dict[str, object]:
    return {"id": row.id} | channel_record(row.channel)


def _record(hotel: "Hotel", channels: "tuple[Channel, ...]") -> dict[str, object]:
    return {
        "id": hotel.id,
        "name": hotel.name,
        "timezone": hotel.timezone,
        "profile": hotel.profile,
        "suspendedAt": hotel.suspended_at,
        "channels": [channel_record(one) for one in channels],
    }


def _added(
    there: "Sequence[ChannelRow]", *, emails: list[str] | None, slack_webhook: str | None, it: bool
) -> "tuple[Channel, ...]":
    """The channels to add. Raises StartRefused for one that would tell somebody everything twice."""
    from config.errors import StartRefused
    from store.records import EmailChannel, SlackChannel

    told = {
        address
        for row in there
        if isinstance(row.channel, EmailChannel) and row.channel.it == it
        for address in row.channel.recipients
    }
    for address in emails or ():
        if address in told:
            raise StartRefused(f"{address} gets this hotel's alerts already")
    channels: list[Channel] = [EmailChannel(tuple(dict.fromkeys(emails)), it)] if emails else []
    if slack_webhook is not None:
        channels.append(SlackChannel(slack_webhook, it))
        if any(row.channel == channels[-1] for row in there):
            raise StartRefused("this webhook gets this hotel's alerts already")
    return tuple(channels)
