"""The silence family: nothing was heard for longer than allowed, or the tablet said that it would fall silent.

The deadline is authoritative; a will only brings it forward. Severity rises with time by further deadlines, and never
falls while the alert is open. Two heartbeats end it. What the tablet itself said (`wifi-off`, `powered-off`) names
the alert, however severe it becomes.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from rules import breach, maintenance, reported, session
from rules.alarm import Occasion, settle
from rules.alerts import AlertChange, Because, Cause, Family, OpenAlert, Reason, Rule, Severity
from rules.memory import CALM_SILENCE, SilenceMemory
from rules.messages import WIFI_OFF, Heartbeat, Link, Report, ReportKind, State
from rules.policy import Assignment, Policy, Profile
from rules.state import DeviceState, LinkState, Verdict

BEATS = 2
RULES: Final = {Because.WIFI_OFF: Rule.WIFI_OFF, Because.POWERED_OFF: Rule.POWERED_OFF}
"""What a silence is called when the tablet said why it would fall silent."""

ESTABLISHED: Final = frozenset({Because.NOTHING_HEARD, Because.CONNECTION_LOST, Because.OVERSLEPT, Because.BYE_OVERDUE})
"""How a silence was established."""


def deadline(state: DeviceState, *, assignment: Assignment, watching_since: datetime) -> datetime | None:
    """When, if nothing is heard until then, something changes; None: there is nothing to wait for.

    After the bridge began to watch, every tablet that it has not heard since gets the policy's restart grace. In a
    maintenance window nothing is judged, unless somebody has just checked out of the room.
    """
    due = _due(state, assignment.policy)
    if due is None or state.last_heard is None:
        return due
    if state.last_heard < watching_since:
        due = max(due, watching_since + assignment.policy.restart_grace)
    since = state.last_heard if state.silence.silent_since is None else due
    guarded_from = state.checkout.guarded_in(assignment.place.room_id)
    guard = assignment.policy.checkout_guard
    if guarded_from is not None and state.silence.silent_since is None and due <= guarded_from + guard:
        return max(due, guarded_from) if assignment.windows else due
    return maintenance.judged_from(due, assignment=assignment, since=since)


def pass_deadline(state: DeviceState, *, assignment: Assignment, watching_since: datetime, at: datetime) -> Verdict:
    """What the silence until `at` makes of a device: silent, or more severe. Before its deadline: nothing.

    `at` is the deadline itself, however late it is noticed; one call passes one deadline.
    """
    due = deadline(state, assignment=assignment, watching_since=watching_since)
    if due is None or state.last_heard is None or at < due:
        return Verdict(state)
    occasion = Occasion(assignment, at.isoformat(), at)
    since = state.silence.silent_since
    if since is None:
        return _fall_silent(state, _heard(state, state.last_heard), occasion=occasion)
    worse, change = _worsen(state, since, occasion=occasion)
    return Verdict(worse, (change,) if change else ())


def after_heartbeat(
    _before: DeviceState, state: DeviceState, beat: Heartbeat, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Count one heartbeat towards the end of an open alert; one of the session before does not count."""
    if Family.SILENCE not in state.alerts or session.is_stale(state, beat.sid):
        return state, None
    memory = replace(state.silence, beats=state.silence.beats + 1)
    if memory.beats < BEATS:
        return replace(state, silence=memory), None
    calm = SilenceMemory(quiet_until=memory.quiet_until) if memory.quiet_until else CALM_SILENCE
    again = Reason(Because.HEARD_AGAIN, observed=memory.beats, limit=BEATS)
    return settle(replace(state, silence=calm), Family.SILENCE, causes=(), ended=(again,), signals=0, occasion=occasion)


