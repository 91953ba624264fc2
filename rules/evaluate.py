"""From a message to a verdict: the one door through which everything that a tablet says reaches the rules.

Pure: the same state, message, assignment and time give the same verdict, alert ids included. Nothing here knows of
late messages; whoever calls keeps them out, and calls in the order of arrival.
"""

from datetime import datetime

from msgspec.structs import replace

from rules import battery, breach, reported, session, silence, token, weak_signal
from rules.alarm import Occasion
from rules.alerts import AlertChange, Because, Family, Reason, Rule
from rules.memory import CALM_ACCESS_POINT, CALM_BATTERY, CALM_SIGNAL, CALM_SILENCE
from rules.messages import DeviceMessage, Heartbeat, Link, Renew, Report, ReportKind, Result, State, TokenEnded
from rules.place import normal_bssid
from rules.policy import Assignment
from rules.state import DeviceState, LinkState, Posture, Power, Verdict, caught_up

WIFI_OFF = "wifi-off"


def evaluate(state: DeviceState, message: DeviceMessage, *, assignment: Assignment, now: datetime) -> Verdict:
    """What one live message makes of a device; `now` is the time of receipt.

    A Report of kind `tamper` is a sign of life and opens nothing yet (unless its cause is `wifi-off`). A Result and
    a Renew are signs of life and nothing else: what comes of a Renew is a token (`rules.token.given`).
    """
    if isinstance(message, Heartbeat):
        return _heartbeat(state, message, assignment=assignment, now=now)
    if isinstance(message, Report):
        return _report(state, message, assignment=assignment, now=now)
    if isinstance(message, State):
        return _state(state, message, assignment=assignment, now=now)
    if isinstance(message, Result | Renew):
        return _sign_of_life(state, message.sid, occasion=Occasion(assignment, message.id, now))
    return _token_end(state, message, occasion=Occasion(assignment, message.id, now))


def _heartbeat(before: DeviceState, beat: Heartbeat, *, assignment: Assignment, now: datetime) -> Verdict:
    """The hot path: a good sample of a calm device makes one new state and nothing else."""
    if _is_as_usual(before, beat, assignment=assignment):
        after = caught_up(before, last_heard=now, rssi=beat.rssi, battery=beat.battery)
        return Verdict(after, as_usual=True)
    state = before if beat.sid is None or beat.sid == before.sid else session.adopt(before, beat.sid)
    bssid = _bssid(beat.wifi_bssid, state, assignment=assignment)
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
    if not after.alerts and not signal.firing and not access_point.level and not cells.level:
        return Verdict(after)
    return _follow(state, after, beat=beat, bssid=bssid, occasion=Occasion(assignment, beat.id, now))


def _is_as_usual(state: DeviceState, beat: Heartbeat, *, assignment: Assignment) -> bool:
    """Whether a heartbeat moves its three figures and nothing else: most do, and cost a quarter then.

    A shorter way to what `_heartbeat` comes to anyhow; tests/rules/test_properties.py holds the two together.
    """
    return (
        beat.rssi is not None
        and beat.battery is not None
        and beat.wifi_bssid is not None
        and beat.wifi_bssid == state.bssid
        and state.bssid in assignment.place.access_points
        and (beat.sid is None or beat.sid == state.sid)
        and (beat.charging is None or beat.charging is state.charging)
        and (beat.agent is None or beat.agent == state.agent)
        and beat.rssi >= weak_signal.floor_of(assignment.policy)
        and (state.charging or beat.battery > assignment.policy.battery_low)
        and state.power is (Power.CHARGING if state.charging else Power.OK)
        and state.link is LinkState.ONLINE
        and state.posture is Posture.IN_ROOM
        and (not state.alerts or _only_its_token(state))
        and state.silence is CALM_SILENCE
        and state.signal is CALM_SIGNAL
        and state.access_point is CALM_ACCESS_POINT
        and state.battery_level is CALM_BATTERY
        and state.reported is None
        and not state.deaf_s
    )


def _only_its_token(state: DeviceState) -> bool:
    """Whether all that is open is that its token will expire, which no heartbeat changes and may last for days."""
    alert = state.alerts.get(Family.TOKEN)
    return alert is not None and alert.rule is Rule.TOKEN_EXPIRING and len(state.alerts) == 1


