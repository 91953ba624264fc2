"""One batch in the making: matters are judged in order on copies, and nothing is changed until it is committed.

`Draft` collects what the store must write, the states that replace the tablets' own after the commit, and the
receipts that go out then. A draft that the store refuses is thrown away and nothing has happened.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from broker.topics import Kind
from device_bridge.decode import Refused, Rejected
from device_bridge.draft_states import DraftStates
from device_bridge.matters import (
    Beginning,
    Done,
    Given,
    Heard,
    Identity,
    Matter,
    Noted,
    Overdue,
    Pairing,
    Parted,
    Review,
    Stored,
    Turned,
    Word,
    device_of,
    topic_of,
)
from device_bridge.onwards import Passed
from device_bridge.outages import KnownOutages
from device_bridge.pms_results import PmsResult, answer_to, refusal_of
from device_bridge.receipts import Receipted, ReceiptLine
from device_bridge.renewal import Renewals, TokenMessage
from device_bridge.rows import (
    alert_change,
    command_change,
    deadline_row,
    deed_row,
    is_will,
    left_row,
    message_row,
    noted_row,
    partner_row,
    quarantine_row,
    review_row,
    token_row,
    watching_row,
    word_row,
)
from device_bridge.tablet import Tablet
from rules import judging
from rules.alarm import Occasion
from rules.alerts import Family
from rules.clearance import clearance
from rules.deadlines import deadline, may_come_nearer
from rules.evaluate import evaluate
from rules.gap import shifted
from rules.ids import AlertId, DeviceId, HotelId, RoomId
from rules.inputs import LEFT, Asked, DeadlineRecord, LeftRecord
from rules.judging import Judge
from rules.lateness import said_at
from rules.messages import (
    WIFI_OFF,
    DeviceMessage,
    Heartbeat,
    Link,
    Renew,
    Report,
    ReportKind,
    Result,
    State,
    TokenEnded,
)
from rules.room_status import RoomStatus, is_checked_out, news
from rules.snapshot import status_of
from rules.state import DeviceState, Verdict
from store.batch import Batch, Orphan, PmsTaken, StatusChange, Stretch, TokenGiven

_R = TypeVar("_R")

_UNANSWERED = (Heartbeat, TokenEnded)  # no receipt says that they are stored
_FAMILIES = {
    ReportKind.BREACH: Family.BREACH,
    ReportKind.BATTERY: Family.BATTERY,
    ReportKind.TAMPER: Family.TAMPER,
}


class Draft:
    """What one batch will write. `watching_since`: since when the bridge has been listening.

    `promise`: for how long a message is known again by its id; what was said before that is not taken from a backlog.
    """

    def __init__(
        self,
        *,
        now: datetime,
        watching_since: datetime,
        renewals: Renewals,
        outages: KnownOutages,
        promise: timedelta,
    ) -> None:
        self.batch = Batch(received_at=now)
        self.states = DraftStates(self.batch.states)
        self.restless: list[Tablet] = []  # those whose deadline may have come nearer
        self.passed: list[Passed] = []  # the deadlines that were judged
        self.born: list[Tablet] = []  # those that said `ready`
        self.receipts: dict[tuple[HotelId, DeviceId], list[ReceiptLine]] = {}
        self.rejections: list[Refused] = []
        self.duplicates = 0
        self.late = 0
        self.renewed: list[tuple[Tablet, TokenMessage]] = []  # what they are told then
        self.watching_since = watching_since
        self._renewals = renewals
        self._promise = promise
        self._ids: set[Identity] = set()
        self.results: list[tuple[HotelId, str, PmsResult]] = []  # what hotel systems are told then
        self.learned: list[tuple[Word, Mapping[RoomId, RoomStatus]]] = []
        self.outlook = outages.outlook(self.states)
        self.batch.incidents = self.outlook.turns

    def add(self, matter: Matter, *, known: Stored | None) -> None:  # noqa: C901, one case for each
        """Judge the next matter. `known` are the message ids of the batch that are stored already.

        None: nobody has asked. Then all are taken for new, and the store refuses a batch in which one is not.
        """
        match matter:
            case Heard():
                self._hear(matter, known)
            case Turned():
                self._turn_away(matter)
            case Overdue():
                self._pass_deadline(matter)
            case Noted():
                self._note(matter, known)
            case Beginning():
                self._begin(matter)
            case Parted():
                self._part(matter)
            case Given():
                self._give(matter, known)
            case Done():
                self._take_over(matter, known)
            case Word():
                self._take_word(matter)
            case Pairing():
                self._pair(matter, known)
            case Review():
                self._review(matter, known)

    def adopt(self) -> None:
        """After the commit: the judged states become the tablets' own."""
        self.states.adopt()
        for word, rooms in self.learned:
            word.fleet.learn(word.hotel_id, rooms)
        self.outlook.adopt()

    def _hear(self, heard: Heard, known: Stored | None) -> None:
        tablet, message, kept = heard.tablet, heard.decoded.message, heard.decoded.late
        if type(message) is Renew:  # asked of every heartbeat, for which isinstance would cost five times as much
            self._renew(heard, message)
            return
        if heard.inbox_key is not None:
            self.batch.drained.append(heard.inbox_key)
        else:
            tablet.heard_by_mqtt = True  # no state, which only a commit may change: whatever becomes of it, it spoke
        if known is not None and not self._is_new((tablet.key, message.id), known):
            self.duplicates += 1
            if not isinstance(message, TokenEnded):  # the broker's word, not the device's
                self._receipt(tablet, ReceiptLine(message.id, Receipted.DUPLICATE))
            return
        state = self.states.of(tablet)
        if kept and heard.at - said_at(state, message, now=heard.at) > self._promise:
            self._turn_away(Turned(topic_of(heard), heard.decoded.body, self._too_old(message), heard.at))
            return
        verdict = evaluate(state, message, assignment=tablet.assignment, now=heard.at, is_history=kept)
        if not verdict.late or verdict.state is not state:
            self._decide(tablet, verdict, before=state)
        if not verdict.late:
            self.outlook.hear(tablet, message, at=heard.at)
        self.batch.messages.append(message_row(heard, late=verdict.late))
        if verdict.late or type(message) is not Heartbeat:
            self._answer(heard, message, late=verdict.late)

    def _answer(self, heard: Heard, message: DeviceMessage, *, late: bool) -> None:
        """What comes of a message that is stored with this batch, but of a live heartbeat, which nobody waits for."""
        tablet = heard.tablet
        if isinstance(message, Result):
            self.batch.commands.append(command_change(tablet, message, at=heard.at))
        if late:
            self.late += 1
            if heard.decoded.late or not isinstance(message, _UNANSWERED):
                self._receipt(tablet, ReceiptLine(message.id, Receipted.LATE))
        elif not isinstance(message, _UNANSWERED) and not is_will(message):
            alert_id = self._alert_of(tablet, message)
            self._receipt(tablet, ReceiptLine(message.id, Receipted.STORED, alert_id=alert_id))
            if isinstance(message, State) and message.state is Link.READY:
                self.born.append(tablet)

    def _too_old(self, message: DeviceMessage) -> Rejected:
        detail = f"said over {self._promise / timedelta(days=1):g} days ago"
        return Rejected(Refused.TOO_OLD, detail, message.id)

    def _renew(self, heard: Heard, request: Renew) -> None:
        """Mint at once; what is stored is the token's dates, and the sign of life in the state."""
        tablet, now = heard.tablet, self.batch.received_at
        answer = self._renewals.answer(tablet, self.states.of(tablet).token, request.id, now=now)
        if isinstance(answer, Rejected):
            self._turn_away(Turned(topic_of(heard), heard.decoded.body, answer, heard.at))
            return
        self.renewed.append((tablet, answer))
        self.batch.tokens.append(
            TokenGiven(
                hotel_id=tablet.hotel_id,
                device_key=tablet.key,
                device_id=tablet.device_id,
                gen=tablet.gen,
                issued_at=now,
                expires_at=answer.expires_at,
            )
        )
        self._give(Given(tablet, now, answer.expires_at, heard.at, Asked(request.id, request.sid)), None)

    def _give(self, given: Given, known: Stored | None) -> None:
        tablet, record = given.tablet, given.record
        if not self._is_new((tablet.key, given.name), known):
            return
        if record.asked is not None:
            self._judge(tablet, judging.asked, record.asked, name=given.name, at=given.at)
        self._judge(tablet, judging.given, record, name=given.name, at=given.at)
        self.batch.messages.append(token_row(given))

    def _take_over(self, done: Done, known: Stored | None) -> None:
        """A person has ended an alert by hand: the rules go by that from here on."""
        self.batch.drained.append(done.inbox_key)
        tablet, name = done.tablet, done.deed.name
        if tablet is None or not self._is_new((tablet.key, name), known):
            return
        self._judge(tablet, judging.dismiss, done.deed, name=name, at=done.at)
        self.batch.messages.append(deed_row(done, tablet))

    def _pair(self, pairing: Pairing, known: Stored | None) -> None:
        if self._is_new((pairing.tablet.key, pairing.name), known):
            self._judge(pairing.tablet, judging.paired, pairing.record, name=pairing.name, at=pairing.at)
            self.batch.messages.append(partner_row(pairing))

    def _review(self, one: Review, known: Stored | None) -> None:
        if self._is_new((one.tablet.key, one.name), known):
            self._judge(one.tablet, judging.review, one.record, name=one.name, at=one.at)
            self.batch.messages.append(review_row(one))

    def _pass_deadline(self, overdue: Overdue) -> None:
        """Judge a deadline, unless a message that came before it in the queue has moved it."""
        tablet, state, since = overdue.tablet, self.states.of(overdue.tablet), self.watching_since
        due = deadline(state, assignment=tablet.assignment, watching_since=since)
        if due is None or due > overdue.at:
            return
        if overdue.as_of_now:
            due = overdue.at
        else:
            self.passed.append((tablet, due))
        passed = partial(judging.pass_deadline, assignment=tablet.assignment, watching_since=since, due=due)
        record = DeadlineRecord(overdue.alive_at)
        verdict = passed(state, record)
        apart = self.outlook.moved(tablet, state, verdict)
        if apart is not None:
            record = replace(record, apart=apart)
            verdict = passed(state, record)
        self._decide(tablet, verdict, before=state)
        self.batch.messages.append(deadline_row(overdue, due=due, record=record))

    def _part(self, parted: Parted) -> None:
        """Split the incidents whose time has come: who did not return is told by itself."""
        for change, lost in self.outlook.pass_deadline(parted.hotel_id, parted.at):
            if change.left is None:  # it lasts
                continue
            record = LeftRecord(change.left)
            for tablet in lost:
                self._judge(tablet, judging.left, record, name=f"{LEFT}{change.at.isoformat()}", at=change.at)
                self.batch.messages.append(left_row(tablet, record, due=change.at, at=parted.at))

    def _note(self, noted: Noted, known: Stored | None) -> None:
        if noted.device_key is None or self._is_new((noted.device_key, noted.name), known):
            self.batch.messages.append(noted_row(noted))

    def _begin(self, beginning: Beginning) -> None:
        """In one transaction with the journal: else a gap could count twice, or not at all."""
        began, gap = beginning.began, beginning.began.gap
        self.batch.messages.append(watching_row(beginning))
        self.batch.listening = Stretch(began.at, began.why)
        if gap is None:
            return
        self.outlook.shift(beginning.hotel_id, gap)
        for tablet in beginning.tablets:
            before = self.states.of(tablet)
            after = shifted(before, gap)
            if after != before:
                self._decide(tablet, Verdict(after), before=before)
                self.restless.append(tablet)  # a clock that was set back brings its deadline nearer

    def _take_word(self, word: Word) -> None:
        """What a hotel's system says of rooms: their tablets are judged anew, and at a check-out the desk is told."""
        if word.inbox_key is not None:
            self.batch.drained.append(word.inbox_key)
        if word.is_repeated:
            self.duplicates += 1
            self.results.append((word.hotel_id, word.record.by, answer_to(word, stale=False)))
            return
        fleet, hotel_id, record = word.fleet, word.hotel_id, word.record
        rooms = news(record, known=lambda room_id: fleet.status(hotel_id, room_id), at=word.at)
        for room_id, status in rooms.items():
            for tablet in fleet.in_room(hotel_id, room_id):
                self._judge(tablet, judging.told, status, name=word.name, at=word.at)
        told = None
        if is_checked_out(record, rooms):
            here = fleet.in_room(hotel_id, record.room_id)
            tablets = [tablet.in_room._replace(state=self.states.of(tablet)) for tablet in here]
            told = clearance(record.room_id, tablets, at=word.at)
        self.batch.messages.append(word_row(word))
        self.batch.pms.append(PmsTaken(hotel_id=hotel_id, record=record, rooms=rooms, clearance=told, at=word.at))
        self.results.append((hotel_id, record.by, answer_to(word, stale=not rooms)))
        self.learned.append((word, rooms))

    def _turn_away(self, turned: Turned) -> None:
        hotel_id, device_id, rejected = turned.topic.hotel_id, device_of(turned.topic), turned.rejected
        self.rejections.append(rejected.reason)
        if turned.inbox_key is not None:
            self.batch.drained.append(turned.inbox_key)
        self.batch.quarantined.append(quarantine_row(turned, device_id=device_id))
        if turned.topic.kind is Kind.PMS_IN and hotel_id is not None and turned.topic.subject is not None:
            self.results.append((hotel_id, turned.topic.subject, refusal_of(turned)))
        if hotel_id is None or device_id is None:
            return
        if rejected.reason is Refused.UNKNOWN_DEVICE:
            self.batch.orphans.append(Orphan(hotel_id, device_id, turned.at))
        if rejected.message_id is not None:
            line = ReceiptLine(rejected.message_id, Receipted.REJECTED, rejected.reason, rejected.detail)
            self.receipts.setdefault((hotel_id, device_id), []).append(line)

    def _is_new(self, identity: Identity, known: Stored | None) -> bool:
        if known is None:
            return True
        if identity in known or identity in self._ids:
            return False
        self._ids.add(identity)
        return True

    def _judge(self, tablet: Tablet, judge: Judge[_R], record: _R, *, name: str, at: datetime) -> None:
        """What an input that no device said makes of a tablet: a replay judges it by the same record."""
        before = self.states.of(tablet)
        self._decide(tablet, judge(before, record, occasion=Occasion(tablet.assignment, name, at)), before=before)

    def _decide(self, tablet: Tablet, verdict: Verdict, *, before: DeviceState) -> None:
        after = verdict.state
        if tablet.deadline is None or may_come_nearer(before, verdict, watching_since=self.watching_since):
            self.restless.append(tablet)
        if not self.states.take(tablet, after, as_usual=verdict.as_usual):
            return
        for change in verdict.changes:
            wait, spoken_for = self.outlook.wait_of(tablet, change, after), self.outlook.spoken_for(tablet, change)
            self.batch.changes.append(alert_change(tablet, change, wait=wait, spoken_for=spoken_for))
        self.outlook.follow(tablet, before=before, after=after, changes=verdict.changes)
        if before.link is not after.link or before.posture is not after.posture or before.power is not after.power:
            self.batch.statuses.append(StatusChange(tablet.hotel_id, status_of(after, tablet.assignment)))

    def _alert_of(self, tablet: Tablet, message: DeviceMessage) -> AlertId | None:
        """The alert that a report opened or joined, for its receipt."""
        if not isinstance(message, Report):
            return None
        family = Family.SILENCE if message.cause == WIFI_OFF else _FAMILIES.get(message.kind)
        alert = self.states.of(tablet).alerts.get(family) if family is not None else None
        return alert.id if alert is not None else None

    def _receipt(self, tablet: Tablet, line: ReceiptLine) -> None:
        self.receipts.setdefault((tablet.hotel_id, tablet.device_id), []).append(line)
