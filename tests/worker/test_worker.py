"""The worker whole: real Dramatiq threads, a real mail server, a real web server, an outbox in memory."""

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from dramatiq.brokers.stub import StubBroker

from rules.alerts import AlertSnapshot
from store.records import ChannelKind, Claimed, NoticeKind, NotificationState
from tests.support import Redis, eventually
from tests.worker.house import DEAD, DELIVERED, PENDING, UNFINISHED, Hotel
from tests.worker.support import (
    EMAIL,
    HOTEL,
    START,
    Answer,
    Clock,
    MailServer,
    MemoryOutbox,
    Request,
    WebServer,
    an_alert,
)
from worker.actors import embedded_queue
from worker.channels import Sender
from worker.email import EmailSender
from worker.redis_queue import RedisQueue
from worker.settings import WorkerSettings
from worker.slack import SlackSender
from worker.smtp import Smtp, SmtpSecurity
from worker.wording import Notice

PASSWORD = "tr0ub4dor-and-3"


@pytest.fixture(params=["embedded", pytest.param("redis", marks=pytest.mark.server)])
async def hotel(request: pytest.FixtureRequest, clock: Clock, mail: MailServer, web: WebServer) -> Hotel:
    """Once with the queue of one process, and once with that of several."""
    if request.param == "embedded":
        return Hotel(clock=clock, mail=mail, web=web, queue=embedded_queue())
    redis: Redis = request.getfixturevalue("redis")
    return Hotel(clock=clock, mail=mail, web=web, queue=RedisQueue(redis.url))


async def test_an_alert_is_told_once_to_each_channel(hotel: Hotel, mail: MailServer, web: WebServer) -> None:
    hotel.outbox.add(EMAIL)
    hotel.outbox.add(web.webhook)

    async with hotel.working():
        await eventually(lambda: hotel.states() == [DELIVERED, DELIVERED])
        hotel.clock.move(timedelta(days=1))
        hotel.doorbell.ring()
        await eventually(lambda: hotel.registry.get_sample_value("innwatch_outbox_due") == 0)

    assert (len(mail.mails), len(web.requests), hotel.outbox.claims) == (1, 1, 2)


async def test_the_doorbell_is_heard(hotel: Hotel, web: WebServer) -> None:
    hotel.settings = WorkerSettings(look_every=timedelta(hours=1))
    async with hotel.working():
        await eventually(lambda: hotel.registry.get_sample_value("innwatch_outbox_due") == 0)

        async def rung_and_delivered() -> bool:
            hotel.doorbell.ring()
            return hotel.states() == [DELIVERED]

        hotel.outbox.add(web.webhook)
        await eventually(rung_and_delivered)


async def test_without_the_doorbell_the_worker_looks_by_itself(hotel: Hotel, web: WebServer) -> None:
    async with hotel.working():
        hotel.outbox.add(web.webhook)

        await eventually(lambda: hotel.states() == [DELIVERED])


OF_INCIDENTS = {NoticeKind.INCIDENT, NoticeKind.INCIDENT_OVER}


async def test_each_kind_of_notice_is_told_in_its_own_words(hotel: Hotel, mail: MailServer) -> None:
    kinds = [kind for kind in NoticeKind if kind not in OF_INCIDENTS]
    for kind in kinds:
        hotel.outbox.add(EMAIL, kind=kind)

    async with hotel.working():
        await eventually(lambda: hotel.states() == [DELIVERED] * len(kinds))

    assert sorted(sent["Subject"].split(" - ")[0] for sent in mail.mails) == [
        "HIGH",
        "HIGH (again)",
        "HIGH (on and off)",
        "HIGH (still open)",
        "HIGH (worse)",
        "RECOVERED",
    ]


async def test_a_webhook_that_is_down_for_a_while_is_told_in_the_end(hotel: Hotel, web: WebServer) -> None:
    web.answer = lambda _: Answer(status=500 if len(web.requests) < 4 else 200)
    row = hotel.outbox.add(web.webhook)

    async with hotel.working():
        while row.state in UNFINISHED:
            await hotel.move_to_next_attempt()

    assert len(web.requests) == 4
    assert row.errors == ["Slack answered 500: ok"] * 3
    # 5 s, 10 s and 20 s, each moved by a fifth at most.
    assert timedelta(seconds=28) <= hotel.clock() - START <= timedelta(seconds=42)


async def test_an_outage_of_an_hour_is_survived(hotel: Hotel, web: WebServer) -> None:
    web.answer = lambda _: Answer(status=503 if hotel.clock() - START < timedelta(hours=1) else 200)
    row = hotel.outbox.add(web.webhook)

    async with hotel.working():
        while row.state in UNFINISHED:
            await hotel.move_to_next_attempt()

    assert row.state is DELIVERED


