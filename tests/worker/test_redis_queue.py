"""The queue of several processes: Redis may be flushed, killed, frozen, or never come, and everybody is told.

That the worker does all else with it as with the embedded one, test_worker.py shows.
"""

import asyncio
import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from dramatiq import Message

from rules.ids import HotelId
from store.records import NotificationId
from tests.support import Processes, Redis, eventually
from tests.worker.house import DELIVERED, Hotel
from tests.worker.support import HOTEL, Clock, MailServer, WebServer
from worker.actors import declare_deliver
from worker.redis_queue import RedisQueue
from worker.settings import WorkerSettings

pytestmark = pytest.mark.server


OURS: dict[str, object] = {
    "queue_name": "notifications",
    "actor_name": "deliver",
    "args": [HOTEL, 1],
    "kwargs": {},
    "options": {"redis_message_id": "m-1"},
    "message_id": "secret",
    "message_timestamp": 1,
}
LIKE_OURS = [
    json.dumps(OURS | odd).encode()
    for odd in (
        {"actor_name": "secret"},
        {"kwargs": {"secret": 1}},
        {"options": None},
        {"options": {"redis_message_id": "m-1", "eta": "secret"}},
        {"message_id": ["secret"]},
        {"secret": 1},
    )
]


class Shared(Hotel):
    """A worker with its queue on Redis, and a webhook that answers when it is let."""

    def __init__(self, redis: Redis, *, clock: Clock, mail: MailServer, web: WebServer) -> None:
        self.told: list[bool] = []
        self.dropped: list[int] = []
        self.shared = RedisQueue(redis.url, tell=self.told.append, dropped=self.dropped.append)
        super().__init__(clock=clock, mail=mail, web=web, queue=self.shared)
        self.web = web
        self.settings = WorkerSettings(threads=2, patience=timedelta(milliseconds=200))

    def add(self, number: int) -> None:
        for _ in range(number):
            self.outbox.add(self.web.webhook)

    async def is_told(self, number: int, *, within: float = 20) -> None:
        """All of that many rows were delivered, each once."""
        await eventually(lambda: self.states() == [DELIVERED] * number, within=within)
        ids = {request.headers["x-innwatch-notification"] for request in self.web.requests}
        assert (len(self.web.requests), len(ids)) == (number, number)


@pytest.fixture
async def hotel(redis: Redis, clock: Clock, mail: MailServer, web: WebServer) -> Shared:
    return Shared(redis, clock=clock, mail=mail, web=web)


def waiting(redis: Redis) -> int:
    """How many notices lie in Redis that no worker has fetched."""
    with redis.client() as client:
        return int(client.llen("innwatch:notifications"))


def fetched(redis: Redis) -> int:
    """How many notices workers have fetched and not finished."""
    with redis.client() as client:
        return sum(int(client.scard(key)) for key in client.scan_iter("innwatch:__acks__*"))


async def test_what_is_finished_leaves_nothing_in_redis(hotel: Shared, redis: Redis) -> None:
    hotel.add(20)
    async with hotel.working():
        await hotel.is_told(20)
        await eventually(lambda: fetched(redis) == 0, within=15)

    with redis.client() as client:
        assert {str(key) for key in client.scan_iter("*")} == {"innwatch:__heartbeats__"}


async def test_redis_flushed_while_sending_loses_nothing(hotel: Shared, web: WebServer, redis: Redis) -> None:
    held = asyncio.Event()
    web.hold = held
    hotel.add(20)

    async with hotel.working():
        await eventually(lambda: len(web.requests) == 2 and waiting(redis) > 0, within=15)
        redis.flush()
        held.set()
        await hotel.is_told(20)


async def test_redis_killed_while_sending_delays_nothing_even_if_it_never_returns(
    hotel: Shared, web: WebServer, redis: Redis
) -> None:
    held = asyncio.Event()
    web.hold = held
    hotel.add(20)

    async with hotel.working():
        await eventually(lambda: len(web.requests) == 2 and waiting(redis) > 0, within=15)
        redis.kill()
        held.set()
        await hotel.is_told(20)
        assert hotel.shared.problems() == ["the queue in Redis cannot be reached"]
        hotel.add(5)
        await hotel.is_told(25)


async def test_redis_killed_and_back_is_used_again(hotel: Shared, redis: Redis) -> None:
    async with hotel.working():
        for round_ in range(1, 4):
            hotel.add(10)
            await hotel.is_told(10 * round_)
            redis.kill()
            await eventually(lambda: hotel.shared.problems() != [], within=15)
            await redis.start_anew()
            await eventually(lambda: hotel.shared.problems() == [], within=15)
        hotel.add(1)
        await hotel.is_told(31)

    with redis.client() as client:
        assert client.info("commandstats")["cmdstat_hset"]["calls"] == 1  # the last notice went through the last Redis


async def test_a_fetch_that_is_never_answered_for_does_not_keep_the_next_ones_out(
    hotel: Shared, web: WebServer, redis: Redis
) -> None:
    """As many are lost, again and again, as a thread may have fetched at once."""
    held = asyncio.Event()
    web.hold = held
    async with hotel.working():
        for number in range(1, 5):
            held.clear()
            hotel.add(4)
            await eventually(lambda: fetched(redis) == 2, within=15)
            redis.kill()
            await eventually(lambda: hotel.shared.is_away, within=15)
            held.set()
            await hotel.is_told(4 * number)
            await redis.start_anew()
            await eventually(lambda: not hotel.shared.is_away, within=15)


