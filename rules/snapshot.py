"""A device's state in the words of others: consoles and integrators, and the readers of the old system."""

from typing import Literal

from rules.alerts import Family
from rules.messages import TokenEnd
from rules.policy import Assignment
from rules.state import DeviceState, LinkState, StatusSnapshot


def status_of(state: DeviceState, assignment: Assignment) -> StatusSnapshot:
    """The snapshot for `hotels/{h}/devices/{d}/status`."""
    return StatusSnapshot(
        device_id=assignment.device_id,
        room_id=assignment.place.room_id,
        link=state.link,
        posture=state.posture,
        power=state.power,
        since=state.since,
        last_heard=state.last_heard,
        battery=state.battery,
        charging=state.charging,
        rssi=state.rssi,
        token_ended=token_end_of(state),
    )


def token_end_of(state: DeviceState) -> TokenEnd | None:
    """Why a device is away, when that is our own doing; None for every other link and for a goodbye."""
    return state.silence.token_ended if state.link is LinkState.AWAY else None


def _is_shown(state: DeviceState, family: Family) -> bool:
    """Whether there is an alert of the family that nobody has resolved."""
    alert = state.alerts.get(family)
    return alert is not None and alert.dismissed is None


def legacy_status(state: DeviceState) -> Literal["ok", "breach", "offline", "compromised"]:
    """The old system's single word: tampering outweighs a breach, and that the silence that follows it.

    A battery never shows.
    """
    if _is_shown(state, Family.TAMPER):
        return "compromised"
    if _is_shown(state, Family.BREACH):
        return "breach"
    offline = state.link in (LinkState.NEVER_SEEN, LinkState.AWAY, LinkState.SILENT)
    return "offline" if offline else "ok"
