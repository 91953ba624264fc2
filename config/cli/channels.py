"""Whom a hotel tells, as options say it and as commands show it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from config.cli.printing import warn
from config.settings import Settings

if TYPE_CHECKING:
    from store.records import Channel


def given_channels(
    settings: Settings, *, emails: Sequence[str] | None, slack_webhook: str | None
) -> "tuple[Channel, ...]":
    """The channels of the settings, where the options do not name others of that kind."""
    from config.first_run import default_channels

    if emails:
        settings = replace(settings, email_recipients=tuple(dict.fromkeys(emails)))
    if slack_webhook is not None:
        settings = replace(settings, slack_webhook_url=slack_webhook, slack_enabled=True)
    return default_channels(settings)


def warn_of_dead_ones(channels: "Sequence[Channel]", settings: Settings) -> None:
    """Say which of them nothing can go out by. The process that sends may have other settings than this one."""
    from store.records import ChannelKind

    kinds = {one.kind for one in channels}
    if ChannelKind.EMAIL in kinds and settings.smtp is None:
        warn("e-mail is not set up: SMTP_HOST is missing, or SMTP_ENABLED is false; `up`, or `worker`, needs it")
    if ChannelKind.SLACK in kinds and not settings.slack_enabled:
        warn("Slack is switched off: SLACK_ENABLED is false; an `up` or `worker` that is set so sends nothing there")


def channel_record(channel: "Channel") -> dict[str, object]:
    """The URL of a webhook stays out: whoever has it may post."""
    from store.records import EmailChannel

    if isinstance(channel, EmailChannel):
        return {"kind": channel.kind, "recipients": channel.recipients, "it": channel.it}
    return {"kind": channel.kind, "it": channel.it}


def who_is_told(channels: "Sequence[Channel]") -> str:
    from store.records import EmailChannel

    words = [
        (", ".join(one.recipients) if isinstance(one, EmailChannel) else "Slack") + (" (IT)" if one.it else "")
        for one in channels
    ]
    return " and ".join(words) or "nobody (see `innwatch hotel channel-add`)"
