"""What the environment says of telling people: the mail server, Slack, and whom new hotels tell."""

from typing import Final

from config.addresses import is_web_address
from config.errors import BadSetting
from config.variable import PORT, TEXT, YES_OR_NO, Environment, Kind, Variable, choice
from rules.mail import is_mail_address
from worker.smtp import Smtp, SmtpSecurity

WEB_ADDRESS: Final[Kind[str]] = Kind(
    "a whole URL such as https://example.com/path", lambda text: text if is_web_address(text) else None
)


def _addresses(text: str) -> tuple[str, ...] | None:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    return found if all(map(is_mail_address, found)) else None


SMTP_HOST: Final = Variable("SMTP_HOST", TEXT, None, "The mail server.")
SMTP_PORT: Final = Variable("SMTP_PORT", PORT, 587, "Its port.")
SMTP_ENABLED: Final = Variable(
    "SMTP_ENABLED",
    YES_OR_NO,
    None,
    "`false`: no mail goes out, whatever else is set.",
    unset="true when SMTP_HOST is set",
)
SMTP_USERNAME: Final = Variable(
    "SMTP_USERNAME", TEXT, None, "Who logs in to it; `SMTP_USER` is read too.", other_name="SMTP_USER"
)
SMTP_PASSWORD: Final = Variable("SMTP_PASSWORD", TEXT, None, "The password for that.", is_secret=True)
SMTP_FROM: Final = Variable(
    "SMTP_FROM", TEXT, None, "The sender of the mails.", unset="the user name, or `innwatch@localhost`"
)
SMTP_SECURITY: Final = Variable(
    "SMTP_SECURITY",
    choice(*SmtpSecurity),
    SmtpSecurity.AUTO.value,
    "`auto` (STARTTLS when it is offered; TLS on port 465), `starttls`, `tls` or `none`.",
)
EMAIL_RECIPIENTS: Final = Variable(
    "ALERT_EMAIL_RECIPIENTS",
    Kind("mail addresses with commas between them", _addresses),
    (),
    "Mail addresses with commas between them: whom a hotel tells that is added without `--email`.",
)
SLACK_ENABLED: Final = Variable(
    "SLACK_ENABLED", YES_OR_NO, default=True, about="`false`: nothing goes to Slack, whatever else is set."
)
SLACK_WEBHOOK_URL: Final = Variable(
    "SLACK_WEBHOOK_URL",
    WEB_ADDRESS,
    None,
    "The webhook of a hotel that is added without `--slack-webhook`.",
    is_secret=True,
)

NOTICES: Final = (
    SMTP_HOST,
    SMTP_PORT,
    SMTP_ENABLED,
    SMTP_USERNAME,
    SMTP_PASSWORD,
    SMTP_FROM,
    SMTP_SECURITY,
    EMAIL_RECIPIENTS,
    SLACK_ENABLED,
    SLACK_WEBHOOK_URL,
)


def read_smtp(environment: Environment) -> Smtp | None:
    """The mail server. Every variable is checked, whether mail is on or not. Raises BadSetting."""
    host, username = environment.read(SMTP_HOST), environment.read(SMTP_USERNAME)
    enabled = environment.read(SMTP_ENABLED)
    port, password = environment.read(SMTP_PORT), environment.read(SMTP_PASSWORD)
    security = SmtpSecurity(environment.read(SMTP_SECURITY))
    sender = environment.read(SMTP_FROM) or (username if username and "@" in username else "innwatch@localhost")
    if enabled is False or (host is None and enabled is None):
        return None
    if host is None:
        raise BadSetting(f"{SMTP_ENABLED} is true but {SMTP_HOST} is missing; set it to the mail server's name")
    return Smtp(host=host, port=port, username=username, password=password, sender=sender, security=security)
