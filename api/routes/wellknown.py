"""What others verify our tokens with: the public keys, for whoever asks. There are none where only secrets sign."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from litestar import Response, Router, get
from msgspec import Struct

from broker.keys import Jwk
from broker.tokens import KeyRing

FRESH: Final = timedelta(minutes=5)
"""How long it may be kept: less than a new key waits before it signs."""


class JwkSet(Struct, frozen=True):
    """RFC 7517, section 5."""

    keys: tuple[Jwk, ...]


def well_known(keys: KeyRing, *, clock: Callable[[], datetime]) -> Router:
    """Return the route of the JWKS, which nobody guards."""

    @get("/jwks.json", tags=["auth"], media_type="application/jwk-set+json", sync_to_thread=False)
    def public_keys() -> Response[JwkSet]:
        """The public keys of ES256, each as soon as it verifies; keep them for five minutes at most."""
        fresh = f"public, max-age={FRESH // timedelta(seconds=1)}"
        return Response(JwkSet(keys.public(clock())), headers={"Cache-Control": fresh})

    return Router("/.well-known", route_handlers=[public_keys])
