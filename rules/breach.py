"""The breach family: three causes, one alert.

A walk-out that first weakens, then roams, then reports itself is one alert whose rule, severity and reasons follow
its strongest cause. It clears only when every cause is gone, each by its own evidence, and no other is on its way: a
tablet that is back on its access point with a signal that is too weak has not come back.
"""

from datetime import datetime

from msgspec.structs import replace

from rules import access_point, power, reported, session, weak_signal
from rules.alarm import Occasion, settle
from rules.alerts import AlertChange, Because, Cause, Family, OpenAlert, Reason, Rule, Severity
from rules.memory import (
    CALM_ACCESS_POINT,
    CALM_SIGNAL,
    AccessPointMemory,
    Astray,
    ReportedMemory,
    SignalMemory,
)
from rules.messages import WIFI_OFF, Heartbeat, Report, ReportKind
from rules.place import heard_bssid
from rules.policy import Assignment, Policy
from rules.state import DeviceState, Posture


def remember(
    state: DeviceState, rssi: float | None, bssid: str | None, *, assignment: Assignment, now: datetime
) -> tuple[SignalMemory, AccessPointMemory, ReportedMemory | None, Posture]:
    """What is remembered after one sample, and the posture it leaves. None is unknown and counts neither way."""
    policy, place = assignment.policy, assignment.place
    signal, access, word = state.signal, state.access_point, state.reported
    fits: bool | None = None
    if rssi is not None:
        if weak_signal.is_judged(assignment):
            fits = rssi >= weak_signal.floor_of(policy)
            signal = weak_signal.remember(signal, rssi, policy=policy, now=now)
        else:
            signal = CALM_SIGNAL
    where = None
    if bssid is not None:
        where = access_point.astray(bssid, place)
        if where is None:
            access = CALM_ACCESS_POINT
        else:
            fits = where is Astray.HOME
            access = access_point.remember(access, where, policy=policy, now=now)
    if word is not None and (rssi is not None or where is not None):
        word = reported.remember_sample(word, good=_is_good(rssi, where, assignment=assignment))
    return signal, access, word, _posture(state.posture, signal, access=access, fits=fits)


def reconsider(state: DeviceState, *, was: Policy | None, moved: bool, assignment: Assignment) -> DeviceState:
    """What is remembered once the last sample is held against what holds now: less than before, or the same.

    `was` is the policy until now (None: the same), `moved` says that the device's place is another one.
    """
    policy, place, signal, access = assignment.policy, assignment.place, state.signal, state.access_point
    if signal is not CALM_SIGNAL and (not weak_signal.is_judged(assignment) or _is_strong_now(state.rssi, policy, was)):
        signal = CALM_SIGNAL
    where = None if state.bssid is None else access_point.astray(state.bssid, place)
    if moved and access is not CALM_ACCESS_POINT:
        access = access_point.eased(access, where)
    if signal is state.signal and access is state.access_point:
        return state
    fits = None if where is None else where is Astray.HOME
    posture = _posture(state.posture, signal, access=access, fits=fits)
    return replace(state, signal=signal, access_point=access, posture=posture)


def _is_strong_now(rssi: float | None, policy: Policy, was: Policy | None) -> bool:
    """Whether the last sample was low, or might have been, by a floor that is not that one any more."""
    if was is None or rssi is None or weak_signal.floor_of(was) == weak_signal.floor_of(policy):
        return False
    return rssi >= weak_signal.floor_of(policy)


def is_bad(rssi: float | None, bssid: str | None, *, assignment: Assignment) -> bool:
    """Whether a sample speaks for a breach: one more signal of an alert that is open."""
    if rssi is not None and rssi < weak_signal.floor_of(assignment.policy) and weak_signal.is_judged(assignment):
        return True
    return bssid is not None and bool(access_point.astray(bssid, assignment.place))


