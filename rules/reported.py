"""breach.reported: the tablet itself says that it is being carried off.

Its word is taken at once and alone. It ends when the tablet takes it back (a recovery of something else, or one of the
session before, does not), or at three samples in a row in which whatever is known, signal and access point, is good.
"""

from datetime import datetime

from msgspec.structs import replace

from rules.alerts import Because, Cause, Reason, Rule, Severity
from rules.causes import FOREIGN_AP
from rules.memory import ReportedMemory
from rules.messages import Report
from rules.policy import Policy

GOOD_SAMPLES = 3
CAUSES = frozenset({FOREIGN_AP, "weak-signal", "moved", "out-of-zone"})
"""What tablets say of a breach."""


def remember_report(memory: ReportedMemory | None, report: Report, *, now: datetime) -> ReportedMemory:
    """What is remembered after one more report; a foreign access point, once reported, outweighs later causes."""
    fresh = ReportedMemory(
        at=now,
        cause=report.cause,
        observed=report.wifi_bssid if report.rssi is None else report.rssi,
        foreign=report.cause == FOREIGN_AP,
    )
    if memory is None:
        return fresh
    if memory.foreign and not fresh.foreign:
        fresh = replace(fresh, cause=memory.cause, observed=memory.observed, foreign=True)
    return replace(fresh, silent_after=memory.silent_after)


def is_taken_back(memory: ReportedMemory, recovery: Report) -> bool:
    """Whether a recovery is about what was reported: it names that, another breach or nothing."""
    return recovery.cause is None or recovery.cause == memory.cause or recovery.cause in CAUSES


def remember_sample(memory: ReportedMemory, *, good: bool) -> ReportedMemory | None:
    """What is remembered after one more sample of which something was known; None: the report is over."""
    if not good:
        return replace(memory, good=0) if memory.good else memory
    return None if memory.good + 1 >= GOOD_SAMPLES else replace(memory, good=memory.good + 1)


def remember_silence(memory: ReportedMemory, *, policy: Policy, gone: datetime) -> ReportedMemory:
    """What is remembered when the tablet has fallen silent at `gone`: soon after its report makes it critical."""
    if memory.silent_after is not None or not memory.at <= gone <= memory.at + policy.breach_silent_within:
        return memory
    return replace(memory, silent_after=(gone - memory.at).total_seconds())


def cause(memory: ReportedMemory, *, policy: Policy) -> Cause:
    """Why the tablet's word keeps the breach open."""
    why = [Reason(Because.REPORTED, observed=memory.observed, cause=memory.cause, since=memory.at)]
    if memory.silent_after is not None:
        limit = policy.breach_silent_within.total_seconds()
        why.append(Reason(Because.SILENT_AFTER_REPORT, observed=memory.silent_after, limit=limit))
    critical = memory.foreign or memory.silent_after is not None
    return Cause(Rule.BREACH_REPORTED, Severity.CRITICAL if critical else Severity.HIGH, tuple(why))
