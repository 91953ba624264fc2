"""Times in the database: integer microseconds since 1970, which sort, compare and divide into slices."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(at: datetime) -> int:
    """Raises TypeError for a time without a zone."""
    since = at - EPOCH  # dividing it by a microsecond takes numbers of any length, and half as long again
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(value: int) -> datetime:
    return EPOCH + timedelta(microseconds=value)


def maybe_micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def maybe_moment(value: int | None) -> datetime | None:
    return None if value is None else moment(value)
