"""One input of the rules and what it made of one device, as a replay tells it."""

from datetime import datetime

from msgspec import Struct

from rules.alerts import AlertChange
from rules.ids import DeviceId, MessageId
from rules.inputs import InputKind
from rules.messages import DeviceMessage
from rules.policy import Assignment
from rules.state import DeviceState, Verdict


class Step(Struct, frozen=True, gc=False):
    """What one input made of one device; `message` is None for what no device said.

    `at` is what the verdict is dated at: the time of receipt, of a deadline the deadline itself.
    """

    device: int
    device_id: DeviceId
    at: datetime
    kind: InputKind
    name: MessageId
    assignment: Assignment
    before: DeviceState
    verdict: Verdict
    message: DeviceMessage | None = None

    @property
    def changes(self) -> tuple[AlertChange, ...]:
        return self.verdict.changes