def _follow(
    before: DeviceState, after: DeviceState, *, beat: Heartbeat, bssid: str | None, occasion: Occasion
) -> Verdict:
    """The alerts, each family by itself, after a heartbeat of a device that has or needs one."""
    assignment = occasion.assignment
    bad = breach.is_bad(beat.rssi, bssid, assignment=assignment)
    weak = beat.battery is not None and battery.is_bad(beat.battery, charging=after.charging, policy=assignment.policy)
    stale = session.is_stale(after, beat.sid)
    after, breached = breach.follow(before, after, occasion=occasion, signals=int(bad))
    after, drained = battery.follow(before, after, occasion=occasion, signals=int(weak))
    after, heard = silence.after_heartbeat(after, stale=stale, occasion=occasion)
    after, let_in = token.after_life(after, occasion=occasion)
    return _verdict(after, breached, drained, heard, let_in)


def _report(before: DeviceState, report: Report, *, assignment: Assignment, now: datetime) -> Verdict:
    state = session.adopt(before, report.sid)
    alarming = report.kind in (ReportKind.BREACH, ReportKind.TAMPER)
    link, quiet = session.after_life(state, awake=True if alarming else None, now=now)
    after = replace(
        state,
        link=link,
        silence=quiet,
        last_heard=now,
        deaf_s=0.0,
        rssi=state.rssi if report.rssi is None else report.rssi,
        bssid=_bssid(report.wifi_bssid, state, assignment=assignment) or state.bssid,
    )
    occasion = Occasion(assignment, report.id, now)
    after, change = _follow_report(after, report, occasion=occasion)
    after, let_in = token.after_life(after, occasion=occasion)
    return _verdict(_dated(before, after, now=now), change, let_in)


def _follow_report(state: DeviceState, report: Report, *, occasion: Occasion) -> tuple[DeviceState, AlertChange | None]:
    match report.kind:
        case ReportKind.BREACH | ReportKind.TAMPER if report.cause == WIFI_OFF:
            told = Reason(Because.WIFI_OFF, observed=report.rssi, cause=report.cause)
            return silence.after_word(state, told, occasion=occasion)
        case ReportKind.BREACH:
            word = reported.remember_report(state.reported, report, now=occasion.at)
            return breach.follow(state, replace(state, reported=word), occasion=occasion, signals=1)
        case ReportKind.RECOVERY if state.reported is not None:
            taken_back = Reason(Because.REPORTED_RECOVERY, observed=report.rssi, cause=report.cause)
            return breach.follow(state, replace(state, reported=None), occasion=occasion, recovery=taken_back)
        case ReportKind.BATTERY if report.level is not None:
            return battery.after_report(state, report.level, occasion=occasion)
    return state, None


def _state(before: DeviceState, said: State, *, assignment: Assignment, now: datetime) -> Verdict:
    if said.state is Link.LOST:
        return Verdict(_dated(before, session.after_will(before, said.sid, now=now), now=now))
    state = session.adopt(before, said.sid, birth=said.state is Link.READY)
    after = session.after_state(state, said, policy=assignment.policy, now=now)
    if said.agent is not None and said.agent != after.agent:
        after = replace(after, agent=said.agent)
    change = None
    if said.state is Link.BYE and said.reason == session.POWER_OFF and not session.is_stale(state, said.sid):
        told = Reason(Because.POWERED_OFF, cause=said.reason)
        after, change = silence.after_word(after, told, occasion=Occasion(assignment, said.id, now))
    after, let_in = token.after_life(after, occasion=Occasion(assignment, said.id, now))
    return _verdict(_dated(before, after, now=now), change, let_in)


def _token_end(before: DeviceState, ended: TokenEnded, *, occasion: Occasion) -> Verdict:
    after = _dated(before, session.after_token_end(before, ended.cause), now=occasion.at)
    after, change = token.after_token_end(after, ended.cause, occasion=occasion)
    return _verdict(after, change)


def _sign_of_life(before: DeviceState, sid: str | None, *, occasion: Occasion) -> Verdict:
    state, now = session.adopt(before, sid), occasion.at
    link, quiet = session.after_life(state, awake=None, now=now)
    after = _dated(before, replace(state, link=link, silence=quiet, last_heard=now, deaf_s=0.0), now=now)
    after, let_in = token.after_life(after, occasion=occasion)
    return _verdict(after, let_in)


def _bssid(text: str | None, state: DeviceState, *, assignment: Assignment) -> str | None:
    """The access point in normal form; what is known already costs no parsing."""
    if text is None or text == state.bssid or text in assignment.place.access_points:
        return text
    return normal_bssid(text)


def _dated(before: DeviceState, after: DeviceState, *, now: datetime) -> DeviceState:
    same = after.link is before.link and after.posture is before.posture and after.power is before.power
    return after if same else replace(after, since=now)


def _verdict(state: DeviceState, *changes: AlertChange | None) -> Verdict:
    return Verdict(state, tuple(change for change in changes if change is not None))
