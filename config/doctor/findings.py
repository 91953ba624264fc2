"""What was found: each with a grade, and with a remedy where there is something to do."""

from enum import IntEnum

from msgspec import Struct


class Grade(IntEnum):
    """The worst of all is the exit code."""

    WELL = 0
    LOOK = 1  # it works; somebody should look at it
    WRONG = 2  # something does not work, or a promise is not kept


class Finding(Struct, frozen=True):
    """About one thing. No field ever holds a secret."""

    about: str
    grade: Grade
    says: str
    remedy: str | None = None


def well(about: str, says: str) -> Finding:
    return Finding(about, Grade.WELL, says)


def look(about: str, says: str, remedy: str) -> Finding:
    return Finding(about, Grade.LOOK, says, remedy)


def wrong(about: str, says: str, remedy: str) -> Finding:
    return Finding(about, Grade.WRONG, says, remedy)


def worst(findings: list[Finding]) -> Grade:
    return max((finding.grade for finding in findings), default=Grade.WELL)
