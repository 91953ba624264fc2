"""The hand-over: bounded, never dropping, in order."""

from datetime import UTC, datetime

from broker.topics import Kind
from device_bridge.queue import Arrived, InputQueue
from tests.device_bridge.given import Post, heartbeat


def a_queue(limit: int) -> InputQueue:
    return InputQueue(now=lambda: datetime(2026, 11, 22, tzinfo=UTC), limit=limit)


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
