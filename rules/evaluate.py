"""From a message to a verdict: the one door through which everything that a tablet says reaches the rules.

Pure: the same state, message, assignment and time give the same verdict, alert ids included. Whoever calls does so in
the order of arrival. What each family makes of a live message is its own affair: they stand in `rules.families`.
"""

from datetime import datetime

from msgspec.structs import replace

from rules import agent_stuck, alarm, battery, breach, checkout, families, history, lateness, session, token
from rules.alarm import Occasion
from rules.as_usual import after_usual, is_as_usual
from rules.messages import DeviceMessage, Heartbeat, Link, Renew, Report, ReportKind, Result, State, TokenEnded
from rules.place import heard_bssid
from rules.policy import Assignment
from rules.state import DeviceState, Verdict


def evaluate(
    state: DeviceState, message: DeviceMessage, *, assignment: Assignment, now: datetime, is_history: bool = False
) -> Verdict:
    """What one message makes of a device; `now` is the time of receipt.

    `is_history`: it came in a backlog, or was found to be late already; one that comes live may turn out to be
    (`Verdict.late`). A Result and a Renew are signs of life and nothing else: what comes of a Renew is a token
    (`rules.token.given`).
    """
    if is_history:
        return history.learn(state, message, now=now)
    if isinstance(message, Heartbeat) and is_as_usual(state, message, assignment=assignment, now=now):
        return after_usual(state, message, now=now)
    clock, is_late = lateness.judge(state, message, policy=assignment.policy, now=now)
    if is_late:
        return history.learn(state, message, now=now)
    if clock is not state.clock:
        state = replace(state, clock=clock)
    if isinstance(message, Heartbeat):
        return _heartbeat(state, message, assignment=assignment, now=now)
    occasion = Occasion(assignment, message.id, now)
    if isinstance(message, Report):
        return _report(state, message, occasion=occasion)
    if isinstance(message, State):
        return _state(state, message, occasion=occasion)
    if isinstance(message, Result | Renew):
        return _sign_of_life(state, message.sid, occasion=occasion)
    return _token_end(state, message, occasion=occasion)


def judge_anew(state: DeviceState, *, occasion: Occasion) -> Verdict:
    """What it makes of a device that something else is known of where it is: what is open is as severe as it is now.

    Nothing was heard of the device itself; the occasion is what was said.
    """
    after, changes = alarm.anew(checkout.begin(state, occasion=occasion), occasion=occasion)
    return families.after_anything(state, after, changes, occasion=occasion)


def _heartbeat(before: DeviceState, beat: Heartbeat, *, assignment: Assignment, now: datetime) -> Verdict:
    state = before if beat.sid is None or beat.sid == before.sid else session.adopt(before, beat.sid)
    bssid = heard_bssid(beat.wifi_bssid, last=state.bssid, place=assignment.place)
    charging = state.charging if beat.charging is None else beat.charging
    level = state.battery if beat.battery is None else beat.battery
    signal, access_point, word, posture = breach.remember(state, beat.rssi, bssid, assignment=assignment, now=now)
    cells = battery.remember(state.battery_level, beat.battery, charging=charging, policy=assignment.policy, now=now)
    power = battery.power(state.power, cells, battery=level, charging=charging)
    link, quiet = session.after_life(state, awake=beat.screen_on, now=now)
    same = link is state.link and posture is state.posture and power is state.power
    after = replace(
        state,
        link=link,
        posture=posture,
        power=power,
        since=state.since if same else now,
        last_heard=now,
        deaf_s=0.0,
        battery=level,
        charging=charging,
        rssi=state.rssi if beat.rssi is None else beat.rssi,
        bssid=bssid or state.bssid,
        agent=beat.agent or state.agent,
        signal=signal,
        access_point=access_point,
        reported=word,
        battery_level=cells,
        silence=quiet,
    )
    return families.after_heartbeat(before, after, beat, occasion=Occasion(assignment, beat.id, now))


def _report(before: DeviceState, report: Report, *, occasion: Occasion) -> Verdict:
    state, assignment = session.adopt(before, report.sid), occasion.assignment
    alarming = report.kind in (ReportKind.BREACH, ReportKind.TAMPER)
    link, quiet = session.after_life(state, awake=True if alarming else None, now=occasion.at)
    after = replace(
        state,
        link=link,
        silence=quiet,
        last_heard=occasion.at,
        deaf_s=0.0,
        rssi=state.rssi if report.rssi is None else report.rssi,
        bssid=heard_bssid(report.wifi_bssid, last=state.bssid, place=assignment.place) or state.bssid,
    )
    return families.after_report(before, after, report, occasion=occasion)


def _state(before: DeviceState, said: State, *, occasion: Occasion) -> Verdict:
    if said.state is Link.LOST:
        lost = session.after_will(before, said.sid, now=occasion.at)
        return families.after_anything(before, lost, occasion=occasion)
    state = session.adopt(before, said.sid, birth=said.state is Link.READY)
    after = session.after_state(state, said, policy=occasion.assignment.policy, now=occasion.at)
    if said.agent is not None and said.agent != after.agent:
        after = replace(after, agent=said.agent)
    return families.after_state(before, after, said, occasion=occasion)


def _token_end(before: DeviceState, ended: TokenEnded, *, occasion: Occasion) -> Verdict:
    after = session.after_token_end(before, ended.cause)
    after, change = token.after_token_end(after, ended.cause, occasion=occasion)
    return families.after_anything(before, after, (change,), occasion=occasion)


def _sign_of_life(before: DeviceState, sid: str | None, *, occasion: Occasion) -> Verdict:
    state = session.adopt(before, sid)
    link, quiet = session.after_life(state, awake=None, now=occasion.at)
    after = replace(state, link=link, silence=quiet, last_heard=occasion.at, deaf_s=0.0)
    after = agent_stuck.expecting(before, after, born=False, now=occasion.at)
    return families.after_life(before, after, occasion=occasion)
