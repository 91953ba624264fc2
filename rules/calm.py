"""Whether a heartbeat says anything to the rules that mostly have nothing to remember (`rules.memory.RareMemory`).

One stop for all of them, because nearly every heartbeat there is passes it: where none of them remembers anything, each
has one question about the heartbeat, and the cheapest form of it stands here. tests/rules/test_properties.py holds the
answers to what the rules themselves would say.
"""

from datetime import datetime, timedelta
from typing import Final

from rules import clock, drain, power
from rules.memory import CALM_RARE
from rules.messages import Heartbeat
from rules.policy import Assignment
from rules.state import DeviceState

_AT_ONCE: Final = timedelta(0)


def is_calm(state: DeviceState, beat: Heartbeat, /, *, assignment: Assignment, now: datetime) -> bool:
    """Whether each of them would leave its memory as it is."""
    if state.rare is not CALM_RARE or beat.backlog or beat.kiosk is False:
        return False
    policy, celsius, says, battery = assignment.policy, beat.temp_c, beat.room_id, beat.battery
    if celsius is not None and celsius >= policy.overheat:
        return False
    if says is not None and says != assignment.place.room_id and says in assignment.place.rooms:
        return False
    if policy.docked and power.is_plugged(beat) is False:
        return False
    took = now - beat.ts
    if not (_AT_ONCE <= took <= policy.clock_skew or clock.is_calm(beat.ts, policy=policy, now=now)):
        return False
    recent = state.drain.recent
    if not recent:
        return bool(state.charging) or battery is None
    if state.charging:
        return False
    newest = recent[-1]
    return battery is None or (now - newest.noted_at < drain.EVERY and battery <= newest.percent + drain.CHARGED)
