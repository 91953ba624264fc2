"""Who does what a request asks for: every verb of the store that changes something puts it into the audit."""

from typing import Final

from api.callers import Callers
from api.gate import Caller
from api.parameters import Asked
from api.problems import Refused, Trouble
from api.request_ids import request_id
from broker.tokens import TokenType
from store import Actor, ActorKind

_KINDS: Final = {
    TokenType.USER: ActorKind.USER,
    TokenType.INTEGRATOR: ActorKind.INTEGRATOR,
    TokenType.DEVICE: ActorKind.DEVICE,
}


SHARED: Final = "shared token"
"""Who does what is done by the token that old tablets share: nobody by a name of its own."""


def actor_of(request: Asked, caller: Caller, callers: Callers) -> Actor:
    """Whoever called by a token. Raises Refused (403) for one that stands for nobody who does anything."""
    if caller.standing.shared:
        return acting(request, ActorKind.LEGACY, SHARED, callers)
    kind = _KINDS.get(caller.claims.type)
    if kind is None:
        raise Refused(Trouble.FORBIDDEN, f"a token of type {caller.claims.type} opens nothing here")
    return acting(request, kind, caller.name, callers)


def acting(request: Asked, kind: ActorKind, name: str, callers: Callers) -> Actor:
    """Whoever called without a token that says so, such as by a password."""
    return Actor(kind, name, address=callers.address(request), request_id=request_id(request.scope))
