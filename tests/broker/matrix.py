"""The contract's two tables as one: every kind of topic, every sort of identity, and what may be done."""

from datetime import UTC, datetime, timedelta

from broker.tokens import Claims, Role, TokenType
from broker.topics import TEMPLATES, Kind
from rules.ids import DeviceId, HotelId

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def claims_of(
    kind: TokenType,
    sub: str,
    *,
    hotel: str | None = None,
    device: str | None = None,
    role: Role | None = None,
    scope: tuple[str, ...] = (),
) -> Claims:
    return Claims(
        type=kind, sub=sub, aud=("mqtt",), iat=NOW, exp=NOW + timedelta(hours=1), jti="j", gen=0,
        hotel_id=HotelId(hotel) if hotel else None,
        device_id=DeviceId(device) if device else None, role=role, scope=scope,
    )  # fmt: skip


def device(hotel: str = "h1", name: str = "d1") -> Claims:
    return claims_of(TokenType.DEVICE, f"{hotel}/{name}", hotel=hotel, device=name)


def person(role: Role, hotel: str | None = "h1", name: str = "ann") -> Claims:
    return claims_of(TokenType.USER, f"{hotel or '_'}/user/{name}", hotel=hotel, role=role)


def integrator(*scope: str, hotel: str = "h1", name: str = "opera") -> Claims:
    return claims_of(TokenType.INTEGRATOR, f"{hotel}/integrator/{name}", hotel=hotel, scope=scope)


SERVICE = claims_of(TokenType.SERVICE, "_/service/bridge")
ENROL = claims_of(TokenType.ENROL, "h1/enrol/j", hotel="h1")

# One identity a column, one letter each: p publishes its own, r reads its own, P and R anybody's of the hotel.
COLUMNS: dict[str, Claims] = {
    "device": device(),
    "viewer": person(Role.VIEWER),
    "staff": person(Role.STAFF),
    "manager": person(Role.MANAGER),
    "admin": person(Role.ADMIN),
    "int": integrator(),
    "alerts": integrator("alerts"),
    "events": integrator("events"),
    "rooms": integrator("rooms"),
    "pms": integrator("pms"),
    "service": SERVICE,
    "enrol": ENROL,
    "hotel-less": person(Role.ADMIN, hotel=None),
}
#                      device viewer staff manager admin int alerts events rooms pms service enrol hotel-less
MATRIX: dict[Kind, str] = {
    Kind.HEARTBEAT: "       p     -     -     -      -    -    -     -      -    -     R      -     -",
    Kind.ALERT: "           p     -     -     -      -    -    -     -      -    -     R      -     -",
    Kind.STATE: "           p     -     -     -      -    -    -     -      -    -     R      -     -",
    Kind.BACKLOG: "         p     -     -     -      -    -    -     -      -    -     R      -     -",
    Kind.RESULT: "          p     -     -     -      -    -    -     -      -    -     R      -     -",
    Kind.RENEW: "           p     -     -     -      -    -    -     -      -    -     R      -     -",
    Kind.RECEIPT: "         r     -     -     -      -    -    -     -      -    -     P      -     -",
    Kind.CONFIG: "          r     -     -     -      -    -    -     -      -    -     PR     -     -",
    Kind.COMMAND: "         r     -     -     -      -    -    -     -      -    -     P      -     -",
    Kind.TOKEN: "           r     -     -     -      -    -    -     -      -    -     P      -     -",
    Kind.ENDED: "           -     -     -     -      -    -    -     -      -    -     R      -     -",
    Kind.STATUS: "          -     R     R     R      R    -    -     -      R    -     PR     -     -",
    Kind.ALERT_SNAPSHOT: "  -     R     R     R      R    -    R     -      -    -     PR     -     -",
    Kind.EVENTS: "          -     R     R     R      R    -    -     R      -    -     P      -     -",
    Kind.ROOM_STATE: "      -     R     R     R      R    -    -     -      R    -     PR     -     -",
    Kind.DO: "              -     -     p     p      p    -    -     -      -    -     R      -     -",
    Kind.DO_RESULT: "       -     -     r     r      r    -    -     -      -    -     P      -     -",
    Kind.PMS_IN: "          -     -     -     -      R    -    -     -      -    p     R      -     -",
    Kind.PMS_RESULT: "      -     -     -     -      -    -    -     -      -    r     P      -     -",
    Kind.CLEARANCE: "       -     -     R     R      R    -    -     -      -    R     P      -     -",
    Kind.MONITOR: "         R     R     R     R      R    R    R     R      R    R     PR     -     -",
    Kind.PLATFORM_MONITOR: "R     R     R     R      R    R    R     R      R    R     PR     -     R",
    Kind.EXT: "             -     -     -     -      R    pr   pr    pr     pr   pr    -      -     -",
}
OTHERS = {"d1": "d2", "ann": "bob", "opera": "fidelio"}


def letters(kind: Kind, column: str) -> str:
    return dict(zip(COLUMNS, MATRIX[kind].split(), strict=True))[column]


def topic_of(kind: Kind, *, hotel: str, subject: str) -> str:
    values = {"{hotel}": hotel, "{subject}": subject, "{kind}": "checkin", "{tail}": "a/b"}
    return "/".join(values.get(str(level), str(level)) for level in TEMPLATES[kind])


def subjects(kind: Kind) -> tuple[str, str]:
    """The subject that would be the identity's own, and somebody else's."""
    owner = {Kind.DO: "ann", Kind.DO_RESULT: "ann"}.get(kind) or (
        "opera" if kind in {Kind.PMS_IN, Kind.PMS_RESULT, Kind.EXT} else "d1"
    )
    return owner, OTHERS[owner]
