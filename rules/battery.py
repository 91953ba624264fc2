"""The battery family. battery.low and battery.critical are one alert that moves between two levels.

The level rises to what two valid samples in a row say at least, while the tablet is not charging; the tablet's own
report raises it at once. It falls at the recovery margins, and altogether after `battery_charging_clear` of charging.
How fast it empties (`rules.drain`) may keep the same alert open.
"""

from datetime import datetime

from msgspec.structs import replace

from rules import drain
from rules.alarm import Occasion, settle
from rules.alerts import AlertChange, Because, Cause, Family, Reason, Rule, Severity
from rules.memory import CALM_BATTERY, BatteryLevel, BatteryMemory
from rules.messages import Heartbeat, Report, ReportKind
from rules.policy import Assignment, Policy
from rules.state import DeviceState, Power, Verdict

SAMPLES = 2

POWER = {BatteryLevel.OK: Power.OK, BatteryLevel.LOW: Power.LOW, BatteryLevel.CRITICAL: Power.CRITICAL}


def level_of(battery: float, policy: Policy) -> BatteryLevel:
    """The level that one sample (percent) speaks for."""
    if battery > policy.battery_low:
        return BatteryLevel.OK
    return BatteryLevel.LOW if battery > policy.battery_critical else BatteryLevel.CRITICAL


def remember(
    memory: BatteryMemory, battery: float | None, *, charging: bool | None, policy: Policy, now: datetime
) -> BatteryMemory:
    """What is remembered after a heartbeat; `charging` is the last that is known of it."""
    if memory is CALM_BATTERY and (battery is None or charging or battery > policy.battery_low):
        return memory
    if memory.level is not BatteryLevel.OK:
        memory = _remember_charger(memory, charging=charging, policy=policy, now=now)
    return memory if battery is None else _remember_sample(memory, battery, charging=charging, policy=policy)


def power(before: Power, memory: BatteryMemory, *, battery: float | None, charging: bool | None) -> Power:
    """The axis: the charger first, then the level, as far as anything is known."""
    if charging:
        return Power.CHARGING
    return before if battery is None else POWER[memory.level]


def reconsider(state: DeviceState, *, was: Policy | None, policy: Policy) -> DeviceState:
    """What is remembered once the last charge is held against other levels: less than before, or the same.

    `was` is the policy until now (None: the same).
    """
    memory, charge = state.battery_level, state.battery
    if was is None or charge is None or memory.level is BatteryLevel.OK:
        return state
    if (was.battery_low, was.battery_critical) == (policy.battery_low, policy.battery_critical):
        return state
    level = min(memory.level, level_of(charge, policy))
    if level is memory.level:
        return state
    memory = CALM_BATTERY if level is BatteryLevel.OK else replace(memory, level=level, last=min(memory.last, level))
    axis = power(state.power, memory, battery=charge, charging=state.charging)
    return replace(state, battery_level=memory, power=axis)


def is_bad(battery: float, *, charging: bool | None, policy: Policy) -> bool:
    """Whether a sample speaks for the alert: one more signal of it while it is open."""
    return not charging and battery <= policy.battery_low


