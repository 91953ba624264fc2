"""What the environment says of the two servers that Innwatch may stand on: PostgreSQL (or a file) and Redis."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from config.variable import Environment, Kind, Variable, duration, whole

if TYPE_CHECKING:
    from store.kept import Kept

_SQLITE: Final = "sqlite+aiosqlite:///"
_POSTGRESQL: Final = frozenset({"postgresql", "postgresql+asyncpg"})
_REDIS: Final = frozenset({"redis", "rediss"})


class DatabaseUrl(Struct, frozen=True):
    """Where the database is. `url` may hold a password: print the record itself, which shows none."""

    url: str

    @property
    def file(self) -> Path | None:
        """Where SQLite's file is; None for a server."""
        return Path(self.url.removeprefix(_SQLITE)) if self.url.startswith(_SQLITE) else None

    def __str__(self) -> str:
        """For people: the file, or user, host and database."""
        if self.file is not None:
            return str(self.file)
        parts = urlsplit(self.url)
        who, _, where = parts.netloc.rpartition("@")
        user = who.partition(":")[0]
        return f"postgresql://{f'{user}@' if user else ''}{where}{parts.path}"

    def __repr__(self) -> str:
        return f"DatabaseUrl({self})"


class RedisUrl(Struct, frozen=True):
    """Where Redis is. `url` may hold a password: print the record itself, which shows none."""

    url: str

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def __repr__(self) -> str:
        return f"RedisUrl({self})"


class DatabaseLimits(Struct, frozen=True, kw_only=True):
    """How a process uses a PostgreSQL server."""

    connections: int = 10
    connect_timeout: timedelta = timedelta(seconds=5)
    statement_timeout: timedelta = timedelta(seconds=15)
    lock_timeout: timedelta = timedelta(seconds=5)
    idle_timeout: timedelta = timedelta(seconds=5)


def _database_url(text: str) -> DatabaseUrl | None:
    if not text.isprintable() or " " in text:
        return None
    if text.startswith(_SQLITE):
        return DatabaseUrl(text) if len(text) > len(_SQLITE) and "?" not in text else None
    try:
        parts = urlsplit(text)
        port_is_sound = parts.port != 0
    except ValueError:
        return None
    has_host = bool(parts.hostname) or "host" in parse_qs(parts.query)
    sound = parts.scheme in _POSTGRESQL and has_host and port_is_sound and not parts.fragment
    name = parts.path.removeprefix("/")
    # More than a name: the password has a slash in it, and where it ends is anybody's guess.
    return DatabaseUrl(text) if sound and name and "/" not in name and "@" not in name else None


def _redis_url(text: str) -> RedisUrl | None:
    try:
        parts = urlsplit(text)
        port_is_sound = parts.port != 0
    except ValueError:
        return None
    number = parts.path.strip("/")
    sound = text.isprintable() and " " not in text and parts.scheme in _REDIS and bool(parts.hostname)
    sound = sound and port_is_sound and not parts.fragment and (number == "" or (number.isascii() and number.isdigit()))
    return RedisUrl(text) if sound else None


DATABASE_URL: Final = Variable(
    "DATABASE_URL",
    Kind(
        f"{_SQLITE}PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE (in a password %2F for a slash, %40 for an @)",
        _database_url,
    ),
    None,
    "The database: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, or a file as `sqlite+aiosqlite:////PATH`.",
    unset="`innwatch.db` in the data folder",
    is_secret=True,
)
REDIS_URL: Final = Variable(
    "REDIS_URL",
    Kind("redis://:PASSWORD@HOST:PORT/NUMBER, or rediss:// for TLS", _redis_url),
    None,
    "Redis, `redis://:PASSWORD@HOST:PORT/NUMBER` or `rediss://…`: needed by `bridge`, `api` and `worker`.",
    is_secret=True,
)

_DEFAULTS = DatabaseLimits()
_MINUTES = duration(timedelta(seconds=0.1), timedelta(hours=1))