async def test_a_webhook_that_is_gone_is_dead_at_once(hotel: Hotel, web: WebServer) -> None:
    web.answer = lambda _: Answer(status=404, body="no_service")
    row = hotel.outbox.add(web.webhook)

    async with hotel.working():
        await eventually(lambda: row.state is DEAD)

    assert len(web.requests) == 1
    assert row.last_error == "Slack answered 404: no_service"
    assert hotel.counted("slack", "dead") == 1


async def test_retry_after_is_honoured(hotel: Hotel, web: WebServer) -> None:
    web.answer = lambda _: Answer(status=429, headers={"Retry-After": "120"})
    row = hotel.outbox.add(web.webhook)

    async with hotel.working():
        await eventually(lambda: row.state is PENDING and row.attempts == 1)

    assert row.due_at == START + timedelta(seconds=120)


async def test_without_a_mail_server_an_email_is_dead_and_says_why(hotel: Hotel) -> None:
    hotel.senders = {ChannelKind.EMAIL: EmailSender(None, clock=hotel.clock)}
    row = hotel.outbox.add(EMAIL)

    async with hotel.working():
        await eventually(lambda: row.state is DEAD)

    assert row.last_error == "e-mail is not set up: SMTP_HOST is missing"


async def test_a_channel_nobody_can_send_to_is_dead_and_says_why(hotel: Hotel, web: WebServer) -> None:
    hotel.senders = {}
    row = hotel.outbox.add(web.webhook)

    async with hotel.working():
        await eventually(lambda: row.state is DEAD)

    assert row.last_error == "this Innwatch has no way to send slack"


async def test_one_dead_channel_does_not_keep_the_other_from_being_told(
    hotel: Hotel, mail: MailServer, web: WebServer
) -> None:
    web.answer = lambda _: Answer(status=404)
    hotel.outbox.add(web.webhook)
    hotel.outbox.add(EMAIL)

    async with hotel.working():
        await eventually(lambda: hotel.states() == [DEAD, DELIVERED])


async def test_a_queue_that_is_emptied_loses_nothing(clock: Clock, mail: MailServer, web: WebServer) -> None:
    hotel = Hotel(clock=clock, mail=mail, web=web, queue=embedded_queue())
    assert isinstance(hotel.queue, StubBroker)
    waiting = hotel.queue.queues
    held = asyncio.Event()
    web.hold = held
    hotel.settings = WorkerSettings(threads=1, patience=timedelta(milliseconds=100))
    for _ in range(10):
        hotel.outbox.add(web.webhook)

    async with hotel.working():
        # One is being sent and one is with Dramatiq's thread.
        await eventually(lambda: web.requests and waiting["notifications"].qsize() == 8)
        hotel.queue.flush_all()
        held.set()
        await eventually(lambda: hotel.states() == [DELIVERED] * 10, within=10)

    assert len(web.requests) == 10


async def test_a_hundred_notifications_are_sent_once_each(hotel: Hotel, web: WebServer) -> None:
    hotel.settings = WorkerSettings(look_limit=10, patience=timedelta(milliseconds=100))
    for _ in range(100):
        hotel.outbox.add(web.webhook)

    async with hotel.working():
        await eventually(lambda: hotel.states() == [DELIVERED] * 100, within=20)

    ids = {request.headers["x-innwatch-notification"] for request in web.requests}
    assert (len(web.requests), len(ids)) == (100, 100)


async def test_a_killed_workers_notification_is_sent_when_its_lease_has_ended(hotel: Hotel, web: WebServer) -> None:
    row = hotel.outbox.add(web.webhook)
    await hotel.outbox.claim_notification(HOTEL, row.id, worker="killed", now=START, lease=timedelta(minutes=2))

    async with hotel.working():
        await eventually(lambda: hotel.registry.get_sample_value("innwatch_outbox_due") == 0)
        assert web.requests == []
        hotel.clock.move(timedelta(minutes=2))
        await eventually(lambda: row.state is DELIVERED)

    assert row.attempts == 2


async def test_a_worker_that_loses_its_lease_records_nothing(hotel: Hotel, web: WebServer) -> None:
    held = asyncio.Event()
    web.hold = held
    hotel.settings = WorkerSettings(look_every=timedelta(hours=1))
    row = hotel.outbox.add(web.webhook)

    async with hotel.working():
        await eventually(lambda: len(web.requests) == 1)
        hotel.clock.move(timedelta(minutes=3))
        await hotel.outbox.claim_notification(
            HOTEL, row.id, worker="other", now=hotel.clock(), lease=timedelta(minutes=2)
        )
        held.set()
        await eventually(lambda: hotel.counted("slack", "lost") == 1)

    assert (row.state, row.leased_by, row.last_error) == (NotificationState.SENDING, "other", None)


