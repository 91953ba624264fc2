"""Runs of bad samples: signal, access point and battery. Whether they sufficed, and if not, what they lacked."""

from datetime import datetime, timedelta

from rules import access_point, battery, weak_signal
from rules.alerts import Because, Family, Reason, Rule
from rules.hindsight.finding import Finding
from rules.hindsight.watcher import Run, alert_of, names
from rules.memory import Astray
from rules.messages import Heartbeat, Report, ReportKind
from rules.place import normal_bssid
from rules.policy import Assignment
from rules.replay import Step

_OF_SIGNAL = frozenset({Because.SIGNAL_BELOW_FLOOR})
_OF_PLACE = frozenset({Because.MOVED, Because.OUT_OF_ZONE, Because.FOREIGN})
_OF_BATTERY = frozenset({Because.BATTERY_LOW, Because.BATTERY_CRITICAL})
_GOOD_ENDS = 2
"""Good samples in a row that end a run of low ones, as the rule has it."""


class Signals:
    """breach.signal: samples below the floor."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._good = 0
        self._most = 0  # low ones among four, as far as the rule itself remembered them
        self._longest = timedelta()  # what as many as it wants have spanned
        self._assignment: Assignment | None = None

    def see(self, step: Step) -> Finding | None:
        beat = step.message
        if not isinstance(beat, Heartbeat) or beat.rssi is None:
            return None
        low = beat.rssi < weak_signal.floor_of(step.assignment.policy)
        if low:
            self._run = self._run or Run(Rule.BREACH_SIGNAL, step)
            self._run.add(step.at)
            self._assignment, self._good = step.assignment, 0
            self._measure(step)
        alert = alert_of(step, Family.BREACH)
        if self._run is not None and alert is not None and names(alert, _OF_SIGNAL):
            self._run.has_alert(alert)
        if low or self._run is None:
            return None
        self._good += 1
        return self.end(step.at) if self._good >= _GOOD_ENDS else None

    def end(self, at: datetime) -> Finding | None:
        run, most, longest = self._run, self._most, self._longest
        self._run, self._good, self._most, self._longest = None, 0, 0, timedelta()
        if run is None or self._assignment is None:
            return None
        policy = self._assignment.policy
        if not weak_signal.is_judged(self._assignment):
            held_back = Reason(Because.NO_ACCESS_POINTS_KNOWN)
        elif most < weak_signal.LOW_SAMPLES:
            held_back = Reason(Because.TOO_FEW_SAMPLES, observed=most, limit=weak_signal.LOW_SAMPLES)
        else:
            span = policy.breach_min_span.total_seconds()
            held_back = Reason(Because.TOO_SHORT, observed=longest.total_seconds(), limit=span)
        return run.found(held_back, speaks_for=_OF_SIGNAL)

    def _measure(self, step: Step) -> None:
        memory = step.verdict.state.signal
        lows = memory.lows.bit_count()
        self._most = max(self._most, lows)
        if lows >= weak_signal.LOW_SAMPLES and memory.low_since is not None:
            self._longest = max(self._longest, step.at - memory.low_since)


class AccessPoints:
    """breach.access-point: samples outside the room's set; and roaming inside it, which never is one."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._assignment: Assignment | None = None
        self._last: str | None = None

    def see(self, step: Step) -> Finding | None:
        beat = step.message
        if not isinstance(beat, Heartbeat) or beat.wifi_bssid is None:
            return None
        bssid = normal_bssid(beat.wifi_bssid)
        if bssid is None:
            return None
        before, self._last = self._last, bssid
        where = access_point.astray(bssid, step.assignment.place)
        if where is Astray.HOME:
            over = self.end(step.at)
            return over or _roamed(step, before, bssid)
        if where is None and before in (None, bssid):
            return None
        self._run = self._run or Run(Rule.BREACH_ACCESS_POINT, step)
        self._run.add(step.at)
        self._assignment = step.assignment
        alert = alert_of(step, Family.BREACH)
        if alert is not None and names(alert, _OF_PLACE):
            self._run.has_alert(alert)
        return None

    def end(self, at: datetime) -> Finding | None:
        run, self._run = self._run, None
        if run is None or self._assignment is None:
            return None
        held_back = Reason(Because.NO_ACCESS_POINTS_KNOWN, observed=self._last)
        if self._assignment.place.access_points:
            held_back = run.short_of(samples=access_point.SAMPLES, span=self._assignment.policy.breach_min_span)
        return run.found(held_back, speaks_for=_OF_PLACE)


def _roamed(step: Step, before: str | None, bssid: str) -> Finding | None:
    if before is None or before == bssid or before not in step.assignment.place.access_points:
        return None
    reason = Reason(
        Because.OWN_ACCESS_POINTS, observed=bssid, limit=" ".join(sorted(step.assignment.place.access_points))
    )
    return Finding(
        family=Family.BREACH,
        rule=Rule.BREACH_ACCESS_POINT,
        since=step.at,
        until=step.at,
        signs=1,
        because=reason,
    )


def _charge_of(step: Step) -> float | None:
    """What a heartbeat says of the battery, or the tablet's own report."""
    message = step.message
    if isinstance(message, Report):
        return message.level if message.kind is ReportKind.BATTERY else None
    return message.battery if isinstance(message, Heartbeat) else None


class Batteries:
    """battery.low and battery.critical: samples at or below the threshold."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._drawn = 0  # samples in a row of one that was not charging: the most
        self._in_a_row = 0
        self._limit = 0.0
        self._level = 0.0

    def see(self, step: Step) -> Finding | None:
        charge = _charge_of(step)
        if charge is None:
            return None
        if charge > step.assignment.policy.battery_low:
            return self.end(step.at)
        self._run = run = self._run or Run(Rule.BATTERY_LOW, step)
        run.add(step.at)
        self._in_a_row = 0 if step.verdict.state.charging else self._in_a_row + 1
        self._drawn = max(self._drawn, self._in_a_row)
        self._limit, self._level = step.assignment.policy.battery_low, charge
        alert = alert_of(step, Family.BATTERY)
        if alert is not None and names(alert, _OF_BATTERY):
            run.has_alert(alert)
        return None

    def end(self, at: datetime) -> Finding | None:
        run, drawn = self._run, self._drawn
        self._run, self._drawn, self._in_a_row = None, 0, 0
        if run is None:
            return None
        if drawn:
            held_back = Reason(Because.TOO_FEW_SAMPLES, observed=drawn, limit=battery.SAMPLES)
        else:
            held_back = Reason(Because.LOW_ON_CHARGER, observed=self._level, limit=self._limit)
        return run.found(held_back, speaks_for=_OF_BATTERY)
