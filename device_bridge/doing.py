"""What people do about alerts over MQTT: the same answers by the same verbs as over HTTP, and a result to each.

Whose a deed is stands in the topic, where the broker has checked it; what that person may do is looked up at the moment
of the deed. It is acknowledged when it is stored. One that comes again after a lost connection or a crash is known by
its id, and gets its result again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated, Final, TypeGuard

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from broker.delivery import Publisher
from broker.topics import Kind, Topic, name_of
from device_bridge.decode import MESSAGE_LIMIT, Refused
from device_bridge.metrics import BridgeMetrics
from device_bridge.persistence import until_answered
from device_bridge.queue import Arrived, Input
from rules.alerts import AlertSnapshot
from rules.ids import AlertId, HotelId, UserName, is_id
from rules.messages import Aware
from rules.response import NOTE_LIMIT
from rules.texts import LINES, in_words
from store import (
    Actor,
    ActorKind,
    AlertGone,
    AnswerRefused,
    Batch,
    DataRefused,
    Deed,
    NeedsManager,
    NotFound,
    Overtaken,
    Store,
    StoreError,
)
from store.batch import Quarantined
from store.records import Account, MemberRole

_log = logging.getLogger(__name__)


class Op(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    ASSIGN = "assign"
    NOTE = "note"
    SNOOZE = "snooze"
    RESOLVE = "resolve"


_Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
_Words = Annotated[str, Meta(max_length=NOTE_LIMIT, pattern=LINES)]


class Do(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A deed on `hotels/{h}/staff/{user}/do`. `note`, `until` and `assignee` go with the ops of `_TAKES` alone."""

    id: _Name
    op: Op
    alert_id: _Name
    note: _Words | UnsetType | None = UNSET
    until: Aware | UnsetType | None = UNSET
    assignee: _Name | UnsetType | None = UNSET
    if_revision: Annotated[int, Meta(ge=1, le=2**53)] | None = None


_TAKES: Final = {
    Op.ACKNOWLEDGE: "note",
    Op.UNACKNOWLEDGE: None,
    Op.ASSIGN: "assignee",
    Op.NOTE: "note",
    Op.SNOOZE: "until",
    Op.RESOLVE: "note",
}
_DEED: Final = {
    Op.ACKNOWLEDGE: Deed.ALERT_ACKNOWLEDGED,
    Op.UNACKNOWLEDGE: Deed.ALERT_UNACKNOWLEDGED,
    Op.ASSIGN: Deed.ALERT_ASSIGNED,
    Op.NOTE: Deed.ALERT_NOTED,
    Op.SNOOZE: Deed.ALERT_SNOOZED,
    Op.RESOLVE: Deed.ALERT_RESOLVED,
}
"""What each is noted as."""

_WANTS: Final = frozenset({Op.ASSIGN, Op.NOTE, Op.SNOOZE})
"""Ops that mean nothing without what they take."""


class Verdict(StrEnum):
    APPLIED = "applied"
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    GONE = "gone"  # resolved, or none of this hotel
    INVALID = "invalid"


