"""Whether a CONNECT is let in: token first, then access; nothing is touched before both have said yes."""

from datetime import datetime

from msgspec import Struct

from broker.access import Refusal, may_connect
from broker.packets import Connect, ConnectAnswer
from broker.revoked import Revocations
from broker.tokens import Claims, KeyRing, TokenReason, TokenRefused

AUDIENCE = "mqtt"

REVOKED = "revoked"
"""The reason why a genuine token is refused: somebody of ours has voided it, or suspended its hotel."""


class Refused(Struct, frozen=True):
    """The answer is for the client, the reason for us: what a stranger learns is only that it did not work."""

    answer: ConnectAnswer
    reason: str


def admit(connect: Connect, *, keys: KeyRing, revocations: Revocations, now: datetime) -> Claims | Refused:
    """Return who the client is, verified once for the life of the connection, or why it is not let in."""
    if connect.client_id == "" and not connect.clean_session:  # [MQTT-3.1.3-8]
        return Refused(ConnectAnswer.CLIENT_ID, Refusal.CLIENT_ID)
    try:
        claims = keys.verify(_token(connect), audience=AUDIENCE, now=now)
    except TokenRefused as refused:
        answer = ConnectAnswer.CREDENTIALS if refused.reason is TokenReason.MALFORMED else ConnectAnswer.NOT_AUTHORIZED
        return Refused(answer, refused.reason)
    if revocations.revokes(claims):
        return Refused(ConnectAnswer.NOT_AUTHORIZED, REVOKED)
    refusal = may_connect(
        claims,
        client_id=connect.client_id,
        username=connect.username,
        will_topic=connect.will.topic if connect.will else None,
        will_retain=connect.will.retain if connect.will else False,
    )
    if refusal is not None:
        answer = ConnectAnswer.CLIENT_ID if refusal is Refusal.CLIENT_ID else ConnectAnswer.NOT_AUTHORIZED
        return Refused(answer, refusal)
    return claims


def _token(connect: Connect) -> str:
    try:
        return (connect.password or b"").decode("ascii")
    except UnicodeDecodeError:
        raise TokenRefused(TokenReason.MALFORMED) from None
