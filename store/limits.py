"""How long the store waits for what, how many connections it takes, and what the server sees of them."""

from datetime import timedelta
from typing import Final

from msgspec import Struct

WORKING: Final = "innwatch"
"""What PostgreSQL shows our connections as: whoever works on the database, and has to be stopped before it is moved."""

READING: Final = "innwatch-reads"
"""The same of a process that only looks something up, and does without where it cannot: our broker."""


class Limits(Struct, frozen=True, kw_only=True):
    """`lock_timeout` counts for both databases, the rest for PostgreSQL only."""

    connections: int = 10  # at most; each is made when it is needed
    connect_timeout: timedelta = timedelta(seconds=5)  # for a new connection, and for one of them to be free
    statement_timeout: timedelta = timedelta(seconds=15)  # for one answer
    lock_timeout: timedelta = timedelta(seconds=5)  # for another process that writes
    idle_timeout: timedelta = timedelta(seconds=5)  # how long a transaction may do nothing before the server ends it
    application: str = WORKING


USUAL: Final = Limits()
