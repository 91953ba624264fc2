"""What is learnt late: it explains an alert that is open or was over lately, and does nothing else.

A backlog says why a tablet fell silent: its Wi-Fi was switched off, or it was. The silence it explains is named after
that, with nobody told and no severity moved. Of several explanations the one that was said first holds, in whatever
order they come; what the tablet said live, before it fell silent, outweighs them all.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from rules import lateness, remembered, session, silence
from rules.alerts import AlertChange, Because, Family, OpenAlert, Reason
from rules.messages import WIFI_OFF, DeviceMessage, Link, Report, ReportKind, State
from rules.state import DeviceState, Verdict

SLACK: Final = timedelta(seconds=60)
"""How long before a tablet was last heard it may seem to have said why: clocks are not so well known."""


def learn(state: DeviceState, message: DeviceMessage, *, now: datetime) -> Verdict:
    """What a message that is history makes of a device; `now` is the time of receipt."""
    state = lateness.doubt(state, message, now=now)
    said = _said(message, at=lateness.said_at(state, message, now=now))
    if said is None:
        return Verdict(state, late=True)
    state, change = _explain(state, said, now=now)
    return Verdict(state, () if change is None else (change,), late=True)


def _said(message: DeviceMessage, *, at: datetime) -> Reason | None:
    """Why the tablet would fall silent, if that is what it said; `since` is when."""
    match message:
        case Report(kind=ReportKind.BREACH | ReportKind.TAMPER, cause=cause) if cause == WIFI_OFF:
            return Reason(Because.WIFI_OFF, observed=message.rssi, cause=cause, since=at)
        case State(state=Link.BYE, reason=reason) if reason == session.POWER_OFF:
            return Reason(Because.POWERED_OFF, cause=reason, since=at)
    return None


def _explain(state: DeviceState, said: Reason, *, now: datetime) -> tuple[DeviceState, AlertChange | None]:
    alert, over = state.alerts.get(Family.SILENCE), state.ended.get(Family.SILENCE)
    if alert is not None and _is_about(said, alert, until=now):
        state = replace(state, silence=replace(state.silence, explained=said))
    elif alert is not None or over is None or not _is_about(said, over.alert, until=over.at):
        return state, None
    return remembered.relabel(state, Family.SILENCE, rule=silence.RULES[said.because], said=said, at=now)


def _is_about(said: Reason, alert: OpenAlert, *, until: datetime) -> bool:
    """Whether what was said belongs to this silence, and explains it better than what is known."""
    at = said.since
    began = next((reason.since for reason in alert.why if reason.because in silence.ESTABLISHED), None)
    if at is None or began is None or not began - SLACK <= at <= until:
        return False
    known = next((reason for reason in alert.why if reason.because in silence.RULES), None)
    return known is None or (known.since is not None and (at, said.because) < (known.since, known.because))