def after_heartbeat(
    before: DeviceState, after: DeviceState, beat: Heartbeat, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow a sample, whose level `after` remembers already."""
    policy, now = occasion.assignment.policy, occasion.at
    charges = drain.remember(
        after.drain, beat.battery, charging=after.charging, assignment=occasion.assignment, now=now
    )
    if charges is not after.drain:
        after = replace(after, drain=charges)
    if (
        Family.BATTERY not in after.alerts
        and after.battery_level.level is BatteryLevel.OK
        and not drain.is_firing(charges)
    ):
        return after, None
    weak = beat.battery is not None and is_bad(beat.battery, charging=after.charging, policy=policy)
    return follow(before, after, occasion=occasion, signals=int(weak))


def after_report(
    _before: DeviceState, state: DeviceState, report: Report, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow the tablet's own report of its level, which counts as if two samples had said so."""
    if report.kind is not ReportKind.BATTERY or report.level is None:
        return state, None
    battery, policy, charging = report.level, occasion.assignment.policy, state.charging
    said = BatteryLevel.OK if charging else level_of(battery, policy)
    memory = replace(state.battery_level, last=said)
    memory = _remember_sample(memory, battery, charging=charging, policy=policy)
    axis = power(state.power, memory, battery=battery, charging=charging)
    after = replace(state, battery=battery, battery_level=memory, power=axis)
    return follow(state, after, occasion=occasion, signals=int(is_bad(battery, charging=charging, policy=policy)))


def follow(
    before: DeviceState, after: DeviceState, *, occasion: Occasion, signals: int, recovery: Reason | None = None
) -> tuple[DeviceState, AlertChange | None]:
    """Bring the alert in line with the level that is remembered now, and with how fast it falls.

    `recovery` is why it is over, should it be, where no sample says so.
    """
    assignment, memory = occasion.assignment, after.battery_level
    causes = drain.causes(after, assignment=assignment)
    if memory.level is not BatteryLevel.OK:
        causes.insert(0, _cause(memory, after.battery, policy=assignment.policy))
    return settle(
        after,
        Family.BATTERY,
        causes=causes,
        ended=() if causes else (recovery,) if recovery else _ended(before, after, occasion=occasion),
        signals=signals,
        occasion=occasion,
    )


def deadline(state: DeviceState, /, *, assignment: Assignment, watching_since: datetime) -> datetime | None:
    """When tonight's round begins or ends for it; None: it is not on it."""
    return drain.deadline(state, assignment=assignment, watching_since=watching_since)


def pass_deadline(
    state: DeviceState,
    /,
    *,
    assignment: Assignment,
    watching_since: datetime,  # noqa: ARG001 - asked of all families
    at: datetime,
) -> Verdict:
    """What the passing of `at`, which is the deadline, makes of a device."""
    charges = drain.at_deadline(state.drain, assignment=assignment, at=at)
    occasion = Occasion(assignment, f"tonight:{at.isoformat()}", at)
    after, change = follow(state, replace(state, drain=charges), occasion=occasion, signals=0)
    return Verdict(after, (change,) if change else ())


def _cause(memory: BatteryMemory, battery: float | None, *, policy: Policy) -> Cause:
    """Why a level other than OK keeps the alert open."""
    if memory.level is BatteryLevel.LOW:
        low = Reason(Because.BATTERY_LOW, observed=battery, limit=policy.battery_low, samples=SAMPLES)
        return Cause(Rule.BATTERY_LOW, Severity.LOW, (low,))
    critical = Reason(Because.BATTERY_CRITICAL, observed=battery, limit=policy.battery_critical, samples=SAMPLES)
    return Cause(Rule.BATTERY_CRITICAL, Severity.MEDIUM, (critical,))


def _ended(before: DeviceState, after: DeviceState, *, occasion: Occasion) -> tuple[Reason, ...]:
    policy, now = occasion.assignment.policy, occasion.at
    ended = drain.ended(before, after, policy=policy, now=now)
    if before.battery_level.level is not BatteryLevel.OK:
        return (_recovered(before.battery_level, after.battery, policy=policy, now=now), *ended)
    return ended or ((Reason(Because.CHARGING),) if after.charging else ())


def _recovered(before: BatteryMemory, battery: float | None, *, policy: Policy, now: datetime) -> Reason:
    """Why it ended, by the level that is back or else by the charger."""
    if battery is not None and battery >= policy.battery_low_clear:
        return Reason(Because.BATTERY_RECOVERED, observed=battery, limit=policy.battery_low_clear)
    since = before.charging_since or now
    limit = policy.battery_charging_clear.total_seconds()
    return Reason(Because.CHARGING, observed=(now - since).total_seconds(), limit=limit, since=since)


def _remember_charger(memory: BatteryMemory, *, charging: bool | None, policy: Policy, now: datetime) -> BatteryMemory:
    if not charging:
        return memory if memory.charging_since is None else replace(memory, charging_since=None)
    if memory.charging_since is None:
        return replace(memory, charging_since=now)
    return CALM_BATTERY if now - memory.charging_since >= policy.battery_charging_clear else memory


def _remember_sample(memory: BatteryMemory, battery: float, *, charging: bool | None, policy: Policy) -> BatteryMemory:
    said = BatteryLevel.OK if charging else level_of(battery, policy)
    confirmed = min(memory.last, said)
    level = memory.level
    if confirmed > level:
        return BatteryMemory(level=confirmed, last=said, charging_since=None)
    if battery >= policy.battery_low_clear and battery > policy.battery_low:
        level = BatteryLevel.OK
    elif level is BatteryLevel.CRITICAL and policy.battery_critical < battery >= policy.battery_critical_clear:
        level = BatteryLevel.LOW
    return CALM_BATTERY if level is said is BatteryLevel.OK else replace(memory, level=level, last=said)
