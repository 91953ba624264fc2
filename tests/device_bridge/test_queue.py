"""The hand-over: bounded, never dropping, in order."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from broker.delivery import TokenEnd
from broker.topics import Kind
from device_bridge.queue import COMPANY, Arrived, Began, DeadlineDue, Input, InputQueue
from tests.device_bridge.given import HOTEL, START, TABLET, Post, heartbeat, report

AT_ONCE, NEVER = timedelta(0), timedelta(hours=1)


def a_queue(limit: int = 10_000, *, pause: timedelta = AT_ONCE) -> InputQueue:
    return InputQueue(now=lambda: datetime(2026, 11, 22, tzinfo=UTC), limit=limit, pause=pause)


async def begin_to_take(queue: InputQueue) -> asyncio.Task[list[Input]]:
    """Ask for the next batch; on return it is waited for, or there."""
    taking = asyncio.ensure_future(queue.take(1000))
    await turns()
    return taking


async def turns() -> None:
    """Let everything happen that waits for nothing but its turn."""
    for _ in range(5):
        await asyncio.sleep(0)


def post() -> Post:
    return Post(Kind.HEARTBEAT, heartbeat())


async def test_a_full_queue_asks_to_stop_and_still_takes_the_message() -> None:
    queue = a_queue(limit=2)
    assert [queue.offer(post()) for _ in range(3)] == [True, False, False]
    assert len(await queue.take(10)) == 3


async def test_who_was_asked_to_stop_is_called_once_when_half_has_drained() -> None:
    queue, calls = a_queue(limit=4), []
    for _ in range(4):
        queue.offer(post())
    queue.on_room(lambda: calls.append("go"))
    await queue.take(1)
    assert calls == []
    await queue.take(1)
    await queue.take(1)
    assert calls == ["go"]


async def test_there_is_room_at_once_in_an_empty_queue() -> None:
    calls: list[str] = []
    a_queue(limit=4).on_room(lambda: calls.append("go"))
    assert calls == ["go"]


async def test_inputs_are_taken_in_order_and_no_more_than_asked_for() -> None:
    queue, posts = a_queue(limit=10), [post() for _ in range(5)]
    for one in posts:
        queue.offer(one)
    first, rest = await queue.take(2), await queue.take(10)
    taken = [item.delivery for item in (*first, *rest) if isinstance(item, Arrived)]
    assert (len(first), taken) == (2, posts)


async def test_heartbeats_wait_for_company_after_a_batch() -> None:
    queue = a_queue(pause=NEVER)
    taking = await begin_to_take(queue)
    for _ in range(COMPANY - 1):
        queue.offer(post())
    await turns()
    assert not taking.done()
    queue.offer(post())
    assert len(await taking) == COMPANY


async def test_heartbeats_that_came_meanwhile_wait_for_company_too() -> None:
    queue = a_queue(pause=NEVER)
    queue.offer(post())
    taking = await begin_to_take(queue)
    assert not taking.done()
    queue.put(Began(START))
    assert len(await taking) == 2


async def test_heartbeats_wait_no_longer_than_the_pause() -> None:
    queue = a_queue(pause=timedelta(milliseconds=20))
    taking = await begin_to_take(queue)
    queue.offer(post())
    queue.offer(post())
    assert len(await taking) == 2


async def test_a_message_that_comes_when_the_pause_is_over_waits_for_nothing() -> None:
    queue = a_queue(pause=AT_ONCE)
    taking = await begin_to_take(queue)
    queue.offer(post())
    await turns()
    assert taking.done()


URGENT: dict[str, Callable[[InputQueue], object]] = {
    **{
        kind.value: lambda queue, kind=kind: queue.offer(Post(kind, report()))  # type: ignore[misc]
        for kind in (Kind.ALERT, Kind.STATE, Kind.BACKLOG, Kind.RESULT, Kind.ENDED, Kind.DO, Kind.PMS_IN)
    },
    "deadline": lambda queue: queue.put(DeadlineDue(HOTEL, TABLET, START)),
    "ended token": lambda queue: queue.ended(HOTEL, TABLET, TokenEnd.EXPIRED),
    "our beginning": lambda queue: queue.put(Began(START)),
}


@pytest.mark.parametrize("what", URGENT)
async def test_whatever_is_no_heartbeat_ends_the_wait_and_takes_along_what_came_before(what: str) -> None:
    queue = a_queue(pause=NEVER)
    taking = await begin_to_take(queue)
    queue.offer(post())
    await turns()
    assert not taking.done()
    URGENT[what](queue)
    assert len(await taking) == 2
    # and only once: the next heartbeat waits again
    taking = await begin_to_take(queue)
    queue.offer(post())
    await turns()
    assert not taking.done()
    taking.cancel()


async def test_who_is_in_a_hurry_behind_a_full_batch_goes_with_the_next() -> None:
    queue = a_queue(pause=NEVER)
    queue.offer(post())
    queue.offer(Post(Kind.ALERT, report()))
    assert len(await queue.take(1)) == 1
    assert len(await queue.take(1)) == 1


async def test_a_taker_that_gave_up_leaves_what_is_there_for_the_next() -> None:
    queue = a_queue(pause=NEVER)
    taking = await begin_to_take(queue)
    taking.cancel()
    await asyncio.wait([taking])
    queue.offer(post())
    queue.put(Began(START))
    assert len(await queue.take(10)) == 2