DATABASE_CONNECTIONS: Final = Variable(
    "INNWATCH_DATABASE_CONNECTIONS",
    whole(2, 500),
    _DEFAULTS.connections,
    "Connections of one process to PostgreSQL at most; all processes together must fit into its `max_connections`.",
)
DATABASE_CONNECT_TIMEOUT: Final = Variable(
    "INNWATCH_DATABASE_CONNECT_TIMEOUT", _MINUTES, _DEFAULTS.connect_timeout, "How long PostgreSQL may take to let in."
)
DATABASE_STATEMENT_TIMEOUT: Final = Variable(
    "INNWATCH_DATABASE_STATEMENT_TIMEOUT",
    _MINUTES,
    _DEFAULTS.statement_timeout,
    "How long PostgreSQL may take for one statement; `migrate` has no such limit.",
)
DATABASE_LOCK_TIMEOUT: Final = Variable(
    "INNWATCH_DATABASE_LOCK_TIMEOUT",
    _MINUTES,
    _DEFAULTS.lock_timeout,
    "How long a statement may wait for a lock that somebody else holds.",
)
DATABASE_IDLE_TIMEOUT: Final = Variable(
    "INNWATCH_DATABASE_IDLE_TIMEOUT",
    _MINUTES,
    _DEFAULTS.idle_timeout,
    "How long a transaction may stand idle before PostgreSQL ends it: as with a process that is frozen.",
)

RETENTION_DAYS: Final = Variable(
    "INNWATCH_RETENTION_DAYS",
    whole(7, 3_650),
    7,
    "For how many days messages of tablets are kept, and their histories by the minute. A replay reaches back as far.",
)
HISTORY_DAYS: Final = Variable(
    "INNWATCH_HISTORY_DAYS",
    whole(7, 3_650),
    90,
    "For how many days histories are kept by five minutes, and commands.",
)
EVENTS_DAYS: Final = Variable(
    "INNWATCH_EVENTS_DAYS",
    whole(30, 36_500),
    730,
    "For how many days events, alerts that are over, incidents and what was sent of them are kept. The audit stays.",
)
QUARANTINE_DAYS: Final = Variable(
    "INNWATCH_QUARANTINE_DAYS", whole(1, 3_650), 30, "For how many days refused messages and strangers are kept."
)

STORE: Final = (
    DATABASE_URL,
    DATABASE_CONNECTIONS,
    DATABASE_CONNECT_TIMEOUT,
    DATABASE_STATEMENT_TIMEOUT,
    DATABASE_LOCK_TIMEOUT,
    DATABASE_IDLE_TIMEOUT,
    RETENTION_DAYS,
    HISTORY_DAYS,
    EVENTS_DAYS,
    QUARANTINE_DAYS,
    REDIS_URL,
)


class Retention(Struct, frozen=True, kw_only=True):
    """For how long what is kept."""

    messages: timedelta = timedelta(days=RETENTION_DAYS.default)
    history: timedelta = timedelta(days=HISTORY_DAYS.default)
    events: timedelta = timedelta(days=EVENTS_DAYS.default)
    quarantine: timedelta = timedelta(days=QUARANTINE_DAYS.default)

    def kept(self) -> "Kept":
        """The same for the store."""
        from store.kept import Kept  # noqa: PLC0415 - whoever asks for help reads settings too, and loads no database

        return Kept(messages=self.messages, history=self.history, events=self.events, quarantine=self.quarantine)


def read_retention(environment: Environment) -> Retention:
    """Raises BadSetting."""
    return Retention(
        messages=timedelta(days=environment.read(RETENTION_DAYS)),
        history=timedelta(days=environment.read(HISTORY_DAYS)),
        events=timedelta(days=environment.read(EVENTS_DAYS)),
        quarantine=timedelta(days=environment.read(QUARANTINE_DAYS)),
    )


def read_database_limits(environment: Environment) -> DatabaseLimits:
    """Raises BadSetting."""
    return DatabaseLimits(
        connections=environment.read(DATABASE_CONNECTIONS),
        connect_timeout=environment.read(DATABASE_CONNECT_TIMEOUT),
        statement_timeout=environment.read(DATABASE_STATEMENT_TIMEOUT),
        lock_timeout=environment.read(DATABASE_LOCK_TIMEOUT),
        idle_timeout=environment.read(DATABASE_IDLE_TIMEOUT),
    )
