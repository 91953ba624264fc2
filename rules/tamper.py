"""tamper.*: something is wrong with the tablet itself, in its own words or by its kiosk.

What was found stays until a clean word about it: a tamper report that finds nothing, a recovery that names it, or, for
the kiosk, a heartbeat that is in it again. No good signal is one. Then the condition is over; a person resolves the
alert (`rules.alarm`).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from rules.alarm import Occasion, settle
from rules.alerts import AlertChange, Because, Cause, Family, Reason, Rule, Severity
from rules.memory import CALM_RARE, Tampering, TamperMemory
from rules.messages import WIFI_OFF, Heartbeat, Report, ReportKind
from rules.policy import Policy
from rules.state import DeviceState, remembering

_WORDS: tuple[tuple[Rule, frozenset[str]], ...] = (
    (Rule.TAMPER_USB_DEBUG, frozenset({"usb-debug", "usb-debugging", "adb", "adb-enabled", "usb"})),
    (Rule.TAMPER_AGENT_REMOVED, frozenset({"agent-removed", "agent-uninstalled", "uninstalled", "admin-disabled"})),
    (Rule.TAMPER_KIOSK, frozenset({"kiosk-exit", "kiosk-left", "kiosk"})),
    (Rule.TAMPER_EMULATOR, frozenset({"emulator", "emulator-detected", "virtual-device"})),
    (Rule.TAMPER_DEBUGGER, frozenset({"debugger", "debugger-attached", "debugger-detected", "debug"})),
    (Rule.TAMPER_ROOT, frozenset({"root", "rooted", "root-detected", "device-rooted", "su-binary", "magisk"})),
)
"""How tablets name what they find, today's agents and those of the old system; lower case, joined by dashes."""

_FOUND = {
    Rule.TAMPER_ROOT: (Because.ROOTED, Severity.CRITICAL),
    Rule.TAMPER_EMULATOR: (Because.EMULATED, Severity.CRITICAL),
    Rule.TAMPER_AGENT_REMOVED: (Because.AGENT_REMOVED, Severity.CRITICAL),
    Rule.TAMPER_DEBUGGER: (Because.DEBUGGED, Severity.HIGH),
    Rule.TAMPER_USB_DEBUG: (Because.USB_DEBUGGING, Severity.HIGH),
    Rule.TAMPER_KIOSK: (Because.KIOSK_LEFT, Severity.HIGH),
    Rule.TAMPER_OTHER: (Because.TAMPERED, Severity.HIGH),
}

OTHERS_KEPT: Final = 32
"""Threats that we do not know: as many as one report may name. One that counts or dates them would never be done."""


def rule_of(words: str) -> Rule:
    """What a tablet means by a threat or a cause; `tamper.other` where we do not know."""
    plain = words.strip().lower().replace("_", "-").replace(" ", "-")
    return next((rule for rule, names in _WORDS if plain in names), Rule.TAMPER_OTHER)


def after_report(
    _before: DeviceState, state: DeviceState, report: Report, /, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow a report of kind `tamper` or `recovery`. What was found is added to what was found before.

    That the kiosk was left is nothing yet: it may be a technician's minute. That the Wi-Fi is off is a silence's.
    """
    memory = state.rare.tamper
    named = [words for words in (report.cause, *report.threats) if words and words != WIFI_OFF]
    if report.kind is ReportKind.TAMPER and named:
        memory = _with(memory, named, now=occasion.at)
        return _follow(state, memory, signals=1, ended=(), occasion=occasion)
    if memory is CALM_RARE.tamper or report.kind not in (ReportKind.TAMPER, ReportKind.RECOVERY):
        return state, None
    memory = _without(memory, named) if named else memory
    if report.kind is ReportKind.TAMPER and report.cause != WIFI_OFF:
        memory = CALM_RARE.tamper
    clean = Reason(Because.REPORTED_CLEAN, cause=report.cause)
    return _follow(state, memory, signals=0, ended=(clean,), occasion=occasion)


def after_heartbeat(
    _before: DeviceState, after: DeviceState, beat: Heartbeat, /, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow one heartbeat, which may say whether the kiosk is on the screen, and passes the time in any case."""
    memory, policy = after.rare.tamper, occasion.assignment.policy
    if memory is CALM_RARE.tamper and beat.kiosk is not False:
        return after, None
    if beat.kiosk:
        memory = _without(memory, ["kiosk-exit"])
    elif beat.kiosk is False and memory.left_at is None:
        memory = replace(memory, left_at=occasion.at)
    memory = _left_too_long(memory, policy=policy, now=occasion.at)
    back = Reason(Because.REPORTED_CLEAN)
    return _follow(after, memory, signals=0, ended=(back,), occasion=occasion)


def _with(memory: TamperMemory, named: Iterable[str], *, now: datetime) -> TamperMemory:
    for words in named:
        rule = rule_of(words)
        if rule is Rule.TAMPER_KIOSK:
            memory = replace(memory, left_at=memory.left_at or now)
        elif not any(_is_same(one, rule, words) for one in memory.found) and not _is_one_too_many(memory, rule):
            memory = replace(memory, found=(*memory.found, Tampering(rule, now, words)))
    return memory


def _without(memory: TamperMemory, named: Iterable[str]) -> TamperMemory:
    found, left_at = memory.found, memory.left_at
    for words in named:
        rule = rule_of(words)
        found = tuple(one for one in found if not _is_same(one, rule, words))
        left_at = None if rule is Rule.TAMPER_KIOSK else left_at
    memory = TamperMemory(found=found, left_at=left_at)
    return CALM_RARE.tamper if memory == CALM_RARE.tamper else memory


def _is_one_too_many(memory: TamperMemory, rule: Rule) -> bool:
    others = sum(one.rule is Rule.TAMPER_OTHER for one in memory.found)
    return rule is Rule.TAMPER_OTHER and others >= OTHERS_KEPT


def _is_same(one: Tampering, rule: Rule, words: str) -> bool:
    return one.rule is rule and (rule is not Rule.TAMPER_OTHER or one.words == words)


def _left_too_long(memory: TamperMemory, *, policy: Policy, now: datetime) -> TamperMemory:
    is_known = any(one.rule is Rule.TAMPER_KIOSK for one in memory.found)
    if memory.left_at is None or is_known or now - memory.left_at <= policy.kiosk_left_longest:
        return memory
    return replace(memory, found=(*memory.found, Tampering(Rule.TAMPER_KIOSK, memory.left_at)))


def _follow(
    state: DeviceState, memory: TamperMemory, *, signals: int, ended: tuple[Reason, ...], occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    limit = occasion.assignment.policy.kiosk_left_longest.total_seconds()
    return settle(
        remembering(state, tamper=memory),
        Family.TAMPER,
        causes=tuple(_cause(one, limit=limit, now=occasion.at) for one in memory.found),
        ended=ended,
        signals=signals if memory.found else 0,
        occasion=occasion,
    )


def _cause(one: Tampering, *, limit: float, now: datetime) -> Cause:
    because, severity = _FOUND[one.rule]
    why = Reason(because, cause=one.words, since=one.found_at)
    if one.rule is Rule.TAMPER_KIOSK:
        why = replace(why, observed=(now - one.found_at).total_seconds(), limit=limit)
    return Cause(one.rule, severity, (why,))
