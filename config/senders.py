"""How each kind of channel is reached, as the settings say it."""

from collections.abc import Callable
from datetime import datetime

from config.settings import Settings
from store.records import ChannelKind
from worker.channels import NotSetUp, Sender
from worker.email import EmailSender
from worker.slack import SlackSender


def senders(settings: Settings, *, now: Callable[[], datetime]) -> dict[ChannelKind, Sender]:
    """A sender for every kind; what is switched off fails for good and says so in the ledger."""
    slack = (
        SlackSender(clock=now) if settings.slack_enabled else NotSetUp("Slack is switched off: SLACK_ENABLED is false")
    )
    return {
        ChannelKind.EMAIL: EmailSender(settings.smtp, clock=now),
        ChannelKind.SLACK: slack,
    }
