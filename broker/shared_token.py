"""The one token that all tablets of the old system share (API_TOKEN): it acts in one hotel, and on few routes.

It is a secret that lies on every old tablet, so it may do little: speak for tablets that it is allowed for, one by one
(`store.legacy`), and fetch the first token of each.
"""

import hmac
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from broker.claims import Claims, TokenType
from rules.ids import HotelId

NOBODY: Final = "_"
"""The name of whoever has the shared token: no tablet can be called so."""


class SharedToken(Struct, frozen=True):
    """The token and the one hotel in which it acts."""

    secret: str
    hotel_id: HotelId

    def __repr__(self) -> str:
        return f"SharedToken(hotel_id={self.hotel_id!r})"

    def is_(self, token: str) -> bool:
        """Whether this is the shared token; takes as long for any other of its length."""
        return hmac.compare_digest(token.encode(), self.secret.encode())

    def claims(self, now: datetime) -> Claims:
        """What a token of this hotel would say that names no tablet; good for one request."""
        return Claims(
            type=TokenType.DEVICE,
            sub=f"{self.hotel_id}/{NOBODY}",
            aud=("api",),
            iat=now,
            exp=now + timedelta(minutes=1),
            jti="shared",
            gen=0,
            hotel_id=self.hotel_id,
        )
