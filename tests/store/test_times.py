"""Times: microseconds, and never one without a zone."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import StatementError

from store.tables import Base, OrphanTable, UtcDateTime
from store.times import micros, moment
from tests.store.given import NOW


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_comes_back_to_the_microsecond(at: datetime) -> None:
    assert moment(micros(at)) == at


def test_a_time_of_another_zone_is_the_same_moment_in_utc() -> None:
    lisbon_summer = timezone(timedelta(hours=1))

    assert moment(micros(NOW.astimezone(lisbon_summer))) == NOW
    assert moment(micros(NOW.astimezone(lisbon_summer))).tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        micros(NOW.replace(tzinfo=None))


def test_the_column_keeps_microseconds_and_refuses_a_time_without_a_zone() -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    row = {"hotel_id": "h", "device_id": "d", "first_at": NOW, "last_at": NOW, "count": 1}

    with engine.begin() as connection:
        connection.execute(insert(OrphanTable), row)
        (kept,) = connection.execute(text("SELECT last_at FROM orphan")).one()
        (read,) = connection.execute(select(OrphanTable.last_at)).one()  # type: ignore[call-overload]
        with pytest.raises(StatementError, match="zone"):
            connection.execute(insert(OrphanTable), row | {"last_at": NOW.replace(tzinfo=None)})
    engine.dispose()

    assert kept == 1_795_428_000_000_000
    assert read == NOW


@pytest.mark.parametrize(("database", "whole"), [(sqlite, "INTEGER"), (postgresql, "BIGINT")])
def test_the_column_is_a_whole_number_in_both_databases(database: Any, whole: str) -> None:  # noqa: ANN401 - a module
    dialect = database.dialect()
    assert UtcDateTime().compile(dialect=dialect) == whole
    assert UtcDateTime().process_bind_param(NOW, dialect) == micros(NOW)
