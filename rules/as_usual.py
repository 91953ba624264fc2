"""The hot path: whether a heartbeat moves its three figures and nothing else. Nearly every heartbeat there is does.

So does one of a battery that stays as low as it was, but that its alert counts it as a signal more.

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

from msgspec.structs import replace

from rules import battery, clock, drain, power, remembered, weak_signal
from rules.alerts import Condition, Family, OpenAlert, Rule
from rules.lateness import LATE_AFTER
from rules.memory import CALM_ACCESS_POINT, CALM_BATTERY, CALM_RARE, CALM_SIGNAL, CALM_SILENCE, BatteryLevel, Charge
from rules.messages import Heartbeat
from rules.place import heard_bssid
from rules.policy import Assignment, Place, Policy
from rules.state import DeviceState, LinkState, Posture, Power, Verdict, caught_up

_AT_ONCE: Final = timedelta(0)
_SLOW: Final = frozenset({Rule.BATTERY_DRAIN, Rule.BATTERY_TONIGHT})
# To name an enumeration's member takes longer than to ask about it.
_ONLINE: Final = LinkState.ONLINE
_IN_ROOM: Final = Posture.IN_ROOM
_CHARGING: Final = Power.CHARGING
_OK: Final = Power.OK
_LEVELS: Final = {BatteryLevel.LOW: Rule.BATTERY_LOW, BatteryLevel.CRITICAL: Rule.BATTERY_CRITICAL}


def is_as_usual(state: DeviceState, beat: Heartbeat, *, assignment: Assignment, now: datetime) -> bool:
    """Whether `after_usual` makes of the state what all rules together would."""
    if (
        state.rare is not CALM_RARE
        or state.signal is not CALM_SIGNAL
        or state.access_point is not CALM_ACCESS_POINT
        or state.silence is not CALM_SILENCE
        or state.link is not _ONLINE
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
        (not state.alerts or _are_left_alone(state, assignment))
        and not (state.ended and remembered.is_too_long_ago(state, at=now))
        and _is_on_time(state, beat, policy, now)
        and _is_in_its_room(state, beat, assignment)
        and _has_power(state, beat, policy, now)
    )


def after_usual(state: DeviceState, beat: Heartbeat, *, now: datetime) -> Verdict:
    """What a heartbeat as usual makes of a device."""
    if state.battery_level is CALM_BATTERY:
        return Verdict(caught_up(state, last_heard=now, rssi=beat.rssi, battery=beat.battery), as_usual=True)
    alert = state.alerts[Family.BATTERY]
    alerts = state.alerts | {Family.BATTERY: replace(alert, last_at=now, count=alert.count + 1)}
    return Verdict(replace(state, last_heard=now, rssi=beat.rssi, battery=beat.battery, alerts=alerts))


def _are_left_alone(state: DeviceState, assignment: Assignment) -> bool:
    """Whether what is open may be so for hours and no heartbeat changes it: what waits for a person, for a token, or
    for the battery to be looked at again. Where work is announced, that may begin or end at any heartbeat.
    """
    for alert in state.alerts.values():
        if alert.condition is Condition.CLEARED or alert.rule is Rule.TOKEN_EXPIRING:
            continue
        if (
            alert.calm_since is not None
            or alert.dismissed is not None
            or alert.suppressed_by is not None
            or assignment.windows
        ):
            return False
        if alert.family is Family.BATTERY and state.battery_level is not CALM_BATTERY:
            if not _is_in_line(alert, state, assignment):
                return False
            continue
        for cause in alert.bare:
            if cause.rule not in _SLOW:
                return False
    return True


def _is_in_line(alert: OpenAlert, state: DeviceState, assignment: Assignment) -> bool:
    """Whether a low battery's alert has the causes that it would be given again, and looks like them."""
    level, memory, causes = _LEVELS.get(state.battery_level.level), state.drain, alert.causes
    if len(causes) != 1 + memory.draining + (memory.dying_until is not None) or len(alert.why) != len(causes):
        return False
    if assignment.room.service is not None or alert.rule is not level or alert.severity is not causes[0].severity:
        return False
    if causes[0].rule is not level or (memory.draining and causes[1].rule is not Rule.BATTERY_DRAIN):
        return False
    return memory.dying_until is None or causes[-1].rule is Rule.BATTERY_TONIGHT


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
    if (
        bssid is not None
        and not (bssid == state.bssid and bssid in place.access_points)
        and not _is_on_the_same(bssid, state.bssid, place)
    ):
        return False
    if state.posture is _IN_ROOM:
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
    if state.battery_level is not CALM_BATTERY:
        return level is not None and not charging and _stays_low(state, level, policy, now)
    if level is None:
        if state.battery is not None or (charging and state.power is not _CHARGING):
            return False
    elif state.battery is None or state.power is not (_CHARGING if charging else _OK):
        return False
    if charging:
        return not state.drain.recent
    if level is None:
        return True
    return level > policy.battery_low and _is_noted(state.drain.recent, level, now)


def _stays_low(state: DeviceState, charge: float, policy: Policy, now: datetime) -> bool:
    """Whether a battery that is not charging is as low as it was, and its alert is there to count that."""
    memory = state.battery_level
    return (
        memory.level is memory.last is battery.level_of(charge, policy)
        and memory.level is not BatteryLevel.OK
        and memory.charging_since is None
        and state.power is battery.POWER[memory.level]
        and Family.BATTERY in state.alerts
        and _is_noted(state.drain.recent, charge, now)
    )


def _is_noted(recent: tuple[Charge, ...], charge: float, now: datetime) -> bool:
    """Whether a charge like this one was noted so lately that this one is not."""
    if not recent:
        return False
    newest = recent[-1]
    return now - newest.noted_at < drain.EVERY and charge <= newest.percent + drain.CHARGED
