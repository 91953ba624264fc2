"""When two causes are one, as staff see them, and as a person saw them who resolved the alert; and which are never made
light of.
"""

from collections.abc import Iterable
from typing import Final

from rules.alerts import Because, Cause, Family, OpenAlert, Reason, Rule, Severity

FOREIGN_AP: Final = "foreign-ap"
"""A network that is not the hotel's, in a tablet's own words."""

_TELLING: Final = frozenset(
    {
        Because.MOVED,
        Because.OUT_OF_ZONE,
        Because.FOREIGN,
        Because.REPORTED,
        Because.TAMPERED,
        Because.GONE_SILENT,
        Because.GONE_ELSEWHERE,
        Because.UNPLUGGED,
    }
)
"""What tells two causes of one rule apart; other reasons say how it is known, or for how long."""

_EASED: Final = {Rule.BATTERY_CRITICAL: Rule.BATTERY_LOW}
"""What a cause may get better to without being another."""


def is_never_lowered(cause: Cause) -> bool:
    """Whether it is as severe, and told, whatever is known of the room and whoever works there.

    Tampering, a network that is not the hotel's, and a check-out's guard.
    """
    if cause.rule is Rule.CHECKOUT_GUARD or cause.rule.family is Family.TAMPER:
        return True
    return any(reason.because is Because.FOREIGN or reason.cause == FOREIGN_AP for reason in cause.why)


def gist(why: Iterable[Reason]) -> list[tuple[Because, str | None]]:
    return [(reason.because, reason.cause) for reason in why]


def gist_of(causes: Iterable[Cause]) -> list[tuple[Rule, Severity, list[tuple[Because, str | None]]]]:
    return [(cause.rule, cause.severity, gist(cause.why)) for cause in causes]


def was_seen(alert: OpenAlert, causes: Iterable[Cause]) -> bool:
    """Whether a person who resolved the alert knew of all these causes."""
    seen = _marks(alert.dismissed_causes or alert.bare)
    eased = {(_EASED[rule], because, said) for rule, because, said in seen if rule in _EASED}
    return _marks(causes) <= seen | eased


def _marks(causes: Iterable[Cause]) -> set[tuple[Rule, Because | None, str | None]]:
    marks: set[tuple[Rule, Because | None, str | None]] = set()
    for cause in causes:
        telling = [(cause.rule, reason.because, reason.cause) for reason in cause.why if reason.because in _TELLING]
        marks.update(telling or [(cause.rule, None, None)])
    return marks
