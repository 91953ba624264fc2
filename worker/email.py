"""Notices by e-mail, through the one mail server of the installation.

The Message-ID is made from the notification's idempotency id and so is the same at each attempt: a mail that was sent
twice, because a worker died before it could record the first, is one mail to whoever filters by it.
"""

import base64
import contextlib
import html
import logging
import re
import ssl
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_LINES
from email.utils import format_datetime, formataddr

import aiosmtplib
from aiosmtplib import SMTPResponse as _Answer

from store.records import Claimed, EmailChannel
from worker.channels import DeliveryFailed, clean
from worker.smtp import Smtp, SmtpSecurity
from worker.wording import Notice

logger = logging.getLogger(__name__)

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class EmailSender:
    """Sends one mail to all recipients of a channel. `smtp` None: every delivery fails for good and says why."""

    def __init__(
        self,
        smtp: Smtp | None,
        *,
        clock: Callable[[], datetime],
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._smtp = smtp
        self._clock = clock
        self._tls_context = tls_context
        self._reached = _Reached()

    async def deliver(self, notice: Notice, claimed: Claimed) -> None:
        """Deliver to the recipients of the channel. Raises DeliveryFailed.

        A recipient whom the server refuses for good does not keep the others from being told; the delivery fails only
        if nobody is left. One refused for now fails it for now, and the next attempt goes to those not yet reached.
        """
        if self._smtp is None:
            raise DeliveryFailed("e-mail is not set up: SMTP_HOST is missing", permanent=True)
        recipients = _recipients(claimed)
        if not recipients:
            raise DeliveryFailed("the channel has no recipients", permanent=True)
        waiting = self._reached.not_yet(claimed.idempotency_id, recipients)
        mail = _composed(notice, claimed, sender=self._smtp.sender, at=self._clock())
        with _explained(self._smtp):
            refused = await self._send(self._smtp, mail, recipients=waiting)
        self._reached.add(claimed.idempotency_id, set(waiting) - refused.keys())
        if refused:
            self._judge(claimed, refused, of=len(recipients))

    async def try_out(self) -> None:
        """Connect, secure the line and log in as for a delivery, and send nothing. Raises DeliveryFailed."""
        if self._smtp is None:
            raise DeliveryFailed("e-mail is not set up: SMTP_HOST is missing", permanent=True)
        client = self._client(self._smtp)
        try:
            with _explained(self._smtp):
                await client.connect()
            await _say_goodbye(client)
        finally:
            client.close()

    def _client(self, smtp: Smtp) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=smtp.host,
            port=smtp.port,
            username=smtp.username,
            password=smtp.password,
            timeout=smtp.timeout.total_seconds(),
            tls_context=self._tls_context,
            # Named, because finding out one's own name asks the DNS and may hang without a time-out.
            local_hostname=_domain(smtp.sender),
            use_tls=_is_tls(smtp),
            start_tls=_wants_start_tls(smtp),
        )

    async def _send(self, smtp: Smtp, mail: EmailMessage, *, recipients: Sequence[str]) -> dict[str, _Answer]:
        """Hand the mail over; returns whom the server refused. The mail is with it if that is not everybody."""
        client = self._client(smtp)
        try:
            await client.connect()
            refused, _ = await client.send_message(mail, sender=smtp.sender, recipients=list(recipients))
            await _say_goodbye(client)
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            refused = {each.recipient: _Answer(each.code, each.message) for each in refusal.recipients}
        finally:
            client.close()
        return refused

    def _judge(self, claimed: Claimed, refused: dict[str, _Answer], *, of: int) -> None:
        """Decide what refused recipients mean. The softest answer counts: somebody may still be reached."""
        softest = min(refused.values())
        if softest.code >= 500 and self._reached.any(claimed.idempotency_id):
            logger.warning(
                "recipients refused for good",
                {
                    "hotel": claimed.hotel_id,
                    "notification": claimed.id,
                    claimed.noun: claimed.about.id,
                    "refused": len(refused),
                    "of": of,
                },
            )
            return
        answer = _clean(str(softest), self._smtp)
        raise DeliveryFailed(
            f"the mail server refused {len(refused)} of {of} recipients: {answer}", permanent=softest.code >= 500
        )


class _Reached:
    """Who has a notice already, of those notices that the server took for some recipients and not yet for others.

    Only a memory against repetition: it is bounded, and a restart forgets it.
    """

    def __init__(self, *, most: int = 1000) -> None:
        self._most = most
        self._by_notice: OrderedDict[str, set[str]] = OrderedDict()

    def add(self, notice: str, recipients: set[str]) -> None:
        self._by_notice.setdefault(notice, set()).update(recipients)
        while len(self._by_notice) > self._most:
            self._by_notice.popitem(last=False)

    def any(self, notice: str) -> bool:
        return bool(self._by_notice.get(notice))

    def not_yet(self, notice: str, recipients: Sequence[str]) -> list[str]:
        """Those still to be told; everybody if nobody is left, which happens when a sent mail was not recorded."""
        return [each for each in recipients if each not in self._by_notice.get(notice, ())] or list(recipients)


