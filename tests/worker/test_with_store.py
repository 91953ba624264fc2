"""The essential stories again, on the real store: a migrated SQLite file, and alerts that the bridge would make."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from rules.alerts import AlertChange, Because, ChangeKind, Family, OpenAlert, Reason, Rule, Severity
from rules.ids import AlertId, DeviceId, RoomId
from store import INNWATCH, Batch, LocalDoorbell, Store
from store.batch import DeviceChange
from store.records import Channel, ChannelKind, Device, EventType, Hotel, Notification, NotificationState, Room
from tests.support import eventually
from tests.worker.support import EMAIL, HOTEL, START, Answer, Clock, MailServer, WebServer
from worker.actors import embedded_queue
from worker.email import EmailSender
from worker.metrics import WorkerMetrics
from worker.settings import WorkerSettings
from worker.slack import SlackSender
from worker.smtp import Smtp, SmtpSecurity
from worker.worker import Worker

DELIVERED, DEAD, PENDING = NotificationState.DELIVERED, NotificationState.DEAD, NotificationState.PENDING

WALK_OUT = OpenAlert(
    id=AlertId("01JD8Z0000000000000000ABCD"),
    family=Family.BREACH,
    rule=Rule.BREACH_SIGNAL,
    severity=Severity.HIGH,
    opened_at=START,
    last_at=START,
    why=(Reason(Because.SIGNAL_BELOW_FLOOR, observed=-84.0, limit=-70.0),),
)
WORSE = replace(WALK_OUT, severity=Severity.CRITICAL)
BACK = (Reason(Because.SIGNAL_RECOVERED, observed=-60.0),)


class Installation:
    """One hotel with one tablet in a store of its own, and a worker."""

    def __init__(self, store: Store, doorbell: LocalDoorbell, clock: Clock, *, mail_port: int) -> None:
        self.store = store
        self.clock = clock
        self.registry = CollectorRegistry()
        self._doorbell = doorbell
        self._mail_port = mail_port
        self._device: Device | None = None

    async def set_up(self, *channels: Channel) -> None:
        now = self.clock()
        await self.store.add_hotel(Hotel(id=HOTEL, name="Grand Hôtel"), channels=channels, by=INNWATCH, now=now)
        await self.store.add_room(HOTEL, Room(id=RoomId("204")), by=INNWATCH, now=now)
        self._device = await self.store.add_device(
            HOTEL, DeviceId("tab-7"), room_id=RoomId("204"), by=INNWATCH, now=now
        )

    async def happens(self, kind: ChangeKind, alert: OpenAlert, *, why: tuple[Reason, ...] = WALK_OUT.why) -> None:
        assert self._device is not None
        change = DeviceChange(
            hotel_id=HOTEL,
            device_key=self._device.key,
            device_id=self._device.id,
            room_id=self._device.room_id,
            floor=None,
            change=AlertChange(kind=kind, alert=alert, at=self.clock(), why=why),
        )
        await self.store.apply(Batch(received_at=self.clock(), changes=[change]))

    async def storm(self, *, tablets: int) -> None:
        """That many tablets walk out at once."""
        for number in range(tablets):
            self._device = await self.store.add_device(
                HOTEL, DeviceId(f"tab-{100 + number}"), room_id=RoomId("204"), by=INNWATCH, now=self.clock()
            )
            await self.happens(ChangeKind.OPENED, replace(WALK_OUT, id=AlertId(f"01JD8Z00000000000000000{number:03}")))

    async def ledger(self) -> list[Notification]:
        """Oldest first."""
        return list(reversed((await self.store.notifications(HOTEL)).items))

    async def has(self, *states: NotificationState) -> bool:
        return sorted(row.state for row in await self.ledger()) == sorted(states)

    def worker(self) -> Worker:
        smtp = Smtp(host="127.0.0.1", port=self._mail_port, sender="innwatch@hotel.test", security=SmtpSecurity.NONE)
        return Worker(
            outbox=self.store,
            queue=embedded_queue(),
            channels={
                ChannelKind.EMAIL: EmailSender(smtp, clock=self.clock),
                ChannelKind.SLACK: SlackSender(clock=self.clock),
            },
            clock=self.clock,
            doorbell=self._doorbell,
            metrics=WorkerMetrics(CollectorRegistry()),
            settings=WorkerSettings(threads=4, patience=timedelta(milliseconds=100)),
        )


@pytest.fixture
async def hotel(tmp_path: Path, clock: Clock, mail: MailServer) -> AsyncIterator[Installation]:
    doorbell = LocalDoorbell()
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path / 'innwatch.db'}", doorbell=doorbell)
    try:
        yield Installation(store, doorbell, clock, mail_port=mail.port)
    finally:
        await store.close()


@pytest.fixture
async def working(hotel: Installation) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(hotel.worker().run())
        yield
        running.cancel()


async def test_opened_worsened_and_recovered_are_told_once_to_each_channel(
    hotel: Installation, mail: MailServer, web: WebServer, working: None
) -> None:
    await hotel.set_up(EMAIL, web.webhook)
    await hotel.happens(ChangeKind.OPENED, WALK_OUT)
    await hotel.happens(ChangeKind.WORSENED, WORSE)
    await hotel.happens(ChangeKind.CLEARED, WORSE, why=BACK)

    await eventually(lambda: hotel.has(*[DELIVERED] * 6))

    assert [sent["Subject"].split(" - ")[0] for sent in mail.mails] == ["HIGH", "CRITICAL (worse)", "RECOVERED"]
    assert len({request.headers["x-innwatch-notification"] for request in web.requests}) == len(web.requests) == 3


async def test_a_recovery_tells_what_got_better(hotel: Installation, mail: MailServer, working: None) -> None:
    await hotel.set_up(EMAIL)
    await hotel.happens(ChangeKind.OPENED, WALK_OUT)
    await hotel.happens(ChangeKind.CLEARED, WALK_OUT, why=BACK)

    await eventually(lambda: len(mail.mails) == 2)

    assert "RECOVERED - room 204: tablet is back (its Wi-Fi signal is good again) - Grand Hôtel" in [
        sent["Subject"] for sent in mail.mails
    ]


async def test_what_is_told_stands_in_the_alerts_timeline(hotel: Installation, web: WebServer, working: None) -> None:
    await hotel.set_up(web.webhook)
    await hotel.happens(ChangeKind.OPENED, WALK_OUT)

    await eventually(lambda: hotel.has(DELIVERED))

    timeline = await hotel.store.timeline(HOTEL, WALK_OUT.id)
    assert [entry.type for entry in timeline] == [EventType.ALERT_OPENED, EventType.NOTIFICATION_SENT]


async def test_a_webhook_that_fails_for_a_while_is_told_in_the_end(
    hotel: Installation, web: WebServer, working: None
) -> None:
    web.answer = lambda _: Answer(status=500 if len(web.requests) < 3 else 200)
    await hotel.set_up(web.webhook)
    await hotel.happens(ChangeKind.OPENED, WALK_OUT)
    for attempt in (1, 2):
        await eventually(partial(failed_attempts, hotel, attempt))
        hotel.clock.move(timedelta(minutes=1))

    await eventually(lambda: hotel.has(DELIVERED))

    (row,) = await hotel.ledger()
    assert (row.attempts, len(web.requests)) == (3, 3)


async def test_a_webhook_that_fails_is_told_late_and_in_order(
    hotel: Installation, web: WebServer, working: None
) -> None:
    web.answer = lambda _: Answer(status=500 if len(web.requests) < 2 else 200)
    await hotel.set_up(web.webhook)
    await hotel.happens(ChangeKind.OPENED, WALK_OUT)
    await eventually(partial(failed_attempts, hotel, 1))
    await hotel.happens(ChangeKind.WORSENED, WORSE)
    await hotel.happens(ChangeKind.CLEARED, WORSE, why=BACK)
    hotel.clock.move(timedelta(minutes=1))

    await eventually(lambda: hotel.has(*[DELIVERED] * 3))

    told = [json.loads(request.body)["text"].split(" - ")[0] for request in web.requests]
    assert told == ["HIGH", "HIGH", "CRITICAL (worse)", "RECOVERED"]


async def test_who_could_not_be_told_of_the_trouble_is_not_told_that_it_is_over(
    hotel: Installation, mail: MailServer, web: WebServer, working: None
) -> None:
    web.answer = lambda _: Answer(status=404)
    await hotel.set_up(web.webhook, EMAIL)
    await hotel.happens(ChangeKind.OPENED, WALK_OUT)
    await hotel.happens(ChangeKind.CLEARED, WALK_OUT, why=BACK)

    await eventually(lambda: hotel.has(DEAD, NotificationState.CANCELLED, DELIVERED, DELIVERED))

    assert (len(web.requests), len(mail.mails)) == (1, 2)


async def test_a_webhook_that_never_answers_keeps_nobody_else_waiting(
    hotel: Installation, mail: MailServer, web: WebServer, working: None
) -> None:
    web.answer = lambda _: None
    await hotel.set_up(web.webhook, EMAIL)

    await hotel.storm(tablets=20)

    # With one time-out of the webhook at most on the way; all of them in a row would take four threads 25 s.
    await eventually(lambda: len(mail.mails) == 20, within=10)
    assert len(web.requests) <= 4


async def failed_attempts(hotel: Installation, attempt: int) -> bool:
    (row,) = await hotel.ledger()
    return row.state is PENDING and row.attempts == attempt


async def test_a_webhook_that_is_gone_is_dead_and_says_why(hotel: Installation, web: WebServer, working: None) -> None:
    web.answer = lambda _: Answer(status=404, body="no_service")
    await hotel.set_up(web.webhook)
    await hotel.happens(ChangeKind.OPENED, WALK_OUT)

    await eventually(lambda: hotel.has(DEAD))

    (row,) = await hotel.ledger()
    assert row.last_error == "Slack answered 404: no_service"
    assert (await hotel.store.timeline(HOTEL, WALK_OUT.id))[-1].type is EventType.NOTIFICATION_DEAD


async def test_a_worker_that_loses_its_lease_records_nothing(
    hotel: Installation, web: WebServer, working: None
) -> None:
    web.hold = asyncio.Event()
    await hotel.set_up(web.webhook)
    await hotel.happens(ChangeKind.OPENED, WALK_OUT)
    await eventually(lambda: len(web.requests) == 1)

    hotel.clock.move(timedelta(minutes=3))
    await eventually(lambda: len(web.requests) == 2)
    (row,) = await hotel.ledger()
    web.hold.set()
    await eventually(lambda: hotel.has(DELIVERED))

    assert row.attempts == 2
    timeline = await hotel.store.timeline(HOTEL, WALK_OUT.id)
    assert [entry.type for entry in timeline].count(EventType.NOTIFICATION_SENT) == 1


async def test_a_stop_gives_back_what_was_being_sent_and_the_next_start_sends_it(
    hotel: Installation, web: WebServer
) -> None:
    web.answer = lambda _: None
    await hotel.set_up(web.webhook)
    await hotel.happens(ChangeKind.OPENED, WALK_OUT)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(hotel.worker().run())
        await eventually(lambda: len(web.requests) == 1)
        running.cancel()
    assert await hotel.has(PENDING)

    web.answer = lambda _: Answer()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(hotel.worker().run())
        await eventually(lambda: hotel.has(DELIVERED))
        running.cancel()

    assert len({request.headers["x-innwatch-notification"] for request in web.requests}) == 1