def after_report(
    _before: DeviceState, state: DeviceState, report: Report, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow a report that the tablet's Wi-Fi was switched off."""
    if report.kind not in (ReportKind.BREACH, ReportKind.TAMPER) or report.cause != WIFI_OFF:
        return state, None
    return _after_word(state, Reason(Because.WIFI_OFF, observed=report.rssi, cause=report.cause), occasion=occasion)


def after_state(
    before: DeviceState, state: DeviceState, said: State, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow a goodbye for good."""
    if said.state is not Link.BYE or said.reason != session.POWER_OFF or session.is_stale(before, said.sid):
        return state, None
    return _after_word(state, Reason(Because.POWERED_OFF, cause=said.reason), occasion=occasion)


def _after_word(state: DeviceState, told: Reason, *, occasion: Occasion) -> tuple[DeviceState, AlertChange | None]:
    """Open or rename the alert after the tablet said why it will be silent (`wifi-off` or `powered-off`)."""
    state = replace(state, silence=replace(state.silence, told=told, beats=0))
    return _settle(state, severity=Severity.HIGH, still=(), occasion=occasion)


def set_apart(state: DeviceState, reason: Reason, *, occasion: Occasion) -> tuple[DeviceState, AlertChange | None]:
    """Note of an open silence why no outage explains it; one that did not return when the others did is critical.

    Without one there is nothing to note: judged by other thresholds, a tablet may not have been silent at all.
    """
    alert = state.alerts.get(Family.SILENCE)
    if alert is None or state.silence.silent is None:
        return state, None
    state = replace(state, silence=replace(state.silence, apart=reason))
    return _settle(state, severity=alert.strength, still=(), occasion=occasion)


def _due(state: DeviceState, policy: Policy) -> datetime | None:
    memory = state.silence
    if state.last_heard is None:
        return None
    if state.link is LinkState.SILENT:
        if memory.silent_since is not None:
            return _next_step(state.alerts.get(Family.SILENCE), memory.silent_since, policy=policy)
        if memory.lost_at is not None:
            return memory.lost_at + policy.grace
    if state.link is LinkState.AWAY and memory.quiet_until is None:
        return None
    return _quiet_until(_heard(state, state.last_heard), memory.quiet_until, policy=policy) + policy.grace


def _heard(state: DeviceState, last_heard: datetime) -> datetime:
    """When it was last heard, or known to be there, had we been listening all the time since."""
    heard, alive_at = last_heard, state.rare.stuck.alive_at
    if state.deaf_s:
        heard += timedelta(seconds=state.deaf_s)
    return heard if alive_at is None else max(heard, alive_at)


def _quiet_until(heard: datetime, announced: datetime | None, *, policy: Policy) -> datetime:
    """Until when silence needs no explanation: the allowance, or a longer rest that was announced."""
    allowed = heard + policy.silence_allowance
    return allowed if announced is None or announced < allowed else announced


def _steps(policy: Policy) -> tuple[tuple[timedelta, Severity], ...]:
    """How severe a silence is after how long, in rising order."""
    if policy.profile is Profile.STRICT:
        return ((timedelta(0), Severity.HIGH),)
    return (
        (timedelta(0), Severity.LOW),
        (policy.silence_high_after, Severity.HIGH),
        (policy.silence_critical_after, Severity.CRITICAL),
    )


def _next_step(alert: OpenAlert | None, since: datetime, *, policy: Policy) -> datetime | None:
    if alert is None:
        return None
    higher = (after for after, severity in _steps(policy) if severity.rank > alert.strength.rank)
    after = next(higher, None)
    return None if after is None else max(since + after, alert.last_at)


def _fall_silent(state: DeviceState, heard: datetime, *, occasion: Occasion) -> Verdict:
    policy, memory = occasion.assignment.policy, state.silence
    reason = _reason(state, heard, occasion=occasion)
    deaf = Reason(Because.NOT_LISTENING, observed=state.deaf_s) if state.deaf_s > 0 else None
    silent = replace(
        state,
        link=LinkState.SILENT,
        since=state.since if state.link is LinkState.SILENT else occasion.at,
        silence=replace(memory, silent_since=occasion.at, silent=reason, deaf=deaf, quiet_until=None, beats=0),
    )
    silent, opened = _settle(silent, severity=_steps(policy)[0][1], still=(), occasion=occasion)
    if silent.reported is None:
        return Verdict(silent, (opened,) if opened else ())
    gone = memory.lost_at or max(heard, memory.quiet_until or heard)  # nobody is gone who rests as announced
    word = reported.remember_silence(silent.reported, policy=policy, gone=gone)
    silent, worse = breach.follow(silent, replace(silent, reported=word), occasion=occasion)
    return Verdict(silent, tuple(change for change in (opened, worse) if change))


def _worsen(state: DeviceState, since: datetime, *, occasion: Occasion) -> tuple[DeviceState, AlertChange | None]:
    lasted = occasion.at - since
    after, severity = [step for step in _steps(occasion.assignment.policy) if step[0] <= lasted][-1]
    still = Reason(Because.STILL_FIRING, observed=lasted.total_seconds(), limit=after.total_seconds(), since=since)
    return _settle(state, severity=severity, still=(still,), occasion=occasion)


def _settle(
    state: DeviceState, *, severity: Severity, still: tuple[Reason, ...], occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    memory = state.silence
    alert = state.alerts.get(Family.SILENCE)
    named = memory.told or memory.explained
    floors = [severity, alert.strength if alert else severity, Severity.HIGH if memory.told else severity]
    apart = memory.apart
    if apart is not None and apart.because is Because.DID_NOT_RETURN:
        floors.append(Severity.CRITICAL)
        why = tuple(reason for reason in (apart, named, memory.silent, memory.deaf) if reason)
    else:
        why = tuple(reason for reason in (named, memory.silent, memory.deaf, apart, *still) if reason)
    rule = RULES[named.because] if named else Rule.SILENCE
    cause = Cause(rule, max(floors, key=lambda floor: floor.rank), why)
    return settle(state, Family.SILENCE, causes=(cause,), ended=(), signals=1, occasion=occasion)


def _reason(state: DeviceState, heard: datetime, *, occasion: Occasion) -> Reason:
    """How the silence was established: what the tablet was last known to do, and for how long it could be silent."""
    policy, lost_at, announced = occasion.assignment.policy, state.silence.lost_at, state.silence.quiet_until
    if lost_at is not None:
        return _lasted(Because.CONNECTION_LOST, lost_at, limit=policy.grace, at=occasion.at)
    quiet_until = _quiet_until(heard, announced, policy=policy)
    if state.link is LinkState.AWAY:
        because = Because.BYE_OVERDUE
    else:
        because = Because.OVERSLEPT if quiet_until == announced else Because.NOTHING_HEARD
    lasted = _lasted(because, heard, limit=quiet_until + policy.grace - heard, at=occasion.at)
    return replace(lasted, since=state.last_heard) if state.deaf_s else lasted


def _lasted(because: Because, since: datetime, *, limit: timedelta, at: datetime) -> Reason:
    return Reason(because, observed=(at - since).total_seconds(), limit=limit.total_seconds(), since=since)
