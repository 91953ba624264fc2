"""What came late: history, of which no rule makes a sample or a sign of life; it says what nobody heard at the time."""

from datetime import datetime
from typing import Final

from rules.alerts import Because, Family, Reason, Rule
from rules.hindsight.finding import Finding
from rules.messages import WIFI_OFF, Report, ReportKind
from rules.replay import Step
from rules.tamper import rule_of

_RULES: Final = {ReportKind.BREACH: Rule.BREACH_REPORTED, ReportKind.BATTERY: Rule.BATTERY_LOW}


class Late:
    """A stretch of late messages, until the next one that is on time. What it says of each family is one finding.

    The alarm of a report is of its own family; whatever else was said says that the tablet was there: of silence.
    """

    def __init__(self) -> None:
        self._findings: dict[Family, Finding] = {}

    def see(self, step: Step) -> tuple[Finding, ...]:
        """What was over before this step."""
        if step.message is None:
            return ()
        if not step.verdict.late:
            return self.end()
        self._add(step, step.message.ts)
        return ()

    def end(self) -> tuple[Finding, ...]:
        found, self._findings = tuple(self._findings.values()), {}
        return found

    def _add(self, step: Step, ts: datetime) -> None:
        rule, cause = _of(step)
        family = rule.family
        known = self._findings.get(family)
        since, signs = step.at, 1
        if known is not None:
            rule = known.rule if known.because.cause else rule  # what was said with a word names it
            since, signs, cause = known.since, known.signs + 1, known.because.cause or cause
            ts = min(known.because.since or ts, ts)
        late = Reason(Because.CAME_LATE, cause=cause, since=ts)
        self._findings[family] = Finding(
            family=family, rule=rule, since=since, until=step.at, signs=signs, because=late
        )


def _of(step: Step) -> tuple[Rule, str | None]:
    message = step.message
    if not isinstance(message, Report):
        return Rule.SILENCE, None
    if message.cause == WIFI_OFF:
        return Rule.WIFI_OFF, message.cause
    if message.kind is ReportKind.TAMPER:
        return rule_of(message.cause or ""), message.cause
    return _RULES.get(message.kind, Rule.SILENCE), message.cause