def after_heartbeat(
    before: DeviceState, after: DeviceState, beat: Heartbeat, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow a sample, which `after` remembers already."""
    if Family.BREACH not in after.alerts and not _is_firing(after):
        return after, None
    assignment = occasion.assignment
    bssid = heard_bssid(beat.wifi_bssid, last=before.bssid, place=assignment.place)
    bad = is_bad(beat.rssi, bssid, assignment=assignment)
    return follow(before, after, occasion=occasion, signals=int(bad))


def after_report(
    before: DeviceState, after: DeviceState, report: Report, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow the tablet's own word; that its Wi-Fi was switched off is of the silence family."""
    if report.kind is ReportKind.BREACH and report.cause != WIFI_OFF:
        word = reported.remember_report(after.reported, report, now=occasion.at)
        return follow(before, replace(after, reported=word), occasion=occasion, signals=1)
    said = after.reported
    if report.kind is not ReportKind.RECOVERY or said is None or session.is_stale(after, report.sid):
        return after, None
    if reported.is_taken_back(said, report):
        taken_back = Reason(Because.REPORTED_RECOVERY, observed=report.rssi, cause=report.cause)
        return follow(before, replace(after, reported=None), occasion=occasion, recovery=taken_back)
    return after, None


def follow(
    before: DeviceState, after: DeviceState, *, occasion: Occasion, signals: int = 0, recovery: Reason | None = None
) -> tuple[DeviceState, AlertChange | None]:
    """Bring the alert in line with what is remembered now. `recovery` is the tablet's own word that it is over."""
    assignment, alert = occasion.assignment, after.alerts.get(Family.BREACH)
    causes = _causes(after, assignment)
    ended = (recovery,) if recovery else _ended(before, after, assignment=assignment)
    if not causes and alert is not None and alert.calm_since is None:
        if _is_brewing(after):
            causes = list(alert.bare)
        elif not ended and not _is_firing(before):
            ended = _ended_after_all(alert, after, assignment=assignment)
    return settle(after, Family.BREACH, causes=causes, ended=ended, signals=signals, occasion=occasion)


def _is_firing(state: DeviceState) -> bool:
    return state.signal.firing or bool(state.access_point.level) or state.reported is not None


def _is_brewing(state: DeviceState) -> bool:
    """Whether the last samples speak for a breach, if not for long enough to open one."""
    signal, access = state.signal, state.access_point
    return (signal is not CALM_SIGNAL and bool(signal.lows)) or (
        access is not CALM_ACCESS_POINT and access.recent[-1] is not Astray.HOME
    )


def _ended_after_all(alert: OpenAlert, state: DeviceState, *, assignment: Assignment) -> tuple[Reason, ...]:
    """Why an alert is over whose causes had gone before, while another was on its way that never came."""
    match alert.rule:
        case Rule.BREACH_ACCESS_POINT if state.bssid in assignment.place.access_points:
            return (access_point.returned(state.bssid, place=assignment.place),)
        case Rule.BREACH_REPORTED:
            return (Reason(Because.REPORTED_RECOVERY, observed=state.rssi),)
        case Rule.BREACH_SIGNAL if weak_signal.is_judged(assignment):
            return (weak_signal.recovered(state.rssi, policy=assignment.policy),)
    return ()


def _causes(state: DeviceState, assignment: Assignment) -> list[Cause]:
    policy = assignment.policy
    causes = []
    if state.reported is not None:
        causes.append(reported.cause(state.reported, policy=policy))
    if state.access_point.level:
        causes.append(access_point.cause(state.access_point, state.bssid, place=assignment.place))
    if state.signal.firing:
        causes.append(weak_signal.cause(state.signal, state.rssi, policy=policy))
    carried_off = power.carried_off(state)
    if carried_off is None or not causes:
        return causes
    strongest = max(causes, key=lambda cause: cause.severity.rank)
    return [
        Cause(strongest.rule, Severity.CRITICAL, (*strongest.why, carried_off)),
        *(one for one in causes if one is not strongest),
    ]


def _ended(before: DeviceState, after: DeviceState, *, assignment: Assignment) -> tuple[Reason, ...]:
    """What the samples say in favour of a breach that may be over."""
    over = before.reported is not None and after.reported is None
    signal = over or (before.signal.firing and not after.signal.firing)
    access = over or (before.access_point.level and not after.access_point.level)
    ended = []
    if signal and after.rssi is not None and after.rssi >= weak_signal.good_from(assignment.policy):
        ended.append(weak_signal.recovered(after.rssi, policy=assignment.policy))
    if access and after.bssid in assignment.place.access_points:
        ended.append(access_point.returned(after.bssid, place=assignment.place))
    return tuple(ended)


def _is_good(rssi: float | None, where: Astray | None, *, assignment: Assignment) -> bool:
    return (rssi is None or rssi >= weak_signal.good_from(assignment.policy)) and not where


def _posture(before: Posture, signal: SignalMemory, *, access: AccessPointMemory, fits: bool | None) -> Posture:
    if access is not CALM_ACCESS_POINT and access.level:
        return Posture.FOREIGN if access.level is Astray.FOREIGN else Posture.OUT_OF_ZONE
    if signal is not CALM_SIGNAL and signal.firing:
        return Posture.WEAK
    return Posture.IN_ROOM if fits or before is Posture.IN_ROOM else Posture.UNKNOWN
