"""Whose tokens are void, in memory: a CONNECT is held against it without asking anybody."""

from collections.abc import Iterable

from broker.claims import Claims, TokenType
from rules.ids import HotelId
from rules.revoked import Revoked, Subject


class Revocations:
    """The generation that each subject's tokens must have at least. What it has not learned of, it lets in."""

    def __init__(self) -> None:
        self._hotels: dict[HotelId, int] = {}
        self._least: dict[str, int] = {}  # by the `sub` of a token; a person's stands for all hotels
        self._issued: dict[str, int] = {}  # by the `sub` of a person's token: the last second of issue that is void

    def learn(self, deeds: Iterable[Revoked]) -> None:
        """Take in deeds in the order of their revisions; the later one of a subject holds."""
        for deed in deeds:
            if deed.kind is Subject.HOTEL:
                self._hotels[HotelId(deed.name)] = deed.gen
            elif deed.kind is Subject.USER and deed.hotel_id is not None:
                self._issued[f"{deed.hotel_id}/user/{deed.name}"] = deed.gen
            else:
                self._least[_subject(deed)] = deed.gen

    def revokes(self, claims: Claims) -> bool:
        """Return whether a genuine token is void: by its generation or time of issue, or its hotel is suspended."""
        if claims.hotel_id is not None and claims.gen < self._hotels.get(claims.hotel_id, 0):
            return True
        if claims.type is not TokenType.USER:
            return claims.gen < self._least.get(claims.sub, 0)
        if claims.gen < self._least.get(_person(claims.name), 0):
            return True
        return claims.sub in self._issued and claims.iat.timestamp() <= self._issued[claims.sub]


def _subject(deed: Revoked) -> str:
    match deed.kind:
        case Subject.USER:
            return _person(deed.name)
        case Subject.INTEGRATOR:
            return f"{deed.hotel_id}/integrator/{deed.name}"
        case _:
            return f"{deed.hotel_id}/{deed.name}"


def _person(name: str) -> str:
    return f"_/user/{name}"