def _composed(notice: Notice, claimed: Claimed, *, sender: str, at: datetime) -> EmailMessage:
    """Compose and lay out once, so that what cannot be laid out is found here. Raises DeliveryFailed, for good."""
    try:
        mail = compose(notice, claimed, sender=sender, at=at)
        mail.as_bytes()
    # The standard library's parser of addresses has no error of its own: a wrong one makes it raise ValueError,
    # IndexError, AttributeError and what else it stumbles over. No attempt would go better.
    except Exception as failure:  # noqa: BLE001
        why = f"cannot write the mail, is every address right? ({type(failure).__name__})"
        raise DeliveryFailed(why, permanent=True) from None
    return mail


def compose(notice: Notice, claimed: Claimed, *, sender: str, at: datetime) -> EmailMessage:
    """Make the mail, text and HTML. Raises whatever for an address that no header may hold."""
    domain = _domain(sender)
    mail = EmailMessage(policy=SMTP_LINES)
    mail["From"] = formataddr(("Innwatch", sender))
    mail["To"] = ", ".join(_recipients(claimed))
    mail["Subject"] = notice.subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{_token(claimed.idempotency_id)}@{domain}>"
    # One thread per alert or incident in the reader's mail program.
    mail["References"] = f"<{claimed.noun}-{_token(claimed.about.id)}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    if notice.urgent:
        mail["Importance"] = "high"
    mail.set_content(notice.text)
    mail.add_alternative(_as_html(notice), subtype="html")
    return mail


def _as_html(notice: Notice) -> str:
    esc = html.escape
    facts = "".join(
        f'<tr><td style="padding-right:1em;color:#666">{esc(label)}</td><td>{esc(value)}</td></tr>'
        for label, value in notice.facts
    )
    reasons = "".join(f"<li>{esc(reason)}</li>" for reason in notice.reasons)
    parts = [
        f'<p style="font-size:1.2em"><strong>{esc(notice.headline)}</strong></p>',
        f"<table>{facts}</table>",
        f"<p>Why:</p><ul>{reasons}</ul>" if reasons else "",
        f"<p>{esc(notice.remark)}</p>" if notice.remark else "",
        f'<p><a href="{esc(notice.link)}">Open it in Innwatch</a></p>' if notice.link else "",
    ]
    return f'<div style="font-family:sans-serif">{"".join(parts)}</div>\n'


@contextlib.contextmanager
def _explained(smtp: Smtp) -> Iterator[None]:
    """Turn what can go wrong with a mail server into DeliveryFailed. RFC 5321: 5xx is for good, 4xx for now."""
    server = f"{smtp.host}:{smtp.port}"
    try:
        yield
    except aiosmtplib.SMTPAuthenticationError as refusal:
        answer = _clean(f"{refusal.code} {refusal.message}", smtp)
        raise DeliveryFailed(f"{server} refused the login: {answer}", permanent=refusal.code >= 500) from None
    except aiosmtplib.SMTPResponseException as refusal:
        answer = _clean(f"{refusal.code} {refusal.message}", smtp)
        raise DeliveryFailed(f"{server} refused the mail: {answer}", permanent=refusal.code >= 500) from None
    except TimeoutError:
        raise DeliveryFailed(f"{server} did not answer in time", permanent=False) from None
    except OSError as failure:
        raise DeliveryFailed(f"cannot reach {server}: {_clean(_root(failure), smtp)}", permanent=False) from None
    except (aiosmtplib.SMTPException, ValueError) as failure:
        # What the server cannot do: STARTTLS, login, such an address.
        raise DeliveryFailed(f"cannot mail by {server}: {_clean(str(failure), smtp)}", permanent=True) from None


def _root(failure: BaseException) -> str:
    """The words of what went wrong first; aiosmtplib's own only say where."""
    while failure.__cause__ is not None:
        failure = failure.__cause__
    return str(failure) or type(failure).__name__


async def _say_goodbye(client: aiosmtplib.SMTP) -> None:
    """End politely, but the mail is delivered already: nothing that happens now may make it look undelivered."""
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await client.quit(timeout=1)


def _is_tls(smtp: Smtp) -> bool:
    return smtp.security is SmtpSecurity.TLS or (smtp.security is SmtpSecurity.AUTO and smtp.port == 465)


def _wants_start_tls(smtp: Smtp) -> bool | None:
    """None: if the server offers it."""
    if smtp.security is not SmtpSecurity.AUTO or _is_tls(smtp):
        return smtp.security is SmtpSecurity.STARTTLS
    # Who sits between us and the server could hide the offer and read the password.
    return True if smtp.password and smtp.host not in LOOPBACK else None


def _clean(text: str, smtp: Smtp | None) -> str:
    password = smtp.password if smtp and smtp.password else ""
    user = smtp.username if smtp and smtp.username else ""
    # As PLAIN and LOGIN send it, since a server may quote the line that it refused.
    sent = [base64.b64encode(text.encode()).decode() for text in (password, f"\0{user}\0{password}") if password]
    return clean(text, secrets=[password, *sent])


def _recipients(claimed: Claimed) -> tuple[str, ...]:
    if not isinstance(claimed.channel, EmailChannel):
        raise TypeError(f"a {claimed.channel.kind} channel was given to e-mail")
    return claimed.channel.recipients


def _domain(address: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "", address.rpartition("@")[2]) or "localhost"


def _token(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)
