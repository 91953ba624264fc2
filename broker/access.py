"""Who may publish, subscribe and connect as what: the one place that decides.

Our broker asks here, and so do the adapters of other brokers. The table below is docs/contract.md's table of topics
with its table of roles laid over it. A row that belongs to somebody (`owner`) lets an identity of that sort reach only
its own topics of it; an identity of another sort that may use the row reaches everybody's in its hotel.
"""

from enum import StrEnum

from msgspec import Struct

from broker.tokens import Claims, Role, TokenType
from broker.topics import BRIDGE_INBOUND, MAY_RETAIN, TEMPLATES, Kind, Slot, fills, is_filter, parse


class Refusal(StrEnum):
    """Why something was not allowed: for metrics, logs and other brokers' adapters."""

    NO_SUCH_TOPIC = "no-such-topic"  # not in the contract's table
    NOT_ALLOWED = "not-allowed"  # another hotel's, another identity's, or not for this role
    RETAIN = "retain"
    MALFORMED_FILTER = "malformed-filter"
    TOKEN_TYPE = "token-type"  # noqa: S105, a reason
    USER_NAME = "user-name"
    CLIENT_ID = "client-id"
    WILL = "will"


class Party(StrEnum):
    """What an identity acts as. Most are one; an integrator is itself and each of its scopes."""

    DEVICE = "device"
    VIEWER = "viewer"
    STAFF = "staff"
    MANAGER = "manager"
    ADMIN = "admin"
    INTEGRATOR = "integrator"
    SCOPE_ALERTS = "scope:alerts"
    SCOPE_EVENTS = "scope:events"
    SCOPE_ROOMS = "scope:rooms"
    SCOPE_PMS = "scope:pms"
    SERVICE = "service"


SCOPES = {
    "alerts": Party.SCOPE_ALERTS,
    "events": Party.SCOPE_EVENTS,
    "rooms": Party.SCOPE_ROOMS,
    "pms": Party.SCOPE_PMS,
}
"""What an integrator's token may ask for. `rooms` includes the status of the devices in them, `pms` the clearances."""


class Row(Struct, frozen=True, kw_only=True):
    writers: frozenset[Party]
    readers: frozenset[Party]
    owner: TokenType | None = None


def _row(writers: set[Party], readers: set[Party], owner: TokenType | None = None) -> Row:
    return Row(writers=frozenset(writers), readers=frozenset(readers), owner=owner)


_BRIDGE = {Party.SERVICE}
_DEVICE = {Party.DEVICE}
_DOERS = {Party.STAFF, Party.MANAGER, Party.ADMIN}
_PEOPLE = {Party.VIEWER, *_DOERS}
_EVERYONE = {Party.DEVICE, *_PEOPLE, Party.INTEGRATOR, Party.SERVICE}

_UPWARDS = _row(_DEVICE, _BRIDGE, TokenType.DEVICE)
_DOWNWARDS = _row(_BRIDGE, _DEVICE, TokenType.DEVICE)

# The bridge also reads what it retains: behind another broker it must find out what is there that it does not know.
TABLE: dict[Kind, Row] = {
    Kind.HEARTBEAT: _UPWARDS,
    Kind.ALERT: _UPWARDS,
    Kind.STATE: _UPWARDS,
    Kind.BACKLOG: _UPWARDS,
    Kind.RESULT: _UPWARDS,
    Kind.RENEW: _UPWARDS,
    Kind.RECEIPT: _DOWNWARDS,
    Kind.CONFIG: _row(_BRIDGE, _DEVICE | _BRIDGE, TokenType.DEVICE),
    Kind.COMMAND: _DOWNWARDS,
    Kind.TOKEN: _DOWNWARDS,
    Kind.ENDED: _row(set(), _BRIDGE, TokenType.DEVICE),  # Our broker itself publishes it, and nobody else.
    Kind.STATUS: _row(_BRIDGE, _PEOPLE | {Party.SCOPE_ROOMS} | _BRIDGE),
    Kind.ALERT_SNAPSHOT: _row(_BRIDGE, _PEOPLE | {Party.SCOPE_ALERTS} | _BRIDGE),
    Kind.EVENTS: _row(_BRIDGE, _PEOPLE | {Party.SCOPE_EVENTS}),
    Kind.ROOM_STATE: _row(_BRIDGE, _PEOPLE | {Party.SCOPE_ROOMS} | _BRIDGE),
    Kind.DO: _row(_DOERS, _BRIDGE, TokenType.USER),
    Kind.DO_RESULT: _row(_BRIDGE, _DOERS, TokenType.USER),
    Kind.PMS_IN: _row({Party.SCOPE_PMS}, {Party.ADMIN} | _BRIDGE, TokenType.INTEGRATOR),
    Kind.PMS_RESULT: _row(_BRIDGE, {Party.SCOPE_PMS}, TokenType.INTEGRATOR),
    Kind.CLEARANCE: _row(_BRIDGE, _DOERS | {Party.SCOPE_PMS}),
    Kind.MONITOR: _row(_BRIDGE, _EVERYONE),
    Kind.PLATFORM_MONITOR: _row(_BRIDGE, _EVERYONE),
    Kind.EXT: _row({Party.INTEGRATOR}, {Party.INTEGRATOR, Party.ADMIN}, TokenType.INTEGRATOR),
}


