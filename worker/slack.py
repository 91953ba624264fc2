"""Notices to Slack through an incoming webhook. The webhook's URL is a secret: whoever has it may post.

The request goes through httpx's transport and not through its client, because the client writes every URL into the log
(and follows the proxies that the environment names, which only config may read).
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import msgspec
from msgspec import Struct

from rules.words import one_line
from store.records import Claimed, SlackChannel
from worker.channels import DeliveryFailed, clean
from worker.wording import Notice

TRY_AGAIN = frozenset({408, 425, 429})
"""The answers below 500 that are about this moment and not about the request."""

LONGEST_WAIT = timedelta(days=7)
LONGEST_ANSWER = 1024
LONGEST_SECTION = 3000
"""Slack refuses a section of over 3,000 characters, and a header of over 150."""


class _Text(Struct, frozen=True):
    type: str
    text: str


class _Block(Struct, frozen=True):
    type: str
    text: _Text


class _Post(Struct, frozen=True):
    text: str
    blocks: tuple[_Block, ...]


class SlackSender:
    """Posts one message per notice. `timeout` bounds each wait on the network, and `5 × timeout` the whole."""

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        timeout: timedelta = timedelta(seconds=5),
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._clock = clock
        self._timeout = timeout.total_seconds()
        self._tls_context = tls_context or ssl.create_default_context()

    async def deliver(self, notice: Notice, claimed: Claimed) -> None:
        """Post to the channel's webhook. Raises DeliveryFailed."""
        if not isinstance(claimed.channel, SlackChannel):
            raise TypeError(f"a {claimed.channel.kind} channel was given to Slack")
        url = claimed.channel.webhook_url
        with _explained():
            request = httpx.Request(
                "POST",
                url,
                content=msgspec.json.encode(compose(notice)),
                headers={
                    "Content-Type": "application/json",
                    "User-Agent": "innwatch",
                    "X-Innwatch-Notification": claimed.idempotency_id,
                },
                extensions={"timeout": httpx.Timeout(self._timeout).as_dict()},
            )
            if request.url.scheme not in {"http", "https"} or not request.url.host:
                raise httpx.InvalidURL("")
            async with asyncio.timeout(5 * self._timeout):
                await self._post(request, url)

    async def _post(self, request: httpx.Request, url: str) -> None:
        async with httpx.AsyncHTTPTransport(verify=self._tls_context, trust_env=False) as transport:
            response = await transport.handle_async_request(request)
            try:
                if response.is_success:
                    return
                words = clean(await _beginning(response), secrets=_secrets(url))
            finally:
                await response.aclose()
        status = response.status_code
        raise DeliveryFailed(
            f"Slack answered {status}" + (f": {words}" if words else ""),
            permanent=status < 500 and status not in TRY_AGAIN,
            retry_after=retry_after(response.headers.get("Retry-After"), now=self._clock()),
        )


def compose(notice: Notice) -> _Post:
    """Lay a notice out. `text` is what a phone's lock screen shows."""
    lines = [f"<{escape(notice.link)}|Open it in Innwatch>"] if notice.link else []
    lines += [f"*{escape(label)}:* {escape(value)}" for label, value in notice.facts]
    lines += [f"• {escape(reason)}" for reason in notice.reasons]
    if notice.remark:
        lines.append(escape(notice.remark))
    header = _Block("header", _Text("plain_text", one_line(notice.headline, most=150)))
    section = _Block("section", _Text("mrkdwn", "\n".join(_fitting(lines))))
    return _Post(text=escape(notice.subject), blocks=(header, section))


def _fitting(lines: Sequence[str]) -> Iterator[str]:
    """Yield whole lines as long as they fit: a line that is cut could end inside an escaped character."""
    room = LONGEST_SECTION
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return
        yield line


def escape(text: str) -> str:
    """Make text mean only itself in Slack's mrkdwn, so that no room can be called `<!channel>`.

    Slack's own rule: `&`, `<` and `>`, and nothing else.
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def retry_after(header: str | None, *, now: datetime) -> timedelta | None:
    """Read Retry-After: seconds or an HTTP date (RFC 9110 §10.2.3), at most `LONGEST_WAIT`.

    None where it is missing, past or senseless.
    """
    if header is None:
        return None
    if header.isascii() and header.strip().isdigit():
        # Nine digits are more than the longest wait, and Python reads no number of 5,000.
        return min(timedelta(seconds=int(header.strip().lstrip("0")[:9] or "0")), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(header)
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, LookupError, OverflowError):
        return None  # A date that is none, or whose zone is further away than any time can be.
    return min(wait, LONGEST_WAIT) if wait > timedelta() else None


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what can go wrong on the way into DeliveryFailed. No words of httpx, which quote the URL."""
    try:
        yield
    except (TimeoutError, httpx.TimeoutException):
        raise DeliveryFailed("Slack did not answer in time", permanent=False) from None
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError):
        raise DeliveryFailed("the webhook's address is not a web address", permanent=True) from None
    except (httpx.TransportError, OSError) as failure:
        raise DeliveryFailed(f"cannot reach Slack ({type(failure).__name__})", permanent=False) from None


async def _beginning(response: httpx.Response) -> str:
    """Read the first of an answer's body, in which Slack says what it did not like."""
    read = b""
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) >= LONGEST_ANSWER:
            break
    return read[:LONGEST_ANSWER].decode("utf-8", "replace")


def _secrets(url: str) -> list[str]:
    """Everything in the URL that a server could quote: itself, its path, and the parts that make it unguessable."""
    path = httpx.URL(url).raw_path.decode("ascii", "replace")
    return [url, path, *(part for part in path.replace("?", "/").split("/") if len(part) >= 6)]
