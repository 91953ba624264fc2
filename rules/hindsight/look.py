"""The look back itself: replay, watch, and gather."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from rules.alerts import Family
from rules.gap import Gap
from rules.hindsight.agents import Agents
from rules.hindsight.arrivals import Arrivals
from rules.hindsight.charges import Drains, Nights, OnCharger
from rules.hindsight.check_outs import CheckOuts
from rules.hindsight.docks import Undocked
from rules.hindsight.finding import Finding, Heard, LookedBack
from rules.hindsight.lasting import SLOW, Lasting
from rules.hindsight.late import Late
from rules.hindsight.rooms import Misfits
from rules.hindsight.samples import AccessPoints, Batteries, Signals
from rules.hindsight.silences import Silences
from rules.hindsight.take_overs import TakeOvers
from rules.hindsight.tokens import PutOut, Renewals
from rules.hindsight.watcher import Watcher
from rules.ids import DeviceId, HotelId, MessageId
from rules.inputs import REMOVED, UNREADABLE, InputKind, StoredInput, message_of
from rules.messages import Heartbeat
from rules.place import normal_bssid
from rules.policy import Assignment
from rules.replay import SETTLING, Replay, Step
from rules.state import Verdict
from rules.version import rule_version

_gap = msgspec.json.Decoder(Gap)
_SAID = frozenset({InputKind.HEARTBEAT, InputKind.REPORT, InputKind.STATE, InputKind.RESULT})


def look_back(
    inputs: Iterable[StoredInput], *, hotel_id: HotelId, device_id: DeviceId, start: datetime, end: datetime
) -> LookedBack:
    """What spoke for trouble of one tablet in [start, end), in the order in which it began.

    `inputs` are those of the tablet and of its hotel as a whole, and where the others live, from a checkpoint before
    `start` on (`Store.inputs_of`). What began before `start` counts from its own beginning.
    """
    looking, made = _Looking(), list[Step]()
    replay, key = Replay(hotel_id, told=made.append, follow=True), None
    for one in inputs:
        if one.device_id == device_id:
            key = one.device
        elif one.device_id is not None and one.kind not in SETTLING:
            continue
        replay.take(one)
        for step in made:
            if step.device == key:
                looking.see(step)
        made.clear()
        if one.device_id in (None, device_id):
            looking.note(one)
    looking.stand(replay, device_id, at=end)
    return looking.looked_back(start=start, end=end)


class _Looking:
    def __init__(self) -> None:
        self._begin()
        self._late = Late()
        self._findings: list[Finding] = []
        self._heard: list[Heard] = []
        self._assignment: Assignment | None = None
        self._rule_version: str | None = None

    def _begin(self) -> None:
        self._silences, self._renewals, self._misfits = Silences(), Renewals(), Misfits()
        self._watchers: tuple[Watcher, ...] = (
            self._silences,
            Agents(),
            Signals(),
            AccessPoints(),
            self._misfits,
            Batteries(),
            Drains(),
            OnCharger(),
            Nights(),
            Undocked(),
            *(Lasting(kind) for kind in SLOW),
            CheckOuts(),
            TakeOvers(),
            PutOut(),
            self._renewals,
            Arrivals(),
        )

    def see(self, step: Step) -> None:
        self._assignment = step.assignment
        self._findings += self._late.see(step)
        if step.verdict.late:
            step = replace(step, message=None)  # it may have moved the alert, and is no sample and no sign of life
        is_gone = step.name.startswith(REMOVED)
        found = [watcher.end(step.at) if is_gone else watcher.see(step) for watcher in self._watchers]
        self._findings += [finding for finding in found if finding is not None]
        if is_gone:
            self._begin()  # nothing is known of it any more, and nobody waits for it

    def note(self, one: StoredInput) -> None:
        """What a row says beside what the rules made of it."""
        try:
            if one.kind in _SAID:
                self._hear(one)
            elif one.kind is InputKind.WATCHING and (one.body == b"{}" or _gap.decode(one.body).gives_grace):
                self._silences.began_again(one.at)
                self._renewals.began_again(one.at)
        except UNREADABLE:
            return

    def stand(self, replay: Replay, device_id: DeviceId, *, at: datetime) -> None:
        """Where it stands at the end, whether or not anything happened to it: some things only last."""
        judged = replay.judged_by(device_id)
        if judged is None:
            return
        self._rule_version = rule_version(judged.revision)
        state, name = judged.state, MessageId("end")
        self.see(
            Step(judged.device, device_id, at, InputKind.CHECKPOINT, name, judged.assignment, state, Verdict(state))
        )

    def looked_back(self, *, start: datetime, end: datetime) -> LookedBack:
        over = [one for one in (*self._findings, *self._late.end()) if _reaches(one, start)]
        fits = self._misfits.fits
        last = (watcher.end(end) for watcher in self._watchers)
        reaching = [one for one in last if one is not None and _reaches(one, start)]
        lasting = [one if fits and one.family is Family.ROOM else replace(one, until=None) for one in reaching]
        findings = sorted((one for one in (*over, *lasting) if one.since < end), key=lambda one: one.since)
        return LookedBack(
            findings=tuple(findings),
            heard=tuple(one for one in self._heard if start <= one.at < end),
            assignment=self._assignment,
            rule_version=self._rule_version,
        )

    def _hear(self, one: StoredInput) -> None:
        message = message_of(one)
        if isinstance(message, Heartbeat):
            bssid = None if message.wifi_bssid is None else normal_bssid(message.wifi_bssid)
            self._heard.append(
                Heard(
                    at=one.at,
                    kind=one.kind,
                    rssi=message.rssi,
                    bssid=bssid,
                    battery=message.battery,
                    charging=message.charging,
                    late=one.late,
                )
            )
            return
        self._heard.append(Heard(at=one.at, kind=one.kind, late=one.late))


def _reaches(finding: Finding, start: datetime) -> bool:
    """Whether there was a sign of it at `start` or later."""
    return finding.until is None or finding.until >= start
