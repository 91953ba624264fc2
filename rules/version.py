"""By which rules a verdict was reached, so that it can be explained later."""

RULES = 1
"""Raised whenever the same history would come to another verdict."""


def rule_version(assignment_revision: int) -> str:
    """The rules, and which room and policy they were applied with: the name of the device's `assignment` input."""
    return f"{RULES}/{assignment_revision}"
