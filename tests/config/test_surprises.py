"""Variables that nobody reads are named, and only those."""

import pytest

from config.surprises import surprises


def test_an_environment_of_other_programs_is_no_surprise() -> None:
    assert surprises({"PATH": "/usr/bin", "HOME": "/root", "PORT": "80", "SMTP_HOST": "mail.example"}) == []


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        (
            "API_TOKEN",
            "s3cr3t",
            "API_TOKEN is set, and opens nothing without INNWATCH_LEGACY_HOTEL, the hotel in which it is to act",
        ),
        (
            "INNWATCH_HTPP_PORT",
            "s3cr3t",
            "INNWATCH_HTPP_PORT is not a setting, and is ignored; did you mean INNWATCH_HTTP_PORT?",
        ),
        (
            "INNWATCH_METRIC_TOKEN",
            "s3cr3t",
            "INNWATCH_METRIC_TOKEN is not a setting, and is ignored; did you mean INNWATCH_METRICS_TOKEN?",
        ),
        ("INNWATCH_COLOUR_OF_THE_LOBBY", "green", "INNWATCH_COLOUR_OF_THE_LOBBY is not a setting, and is ignored"),
    ],
)
def test_what_nobody_reads_is_named_without_its_value(name: str, value: str, line: str) -> None:
    assert surprises({name: value}) == [line]


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "postgresql://db/innwatch"), ("SECRET_KEY_FILE", "key"), ("INNWATCH_HTPP_PORT", "")],
)
def test_what_changes_nothing_is_not_worth_a_line(name: str, value: str) -> None:
    assert surprises({name: value}) == []


def test_the_shared_token_and_its_hotel_together_are_no_surprise() -> None:
    assert surprises({"API_TOKEN": "s3cr3t", "INNWATCH_LEGACY_HOTEL": "grand"}) == []
