"""New tokens for tablets that ask for one on `renew`: minted here, published on `token`, never stored.

It keeps the tablet's generation, so the old token stays good until its end, and one that is lost on the way does no
harm: the tablet asks again. Who asks stands in the topic, which is the broker's word; so it is no use to ask by a
connection that is about to be closed because its token was voided (`AFTER_REVOCATION`), nor behind a broker that is
not ours.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from broker.claims import TokenType
from broker.tokens import KeyRing, mint_device
from device_bridge.decode import Refused, Rejected
from device_bridge.tablet import Tablet
from rules.ids import MessageId
from rules.memory import TokenMemory

BETWEEN: Final = timedelta(seconds=10)
"""A tablet that has just been given a token need not ask."""

AFTER_REVOCATION: Final = timedelta(seconds=60)
"""Until then a connection by a voided token may not have been closed: contract §5 gives the broker 5 s."""


class TokenMessage(Struct, frozen=True, rename="camel", kw_only=True):
    """The answer to a `renew`. `expires_in` is in seconds, for tablets whose clock is wrong."""

    for_: MessageId = msgspec.field(name="for")
    token: str
    type: TokenType = TokenType.DEVICE
    expires_at: datetime
    expires_in: int

    def __repr__(self) -> str:
        return f"TokenMessage({self.for_!r}, expires_at={self.expires_at})"


class Renewals:
    """Mints for tablets that may have a new token. `life` is how long one is good; no `keys`: nobody has one."""

    def __init__(self, keys: KeyRing | None, *, life: timedelta) -> None:
        self._keys = keys
        self._life = life

    def answer(
        self, tablet: Tablet, known: TokenMemory, request: MessageId, *, now: datetime
    ) -> TokenMessage | Rejected:
        """A new token, or why there is none. `known` is the one before."""
        if self._keys is None:
            return Rejected(Refused.UNSUPPORTED, "renew: behind this broker a token is renewed over HTTP", request)
        if tablet.shut_out_at is not None and now < tablet.shut_out_at + AFTER_REVOCATION:
            return Rejected(Refused.TOO_SOON, "its tokens were voided a moment ago", request)
        if known.issued_at is not None and timedelta(0) <= now - known.issued_at < BETWEEN:
            return Rejected(Refused.TOO_SOON, f"it was given one within {BETWEEN.total_seconds():.0f} s", request)
        token = mint_device(
            self._keys,
            hotel_id=tablet.hotel_id,
            device_id=tablet.device_id,
            gen=tablet.gen,
            now=now,
            ttl=self._life,
        )
        life = int(self._life.total_seconds())
        return TokenMessage(for_=request, token=token, expires_at=now + self._life, expires_in=life)