def may_publish(claims: Claims, topic: str, *, retain: bool = False) -> Refusal | None:
    """Return None when the identity may publish to this name (a will is a publish too), else why not."""
    parsed = parse(topic)
    if parsed is None:
        return Refusal.NO_SUCH_TOPIC
    row = TABLE[parsed.kind]
    if not row.writers & parties(claims) or not _reaches(claims, row, hotel=parsed.hotel_id, subject=parsed.subject):
        return Refusal.NOT_ALLOWED
    if retain and parsed.kind not in MAY_RETAIN:
        return Refusal.RETAIN
    return None


def may_subscribe(claims: Claims, topic_filter: str) -> Refusal | None:
    """Return None when every topic that the filter can match is the identity's to read, else why not.

    The whole filter must lie inside one row: a `+` stands only where the row lets the identity name anything, and
    no `+` covers a `#`.
    """
    if not is_filter(topic_filter):
        return Refusal.MALFORMED_FILTER
    who = parties(claims)
    levels = topic_filter.split("/")
    for kind, row in TABLE.items():
        if row.readers & who and _inside(levels, TEMPLATES[kind], claims=claims, row=row):
            return None
    return Refusal.NOT_ALLOWED


def may_connect(
    claims: Claims, *, client_id: str, username: str | None, will_topic: str | None = None, will_retain: bool = False
) -> Refusal | None:
    """Return None when a token may open this MQTT session, else why not.

    A device's client id is its subject, so that it has one session; everybody else's begins with theirs and a slash, or
    is empty, which lets the broker choose one. A will on what the bridge consumes may have RETAIN set and is published
    without: to refuse it would keep a tablet that is set up wrongly away for good.
    """
    if claims.type is TokenType.ENROL:
        return Refusal.TOKEN_TYPE
    if username != claims.sub:
        return Refusal.USER_NAME
    own = client_id == claims.sub if claims.type is TokenType.DEVICE else _is_of(client_id, claims)
    if not own:
        return Refusal.CLIENT_ID
    if will_topic is not None:
        retain = will_retain and not _to_bridge(will_topic)
        if may_publish(claims, will_topic, retain=retain) is not None:
            return Refusal.WILL
    return None


def _is_of(client_id: str, claims: Claims) -> bool:
    return client_id == "" or client_id.startswith(f"{claims.sub}/")


def _to_bridge(topic: str) -> bool:
    """Whether the bridge consumes what is published there, so that it is never retained."""
    parsed = parse(topic)
    return parsed is not None and parsed.kind in BRIDGE_INBOUND


def parties(claims: Claims) -> frozenset[Party]:
    """Return what an identity acts as."""
    match claims.type:
        case TokenType.DEVICE:
            return frozenset({Party.DEVICE})
        case TokenType.SERVICE:
            return frozenset({Party.SERVICE})
        case TokenType.INTEGRATOR:
            return frozenset({Party.INTEGRATOR, *(SCOPES[word] for word in claims.scope if word in SCOPES)})
        case TokenType.USER if claims.role is not None:
            return _ROLES[claims.role]
        case _:
            return frozenset()


_ROLES = {
    Role.VIEWER: frozenset({Party.VIEWER}),
    Role.STAFF: frozenset({Party.STAFF}),
    Role.MANAGER: frozenset({Party.MANAGER}),
    Role.ADMIN: frozenset({Party.ADMIN}),
}


def _reaches(claims: Claims, row: Row, *, hotel: str | None, subject: str | None) -> bool:
    if hotel is not None and claims.type is not TokenType.SERVICE and hotel != claims.hotel_id:
        return False
    return row.owner is not claims.type or subject == claims.name


def _inside(levels: list[str], template: tuple[str | Slot, ...], *, claims: Claims, row: Row) -> bool:
    """Whether every name that the filter matches is one of the row's that the identity reaches."""
    for at, wanted in enumerate(template):
        if wanted is Slot.TAIL:
            return True  # Whatever follows, `#` included, is still below; the filter is well-formed.
        if at >= len(levels) or not _level_inside(levels[at], wanted, claims=claims, row=row):
            return False
    return len(levels) == len(template)


def _level_inside(level: str, wanted: str | Slot, *, claims: Claims, row: Row) -> bool:
    if not isinstance(wanted, Slot):
        return level == wanted
    if wanted is Slot.HOTEL and claims.type is not TokenType.SERVICE:
        return level == claims.hotel_id
    if wanted is Slot.SUBJECT and row.owner is claims.type:
        return level == claims.name
    return level == "+" or fills(wanted, level)
