"""Everything around one worker: an outbox in memory, a clock moved by hand, senders for the servers of a test."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import dramatiq
from prometheus_client import CollectorRegistry

from store.doorbell import LocalDoorbell
from store.records import ChannelKind, NotificationState
from tests.support import eventually
from tests.worker.support import Clock, MailServer, MemoryOutbox, Row, WebServer
from worker.channels import Sender
from worker.email import EmailSender
from worker.metrics import WorkerMetrics
from worker.settings import WorkerSettings
from worker.slack import SlackSender
from worker.smtp import Smtp, SmtpSecurity
from worker.worker import Worker

DELIVERED, DEAD, PENDING = NotificationState.DELIVERED, NotificationState.DEAD, NotificationState.PENDING
UNFINISHED = {PENDING, NotificationState.SENDING}


class Hotel:
    """Everything around one worker."""

    def __init__(self, *, clock: Clock, mail: MailServer, web: WebServer, queue: dramatiq.Broker) -> None:
        self.clock = clock
        self.outbox = MemoryOutbox()
        self.doorbell = LocalDoorbell()
        self.registry = CollectorRegistry()
        self.queue = queue
        smtp = Smtp(
            host="127.0.0.1",
            port=mail.port,
            sender="innwatch@hotel.test",
            security=SmtpSecurity.NONE,
        )
        self.senders: Mapping[ChannelKind, Sender] = {
            ChannelKind.EMAIL: EmailSender(smtp, clock=clock),
            ChannelKind.SLACK: SlackSender(clock=clock, timeout=timedelta(seconds=30)),
        }
        self.settings = WorkerSettings(threads=4, patience=timedelta(milliseconds=100))

    def worker(self) -> Worker:
        return Worker(
            outbox=self.outbox,
            queue=self.queue,
            channels=self.senders,
            clock=self.clock,
            doorbell=self.doorbell,
            metrics=WorkerMetrics(self.registry),
            settings=self.settings,
        )

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.worker().run())
            try:
                yield
            finally:
                running.cancel()

    def states(self) -> list[NotificationState]:
        return [row.state for row in self.outbox.rows.values()]

    def counted(self, channel: str, outcome: str) -> float:
        labels = {"channel": channel, "outcome": outcome}
        return self.registry.get_sample_value("innwatch_deliveries_total", labels) or 0.0

    async def move_to_next_attempt(self) -> None:
        """Wait until nothing is due or being sent, and move the clock to when something is due again."""
        await eventually(lambda: not any(row.state in UNFINISHED and self._is_now(row) for row in self._rows()))
        waiting = [row.due_at for row in self._rows() if row.state is PENDING]
        if waiting:
            self.clock.move(min(waiting) - self.clock())
            self.doorbell.ring()

    def _rows(self) -> list[Row]:
        return list(self.outbox.rows.values())

    def _is_now(self, row: Row) -> bool:
        return row.state is NotificationState.SENDING or row.due_at <= self.clock()
