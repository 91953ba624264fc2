"""Logging in, and whom a token stands for."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from broker.tokens import Role
from rules.ids import HotelId
from rules.policy import Profile


class LogIn(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`hotel_id` chooses among several memberships; without it the first one is taken."""

    username: Annotated[str, Meta(min_length=1, max_length=256)]
    password: Annotated[str, Meta(min_length=1, max_length=1024)]
    hotel_id: Annotated[str, Meta(max_length=256)] | None = None

    def __repr__(self) -> str:
        return f"LogIn(username={self.username!r})"


class Switch(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    hotel_id: Annotated[str, Meta(max_length=256)]


class Ticket(Struct, frozen=True, rename="camel"):
    """`expires_in` is in seconds."""

    ticket: str
    expires_in: int

    def __repr__(self) -> str:
        return "Ticket(…)"


class HotelChoice(Struct, frozen=True):
    id: HotelId
    name: str
    role: Role


class Grant(Struct, frozen=True, rename="camel", kw_only=True):
    """A token. `expires_in` is in seconds; `hotel_id` is None for an admin who is in no hotel."""

    token: str
    expires_in: int
    hotel_id: HotelId | None
    hotels: tuple[HotelChoice, ...]

    def __repr__(self) -> str:
        return f"Grant(hotel_id={self.hotel_id!r})"


class SessionHotel(Struct, frozen=True):
    id: HotelId
    name: str
    timezone: str
    profile: Profile


class MqttPlace(Struct, frozen=True, rename="camel", kw_only=True):
    """Where and as whom a browser finds the broker: `ws(s)://{its own host}:{port}{path}`, the token as password."""

    port: int
    path: str
    secure: bool
    username: str
    client_id_prefix: str


class Session(Struct, frozen=True, rename="camel", kw_only=True):
    """Who the token stands for. `hotel` is None for an admin who is in no hotel.

    `temporary_password`: somebody else chose the password that they log in by.
    """

    user: str
    role: Role
    temporary_password: bool
    hotel: SessionHotel | None
    hotels: tuple[HotelChoice, ...]
    expires_at: datetime
    mqtt: MqttPlace
