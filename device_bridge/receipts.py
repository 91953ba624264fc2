"""What became of a device's message, as the device is told (docs/contract.md, "Payloads", Receipt)."""

from enum import StrEnum

import msgspec
from msgspec import Struct

from rules.ids import AlertId, MessageId

LINES = 100
"""Lines of one receipt at most."""


class Receipted(StrEnum):
    STORED = "stored"
    DUPLICATE = "duplicate"
    LATE = "late"
    REJECTED = "rejected"


class ReceiptLine(Struct, frozen=True, rename="camel", omit_defaults=True):
    id: MessageId
    verdict: Receipted
    reason: str | None = None
    detail: str | None = None
    alert_id: AlertId | None = None


def encode_receipts(lines: list[ReceiptLine]) -> list[bytes]:
    """The lines as payloads, in order, as many as are needed."""
    return [msgspec.json.encode({"for": lines[start : start + LINES]}) for start in range(0, len(lines), LINES)]
