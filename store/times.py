"""Times in the database: integer microseconds since 1970, which sort, compare and divide into slices."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(at: datetime) -> int:
    """Raises TypeError for a time without a zone."""
    since = at - EPOCH  # dividing it by a microsecond takes numbers of any length, and half as long again
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(value: int | datetime) -> datetime:
    """Read what the database gave: microseconds from SQLite, a time with some zone from PostgreSQL."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return EPOCH + timedelta(microseconds=value)


def maybe_micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def maybe_moment(value: int | datetime | None) -> datetime | None:
    return None if value is None else moment(value)
