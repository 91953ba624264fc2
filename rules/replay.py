"""History judged again: a hotel's stored inputs, in their order, through the very rules that judged them live.

The interface, for whoever looks back:

* `steps(inputs, hotel_id=…, device_id=…)` gives, for one device, what each input made of it: `Step` has the moment, the
  message, the assignment and the state before, and the verdict. Feed it `Store.inputs_of(hotel, device, span)`.
* `Replay(hotel_id)` takes every input of a hotel (`take`), and tells each change of an alert to `told`. Without a
  proposal it makes the same alerts as were raised live, ids included: what happened live is in the rows, deadlines too.
* `Replay.propose(change)` judges from there on by what `change` makes of each assignment. A device that it changes has
  its deadlines reckoned anew, for those that passed were those of the old thresholds; every other keeps its own. While
  nobody listened, and after the last row, nothing is reckoned: that no more is stored is nobody's silence.

A replay may begin at any row. A device is known from its checkpoint on, or from its first assignment where the rows
before it are gone. What each kind of input means to the rules is said in `rules.judging`; here, from which row it is
read.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from rules import judging
from rules.alarm import Occasion
from rules.deadlines import may_come_nearer
from rules.evaluate import evaluate
from rules.gap import Gap, shifted
from rules.ids import DeviceId, HotelId, MessageId
from rules.inputs import (
    LEFT,
    PARTNER,
    REMOVED,
    REVIEW,
    TOKEN,
    UNREADABLE,
    AssignmentRecord,
    DeadlineRecord,
    DeviceCheckpoint,
    HotelCheckpoint,
    InputKind,
    InventoryRecord,
    LeftRecord,
    PartnerRecord,
    ReviewRecord,
    StoredInput,
    TokenRecord,
    message_of,
)
from rules.judging import Judge
from rules.messages import DeviceMessage
from rules.policy import Assignment
from rules.reckoning import Reckoning
from rules.register import Change, Register, Watched
from rules.response import Resolved
from rules.room_status import PmsRecord, news
from rules.state import DeviceState, Verdict
from rules.step import Step

__all__ = ["SETTLING", "Change", "Judged", "Replay", "Step", "Tallied", "steps"]

_R = TypeVar("_R")

_NOTHING_BESIDES: Final = DeadlineRecord()
_LONG_AGO: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

SETTLING: Final = frozenset({InputKind.ASSIGNMENT, InputKind.INVENTORY, InputKind.CHECKPOINT})
"""Kinds that come in rows of thousands, and say of whom what they are judged by."""


def steps(inputs: Iterable[StoredInput], *, hotel_id: HotelId, device_id: DeviceId) -> Iterator[Step]:
    """What each input made of one device, as it was live. Of other devices only where they live is looked at.

    `device_id` is the one that it has now; an earlier one of its own stands in the steps of that time.
    """
    made: list[Step] = []
    replay = Replay(hotel_id, told=made.append, follow=True)
    key = None
    for one in inputs:
        if one.device_id == device_id:
            key = one.device
        elif one.device_id is not None and one.kind not in SETTLING:
            continue
        replay.take(one)
        yield from (step for step in made if step.device == key)
        made.clear()


class Tallied(Struct):
    """How it went: inputs that were taken, bodies that could not be read, checkpoints that we do not come out at.

    `strange` are inputs of devices that were not known yet, because the rows before were gone.
    """

    taken: int = 0
    unreadable: int = 0
    diverged: int = 0
    strange: int = 0


class Judged(Struct, frozen=True):
    """A device by its number, and by what it is judged; `revision` is that of its assignment."""

    device: int
    revision: int
    assignment: Assignment
    state: DeviceState


class Replay:
    """One hotel, from row to row. `told` gets every step in which an alert changed; with `follow`, every step."""

    def __init__(self, hotel_id: HotelId, *, told: Callable[[Step], None], follow: bool = False) -> None:
        self.tally = Tallied()
        self._taken_at = _LONG_AGO
        self._told = told
        self._follow = follow
        self._reckoning = Reckoning(watching_since=_LONG_AGO)
        self._register = Register(hotel_id, moved=self._reckoning.look_at)

    def take(self, one: StoredInput) -> None:
        """Judge the next row."""
        self.tally.taken += 1
        kind = one.kind
        if not self._register.is_settled and kind not in SETTLING:
            self._register.settle()
        try:
            if self._reckoning.nearest <= one.at:
                self._pass_until(one.at if kind is not InputKind.WATCHING else self._listened_until(one))
            self._taken_at = one.at
            if kind is InputKind.HEARTBEAT:  # nearly all are
                self._hear(one)
            else:
                self._judge(one)
        except UNREADABLE:
            self.tally.unreadable += 1

    def propose(self, change: Change) -> None:
        """From here on judge by what `change` makes of each assignment."""
        self._register.propose(change)

    def state(self, device_id: DeviceId) -> DeviceState | None:
        """What a device has come to; None for one that is not known yet."""
        device = self._register.find(device_id)
        return None if device is None else device.state

    def judged_by(self, device_id: DeviceId) -> Judged | None:
        """By what a device is judged now; None for one that is not known yet."""
        if not self._register.is_settled:
            self._register.settle()
        device = self._register.find(device_id)
        return None if device is None else Judged(device.key, device.revision, device.assignment, device.state)

    def _listened_until(self, one: StoredInput) -> datetime:
        """Until when we were listening before we began to: whoever is silent after that is silent because of us."""
        return self._taken_at if one.body == b"{}" else min(_gap.decode(one.body).since, one.at)

    def _pass_until(self, at: datetime) -> None:
        """Pass the reckoned deadlines until `at`, in their order."""
        for device, due in self._reckoning.due_by(at):
            self._pass(device, due, name=MessageId(f"deadline:{due.isoformat()}"))

    def _judge(self, one: StoredInput) -> None:
        """From which kind of row each input is read."""
        match one.kind:
            case InputKind.HEARTBEAT | InputKind.REPORT | InputKind.STATE | InputKind.RESULT:
                self._hear(one)
            case InputKind.LOST | InputKind.EXPIRED | InputKind.REVOKED:
                self._hear(one)
            case InputKind.DEADLINE:
                self._pass_deadline(one)
            case InputKind.ASSIGNMENT:
                self._note(one)
            case InputKind.INVENTORY:
                self._take_rooms(one)
            case InputKind.WATCHING:
                self._watch(one)
            case InputKind.CHECKPOINT:
                self._begin_at(one)
            case InputKind.DEED:
                self._judge_by(one, _resolved, judging.dismiss)
            case InputKind.PMS:
                self._take_word(one)

    def _hear(self, one: StoredInput) -> None:
        device = self._known(one)
        if device is None:
            return
        message = message_of(one)
        verdict = evaluate(device.state, message, assignment=device.assignment, now=one.at, is_history=one.late)
        self._decide(device, verdict, one=one, message=message)

    def _take_word(self, one: StoredInput) -> None:
        """What a hotel's system said of rooms: their devices are judged anew, in order of id."""
        changed = news(_word.decode(one.body), known=self._register.status, at=one.at)
        for room_id, status in changed.items():
            for device in self._register.learn(room_id, status):
                self._decide(device, judging.told(device.state, status, occasion=_occasion(device, one)), one=one)

    def _pass_deadline(self, one: StoredInput) -> None:
        """One that passed live; where deadlines are reckoned it was that of the old thresholds."""
        device = self._known(one)
        if device is not None and one.ts is not None and not device.reckoned:
            self._pass(device, one.ts, name=one.name, record=_deadline.decode(one.body))

    def _pass(
        self, device: Watched, due: datetime, *, name: MessageId, record: DeadlineRecord = _NOTHING_BESIDES
    ) -> None:
        before, assignment, since = device.state, device.assignment, self._reckoning.watching_since
        verdict = judging.pass_deadline(before, record, assignment=assignment, watching_since=since, due=due)
        device.state = verdict.state
        self._tell(Step(device.key, device.id, due, InputKind.DEADLINE, name, device.assignment, before, verdict))

    def _note(self, one: StoredInput) -> None:
        """A new room or policy, or a new token."""
        if one.name.startswith(TOKEN):
            self._give(one)
        elif one.name.startswith(REMOVED):
            self._remove(one)
        elif one.name.startswith(PARTNER):
            self._judge_by(one, _partner, judging.paired)
        elif one.name.startswith(LEFT):
            self._judge_by(one, _left, judging.left, at=one.ts)
        elif one.name.startswith(REVIEW):
            self._review(one)
        elif one.device is not None:
            self._register.move(self._register.of(one) or self._register.add(one), _assignment.decode(one.body))

    def _judge_by(
        self, one: StoredInput, decoder: msgspec.json.Decoder[_R], judge: Judge[_R], *, at: datetime | None = None
    ) -> None:
        """Judge by what stands in the row, as it was judged live; by other thresholds that may come to nothing.

        `at` is the moment that it counts for, where that is not the receipt.
        """
        device = self._known(one)
        if device is not None:
            verdict = judge(device.state, decoder.decode(one.body), occasion=_occasion(device, one, at=at))
            self._decide(device, verdict, one=one)

    def _remove(self, one: StoredInput) -> None:
        device = self._known(one)
        if device is not None:
            before, verdict = device.state, judging.removed(device.state, at=one.at)
            self._register.remove(device)
            self._tell(Step(device.key, device.id, one.at, one.kind, one.name, device.assignment, before, verdict))

    def _review(self, one: StoredInput) -> None:
        """People had decided something else of it; by a proposal that may come to no difference."""
        device = self._known(one)
        if device is not None:
            record = _decided.decode(one.body)
            if record.was is not None:
                was = self._register.proposed(replace(device.own, policy=record.was)).policy
                record = replace(record, was=was)
            self._decide(device, judging.review(device.state, record, occasion=_occasion(device, one)), one=one)

    def _give(self, one: StoredInput) -> None:
        device = self._known(one)
        if device is None:
            return
        record, occasion = _token.decode(one.body), _occasion(device, one)
        if record.asked is not None:
            asked = judging.renew(record.asked, at=one.at)
            self._decide(device, judging.asked(device.state, record.asked, occasion=occasion), one=one, message=asked)
        self._decide(device, judging.given(device.state, record, occasion=occasion), one=one)

    def _take_rooms(self, one: StoredInput) -> None:
        self._register.furnish(_inventory.decode(one.body))

    def _watch(self, one: StoredInput) -> None:
        """We began to listen, after a gap of ours; no row of older releases tells of one.

        Of those, whoever was heard in the future, because the clock was set back, was heard now.
        """
        gap = None if one.body == b"{}" else _gap.decode(one.body)
        since = self._reckoning.watching_since
        self._reckoning.watching_since = one.at if gap is None or gap.gives_grace else gap.moved(since)
        for device in self._register:
            if gap is not None:
                device.state = shifted(device.state, gap)
            heard = device.state.last_heard
            if heard is not None and heard > one.at:
                device.state = replace(device.state, last_heard=one.at)
            device.due = None
            self._reckoning.look_at(device)

    def _begin_at(self, one: StoredInput) -> None:
        """A checkpoint is where a device begins; one that is known should have come out there by itself."""
        if one.device is None:
            hotel = _hotel_checkpoint.decode(one.body)
            self._reckoning.watching_since = hotel.watching_since
            self._register.furnish(hotel.inventory)
            return
        device = self._register.of(one)
        if device is not None and device.reckoned:
            return
        checkpoint = _device_checkpoint.decode(one.body)
        if device is None:
            device = self._register.add(one)
        elif device.state == checkpoint.state:
            return
        else:
            self.tally.diverged += 1
        device.state = checkpoint.state
        self._register.move(device, checkpoint.assignment)

    def _known(self, one: StoredInput) -> Watched | None:
        """The device of a row, with what it is judged by."""
        if not self._register.is_settled:
            self._register.settle()
        device = self._register.of(one)
        if device is None:
            self.tally.strange += 1
        return device

    def _decide(
        self, device: Watched, verdict: Verdict, *, one: StoredInput, message: DeviceMessage | None = None
    ) -> None:
        before, device.state = device.state, verdict.state
        if verdict.changes or self._follow:
            self._told(
                Step(device.key, device.id, one.at, one.kind, one.name, device.assignment, before, verdict, message)
            )
        if device.reckoned:
            since = self._reckoning.watching_since
            if device.due is None or may_come_nearer(before, verdict, watching_since=since):
                self._reckoning.look_at(device)

    def _tell(self, step: Step) -> None:
        if step.verdict.changes or self._follow:
            self._told(step)


def _occasion(device: Watched, one: StoredInput, *, at: datetime | None = None) -> Occasion:
    return Occasion(device.assignment, one.name, at or one.at)


_assignment = msgspec.json.Decoder(AssignmentRecord)
_word = msgspec.json.Decoder(PmsRecord)
_resolved = msgspec.json.Decoder(Resolved)
_token = msgspec.json.Decoder(TokenRecord)
_gap = msgspec.json.Decoder(Gap)
_deadline = msgspec.json.Decoder(DeadlineRecord)
_left = msgspec.json.Decoder(LeftRecord)
_decided = msgspec.json.Decoder(ReviewRecord)
_partner = msgspec.json.Decoder(PartnerRecord)
_inventory = msgspec.json.Decoder(InventoryRecord)
_hotel_checkpoint = msgspec.json.Decoder(HotelCheckpoint)
_device_checkpoint = msgspec.json.Decoder(DeviceCheckpoint)
