"""A tablet's token: how long it is good, and when to ask for the next one (docs/contract.md, "Payloads", Renew).

Asked for from 80 % of its life on, each tablet at a moment of its own; without an answer again and again, ever more
seldom. A token is read here and never checked: only whoever gave it can.
"""

import binascii
import math
from base64 import urlsafe_b64decode
from datetime import datetime, timedelta
from random import Random

import msgspec
from msgspec import Struct

ASK_FROM, ASK_UNTIL = 0.80, 0.84
ANSWER_WITHIN, LONGEST_PAUSE = 30.0, 900.0
"""Seconds."""


class _Dates(Struct, frozen=True):
    iat: int
    exp: int


def life_of(token: str) -> timedelta | None:
    """How long it is good from the moment at which it was made; None for what is no JSON Web Token."""
    _, _, rest = token.partition(".")
    payload = rest.partition(".")[0]
    try:
        dates = msgspec.json.decode(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Dates)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return timedelta(seconds=max(dates.exp - dates.iat, 0))


class Renewing:
    """Holds the newest token. Its life is counted from when it came: the tablet's clock may be wrong by years."""

    def __init__(self, token: str, *, received_at: datetime, chance: Random, speed: float = 1.0) -> None:
        self._chance = chance
        self._speed = speed
        self.take(token, received_at=received_at)

    def take(self, token: str, *, received_at: datetime) -> None:
        self.token = token
        life = life_of(token)
        self._ask_from = None if life is None else received_at + life * self._chance.uniform(ASK_FROM, ASK_UNTIL)
        self._pause = ANSWER_WITHIN
        self._again_at = -math.inf

    def is_due(self, now: datetime, at: float) -> bool:
        """Whether to ask at `now`, which is `at` in monotonic seconds."""
        return self._ask_from is not None and now >= self._ask_from and at >= self._again_at

    def asked(self, at: float) -> None:
        self._again_at = at + self._pause / self._speed * self._chance.uniform(0.75, 1.25)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
