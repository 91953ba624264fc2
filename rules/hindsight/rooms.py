"""room.mismatch and room.swapped: samples on the access points of other rooms, and words about another room."""

from datetime import datetime
from typing import Final

from rules import room_fit
from rules.alerts import Because, Family, Reason, Rule
from rules.hindsight.finding import Finding
from rules.hindsight.watcher import Run, alert_of, names
from rules.memory import RoomFitMemory
from rules.messages import Heartbeat
from rules.place import normal_bssid
from rules.policy import Place
from rules.replay import Step

_OF_ROOM: Final = frozenset({Because.LIVES_ELSEWHERE, Because.SAYS_ANOTHER_ROOM, Because.SWAPPED})


class Misfits:
    """From the first sample or word until the rule remembers none: what it lacked at the last of them."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._held_back: Reason | None = None
        self._fits = False

    @property
    def fits(self) -> bool:
        """Whether it was seen elsewhere than in another room since; the rule remembers one for half an hour."""
        return self._fits

    def see(self, step: Step) -> Finding | None:
        memory = step.verdict.state.rare.room_fit
        if not memory.said and not any(one.other for one in memory.slices) and memory.misfit_at is None:
            return self.end(step.at)
        self._run = run = self._run or Run(Rule.ROOM_MISMATCH, step)
        is_sign = _is_sign(step.message, step.assignment.place)
        beat = step.message
        if memory.misfit_at is not None or memory.said or run.is_alert:
            self._fits = False
        elif isinstance(beat, Heartbeat) and beat.wifi_bssid is not None:
            self._fits = not is_sign
        if is_sign:
            run.add(step.at)
        if is_sign or memory.misfit_at is not None:
            self._held_back = _held_back(memory, step) or self._held_back
        alert = alert_of(step, Family.ROOM)
        if alert is not None and names(alert, _OF_ROOM):
            run.has_alert(alert)
        return None

    def end(self, at: datetime) -> Finding | None:
        run, held_back = self._run, self._held_back
        self._run, self._held_back, self._fits = None, None, False
        return None if run is None else run.found(held_back, speaks_for=_OF_ROOM)


def _is_sign(message: object, place: Place) -> bool:
    if not isinstance(message, Heartbeat):
        return False
    bssid = None if message.wifi_bssid is None else normal_bssid(message.wifi_bssid)
    if bssid in place.rooms_on and bssid not in place.access_points:
        return True
    return message.room_id in place.rooms and message.room_id != place.room_id


def _held_back(memory: RoomFitMemory, step: Step) -> Reason | None:
    """None: so few samples that they say nothing of a room (that it is not in its own, `breach` tells)."""
    since, share = memory.misfit_at, step.assignment.policy.misfit_share
    if since is not None and memory.partner is not None and not memory.leads:
        return Reason(Because.TOLD_OF_ITS_PARTNER, observed=memory.partner)
    if since is not None:
        lasted, limit = (step.at - since).total_seconds(), room_fit.PENDING.total_seconds()
        return Reason(Because.TOO_SHORT, observed=lasted, limit=limit, since=since) if lasted < limit else None
    own, other = room_fit.counted(memory.slices)
    if other < room_fit.FEW or memory.astray_at is None:
        return Reason(Because.TOO_FEW_SAMPLES, observed=memory.said, limit=room_fit.WORDS) if memory.said else None
    lasted, limit = (step.at - memory.astray_at).total_seconds(), room_fit.SPAN.total_seconds()
    if lasted < limit:
        return Reason(Because.TOO_SHORT, observed=lasted, limit=limit, since=memory.astray_at)
    part = round(100 * other / (own + other))
    return Reason(Because.TOO_SMALL_A_SHARE, observed=part, limit=round(100 * share), since=memory.astray_at)
