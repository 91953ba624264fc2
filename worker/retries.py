"""What follows a failed attempt. Pure: the answer is a row's next state, and the row is the only timer there is."""

from datetime import datetime, timedelta

from msgspec import Struct

from worker.channels import DeliveryFailed


class Retries(Struct, frozen=True, kw_only=True):
    """Waits double from `first` up to `longest`, each moved by up to ± `jitter` of itself.

    With these numbers the twentieth attempt comes after 1 h 40 min at the earliest, so that an outage of an hour is
    survived. What the other side asks for by Retry-After is granted up to `longest_asked`.
    """

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(minutes=10)
    longest_asked: timedelta = timedelta(hours=1)
    attempts: int = 20
    jitter: float = 0.2


class TryAgain(Struct, frozen=True):
    at: datetime
    error: str


class GiveUp(Struct, frozen=True):
    error: str


def after(
    failure: DeliveryFailed, attempt: int, *, now: datetime, chance: float, retries: Retries
) -> TryAgain | GiveUp:
    """Decide what follows attempt number `attempt` (from 1). `chance` in 0…1 places the jitter."""
    if failure.permanent:
        return GiveUp(failure.detail)
    if attempt >= retries.attempts:
        return GiveUp(f"given up after {attempt} attempts; the last: {failure.detail}")
    wait = backoff(attempt, chance=chance, retries=retries)
    asked = min(failure.retry_after or timedelta(), retries.longest_asked)
    return TryAgain(at=now + max(wait, asked), error=failure.detail)


def backoff(attempt: int, *, chance: float, retries: Retries) -> timedelta:
    """Return the wait after attempt number `attempt`."""
    doubled = retries.first * (1 << min(attempt - 1, 30))  # Bounded: no timedelta holds 2 to the power of anything.
    return min(doubled, retries.longest) * (1 + retries.jitter * (2 * chance - 1))
