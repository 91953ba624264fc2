"""What the worker's tests run against: a clock that is moved by hand, servers that record, and an outbox in memory.

The servers are real ones on the loopback interface, on the test's own event loop. The outbox keeps the promises of
`worker.outbox` and nothing else; test_with_store.py repeats the essential stories on the real store.
"""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from msgspec.structs import replace

from rules.alerts import AlertSnapshot, AlertStatus, Because, Condition, Family, Reason, Rule, Severity
from rules.ids import AlertId, DeviceId, HotelId, RoomId
from store.errors import DataRefused, OutcomeUnknown, StoreUnavailable
from store.records import (
    Channel,
    Claimed,
    EmailChannel,
    NoticeKind,
    NotificationId,
    NotificationRef,
    NotificationState,
    SlackChannel,
)
from tests.support import free_port

START = datetime(2026, 11, 22, 2, 12, 5, tzinfo=UTC)
HOTEL = HotelId("hotel-1")
EMAIL = EmailChannel(recipients=("security@hotel.test", "duty@hotel.test"))


class Clock:
    """Stands still until it is moved. Read from any thread."""

    def __init__(self) -> None:
        self._now = START

    def __call__(self) -> datetime:
        return self._now

    def move(self, by: timedelta) -> None:
        self._now += by


def an_alert(
    *,
    rule: Rule = Rule.BREACH_SIGNAL,
    family: Family = Family.BREACH,
    severity: Severity = Severity.HIGH,
    why: Sequence[Reason] = (Reason(Because.SIGNAL_BELOW_FLOOR, observed=-84.0, limit=-70.0, samples=4),),
    room: str | None = "204",
    floor: str | None = "2",
    **more: object,
) -> AlertSnapshot:
    snapshot = AlertSnapshot(
        id=AlertId("01JD8Z0000000000000000ABCD"),
        device_id=DeviceId("tab-7"),
        room_id=RoomId(room) if room else None,
        floor=floor,
        family=family,
        rule=rule,
        severity=severity,
        status=AlertStatus.OPEN,
        condition=Condition.ACTIVE,
        opened_at=START,
        last_at=START,
        count=1,
        why=tuple(why),
        revision=1,
    )
    return changed(snapshot, **more)


def changed(snapshot: AlertSnapshot, **fields: object) -> AlertSnapshot:

    return replace(snapshot, **fields)


def a_claim(channel: Channel, *, kind: NoticeKind = NoticeKind.OPENED, number: int = 7) -> Claimed:
    return Claimed(
        hotel_id=HOTEL,
        id=NotificationId(number),
        kind=kind,
        channel=channel,
        about=an_alert(),
        attempt=1,
        idempotency_id=f"01JD8Z-{number}",
        lease_until=START + timedelta(minutes=2),
        hotel_name="Grand Hôtel",
        timezone="Europe/Paris",
    )


# -- the outbox


@dataclass
class Row:
    """One notification and everything that became of it."""

    id: NotificationId
    channel: Channel
    kind: NoticeKind
    due_at: datetime
    alert: AlertSnapshot
    state: NotificationState = NotificationState.PENDING
    attempts: int = 0
    leased_by: str | None = None
    last_error: str | None = None
    errors: list[str] = field(default_factory=list)