async def test_redis_frozen_delays_by_seconds_only(hotel: Shared, redis: Redis) -> None:
    async with hotel.working():
        hotel.add(1)
        await hotel.is_told(1)
        redis.freeze()
        hotel.add(20)
        await hotel.is_told(21, within=20)
        redis.thaw()
        await eventually(lambda: not hotel.shared.is_away, within=10)
        hotel.add(1)
        await hotel.is_told(22)


async def test_stopping_does_not_wait_for_a_frozen_redis(hotel: Shared, web: WebServer, redis: Redis) -> None:
    web.answer = lambda _: None
    hotel.add(20)
    async with hotel.working():
        await eventually(lambda: len(web.requests) == 2 and waiting(redis) > 0, within=15)
        redis.freeze()
        began = asyncio.get_running_loop().time()

    assert asyncio.get_running_loop().time() - began < 10
    redis.thaw()


async def test_stopping_gives_back_what_was_fetched(hotel: Shared, web: WebServer, redis: Redis) -> None:
    web.answer = lambda _: None
    hotel.add(20)
    async with hotel.working():
        await eventually(lambda: len(web.requests) == 2 and (fetched(redis), waiting(redis)) == (2, 18), within=15)

    assert (fetched(redis), waiting(redis)) == (0, 18)


async def test_a_worker_starts_without_redis(
    processes: Processes, tmp_path: Path, clock: Clock, mail: MailServer, web: WebServer
) -> None:
    late = Redis(processes, tmp_path)
    hotel = Shared(late, clock=clock, mail=mail, web=web)
    hotel.add(3)

    async with hotel.working():
        await hotel.is_told(3)
        await late.start_anew()
        await eventually(lambda: not hotel.shared.is_away, within=15)


async def test_what_a_killed_worker_had_fetched_is_fetched_by_another_within_seconds(
    hotel: Shared, redis: Redis
) -> None:
    """By Redis alone: the dispatcher of the other one is told of nothing that is due."""
    hotel.add(3)
    killed = RedisQueue(redis.url)
    deliver = declare_deliver(killed, nobody)
    for row in hotel.outbox.rows:
        deliver.send(HOTEL, row)
    assert next(killed.consume("notifications", prefetch=6)) is not None
    killed.close()
    assert (fetched(redis), waiting(redis)) == (3, 0)
    hotel.settings = WorkerSettings(threads=2, look_limit=0)

    async with hotel.working():
        await hotel.is_told(3, within=20)


async def nobody(hotel_id: HotelId, notification_id: NotificationId) -> None:
    raise NotImplementedError


@pytest.mark.parametrize(
    "words", [[], ["hotel-1"], ["hotel-1", "1; DROP TABLE alert"], [1, "hotel-1"], ["hotel-1", 2**63], ["x\0y", 1]]
)
async def test_what_somebody_else_put_into_redis_ends_nothing(hotel: Shared, redis: Redis, words: list[object]) -> None:
    stranger = RedisQueue(redis.url)
    stranger.declare_queue("notifications")
    stranger.enqueue(
        Message(queue_name="notifications", actor_name="deliver", args=tuple(words), kwargs={}, options={})
    )
    stranger.close()
    async with hotel.working():
        hotel.add(3)
        await hotel.is_told(3)
        await eventually(lambda: fetched(redis) == 0, within=15)


@pytest.mark.parametrize("rubbish", [b"", b"\xff secret", b"[]", b'{"secret": 1}', *LIKE_OURS])
async def test_what_is_no_message_is_dropped_and_counted_and_not_shown(
    hotel: Shared, redis: Redis, rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with redis.client() as client:
        client.hset("innwatch:notifications.msgs", "m-1", rubbish)
        client.rpush("innwatch:notifications", "m-1")
    async with hotel.working():
        hotel.add(3)
        await hotel.is_told(3)
        await eventually(lambda: fetched(redis) == 0, within=15)

    assert hotel.dropped == [1]
    with redis.client() as client:
        assert client.hlen("innwatch:notifications.msgs") == 0
    (said,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "dropped" in said.getMessage()
    assert said.exc_info is None
    assert "secret" not in caplog.text


async def test_an_outage_is_said_once(hotel: Shared, redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with hotel.working():
        await eventually(lambda: fetched(redis) == 0, within=15)
        redis.kill()
        await eventually(lambda: hotel.shared.is_away, within=15)
        hotel.add(10)
        await hotel.is_told(10)
        await redis.start_anew()
        await eventually(lambda: not hotel.shared.is_away, within=15)

    assert hotel.told == [True, False]
    said = [record for record in caplog.records if "Redis" in record.getMessage()]
    assert [record.levelname for record in said] == ["WARNING", "INFO"]
    assert [record for record in caplog.records if record.levelno > logging.WARNING] == []


@pytest.mark.parametrize("url", ["http://127.0.0.1", "", "redis://127.0.0.1:port"])
def test_an_address_that_is_none_of_redis_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        RedisQueue(url)
