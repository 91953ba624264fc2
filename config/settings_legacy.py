"""Settings of the way over from the old system: the token that its tablets share, and web pages of other hosts."""

from typing import Final

from broker.origins import read_origin
from broker.secret import is_an_example
from broker.shared_token import SharedToken
from config.errors import BadSetting
from config.variable import TEXT, Environment, Kind, Variable
from rules.ids import HotelId, is_id

SHORTEST: Final = 16
"""Characters: of what lies on every tablet more is not to be had, and fewer are guessed."""

FEWEST_DIFFERENT: Final = 6


def read_shared_token(said: Environment, *, secret_key: str | None) -> SharedToken | None:
    """The token and its hotel, which go together; None where neither is set, or the token alone. Raises BadSetting."""
    token, hotel_id = said.read(API_TOKEN), said.read(LEGACY_HOTEL)
    if hotel_id is None:
        return None  # An .env of the old system has the token: that alone opens nothing, and is told.
    if token is None:
        raise BadSetting(f"{LEGACY_HOTEL} is set and {API_TOKEN} is not; set both, or leave {LEGACY_HOTEL} out")
    if len(token) < SHORTEST or len(set(token)) < FEWEST_DIFFERENT or is_an_example(token):
        raise BadSetting(
            f"{API_TOKEN} is short, an example or repeats itself: whoever guesses it speaks for the old tablets of "
            f"{hotel_id}; use one of at least {SHORTEST} characters, or enrol them instead"
        )
    if token == secret_key:
        raise BadSetting(f"{API_TOKEN} is the secret that signs all tokens; it must be another one")
    return SharedToken(token, hotel_id)


def _hotel(text: str) -> HotelId | None:
    return HotelId(text) if is_id(text) else None


def _origins(text: str) -> tuple[str, ...] | None:
    found = [read_origin(word) for word in text.replace(",", " ").split()]
    if any(one is None or one.scheme not in {"http", "https"} or "*" in one.host for one in found):
        return None
    return tuple(dict.fromkeys(map(str, found)))


API_TOKEN: Final = Variable(
    "API_TOKEN",
    TEXT,
    None,
    f"The token that tablets of the old system share, at least {SHORTEST} characters; opens nothing without the next.",
    is_secret=True,
)
LEGACY_HOTEL: Final[Variable[HotelId | None]] = Variable(
    "INNWATCH_LEGACY_HOTEL",
    Kind("a hotel's id", _hotel),
    None,
    "The one hotel in which `API_TOKEN` acts, for tablets that it was allowed for.",
)
CORS_ORIGINS: Final[Variable[tuple[str, ...]]] = Variable(
    "CORS_ORIGINS",
    Kind("origins such as https://desk.example, each whole, with blanks or commas between (never *)", _origins),
    (),
    "Web pages of other hosts that may use the API.",
    unset="none",
)
LEGACY: Final = (API_TOKEN, LEGACY_HOTEL, CORS_ORIGINS)
