"""What the hotel knows of a room changes what a signal means (docs/rules.md, "Rooms")."""

# ruff: noqa: ARG001 - nothing is known of rooms yet

from datetime import datetime

from rules.alerts import Cause
from rules.policy import Assignment


def in_context(cause: Cause, *, assignment: Assignment, at: datetime) -> Cause:
    """The cause as severe as it is where the device is at this moment.

    Where that differs from what its family holds it to be, a reason more says so. Without anything known of the room
    it is the cause itself.
    """
    return cause
