"""The link axis: what a birth, a sleep, a goodbye, a will, the end of a token and every sign of life make of it.

A session is named by its `sid`, `{boot}-{n}`. It begins with the first message that carries a new one, and a message of
a session before, resent after the new one began, never brings that back. Only a birth counts anew within one boot.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from rules.memory import CALM_SILENCE, SilenceMemory
from rules.messages import Link, State, TokenEnd
from rules.policy import Policy
from rules.state import DeviceState, LinkState

POWER_OFF = "power-off"


def adopt(state: DeviceState, sid: str | None, *, birth: bool = False) -> DeviceState:
    """Begin the session `sid`, unless it is unknown, the current one, or one before."""
    if sid is None or sid in (state.sid, state.previous_sid) or (not birth and _is_before(sid, state.sid)):
        return state
    silence = replace(state.silence, beats=0) if state.silence.beats else state.silence
    return replace(state, sid=sid, previous_sid=state.sid, silence=silence)


def is_stale(state: DeviceState, sid: str | None) -> bool:
    """Whether a message belongs to a session before."""
    return sid is not None and (sid == state.previous_sid or _is_before(sid, state.sid))


def is_same_boot(sid: str | None, other: str | None) -> bool:
    """Whether two sessions are known to be of one boot, over which `upMs` goes on."""
    return sid is not None and other is not None and _boot(sid)[0] == _boot(other)[0] != ""


def after_life(state: DeviceState, *, awake: bool | None, now: datetime) -> tuple[LinkState, SilenceMemory]:
    """The link and the memory of silence after a sign of life.

    An announced sleep holds until its end, whatever is heard meanwhile, unless the tablet is known to be awake: a
    dozing tablet is heard now and then. `awake` False keeps the link asleep, None (unknown) does not.
    """
    memory = state.silence
    if memory is CALM_SILENCE:
        return LinkState.ONLINE, memory
    asleep = (
        not awake and state.link is not LinkState.AWAY and memory.quiet_until is not None and now < memory.quiet_until
    )
    quiet_until = memory.quiet_until if asleep else None
    memory = replace(memory, quiet_until=quiet_until, lost_at=None, silent_since=None, token_ended=None)
    link = LinkState.SLEEPING if asleep and awake is False else LinkState.ONLINE
    return link, CALM_SILENCE if memory == CALM_SILENCE else memory


def after_state(state: DeviceState, said: State, *, policy: Policy, now: datetime) -> DeviceState:
    """The link after `ready`, `sleeping` or `bye`; of the session before, they are signs of life and no more."""
    link, memory = after_life(state, awake=said.state is not Link.SLEEPING, now=now)
    if not is_stale(state, said.sid):
        if said.state is Link.READY and memory.beats:
            memory = replace(memory, beats=0)
        if said.state is Link.SLEEPING:
            link, memory = LinkState.SLEEPING, replace(memory, quiet_until=now + _sleep(said, policy))
        elif said.state is Link.BYE:
            link, memory = LinkState.AWAY, _after_bye(memory, said, policy=policy, now=now)
    return replace(state, link=link, silence=memory, last_heard=now, deaf_s=0.0)


def after_will(state: DeviceState, sid: str | None, *, now: datetime) -> DeviceState:
    """The link after the will of session `sid`: only the current one counts, and only where no rest was announced."""
    if sid != state.sid or state.link in (LinkState.NEVER_SEEN, LinkState.AWAY, LinkState.SILENT):
        return state
    quiet_until = state.silence.quiet_until
    if quiet_until is not None and now < quiet_until:
        return replace(state, link=LinkState.SLEEPING)
    silence = replace(state.silence, quiet_until=None, lost_at=now, silent_since=None, beats=0)
    return replace(state, link=LinkState.SILENT, silence=silence)


def after_token_end(state: DeviceState, cause: TokenEnd) -> DeviceState:
    """The link after the broker ended the connection because its token did: away for as long as it takes."""
    if state.link is LinkState.NEVER_SEEN:
        return state
    silence = replace(state.silence, quiet_until=None, lost_at=None, silent_since=None, token_ended=cause, beats=0)
    return replace(state, link=LinkState.AWAY, silence=silence)


def _is_before(sid: str, current: str | None) -> bool:
    if current is None or sid == current:
        return False
    (boot, number), (of_current, now) = _boot(sid), _boot(current)
    return boot == of_current != "" and number < now


def _boot(sid: str) -> tuple[str, int]:
    """The parts of `{boot}-{n}`; no boot where it is not put together so."""
    boot, _, number = sid.rpartition("-")
    return (boot, int(number)) if number.isascii() and number.isdecimal() else ("", 0)


def _sleep(said: State, policy: Policy) -> timedelta:
    """How long it may sleep: counted on the tablet's own clock, which may be wrong, and never too long."""
    if said.wake_by is None:
        return policy.sleep_longest
    return min(max(said.wake_by - said.ts, timedelta(0)), policy.sleep_longest)


def _after_bye(memory: SilenceMemory, said: State, *, policy: Policy, now: datetime) -> SilenceMemory:
    if said.reason == POWER_OFF:  # it has an alert of its own, and nothing is waited for
        return replace(memory, quiet_until=None)
    window = policy.bye_reboot if said.reason in ("reboot", "update") else policy.bye_reconnect
    return replace(memory, quiet_until=now + window)
