"""power.unplugged and power.overheat: the tablet off its dock, and the tablet too warm. One alert for both.

A room whose tablet has a dock says so in its policy (`docked`); elsewhere a tablet may be unplugged for as long as its
guest likes. One that is unplugged and whose signal falls at once is being carried off: that raises a breach, should one
open, to critical (`carried_off`).
"""

from datetime import datetime

from msgspec.structs import replace

from rules.alarm import Occasion, settle
from rules.alerts import AlertChange, Because, Cause, Family, Reason, Rule, Severity
from rules.memory import CALM_RARE, HeatMemory, SupplyMemory
from rules.messages import Heartbeat, Plug
from rules.policy import Policy
from rules.state import DeviceState, remembering

HOT_SAMPLES = 3
FULL = 95.0
"""Percent from which a tablet on its dock may say that it is not charging."""


def is_plugged(beat: Heartbeat) -> bool | None:
    """Whether the tablet is on its dock, as far as a heartbeat says."""
    if beat.plug is not None:
        return beat.plug is not Plug.NONE
    if beat.charging is False and (beat.battery is None or beat.battery >= FULL):
        return None
    return beat.charging


def is_off_dock(state: DeviceState) -> bool:
    """Whether a tablet whose place is on its dock is known to be off it, by the last heartbeat that said so or not."""
    memory = state.rare.supply
    return memory.unplugged_at is not None and memory.plugged_at is None


def remember_heat(memory: HeatMemory, celsius: float, *, policy: Policy) -> HeatMemory:
    """What is remembered after one more valid sample."""
    if celsius >= policy.overheat:
        hot = min(memory.hot + 1, HOT_SAMPLES)
        return HeatMemory(hot=hot, firing=memory.firing or hot >= HOT_SAMPLES, last=celsius)
    if memory.firing and celsius > policy.overheat_clear:
        return HeatMemory(firing=True, last=celsius)
    return CALM_RARE.heat


def remember_supply(
    memory: SupplyMemory, beat: Heartbeat, *, last_signal: float | None, policy: Policy, now: datetime
) -> SupplyMemory:
    """What is remembered after one more heartbeat; `last_signal` is the dBm of the one before."""
    if not policy.docked:
        return CALM_RARE.supply
    plugged = is_plugged(beat)
    if plugged:
        return _back_on_dock(memory, policy=policy, now=now)
    if memory.unplugged_at is None:
        return memory if plugged is None else SupplyMemory(unplugged_at=now, signal=last_signal)
    return replace(
        memory,
        firing=memory.firing or now - memory.unplugged_at > policy.unplugged_longest,
        plugged_at=memory.plugged_at if plugged is None else None,
        fell_to=_fell_to(memory, beat.rssi, policy=policy, now=now),
    )


def after_heartbeat(
    before: DeviceState, after: DeviceState, beat: Heartbeat, /, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow one heartbeat. It goes before the breach, which asks `carried_off`."""
    policy, old = occasion.assignment.policy, after.rare
    heat = old.heat if beat.temp_c is None else remember_heat(old.heat, beat.temp_c, policy=policy)
    supply = remember_supply(old.supply, beat, last_signal=before.rssi, policy=policy, now=occasion.at)
    if heat is old.heat and supply is old.supply and Family.POWER not in after.alerts:
        return after, None
    return settle(
        remembering(after, heat=heat, supply=supply),
        Family.POWER,
        causes=_causes(heat, supply, policy=policy, now=occasion.at),
        ended=_ended(old.heat, old.supply, beat=beat, policy=policy, now=occasion.at),
        signals=int(heat.hot > 0 or (supply.firing and supply.plugged_at is None)),
        occasion=occasion,
    )


def carried_off(state: DeviceState) -> Reason | None:
    """Why a breach is critical, if it is for this: it was on its dock, and went away from there at once."""
    memory = state.rare.supply
    if memory.fell_to is None:
        return None
    return Reason(Because.CARRIED_OFF, observed=memory.fell_to, limit=memory.signal, since=memory.unplugged_at)


def _back_on_dock(memory: SupplyMemory, *, policy: Policy, now: datetime) -> SupplyMemory:
    since = memory.plugged_at or now
    if not memory.firing or now - since >= policy.unplugged_clear:
        return CALM_RARE.supply
    return replace(memory, plugged_at=since, fell_to=None)


def _fell_to(memory: SupplyMemory, rssi: float | None, *, policy: Policy, now: datetime) -> float | None:
    """How far its signal fell, once it did so soon enough; until it is nearly what it was."""
    if rssi is None or memory.signal is None or memory.unplugged_at is None:
        return memory.fell_to
    fall = memory.signal - rssi
    if memory.fell_to is not None:
        return None if fall < policy.rssi_recovery_margin else memory.fell_to
    soon = now - memory.unplugged_at <= policy.unplugged_fall_within
    return rssi if soon and fall >= policy.unplugged_fall else None


def _causes(heat: HeatMemory, supply: SupplyMemory, *, policy: Policy, now: datetime) -> list[Cause]:
    causes = []
    if heat.firing:
        hot = Reason(Because.OVERHEATED, observed=heat.last, limit=policy.overheat, samples=HOT_SAMPLES)
        causes.append(Cause(Rule.POWER_OVERHEAT, Severity.HIGH, (hot,)))
    if supply.firing and supply.unplugged_at is not None:
        lasted, limit = now - supply.unplugged_at, policy.unplugged_longest
        off = Reason(
            Because.UNPLUGGED,
            observed=lasted.total_seconds(),
            limit=limit.total_seconds(),
            since=supply.unplugged_at,
        )
        causes.append(Cause(Rule.POWER_UNPLUGGED, Severity.INFO, (off,)))
    return causes


def _ended(
    heat: HeatMemory, supply: SupplyMemory, *, beat: Heartbeat, policy: Policy, now: datetime
) -> tuple[Reason, ...]:
    """What this heartbeat says in favour of what may be over: `heat` and `supply` are as they were before it."""
    ended = []
    if heat.firing and beat.temp_c is not None:
        ended.append(Reason(Because.COOLED_DOWN, observed=beat.temp_c, limit=policy.overheat_clear))
    if supply.firing and policy.docked:
        since = supply.plugged_at or now
        lasted = (now - since).total_seconds()
        limit = policy.unplugged_clear.total_seconds()
        ended.append(Reason(Because.PLUGGED_IN, observed=lasted, limit=limit, since=since))
    return tuple(ended)