async def test_a_notice_that_keeps_killing_its_worker_ends_as_dead(hotel: Hotel, web: WebServer) -> None:
    row = hotel.outbox.add(web.webhook)
    row.attempts = 20

    async with hotel.working():
        await eventually(lambda: row.state is DEAD)

    assert (row.last_error, web.requests) == ("given up after 20 attempts", [])


@pytest.mark.parametrize("kind", ChannelKind)
async def test_stopping_does_not_wait_for_a_delivery_that_hangs(
    hotel: Hotel, mail: MailServer, web: WebServer, kind: ChannelKind
) -> None:
    web.answer = lambda _: None
    mail.hangs = True
    row = hotel.outbox.add(EMAIL if kind is ChannelKind.EMAIL else web.webhook)
    async with hotel.working():
        await eventually(lambda: web.requests or mail.hanging)
        began = asyncio.get_running_loop().time()

    # Far under the time-outs of the senders; a busy machine may need more than the promised second.
    assert asyncio.get_running_loop().time() - began < 2
    assert (row.state, row.last_error) == (PENDING, "Innwatch was stopped while it was being sent")
    assert row.due_at == hotel.clock()


async def test_stopping_does_not_wait_for_a_store_that_hangs(hotel: Hotel, web: WebServer) -> None:
    web.answer = lambda _: None
    row = hotel.outbox.add(web.webhook)
    async with hotel.working():
        await eventually(lambda: len(web.requests) == 1)
        hotel.outbox.hangs = True
        began = asyncio.get_running_loop().time()

    assert asyncio.get_running_loop().time() - began < 2
    assert row.state is NotificationState.SENDING
    await eventually(lambda: hotel.outbox.hanging == 0)


async def test_a_stopped_worker_leaves_no_thread_behind(hotel: Hotel) -> None:
    before = set(threading.enumerate())
    async with hotel.working():
        await eventually(lambda: hotel.registry.get_sample_value("innwatch_outbox_due") == 0)

    left = [thread.name for thread in set(threading.enumerate()) - before]
    assert [name for name in left if not name.startswith("asyncio_")] == []


async def test_what_was_sent_while_the_store_went_away_is_recorded_later_and_not_sent_again(
    hotel: Hotel, web: WebServer
) -> None:
    def answer(_: Request) -> Answer:
        hotel.outbox.away = True
        return Answer()

    web.answer = answer
    row = hotel.outbox.add(web.webhook)

    async with hotel.working():
        await eventually(lambda: len(web.requests) == 1)
        hotel.outbox.away = False
        await eventually(lambda: row.state is DELIVERED)

    assert len(web.requests) == 1


async def test_a_claim_whose_answer_was_lost_is_sent_before_its_lease_ends(hotel: Hotel, web: WebServer) -> None:
    row = hotel.outbox.add(web.webhook)
    hotel.outbox.loses_answer = True

    async with hotel.working():
        await eventually(lambda: row.state is DELIVERED)

    assert (row.attempts, len(web.requests)) == (1, 1)


async def test_a_store_that_is_away_is_asked_again(hotel: Hotel, web: WebServer) -> None:
    hotel.outbox.away = True
    row = hotel.outbox.add(web.webhook)

    async with hotel.working():
        hotel.outbox.away = False
        await eventually(lambda: row.state is DELIVERED)


