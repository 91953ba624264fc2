"""What PostgreSQL and its driver raise, as the store's callers can act on it."""

from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from asyncpg.exceptions import (
    DataError,
    InterfaceError,
    InternalClientError,
    InvalidCachedStatementError,
    PostgresError,
)

from store.errors import DataRefused, Duplicate, StoreUnavailable

_TWICE: Final = "uq_message_"
"""How the names begin of the indexes that keep a message from being stored twice: each day has one."""

_REFUSED: Final = ("22", "23", "54")
"""Classes of SQLSTATE: values that no column takes (a NUL in a text, too long, too great), constraints, and what is too
much for an index."""

_UNAVAILABLE: Final = (
    "08",  # the connection
    "25006",  # a server that only reads
    "25P03",  # idle in a transaction for too long
    "28",  # the login
    "3D000",  # no such database
    "40001",  # somebody else was first, each time
    "40P01",  # and the same as a deadlock
    "42501",  # rights
    "53",  # connections, memory or disk run out
    "55P03",  # a lock took too long
    "57",  # ended by an administrator, a crash or a time-out
    "58",  # errors of the system
    "XX",  # damage
)


LOST: Final = (InterfaceError, InternalClientError, OSError, TimeoutError)
"""What the driver says, rather than the server: the connection is not to be used again."""


@contextmanager
def translated() -> Iterator[None]:
    """Let pass what is neither PostgreSQL's nor the connection's. Neither values nor rows get into the messages."""
    try:
        yield
    except PostgresError as error:
        raise _meaning(error) from error
    except UnicodeEncodeError as refusal:
        raise DataRefused(f"{refusal.object[refusal.start : refusal.end]!r} is no character") from refusal
    except LOST as error:
        if isinstance(error, InterfaceError) and "closed" not in str(error):
            raise  # a fault of ours, such as a value too few
        raise StoreUnavailable(str(error) or "the database does not answer") from error


def is_spent(error: BaseException) -> bool:
    """Whether the connection should not be used again: it is lost, in the middle of something, or to a server that only
    reads (any more), or what it has prepared is of another schema.
    """
    if isinstance(error, CancelledError | InvalidCachedStatementError):
        return True
    return isinstance(error, Exception) and (is_cut(error) or _field(error, "sqlstate") == "25006")


def is_cut(error: Exception) -> bool:
    """Whether nobody knows what became of the statement: the connection broke, or the server ended it."""
    return isinstance(error, LOST) or (_field(error, "sqlstate") or "").startswith(("08", "57P"))


def _meaning(error: PostgresError) -> Exception:
    code = _field(error, "sqlstate") or ""
    if code.startswith(_REFUSED):
        twice = code == "23505" and (_field(error, "constraint_name") or "").startswith(_TWICE)
        return (Duplicate if twice else DataRefused)(_words(error))
    if code.startswith(_UNAVAILABLE) or isinstance(error, InvalidCachedStatementError):
        return StoreUnavailable(_words(error))
    return error


def _words(error: PostgresError) -> str:
    """Without the details, which quote the row."""
    if isinstance(error, DataError) and _field(error, "severity") is None:
        return "a value that PostgreSQL has no room for"  # The driver refused it, and quotes it.
    return str(error.args[0])


def _field(error: Exception, name: str) -> str | None:
    value: str | None = getattr(error, name, None)  # the driver sets them as the server sends them
    return value
