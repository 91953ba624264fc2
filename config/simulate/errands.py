"""What a tablet was asked to do: each command once, however often it comes (docs/contract.md, "Payloads", Command)."""

from collections import OrderedDict
from datetime import datetime

from msgspec import Struct

from rules.ids import CommandId
from rules.messages import ResultStatus

REMEMBERED = 100


class Errand(Struct, frozen=True, rename="camel"):
    """A command as it comes; a name that nobody knows is no mistake of the sender's."""

    id: CommandId
    name: str
    expires_at: datetime


class Answer(Struct, frozen=True):
    status: ResultStatus
    detail: str | None = None


_DONE = {
    "ring": "rang",
    "lock": "locked",
    "unlock": "unlocked",
    "locate": "in its room, as far as it knows",
    "message": "shown",
    "reboot": "rebooted",
    "sync": "nothing was waiting",
    "apply-config": "applied",
}


class Errands:
    """Remembers what it has done, so that nothing is done twice."""

    def __init__(self) -> None:
        self._done: OrderedDict[CommandId, Answer] = OrderedDict()

    def do(self, errand: Errand, now: datetime) -> list[Answer]:
        """Return what to say of it, in order; of what was done before, only how it ended."""
        before = self._done.get(errand.id)
        if before is not None:
            return [before]
        answers = _answers(errand, now)
        self._done[errand.id] = answers[-1]
        if len(self._done) > REMEMBERED:
            self._done.popitem(last=False)
        return answers


def _answers(errand: Errand, now: datetime) -> list[Answer]:
    if now >= errand.expires_at:
        return [Answer(ResultStatus.EXPIRED)]
    if errand.name not in _DONE:
        return [Answer(ResultStatus.UNSUPPORTED, f"{errand.name} is not known here")]
    return [Answer(ResultStatus.RECEIVED), Answer(ResultStatus.DONE, _DONE[errand.name])]
