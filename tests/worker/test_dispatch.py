"""What is due gets into the queue, once while it is there and again when the queue has lost it."""

import logging
from collections.abc import Sequence
from datetime import timedelta

import dramatiq
import pytest
from prometheus_client import CollectorRegistry

from config.logs import as_text
from store.doorbell import LocalDoorbell
from store.errors import StoreUnavailable
from store.records import NotificationRef
from tests.support import eventually
from tests.worker.support import EMAIL, HOTEL, START, Clock, MemoryOutbox
from worker.dispatch import Dispatch
from worker.metrics import WorkerMetrics
from worker.settings import WorkerSettings


class Queue:
    """Takes what it is given and, unlike the real one, keeps it in sight."""

    def __init__(self) -> None:
        self.refs: list[NotificationRef] = []
        self.idle = True
        self.away = False
        self.ours = True

    def put(self, refs: Sequence[NotificationRef]) -> None:
        if self.away:
            raise dramatiq.errors.BrokerConnectionError("no queue there")  # type: ignore[no-untyped-call]
        self.refs.extend(refs)

    @property
    def ids(self) -> list[int]:
        return [ref.id for ref in self.refs]


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
async def outbox() -> MemoryOutbox:
    return MemoryOutbox()


def a_dispatch(
    outbox: MemoryOutbox,
    queue: Queue,
    clock: Clock,
    *,
    patience: timedelta = timedelta(hours=1),
    registry: CollectorRegistry | None = None,
    limit: int = 100,
) -> Dispatch:
    return Dispatch(
        outbox=outbox,
        put=queue.put,
        is_idle=lambda: queue.idle,
        is_our_turn=lambda: queue.ours,
        clock=clock,
        doorbell=LocalDoorbell(),
        metrics=WorkerMetrics(registry or CollectorRegistry()),
        settings=WorkerSettings(patience=patience, look_limit=limit),
    )


async def test_what_is_due_is_queued_and_what_is_not_is_left(outbox: MemoryOutbox, queue: Queue, clock: Clock) -> None:
    outbox.add(EMAIL)
    outbox.add(EMAIL, at=START + timedelta(seconds=5))

    await a_dispatch(outbox, queue, clock).look()

    assert queue.ids == [1]


async def test_what_is_queued_is_not_queued_again_at_each_look(
    outbox: MemoryOutbox, queue: Queue, clock: Clock
) -> None:
    dispatch = a_dispatch(outbox, queue, clock)
    outbox.add(EMAIL)

    for _ in range(5):
        await dispatch.look()

    assert queue.ids == [1]


async def test_what_was_lost_is_queued_again_when_patience_is_over(
    outbox: MemoryOutbox, queue: Queue, clock: Clock
) -> None:
    dispatch = a_dispatch(outbox, queue, clock, patience=timedelta(milliseconds=30))
    outbox.add(EMAIL)
    await dispatch.look()

    async def is_queued_again() -> bool:
        await dispatch.look()
        return queue.ids == [1, 1]

    assert await eventually(is_queued_again)


async def test_while_everybody_is_busy_it_waits_its_turn(outbox: MemoryOutbox, queue: Queue, clock: Clock) -> None:
    dispatch = a_dispatch(outbox, queue, clock, patience=timedelta())
    queue.idle = False
    outbox.add(EMAIL)

    for _ in range(5):
        await dispatch.look()

    assert queue.ids == [1]


async def test_a_failed_delivery_is_queued_again_when_its_time_has_come(
    outbox: MemoryOutbox, queue: Queue, clock: Clock
) -> None:
    dispatch = a_dispatch(outbox, queue, clock)
    row = outbox.add(EMAIL)
    await dispatch.look()
    await outbox.claim_notification(HOTEL, row.id, worker="w", now=clock(), lease=timedelta(minutes=2))
    await dispatch.look()
    later = clock() + timedelta(seconds=5)
    await outbox.record_retry(HOTEL, row.id, worker="w", now=clock(), error="no", next_at=later)
    await dispatch.look()
    assert queue.ids == [1]

    clock.move(timedelta(seconds=5))
    await dispatch.look()

    assert queue.ids == [1, 1]


async def test_what_has_left_the_queue_is_queued_again_at_once_if_it_is_still_due(
    outbox: MemoryOutbox, queue: Queue, clock: Clock
) -> None:
    dispatch = a_dispatch(outbox, queue, clock)
    outbox.add(EMAIL)
    await dispatch.look()

    dispatch.forget(queue.refs[0])
    await dispatch.look()

    assert queue.ids == [1, 1]


async def test_what_a_queue_that_is_away_did_not_take_is_put_there_at_the_next_look(
    outbox: MemoryOutbox, queue: Queue, clock: Clock
) -> None:
    dispatch = a_dispatch(outbox, queue, clock)
    outbox.add(EMAIL)
    queue.away = True
    with pytest.raises(dramatiq.errors.BrokerConnectionError):
        await dispatch.look()

    queue.away = False
    await dispatch.look()

    assert queue.ids == [1]


async def test_a_lease_that_ends_puts_its_notification_back(outbox: MemoryOutbox, queue: Queue, clock: Clock) -> None:
    dispatch = a_dispatch(outbox, queue, clock)
    row = outbox.add(EMAIL)
    await outbox.claim_notification(HOTEL, row.id, worker="killed", now=clock(), lease=timedelta(minutes=2))

    clock.move(timedelta(minutes=2))
    await dispatch.look()

    assert queue.ids == [1]


async def test_a_thousand_due_ones_make_no_queue_of_a_thousand(
    outbox: MemoryOutbox, queue: Queue, clock: Clock
) -> None:
    dispatch = a_dispatch(outbox, queue, clock, limit=10)
    for _ in range(1000):
        outbox.add(EMAIL)

    for _ in range(5):
        await dispatch.look()

    assert len(queue.refs) == 10


async def test_a_store_that_is_away_is_said_once_and_asked_again(
    outbox: MemoryOutbox, queue: Queue, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    dispatch = a_dispatch(outbox, queue, clock)
    outbox.add(EMAIL)
    outbox.away = True
    with pytest.raises(StoreUnavailable):
        await dispatch.look()

    with caplog.at_level(logging.WARNING):
        await dispatch.look_or_wait()
        await dispatch.look_or_wait()
    outbox.away = False
    await dispatch.look_or_wait()

    assert [as_text(record) for record in caplog.records] == [
        'cannot dispatch notifications for now: error="database is locked"'
    ]
    assert queue.ids == [1]


async def test_what_waits_is_counted(outbox: MemoryOutbox, queue: Queue, clock: Clock) -> None:
    registry = CollectorRegistry()
    outbox.add(EMAIL)
    outbox.add(EMAIL)

    await a_dispatch(outbox, queue, clock, registry=registry).look()

    assert registry.get_sample_value("innwatch_outbox_due") == 2


async def test_while_another_process_dispatches_nothing_is_queued(
    outbox: MemoryOutbox, queue: Queue, clock: Clock
) -> None:
    registry = CollectorRegistry()
    dispatch = a_dispatch(outbox, queue, clock, registry=registry)
    outbox.add(EMAIL)
    queue.ours = False
    await dispatch.look()
    assert (queue.refs, outbox.looks, registry.get_sample_value("innwatch_outbox_due")) == ([], 0, 0)

    queue.ours = True
    await dispatch.look()
    assert queue.ids == [1]

    # What was queued meanwhile is the other one's affair; it is queued again, and claimed once.
    queue.ours = False
    await dispatch.look()
    queue.ours = True
    await dispatch.look()
    assert queue.ids == [1, 1]
