"""What became of a hotel system's message, as the system is told (docs/contract.md, "Payloads", pms in)."""

from enum import StrEnum

from msgspec import Struct

from broker.topics import Kind, Topic, name_of
from device_bridge.decode import Refused
from device_bridge.matters import Turned, Word
from rules.ids import HotelId, MessageId


class Answer(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class PmsResult(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What became of a message, on `hotels/{h}/pms/{integrator}/result`. `id` is None where it could not be read.

    `duplicate`: it had been accepted before. `stale`: it is older than what the sender said of the room since.
    """

    id: MessageId | None
    verdict: Answer
    reason: Refused | None = None
    detail: str | None = None
    duplicate: bool = False
    stale: bool = False


def answer_to(word: Word, *, stale: bool) -> PmsResult:
    return PmsResult(word.id, Answer.ACCEPTED, duplicate=word.is_repeated, stale=stale)


def refusal_of(turned: Turned) -> PmsResult:
    rejected = turned.rejected
    return PmsResult(rejected.message_id, Answer.REJECTED, rejected.reason, rejected.detail)


def result_topic(hotel_id: HotelId, by: str) -> str:
    return name_of(Topic(Kind.PMS_RESULT, hotel_id, by))
