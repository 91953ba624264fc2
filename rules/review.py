"""What becomes of a device when people decide something else of it: thresholds, rooms, access points, windows.

Nothing was heard of it. What is open is judged anew, as severe as it is now; and a weak signal, a place or a battery
that by what holds now would be no trouble is none any more, though too few samples have said so: the margins keep an
alert from flapping on a signal, not on a decision. Nothing is opened here, and no alert is made worse by an old sample
than its cause is now: for that the tablet has to be heard.
"""

from rules import alarm, battery, breach, families
from rules.alerts import AlertChange, Because, Family, Reason
from rules.occasion import Occasion
from rules.policy import Policy
from rules.state import DeviceState, Verdict


def review(state: DeviceState, *, was: Policy | None, moved: bool, occasion: Occasion) -> Verdict:
    """Judge by what holds now. `was` is the policy until now, None: not known, or the same; `moved`: its place changed.

    Twice is as once.
    """
    assignment, changes = occasion.assignment, list[AlertChange | None]()
    after = breach.reconsider(state, was=was, moved=moved, assignment=assignment)
    after = battery.reconsider(after, was=was, policy=assignment.policy)
    if Family.BREACH in after.alerts:
        eased = after.signal is not state.signal or after.access_point is not state.access_point
        told = Reason(Because.HELD_OTHERWISE, observed=state.rssi) if eased else None
        after, change = breach.follow(state, after, occasion=occasion, recovery=told)
        changes.append(change)
    if Family.BATTERY in after.alerts:
        eased = after.battery_level is not state.battery_level
        told = Reason(Because.HELD_OTHERWISE, observed=state.battery) if eased else None
        after, change = battery.follow(state, after, occasion=occasion, signals=0, recovery=told)
        changes.append(change)
    after, others = alarm.anew(after, occasion=occasion)
    return families.after_anything(state, after, [*changes, *others], occasion=occasion)
