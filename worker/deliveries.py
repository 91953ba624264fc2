"""One notification from claim to record.

At least once: who is killed between sending and recording leaves a claim whose lease ends, and somebody sends again
under the same idempotency id. Everything waited for here has an end: the network by a time-out, and at a stop all of it
by `interrupt` and `abandon`, which are called from another thread.
"""

import asyncio
import logging
import random
import secrets
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from rules.ids import HotelId
from rules.incident import IncidentSnapshot
from store.errors import DataRefused, OutcomeUnknown, StoreUnavailable
from store.records import ChannelKind, Claimed, NotificationId
from worker.channels import DeliveryFailed, NotSetUp, Sender
from worker.incident_wording import word_incident
from worker.metrics import WorkerMetrics
from worker.outbox import Outbox
from worker.retries import GiveUp, TryAgain, after
from worker.settings import WorkerSettings
from worker.wording import Notice, word

logger = logging.getLogger(__name__)

ASK_AGAIN_AFTER = 1.0
"""Seconds between two attempts, while the store is away, at recording what was sent or learning what was claimed."""


class Delivered(Struct, frozen=True):
    """The other side has it."""


Outcome = Delivered | TryAgain | GiveUp


class Deliveries:
    """Makes deliveries, many at a time, on one event loop."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        senders: Mapping[ChannelKind, Sender],
        clock: Callable[[], datetime],
        metrics: WorkerMetrics,
        settings: WorkerSettings,
    ) -> None:
        self._outbox = outbox
        self._senders = senders
        self._clock = clock
        self._metrics = metrics
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._whole: set[asyncio.Timeout] = set()
        self._sending: set[asyncio.Timeout] = set()
        self._refused: dict[NotificationId, datetime] = {}
        self._interrupted = False
        self._abandoned = False

    @property
    def under_way(self) -> int:
        """How many deliveries there are at this moment. May be read from any thread."""
        return len(self._whole)

    def interrupt(self) -> None:
        """End every wait on the network now; what was being sent is given back to the outbox. From any thread."""
        self._interrupted = True
        self._call(lambda: _end(self._sending))

    def abandon(self) -> None:
        """End every wait on the store too; the claims end with their leases. From any thread."""
        self._abandoned = True
        self._call(lambda: _end(self._whole))

    def _call(self, deed: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # The loop has ended, and every wait with it.
                self._loop.call_soon_threadsafe(deed)

    async def deliver(self, hotel_id: HotelId, notification_id: NotificationId) -> None:
        """Deliver one notification, if it is due and nobody else has it.

        Failures are recorded and not raised, a sender's faults among them. What is raised is a fault of Innwatch's own.
        """
        self._loop = asyncio.get_running_loop()
        scope = asyncio.timeout(None)
        try:
            async with scope:
                with _held(self._whole, scope, ended=self._abandoned):
                    await self._deliver(hotel_id, notification_id)
        except TimeoutError:
            if not scope.expired():
                raise
            logger.warning("delivery abandoned", {"hotel": hotel_id, "notification": notification_id})
        except StoreUnavailable as failure:
            # The claim was not made, or ends with its lease: the next look at the outbox finds it again.
            logger.warning("delivery put off", {"hotel": hotel_id, "notification": notification_id, "error": failure})
        except DataRefused as refusal:
            # Of this row alone, so that it is no reason to end either.
            logger.error(  # noqa: TRY400 - its words say all
                "delivery refused by the store",
                {"hotel": hotel_id, "notification": notification_id, "error": refusal},
            )
            self._leave_alone(notification_id)

    def _leave_alone(self, notification_id: NotificationId) -> None:
        """Do not ask for it for as long as a lease, also where the claim itself was refused and there is none."""
        now = self._clock()
        self._refused = {row: until for row, until in self._refused.items() if until > now}
        self._refused[notification_id] = now + self._settings.lease

    async def _deliver(self, hotel_id: HotelId, notification_id: NotificationId) -> None:
        if self._interrupted or self._refused.get(notification_id, self._clock()) > self._clock():
            return
        # A name for this claim alone: this very worker may claim it again when this lease has ended.
        claim = f"{self._settings.name or 'worker'}-{secrets.token_hex(8)}"
        claimed = await self._claim(hotel_id, notification_id, claim=claim)
        if claimed is None:
            return
        outcome = await self._attempt(claimed)
        recorded = await self._record(claimed, outcome, claim=claim)
        self._report(claimed, outcome, recorded=recorded)

    async def _claim(self, hotel_id: HotelId, notification_id: NotificationId, *, claim: str) -> Claimed | None:
        """Claim it. Where the answer is lost, ask until it is known: nobody else sends it before the lease ends."""
        lease = self._settings.lease
        lost_at: datetime | None = None
        while True:
            now = self._clock()
            try:
                return await self._outbox.claim_notification(
                    hotel_id, notification_id, worker=claim, now=now, lease=lease
                )
            except StoreUnavailable as failure:
                if lost_at is None and isinstance(failure, OutcomeUnknown):
                    lost_at = now
                if lost_at is None or self._interrupted or now >= lost_at + lease:
                    raise
            await asyncio.sleep(ASK_AGAIN_AFTER)

    async def _attempt(self, claimed: Claimed) -> Outcome:
        retries = self._settings.retries
        if claimed.attempt > retries.attempts:
            # Earlier attempts ended without a word, as when this notice kills its worker. Once is enough.
            return GiveUp(f"given up after {claimed.attempt - 1} attempts")
        try:
            await self._send(claimed)
        except DeliveryFailed as failure:
            chance = random.random()  # noqa: S311 - spreads the load, keeps no secret
            return after(failure, claimed.attempt, now=self._clock(), chance=chance, retries=retries)
        except _Interrupted:
            return TryAgain(at=self._clock(), error="Innwatch was stopped while it was being sent")
        # The one broad handler: a fault that one address or one alert brings out ends that one notification, and not
        # the process. It would be claimed again after the restart, so that the whole house would be blind for it.
        except Exception as fault:  # noqa: BLE001
            what = type(fault).__name__
            # Without the fault's words and lines, which may quote an address that is a secret.
            logger.error(  # noqa: TRY400
                "fault in a delivery", {**_ids(claimed), "fault": what, "where": _at(fault)}
            )
            return GiveUp(f"internal error: {what}")
        return Delivered()

    async def _send(self, claimed: Claimed) -> None:
        kind = claimed.channel.kind
        sender = self._senders.get(kind) or NotSetUp(f"this Innwatch has no way to send {kind}")
        notice = self._worded(claimed)
        limit = self._settings.attempt_timeout.total_seconds()
        scope = asyncio.timeout(limit)
        try:
            async with scope:
                with _held(self._sending, scope, ended=self._interrupted):
                    await sender.deliver(notice, claimed)
        except TimeoutError:
            if not scope.expired():
                raise
            if self._interrupted:
                raise _Interrupted from None
            raise DeliveryFailed(f"not finished within {limit:g} s", permanent=False) from None

    def _worded(self, claimed: Claimed) -> Notice:
        about, hotel, zone = claimed.about, claimed.hotel_name, _zone(claimed.timezone)
        now, url = self._clock(), self._settings.console_url
        if isinstance(about, IncidentSnapshot):
            return word_incident(about, claimed.kind, hotel=hotel, zone=zone, now=now, console_url=url)
        return word(about, claimed.kind, hotel=hotel, zone=zone, now=now, console_url=url)

    async def _record(self, claimed: Claimed, outcome: Outcome, *, claim: str) -> bool:
        """Record the outcome, again and again while the store is away and the claim holds: it is sent already."""
        while True:
            try:
                return await self._write(claimed, outcome, claim=claim)
            except StoreUnavailable:
                if self._interrupted or self._clock() >= claimed.lease_until:
                    raise
            await asyncio.sleep(ASK_AGAIN_AFTER)

    async def _write(self, claimed: Claimed, outcome: Outcome, *, claim: str) -> bool:
        outbox, hotel, row, now = self._outbox, claimed.hotel_id, claimed.id, self._clock()
        match outcome:
            case Delivered():
                return await outbox.record_delivered(hotel, row, worker=claim, now=now)
            case TryAgain(at, error):
                return await outbox.record_retry(hotel, row, worker=claim, now=now, error=error, next_at=at)
            case GiveUp(error):
                return await outbox.record_dead(hotel, row, worker=claim, now=now, error=error)

    def _report(self, claimed: Claimed, outcome: Outcome, *, recorded: bool) -> None:
        kind = claimed.channel.kind
        what = _name(outcome, interrupted=self._interrupted) if recorded else "lost"
        self._metrics.deliveries.labels(kind, what).inc()
        if recorded and isinstance(outcome, Delivered):
            waited = self._clock() - _happened_at(claimed)
            self._metrics.told_after.labels(kind).observe(max(waited.total_seconds(), 0))
        logger.log(
            logging.INFO if isinstance(outcome, Delivered) and recorded else logging.WARNING,
            "notification attempted",
            {
                "outcome": what,
                **_ids(claimed),
                "channel": kind,
                "kind": claimed.kind,
                "attempt": claimed.attempt,
                "error": None if isinstance(outcome, Delivered) else outcome.error,
            },
        )


def _ids(claimed: Claimed) -> dict[str, object]:
    """What a log line names a claim by."""
    return {"hotel": claimed.hotel_id, "notification": claimed.id, claimed.noun: claimed.about.id}


def _happened_at(claimed: Claimed) -> datetime:
    if isinstance(claimed.about, IncidentSnapshot):
        return claimed.about.closed_at or claimed.about.opened_at
    return claimed.about.resolved_at or claimed.about.last_at


class _Interrupted(Exception):
    """Sending was ended by a stop, nobody knows how far it had come."""


@contextmanager
def _held(scopes: set[asyncio.Timeout], scope: asyncio.Timeout, *, ended: bool) -> Iterator[None]:
    """Let `_end` reach this wait; one that begins after the end ends at its first step."""
    scopes.add(scope)
    if ended:
        _end({scope})
    try:
        yield
    finally:
        scopes.discard(scope)


def _end(scopes: set[asyncio.Timeout]) -> None:
    for scope in scopes:
        if not scope.expired():
            scope.reschedule(asyncio.get_running_loop().time())


def _name(outcome: Outcome, *, interrupted: bool) -> str:
    match outcome:
        case Delivered():
            return "delivered"
        case TryAgain():
            return "interrupted" if interrupted else "retry"
        case GiveUp():
            return "dead"


def _at(fault: Exception) -> str:
    """The place in the code where a fault was raised."""
    frames = traceback.extract_tb(fault.__traceback__)
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else "?"


def _zone(name: str) -> tzinfo:
    """The hotel's zone, or UTC where this machine does not know it: a notice in UTC is better than none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
