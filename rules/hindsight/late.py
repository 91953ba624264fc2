"""What came late: history, of which no rule makes a sample or a sign of life; it says what nobody heard at the time."""

from datetime import datetime

from rules.alerts import Because, Family, Reason
from rules.hindsight.finding import Finding
from rules.messages import WIFI_OFF, Report, ReportKind
from rules.replay import Step

_FAMILIES = {
    ReportKind.BREACH: Family.BREACH,
    ReportKind.BATTERY: Family.BATTERY,
    ReportKind.TAMPER: Family.TAMPER,
}


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
        family, cause = _of(step)
        known = self._findings.get(family)
        since, signs = step.at, 1
        if known is not None:
            since, signs, cause = known.since, known.signs + 1, known.because.cause or cause
            ts = min(known.because.since or ts, ts)
        late = Reason(Because.CAME_LATE, cause=cause, since=ts)
        self._findings[family] = Finding(family=family, since=since, until=step.at, signs=signs, because=late)


def _of(step: Step) -> tuple[Family, str | None]:
    message = step.message
    if not isinstance(message, Report):
        return Family.SILENCE, None
    family = Family.SILENCE if message.cause == WIFI_OFF else _FAMILIES.get(message.kind, Family.SILENCE)
    return family, message.cause
