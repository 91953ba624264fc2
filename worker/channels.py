"""What every channel is: it delivers one worded notice to one address, or says why not and whether to try again."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

from rules.words import one_line
from store.records import Claimed
from worker.wording import Notice

LONGEST_DETAIL = 300
"""Characters of a failure's detail: it is stored with the row and shown in the console."""


class DeliveryFailed(Exception):
    """A notice was not delivered.

    `permanent`: trying again cannot help. `detail` is one line for people, without any secret. `retry_after` is how
    long the other side asked us to wait, if it did.
    """

    def __init__(self, detail: str, *, permanent: bool, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.permanent = permanent
        self.retry_after = retry_after


class Sender(Protocol):
    """Knows nothing of schedules, attempts or stores. Every wait on the network has a time-out of its own."""

    async def deliver(self, notice: Notice, claimed: Claimed) -> None:
        """Deliver to what `claimed.channel` names; `claimed.idempotency_id` travels along. Raises DeliveryFailed."""
        ...


class NotSetUp:
    """Stands in for a channel that this installation cannot use, so that its notices are visibly dead."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def deliver(self, notice: Notice, claimed: Claimed) -> None:
        """Fail for good, with the reason. Raises DeliveryFailed, always."""
        raise DeliveryFailed(self._reason, permanent=True)


def clean(text: str, *, secrets: Iterable[str]) -> str:
    """Make a peer's words fit to be stored and shown: one printable line in which no secret stands."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return one_line(text, most=LONGEST_DETAIL)
