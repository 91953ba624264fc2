"""The hot path: whether a heartbeat moves its three figures and nothing else. Nearly every heartbeat there is does.

A shorter way to what `rules.evaluate` and all families come to anyhow: each family that looks at heartbeats has its
cheapest question here, whether this one would leave its memory and its alert as they are. Two tests hold the two ways
together (tests/rules/test_as_usual.py). Asked at every heartbeat: what is cheap and says much comes first, and nothing
is handed on by name, which costs more than most of the questions.

What a tablet never says may stay unsaid: without a battery, or without an access point for want of a permission, it is
as usual for itself. What it says now and then is not, for whoever reads its state goes by its last row alone
(`store.states`).
"""

from datetime import datetime, timedelta
from typing import Final

from rules import clock, drain, power, remembered, weak_signal
from rules.alerts import Condition, OpenAlert, Rule
from rules.lateness import LATE_AFTER
from rules.memory import CALM_ACCESS_POINT, CALM_BATTERY, CALM_RARE, CALM_SIGNAL, CALM_SILENCE
from rules.messages import Heartbeat
from rules.place import heard_bssid
from rules.policy import Assignment, Place, Policy
from rules.state import DeviceState, LinkState, Posture, Power

_AT_ONCE: Final = timedelta(0)
_SLOW: Final = frozenset({Rule.BATTERY_DRAIN, Rule.BATTERY_TONIGHT})


def is_as_usual(state: DeviceState, beat: Heartbeat, *, assignment: Assignment, now: datetime) -> bool:
    """Whether `rules.state.caught_up` makes of the state what all rules together would."""
    if (
        state.rare is not CALM_RARE
        or state.signal is not CALM_SIGNAL
        or state.access_point is not CALM_ACCESS_POINT
        or state.battery_level is not CALM_BATTERY
        or state.silence is not CALM_SILENCE
        or state.link is not LinkState.ONLINE
        or state.reported is not None
        or state.deaf_s
        or (beat.sid is not None and beat.sid != state.sid)
        or (beat.agent is not None and beat.agent != state.agent)
        or beat.backlog
        or beat.kiosk is False
    ):
        return False
    policy = assignment.policy
    return (
        (not state.alerts or all(_is_left_alone(alert, assignment) for alert in state.alerts.values()))
        and not (state.ended and remembered.is_too_long_ago(state, at=now))
        and _is_on_time(state, beat, policy, now)
        and _is_in_its_room(state, beat, assignment)
        and _has_power(state, beat, policy, now)
    )


def _is_left_alone(alert: OpenAlert, assignment: Assignment) -> bool:
    """Whether an alert may be open for hours and no heartbeat changes it: what waits for a person, for a token, or for
    the battery to be looked at again. Where work is announced, that may begin or end at any heartbeat.
    """
    if alert.condition is Condition.CLEARED or alert.rule is Rule.TOKEN_EXPIRING:
        return True
    is_told = alert.calm_since is None and alert.dismissed is None and alert.suppressed_by is None
    return is_told and not assignment.windows and all(cause.rule in _SLOW for cause in alert.bare)


def _is_on_time(state: DeviceState, beat: Heartbeat, policy: Policy, now: datetime) -> bool:
    """Whether neither its lag nor its clock are worth a note (`rules.lateness`, `rules.clock`)."""
    known, took = state.clock, now - beat.ts
    if not beat.dated:
        return took <= LATE_AFTER
    if known is None or not known.least < took <= known.most:
        return False
    return _AT_ONCE <= took <= policy.clock_skew or clock.is_calm(beat.ts, policy=policy, now=now)


def _is_in_its_room(state: DeviceState, beat: Heartbeat, assignment: Assignment) -> bool:
    """Whether signal and access point are good, or as unknown as they were (`rules.breach`, `rules.room_fit`)."""
    place, rssi, bssid, says = assignment.place, beat.rssi, beat.wifi_bssid, beat.room_id
    if rssi is None:
        if state.rssi is not None:
            return False
    elif state.rssi is None or rssi < weak_signal.floor_of(assignment.policy):
        return False
    if says is not None and says != place.room_id and says in place.rooms:
        return False
    if bssid is not None and not _is_on_the_same(bssid, state.bssid, place):
        return False
    if state.posture is Posture.IN_ROOM:
        return True
    return (
        state.posture is Posture.UNKNOWN  # and stays so: nothing is known that such a heartbeat could be held against
        and not place.access_points
        and (rssi is None or not weak_signal.is_judged(assignment))
    )


def _is_on_the_same(bssid: str, last: str | None, place: Place) -> bool:
    """Whether what it says of its access point is what was known, and of its room, or says nothing at all."""
    if bssid != last and heard_bssid(bssid, last=None, place=place) is not None:
        return False
    return last is None or last in place.access_points or not place.access_points


def _has_power(state: DeviceState, beat: Heartbeat, policy: Policy, now: datetime) -> bool:
    """Whether charge, charger and heat are good, or as unknown as they were (`rules.battery`, `.drain`, `.power`)."""
    charging, level = state.charging, beat.battery
    if beat.charging is not None and beat.charging is not charging:
        return False
    if beat.temp_c is not None and beat.temp_c >= policy.overheat:
        return False
    if policy.docked and power.is_plugged(beat) is False:
        return False
    if level is None:
        if state.battery is not None or (charging and state.power is not Power.CHARGING):
            return False
    elif state.battery is None or state.power is not (Power.CHARGING if charging else Power.OK):
        return False
    if charging:
        return not state.drain.recent
    if level is None:
        return True
    recent = state.drain.recent
    if not recent or level <= policy.battery_low:
        return False
    newest = recent[-1]
    return now - newest.noted_at < drain.EVERY and level <= newest.percent + drain.CHARGED
