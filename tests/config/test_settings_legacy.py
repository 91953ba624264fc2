"""The token that old tablets share acts only with its hotel; weak ones, and origins that are none, stop the start."""

import pytest

from broker.shared_token import SharedToken
from config.browsers import api_settings
from config.errors import BadSetting
from config.settings import read_settings
from rules.ids import HotelId

GOOD = "b0arding-pass-0f-the-0ld-days"


def test_the_token_and_its_hotel_go_together() -> None:
    settings = read_settings({"API_TOKEN": GOOD, "INNWATCH_LEGACY_HOTEL": "grand"})

    assert settings.shared_token == SharedToken(GOOD, HotelId("grand"))
    assert api_settings(settings, settings.listeners).shared_token == settings.shared_token
    assert GOOD not in repr(settings)
    assert GOOD not in repr(settings.shared_token)


def test_the_token_alone_opens_nothing() -> None:
    assert read_settings({"API_TOKEN": GOOD}).shared_token is None


def test_the_hotel_alone_is_a_mistake() -> None:
    with pytest.raises(BadSetting, match="API_TOKEN is not"):
        read_settings({"INNWATCH_LEGACY_HOTEL": "grand"})


@pytest.mark.parametrize(
    "token", ["s3cr3t", "s3cr3t-s3cr3t", "changeme-changeme-changeme", "a" * 40, "abababababababababab"]
)
def test_a_token_that_can_be_guessed_stops_the_start_and_is_not_shown(token: str) -> None:
    with pytest.raises(BadSetting, match="API_TOKEN is short, an example or repeats itself") as refused:
        read_settings({"API_TOKEN": token, "INNWATCH_LEGACY_HOTEL": "grand"})

    assert token not in str(refused.value)


def test_the_key_that_signs_tokens_is_no_token() -> None:
    key = "b3f1c09a6d2e47588a90d1c7e5f2463b"
    with pytest.raises(BadSetting, match="signs all tokens") as refused:
        read_settings({"API_TOKEN": key, "SECRET_KEY": key, "INNWATCH_LEGACY_HOTEL": "grand"})

    assert key not in str(refused.value)


@pytest.mark.parametrize("hotel", ["_", "no hotel", "a/b"])
def test_a_hotel_that_can_be_none_stops_the_start(hotel: str) -> None:
    with pytest.raises(BadSetting, match="INNWATCH_LEGACY_HOTEL must be a hotel's id"):
        read_settings({"API_TOKEN": GOOD, "INNWATCH_LEGACY_HOTEL": hotel})


@pytest.mark.parametrize(
    ("said", "origins"),
    [
        ("https://desk.example", ("https://desk.example",)),
        ("https://Desk.example/, http://localhost:5173", ("https://desk.example", "http://localhost:5173")),
        ("https://desk.example:443 https://desk.example", ("https://desk.example",)),
    ],
)
def test_origins_are_read_as_browsers_say_them(said: str, origins: tuple[str, ...]) -> None:
    settings = read_settings({"CORS_ORIGINS": said})

    assert settings.cors_origins == origins
    assert api_settings(settings, settings.listeners).origins == origins


@pytest.mark.parametrize(
    "said", ["*", "https://*.example", "desk.example", "https://desk.example/page", "null", '["*"]']
)
def test_what_is_no_whole_origin_stops_the_start(said: str) -> None:
    with pytest.raises(BadSetting, match="CORS_ORIGINS must be origins such as"):
        read_settings({"CORS_ORIGINS": said})