class DoResult(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """What became of a deed, on `hotels/{h}/staff/{user}/result`. `id` is None where it could not be read.

    `by`, `at` and `revision` are of a conflict: who was first (None where the alert's condition changed), when, and
    which revision the alert has now.
    """

    id: str | None
    verdict: Verdict
    alert: AlertSnapshot | None = None
    by: str | None = None
    at: datetime | None = None
    revision: int | None = None
    detail: str | None = None


class Doing:
    """Does what people ask, one after the other: they are few, and each is a transaction of its own.

    What waits is bounded by the broker, which lets only so much of a connection be unsettled.
    """

    def __init__(self, *, store: Store, publisher: Publisher, metrics: BridgeMetrics) -> None:
        self._store = store
        self._publisher = publisher
        self._metrics = metrics
        self._waiting: deque[Arrived] = deque()
        self._came = asyncio.Event()

    def take_aside(self, inputs: Sequence[Input]) -> Sequence[Input]:
        """Keep what people ask, and return everything else: no tablet waits for a person, nor the other way round."""
        asked = [item for item in inputs if _is_asked(item)]
        if not asked:
            return inputs
        self._waiting += asked
        self._came.set()
        return [item for item in inputs if not _is_asked(item)]

    async def run(self) -> None:
        """Until cancelled. What was not done by then is not acknowledged, and will be sent again."""
        while True:
            while self._waiting:
                item = self._waiting[0]
                await self._answer(item)
                item.delivery.settle()
                self._waiting.popleft()
            self._came.clear()
            await self._came.wait()

    async def _answer(self, item: Arrived) -> None:
        topic = item.delivery.topic
        # Whether a lost answer was a yes is asked by the deed's id. That there is none, the intake reports.
        result = await until_answered(lambda: self._done(item), unanswered=lambda _: None)
        self._metrics.deeds.labels(result.verdict).inc()
        who = {"hotel": topic.hotel_id, "user": topic.subject, "request": result.id}
        _log.info("deed", {**who, "verdict": result.verdict, "alert": result.alert.id if result.alert else None})
        address = name_of(Topic(Kind.DO_RESULT, topic.hotel_id, topic.subject))
        await self._publisher.publish(address, msgspec.json.encode(result))

    async def _done(self, item: Arrived) -> DoResult:
        topic, payload = item.delivery.topic, item.delivery.payload
        hotel_id, name = topic.hotel_id, topic.subject
        assert hotel_id is not None and name is not None  # noqa: S101, PT018 - so is the topic
        said = Refused.RETAINED.value if item.delivery.retain else read(payload)
        if isinstance(said, str):
            await self._keep_refused(item, said)
            return DoResult(id=_id_of(payload), verdict=Verdict.INVALID, detail=said)
        role = role_of(await self._store.find_account(UserName(name)), hotel_id)
        if role is None:
            return DoResult(id=said.id, verdict=Verdict.FORBIDDEN, detail="needs the role staff")
        by = Actor(ActorKind.USER, name, request_id=said.id, digest=_digest(said))
        try:
            alert = await self._again(hotel_id, said, by)
            if alert is None:
                alert = await self._do(hotel_id, said, by=by, role=role, at=item.at)
        except (Overtaken, NeedsManager, AlertGone, NotFound, DataRefused, AnswerRefused) as refusal:
            return _refusal(said.id, refusal)
        return DoResult(id=said.id, verdict=Verdict.APPLIED, alert=alert)

    async def _again(self, hotel_id: HotelId, said: Do, by: Actor) -> AlertSnapshot | None:
        """The alert, where this very deed was done before: its result, or the acknowledgment of it, was lost.

        Another one of the same id is a deed of its own: a console that counts its requests from 1 again is not ignored.
        """
        alert_id = AlertId(said.alert_id)
        done = await self._store.answered_before(hotel_id, alert_id, _DEED[said.op], by=by)
        return await self._store.alert(hotel_id, alert_id) if done else None

    async def _do(self, hotel_id: HotelId, said: Do, *, by: Actor, role: MemberRole, at: datetime) -> AlertSnapshot:
        store, alert_id, seen = self._store, AlertId(said.alert_id), said.if_revision
        note = said.note or None
        match said.op:
            case Op.ACKNOWLEDGE:
                return await store.acknowledge(hotel_id, alert_id, by=by, note=note, now=at, if_revision=seen)
            case Op.UNACKNOWLEDGE:
                return await store.unacknowledge(hotel_id, alert_id, by=by, now=at, if_revision=seen)
            case Op.ASSIGN:
                name = UserName(said.assignee) if said.assignee else None
                return await store.assign_alert(hotel_id, alert_id, name, by=by, now=at, if_revision=seen)
            case Op.NOTE:
                return await store.note_alert(hotel_id, alert_id, note or "", by=by, now=at, if_revision=seen)
            case Op.SNOOZE:
                until = said.until or None
                return await store.snooze_alert(hotel_id, alert_id, until, by=by, now=at, if_revision=seen)
            case Op.RESOLVE:
                return await store.resolve_alert(
                    hotel_id, alert_id, by=by, role=role, note=note, now=at, if_revision=seen
                )

    async def _keep_refused(self, item: Arrived, why: str) -> None:
        topic = item.delivery.topic
        refused = Quarantined(
            hotel_id=topic.hotel_id,
            device_id=None,
            topic=name_of(topic),
            reason=Refused.INVALID,
            detail=why,
            head=item.delivery.payload,
            at=item.at,
        )
        await self._store.apply(Batch(received_at=item.at, quarantined=[refused]))
        self._metrics.rejected.labels(Refused.INVALID).inc()


def role_of(account: Account | None, hotel_id: HotelId) -> MemberRole | None:
    """What somebody may do about a hotel's alerts at this moment; None: nothing."""
    if account is None or account.disabled:
        return None
    if account.admin:
        return MemberRole.MANAGER
    of_hotel = (one for one in account.memberships if one.hotel_id == hotel_id and not one.suspended)
    role = next((one.role for one in of_hotel), None)
    return None if role is MemberRole.VIEWER else role


def _refusal(name: str, why: StoreError) -> DoResult:
    match why:
        case Overtaken(by=by, at=at, revision=revision):
            verdict = Verdict.CONFLICT
            return DoResult(id=name, verdict=verdict, by=by, at=at, revision=revision, detail=str(why))
        case NeedsManager():
            return DoResult(id=name, verdict=Verdict.FORBIDDEN, detail="needs the role manager")
        case AlertGone() | NotFound():
            return DoResult(id=name, verdict=Verdict.GONE, detail=str(why))
        case AnswerRefused():
            return DoResult(id=name, verdict=Verdict.INVALID, detail=str(why))
    return DoResult(id=name, verdict=Verdict.INVALID, detail="the database takes no such value")


_do = msgspec.json.Decoder(Do)


def _is_asked(item: Input) -> TypeGuard[Arrived]:
    """Whether an input of the queue is what a person asks."""
    return isinstance(item, Arrived) and item.delivery.topic.kind is Kind.DO


def read(payload: bytes) -> Do | str:
    """What a deed says, or what is wrong with it, in words for whoever made it."""
    if len(payload) > MESSAGE_LIMIT:
        return f"{len(payload)} bytes; a message may have {MESSAGE_LIMIT}"
    try:
        said = _do.decode(payload)
    except msgspec.ValidationError as error:
        return in_words(str(error))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return "not JSON in UTF-8"
    takes = _TAKES[said.op]
    for field in ("note", "until", "assignee"):
        if getattr(said, field) is not UNSET and field != takes:
            return f"{field} means nothing in {said.op}"
    if said.op in _WANTS and takes is not None and getattr(said, takes) is UNSET:
        return f"{said.op} wants {takes}"
    if said.op is Op.NOTE and not said.note:
        return "an empty note"
    return said


def _digest(said: Do) -> str:
    return blake2b(msgspec.json.encode(said), digest_size=8).hexdigest()


class _Named(Struct):
    id: str


_named = msgspec.json.Decoder(_Named)


def _id_of(payload: bytes) -> str | None:
    try:
        name = _named.decode(payload[:MESSAGE_LIMIT]).id
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return name if is_id(name) else None