class MemoryOutbox:
    """Keeps the promises of worker.outbox in memory. Must be used on one loop, as the store must."""

    def __init__(self) -> None:
        self.rows: dict[NotificationId, Row] = {}
        self.away = False
        self.hangs = False
        self.hanging = 0
        self.claims = 0
        self.looks = 0
        self.loses_answer = False
        self.refuses_claim: set[NotificationId] = set()
        self.refuses_record: set[NotificationId] = set()
        self._loop = asyncio.get_running_loop()

    def add(self, channel: Channel, *, kind: NoticeKind = NoticeKind.OPENED, at: datetime = START) -> Row:
        number = NotificationId(len(self.rows) + 1)
        self.rows[number] = Row(id=number, channel=channel, kind=kind, due_at=at, alert=an_alert())
        return self.rows[number]

    async def due_notifications(self, now: datetime, *, limit: int) -> list[NotificationRef]:
        await self._answer()
        self.looks += 1
        due = sorted((row for row in self.rows.values() if self._is_due(row, now)), key=lambda row: row.due_at)
        return [NotificationRef(HOTEL, row.id) for row in due[:limit]]

    async def claim_notification(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime, lease: timedelta
    ) -> Claimed | None:
        await self._answer()
        row = self.rows[notification_id]
        if not (self._is_due(row, now) or row.leased_by == worker):
            return None
        if notification_id in self.refuses_claim:
            raise DataRefused("no such claim")
        if row.leased_by != worker:
            self.claims += 1
            row.state, row.leased_by, row.due_at = NotificationState.SENDING, worker, now + lease
            row.attempts += 1
        if self.loses_answer:
            self.loses_answer, self.away = False, True
            asyncio.get_running_loop().call_later(0.2, setattr, self, "away", False)
            raise OutcomeUnknown("the line broke")
        return Claimed(
            hotel_id=hotel_id,
            id=row.id,
            kind=row.kind,
            channel=row.channel,
            about=row.alert,
            attempt=row.attempts,
            idempotency_id=f"01JD8Z-{row.id}",
            lease_until=row.due_at,
            hotel_name="Grand Hôtel",
            timezone="Europe/Paris",
        )

    async def take_back_notifications(self, *, worker: str, now: datetime) -> int:
        await self._answer()
        left = [row for row in self.rows.values() if (row.leased_by or "").startswith(worker) and row.attempts == 1]
        for row in left:
            row.state, row.leased_by, row.due_at = NotificationState.PENDING, None, now
        return len(left)

    async def record_delivered(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime
    ) -> bool:
        return await self._finish(notification_id, worker, NotificationState.DELIVERED)

    async def record_retry(
        self,
        hotel_id: HotelId,
        notification_id: NotificationId,
        *,
        worker: str,
        now: datetime,
        error: str,
        next_at: datetime,
    ) -> bool:
        return await self._finish(notification_id, worker, NotificationState.PENDING, error=error, due_at=next_at)

    async def record_dead(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime, error: str
    ) -> bool:
        return await self._finish(notification_id, worker, NotificationState.DEAD, error=error)

    async def _finish(
        self,
        number: NotificationId,
        worker: str,
        state: NotificationState,
        *,
        error: str | None = None,
        due_at: datetime | None = None,
    ) -> bool:
        await self._answer()
        if number in self.refuses_record:
            raise DataRefused("no such record")
        row = self.rows[number]
        if row.state is not NotificationState.SENDING or row.leased_by != worker:
            return False
        row.state, row.leased_by, row.due_at = state, None, due_at or row.due_at
        if error is not None:
            row.last_error = error
            row.errors.append(error)
        return True

    async def _answer(self) -> None:
        """Answer as a store does: at once, with a failure, or never."""
        assert asyncio.get_running_loop() is self._loop, "the store was used on another loop than its own"
        if self.away:
            raise StoreUnavailable("database is locked")
        if self.hangs:
            self.hanging += 1
            try:
                await asyncio.Event().wait()
            finally:
                self.hanging -= 1

    @staticmethod
    def _is_due(row: Row, now: datetime) -> bool:
        return row.state in {NotificationState.PENDING, NotificationState.SENDING} and row.due_at <= now


# -- a mail server


class MailServer:
    """Takes every mail, unless it was told to refuse, and remembers it. `port` is where it listens."""

    def __init__(self, *, password: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.refuse_recipient: dict[str, str] = {}
        self.refuse_sender: str | None = None
        self.refuse_mail: str | None = None
        self.hangs = False
        self.hanging = 0
        self._password = password
        self._tls = tls

    @asynccontextmanager
    async def running(self) -> AsyncIterator["MailServer"]:
        server = await asyncio.get_running_loop().create_server(self._connection, "127.0.0.1", self.port)
        async with server:
            yield self

    def _connection(self) -> SMTP:
        with warnings.catch_warnings():
            # That a password in the clear is unwise.
            warnings.simplefilter("ignore", UserWarning)
            return SMTP(
                self,
                hostname="mail.test",
                enable_SMTPUTF8=True,
                tls_context=self._tls,
                auth_require_tls=False,
                authenticator=self._authenticate if self._password else None,
                auth_required=self._password is not None,
            )

    def _authenticate(self, server: SMTP, session: Session, envelope: Envelope, kind: str, proof: object) -> AuthResult:
        assert isinstance(proof, LoginPassword)
        return AuthResult(success=proof.password == (self._password or "").encode(), handled=False)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuse_sender:
            return self.refuse_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse_recipient:
            return self.refuse_recipient[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.hangs:
            self.hanging += 1
            await asyncio.Event().wait()
        if self.refuse_mail:
            return self.refuse_mail
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.envelopes.append(envelope)
        return "250 taken"


# -- a web server


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = "ok"


class WebServer:
    """Records every POST. Answers with `answer(request)`, once `hold` is set; None means never to answer."""

    def __init__(self) -> None:
        self.port = free_port()
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Answer | None] = lambda _: Answer()
        self.hold: asyncio.Event | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def webhook(self) -> SlackChannel:
        return SlackChannel(webhook_url=f"http://127.0.0.1:{self.port}/services/T0SECRET1/B0SECRET2/x0veryS3cret")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["WebServer"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        try:
            yield self
        finally:
            server.close()
            for task in tuple(self._connections):
                task.cancel()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            request = await _read(reader)
            self.requests.append(request)
            if self.hold:
                await self.hold.wait()
            answer = self.answer(request)
            if answer is None:
                await reader.read()  # until the other side gives up
                return
            head = [f"HTTP/1.1 {answer.status} Whatever", "Connection: close", f"Content-Length: {len(answer.body)}"]
            head += [f"{name}: {value}" for name, value in answer.headers.items()]
            writer.write(("\r\n".join(head) + "\r\n\r\n" + answer.body).encode())
            await writer.drain()
        except (asyncio.CancelledError, ConnectionError):
            return
        finally:
            self._connections.discard(task)
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return Request(
        path=first.split()[1], headers=headers, body=await reader.readexactly(int(headers["content-length"]))
    )
