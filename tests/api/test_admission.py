"""Whom a route serves: every kind of caller against every kind of access."""

from datetime import UTC, datetime, timedelta

import pytest

from api.accounts import Standing
from api.gate import Access, Caller, admit
from api.problems import Refused, Trouble
from broker.tokens import Claims, Role, TokenType
from rules.ids import HotelId

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def caller(
    kind: TokenType, *, role: Role | None = None, scopes: frozenset[str] = frozenset(), hotel: str | None = "inn"
) -> Caller:
    claims = Claims(
        type=kind, sub="inn/x", aud=("api",), iat=NOW, exp=NOW + timedelta(hours=1), jti="j", gen=1,
        hotel_id=None if hotel is None else HotelId(hotel), role=role, scope=tuple(scopes),
    )  # fmt: skip
    return Caller(claims=claims, standing=Standing(role, scopes))


CALLERS = {
    "device": caller(TokenType.DEVICE),
    "enrol": caller(TokenType.ENROL),
    "viewer": caller(TokenType.USER, role=Role.VIEWER),
    "staff": caller(TokenType.USER, role=Role.STAFF),
    "manager": caller(TokenType.USER, role=Role.MANAGER),
    "admin": caller(TokenType.USER, role=Role.ADMIN),
    "admin without a hotel": caller(TokenType.USER, role=Role.ADMIN, hotel=None),
    "integrator for alerts": caller(TokenType.INTEGRATOR, scopes=frozenset({"alerts"})),
    "integrator for nothing": caller(TokenType.INTEGRATOR),
}

ROUTES = {
    "read alerts": Access(role=Role.VIEWER, scope="alerts"),
    "acknowledge": Access(role=Role.STAFF),
    "quarantine": Access(role=Role.MANAGER),
    "session": Access(role=Role.VIEWER, hotel=False),
}

SERVED = {
    "read alerts": {"viewer", "staff", "manager", "admin", "integrator for alerts"},
    "acknowledge": {"staff", "manager", "admin"},
    "quarantine": {"manager", "admin"},
    "session": {"viewer", "staff", "manager", "admin", "admin without a hotel"},
}


def status(who: Caller, route: Access) -> int:
    try:
        admit(who, route)
    except Refused as refused:
        return refused.problem.status
    return 200


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("who", CALLERS)
def test_a_route_serves_exactly_those_it_names(route: str, who: str) -> None:
    assert status(CALLERS[who], ROUTES[route]) == (200 if who in SERVED[route] else 403)


def test_an_admin_without_a_hotel_is_told_how_to_get_into_one() -> None:
    with pytest.raises(Refused) as refused:
        admit(CALLERS["admin without a hotel"], ROUTES["acknowledge"])

    assert refused.value.trouble is Trouble.NO_HOTEL
    assert "/api/auth/switch" in str(refused.value.problem.detail)