@pytest.fixture
def every_log_line(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    caplog.set_level(logging.DEBUG)
    return lambda: caplog.text


class Broken:
    """A sender with a fault that one room brings out."""

    def __init__(self, sound: Sender) -> None:
        self._sound = sound

    async def deliver(self, notice: Notice, claimed: Claimed) -> None:
        if isinstance(claimed.about, AlertSnapshot) and claimed.about.room_id == "666":
            raise ZeroDivisionError(f"cannot post to {claimed.channel!r} {PASSWORD}")
        await self._sound.deliver(notice, claimed)


async def test_a_fault_of_a_sender_ends_that_notification_and_nothing_else(
    hotel: Hotel, web: WebServer, every_log_line: Callable[[], str]
) -> None:
    hotel.senders = {ChannelKind.SLACK: Broken(SlackSender(clock=hotel.clock))}
    poison, other = hotel.outbox.add(web.webhook), hotel.outbox.add(web.webhook)
    poison.alert = an_alert(room="666")

    async with hotel.working():
        await eventually(lambda: hotel.states() == [DEAD, DELIVERED])

    assert (poison.attempts, poison.last_error, other.last_error) == (1, "internal error: ZeroDivisionError", None)
    assert "fault=ZeroDivisionError where=deliver:" in every_log_line()
    assert PASSWORD not in every_log_line()


async def test_an_outcome_that_the_store_refuses_is_left_to_its_lease(
    hotel: Hotel, web: WebServer, every_log_line: Callable[[], str]
) -> None:
    poison, other = hotel.outbox.add(web.webhook), hotel.outbox.add(web.webhook)
    hotel.outbox.refuses_record.add(poison.id)

    async with hotel.working():
        await eventually(lambda: "refused by the store" in every_log_line() and other.state is DELIVERED)
        assert poison.state is NotificationState.SENDING
        hotel.outbox.refuses_record.clear()
        hotel.clock.move(timedelta(minutes=2))
        await eventually(lambda: poison.state is DELIVERED)


async def test_a_claim_that_the_store_refuses_is_not_made_again_at_each_look(
    hotel: Hotel, web: WebServer, every_log_line: Callable[[], str]
) -> None:
    poison, other = hotel.outbox.add(web.webhook), hotel.outbox.add(web.webhook)
    hotel.outbox.refuses_claim.add(poison.id)
    hotel.settings = WorkerSettings(look_every=timedelta(milliseconds=20))

    async with hotel.working():
        await eventually(lambda: "refused by the store" in every_log_line() and other.state is DELIVERED)
        hotel.outbox.refuses_claim.clear()
        looks = hotel.outbox.looks
        await eventually(lambda: hotel.outbox.looks > looks + 2)
        assert poison.state is PENDING
        hotel.clock.move(timedelta(minutes=2))
        await eventually(lambda: poison.state is DELIVERED)


class BrokenOutbox(MemoryOutbox):
    async def claim_notification(self, *_: object, **__: object) -> Claimed | None:
        raise ZeroDivisionError


async def test_a_fault_of_the_outbox_ends_the_worker_instead_of_being_swallowed(hotel: Hotel, web: WebServer) -> None:
    hotel.outbox = BrokenOutbox()
    hotel.outbox.add(web.webhook)

    with pytest.raises(ExceptionGroup) as caught:
        await hotel.worker().run()

    assert caught.group_contains(ZeroDivisionError)


async def test_no_secret_is_recorded_or_logged(hotel: Hotel, web: WebServer, every_log_line: Callable[[], str]) -> None:
    web.answer = lambda request: Answer(status=500, body=f"{request.path} is {web.webhook.webhook_url}")
    async with MailServer(password="another").running() as mail:
        smtp = Smtp(host="127.0.0.1", port=mail.port, username="inn", password=PASSWORD, security=SmtpSecurity.NONE)
        hotel.senders = {**hotel.senders, ChannelKind.EMAIL: EmailSender(smtp, clock=hotel.clock)}
        rows = [hotel.outbox.add(EMAIL), hotel.outbox.add(web.webhook)]
        async with hotel.working():
            await eventually(lambda: all(row.last_error for row in rows))

    told = every_log_line() + "".join(str(row.last_error) for row in rows)
    assert [secret for secret in (PASSWORD, "T0SECRET1", "B0SECRET2", "x0veryS3cret") if secret in told] == []


async def test_how_long_it_took_to_tell_is_measured(hotel: Hotel, web: WebServer) -> None:
    hotel.outbox.add(web.webhook)
    hotel.clock.move(timedelta(seconds=3))

    async with hotel.working():
        await eventually(lambda: hotel.counted("slack", "delivered") == 1)

    assert hotel.registry.get_sample_value("innwatch_told_after_seconds_sum", {"channel": "slack"}) == 3


async def test_a_worker_takes_back_what_an_earlier_one_of_its_name_left(hotel: Hotel, web: WebServer) -> None:
    hotel.settings = WorkerSettings(name="desk:8085", threads=4)
    rows = [hotel.outbox.add(web.webhook) for _ in range(3)]
    claims = ["desk:8085-aaaa", "desk:80855-bbbb", "desk:8085-cccc"]
    for row, claim in zip(rows, claims, strict=True):
        await hotel.outbox.claim_notification(HOTEL, row.id, worker=claim, now=START, lease=timedelta(minutes=2))
    rows[2].attempts = 2  # perhaps it was what killed the earlier one, twice

    async with hotel.working():
        await eventually(lambda: rows[0].state is DELIVERED)
        await eventually(lambda: hotel.registry.get_sample_value("innwatch_outbox_due") == 0)

    assert [row.state for row in rows] == [DELIVERED, NotificationState.SENDING, NotificationState.SENDING]


async def test_a_store_that_is_away_at_the_start_keeps_no_worker_from_starting(hotel: Hotel, web: WebServer) -> None:
    hotel.settings = WorkerSettings(name="desk:8085", threads=4)
    hotel.outbox.away = True
    row = hotel.outbox.add(web.webhook)

    async with hotel.working():
        await asyncio.sleep(0)
        hotel.outbox.away = False
        await eventually(lambda: row.state is DELIVERED)
