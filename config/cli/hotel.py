"""`innwatch hotel`: add, list, show."""

from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, Emails, HotelArgument, Name, SlackWebhook, TimeZone
from config.cli.printing import print_facts, print_json, print_table
from config.settings import Settings
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
        channels = _channels(at.settings, emails=email, slack_webhook=slack_webhook)
        await at.store.add_hotel(made, channels=channels, now=at.now())
        return channels

    channels = with_installation(data, work)
    if as_json:
        print_json(_record(made, channels))
    else:
        print(f"added hotel {hotel}; it tells {_who_is_told(channels)}")


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
            ("hotel", "name", "time zone", "profile"), [(one.id, one.name, one.timezone, one.profile) for one in hotels]
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
                "tells": _who_is_told(channels),
                **counts,
            }
        )


def _channels(settings: Settings, *, emails: list[str] | None, slack_webhook: str | None) -> "tuple[Channel, ...]":
    """What is given as an option replaces what the settings say of that kind of channel."""
    from config.first_run import default_channels

    if emails:
        settings = replace(settings, email_recipients=tuple(dict.fromkeys(emails)))
    if slack_webhook is not None:
        settings = replace(settings, slack_webhook_url=slack_webhook, slack_enabled=True)
    return default_channels(settings)


def _record(hotel: "Hotel", channels: "tuple[Channel, ...]") -> dict[str, object]:
    """The URL of a webhook stays out: whoever has it may post."""
    from store.records import EmailChannel

    told = [
        {"kind": one.kind, "recipients": one.recipients} if isinstance(one, EmailChannel) else {"kind": one.kind}
        for one in channels
    ]
    return {
        "id": hotel.id,
        "name": hotel.name,
        "timezone": hotel.timezone,
        "profile": hotel.profile,
        "channels": told,
    }


def _who_is_told(channels: "tuple[Channel, ...]") -> str:
    from store.records import EmailChannel

    words = [", ".join(one.recipients) if isinstance(one, EmailChannel) else "Slack" for one in channels]
    return " and ".join(words) or "nobody (give --email or --slack-webhook)"
