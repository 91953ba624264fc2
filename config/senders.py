"""How each kind of channel is reached, as the settings say it."""

from collections.abc import Callable
from datetime import datetime

from config.settings import Settings
from config.settings_notices import Smtp
from store.records import ChannelKind
from worker import EmailSender, NotSetUp, Sender, SlackSender, SmtpSecurity, SmtpSettings


def senders(settings: Settings, *, now: Callable[[], datetime]) -> dict[ChannelKind, Sender]:
    """A sender for every kind; what is switched off fails for good and says so in the ledger."""
    slack = (
        SlackSender(clock=now) if settings.slack_enabled else NotSetUp("Slack is switched off: SLACK_ENABLED is false")
    )
    return {
        ChannelKind.EMAIL: EmailSender(_smtp(settings.smtp), clock=now),
        ChannelKind.SLACK: slack,
    }


def _smtp(mail: Smtp | None) -> SmtpSettings | None:
    # Two records for one thing: the command line reads settings and must not load the mail library for it.
    if mail is None:
        return None
    return SmtpSettings(
        host=mail.host,
        port=mail.port,
        username=mail.username,
        password=mail.password,
        sender=mail.sender,
        security=SmtpSecurity(mail.security.value),
    )
