"""What PostgreSQL says, as the store's callers can act on it."""

import pytest
from asyncpg.exceptions import InterfaceError, PostgresError

from store import DataRefused, Duplicate, StoreUnavailable
from store.postgres_errors import translated

MEANINGS = {
    DataRefused: ["22021", "22001", "22003", "23502", "23503", "23505", "23514", "54000"],
    StoreUnavailable: [
        "08006",
        "25006",
        "25P03",
        "28P01",
        "3D000",
        "40001",
        "40P01",
        "42501",
        "53100",
        "53300",
        "55P03",
        "57014",
        "57P01",
        "57P03",
        "58030",
        "XX001",
    ],
}


def said(code: str, **fields: str) -> PostgresError:
    """An error as the driver makes it of the server's message."""
    spoken = {"S": "ERROR", "C": code, "M": f"it says {code}", "D": "Failing row contains (secret)."}
    error: PostgresError = PostgresError.new(spoken | fields)
    return error


@pytest.mark.parametrize(("meaning", "code"), [(meaning, code) for meaning in MEANINGS for code in MEANINGS[meaning]])
def test_each_code_has_its_meaning_and_no_message_shows_a_row(meaning: type[Exception], code: str) -> None:
    with pytest.raises(meaning) as raised, translated():
        raise said(code)

    assert type(raised.value) is meaning
    assert str(raised.value) == f"it says {code}"


def test_a_message_that_is_there_already_is_told_apart_from_other_twins() -> None:
    with pytest.raises(Duplicate), translated():
        raise said("23505", n="uq_message_20780")
    with pytest.raises(DataRefused) as other, translated():
        raise said("23505", n="uq_alert_open")
    assert not isinstance(other.value, Duplicate)


@pytest.mark.parametrize("code", ["42601", "42703", "42P01"])
def test_a_fault_of_ours_passes_as_it_is(code: str) -> None:
    with pytest.raises(PostgresError, match=code), translated():
        raise said(code)


def test_a_value_too_few_passes_as_it_is() -> None:
    with pytest.raises(InterfaceError), translated():
        raise InterfaceError("the server expects 2 arguments for this query, 1 was passed")


@pytest.mark.parametrize(
    "lost", [ConnectionResetError("reset"), TimeoutError(), InterfaceError("connection is closed")]
)
def test_a_connection_that_is_lost_is_unavailable(lost: Exception) -> None:
    with pytest.raises(StoreUnavailable, match=r"."), translated():
        raise lost
