"""No query without a hotel: every SQL text of `store/` is read, and what it touches of a hotel's is bound to one.

The few that go over all hotels stand below, each with its reason; one that needs no exception any more may not stay.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import PrimaryKeyConstraint, String, Table, UniqueConstraint

import store
from tests.store.scoping import SqlText, sql_texts, unscoped
from tests.store.scoping.schema import KEYS, OWNED, TABLES
from tests.store.scoping.words import Unreadable

ALL_HOTELS = {
    "what the bridge keeps in memory is every hotel's": {
        "events.Events.announced",
        "events.Events.newest_events",
        "facts.hotels",
        "facts.load",
        "hotels.Hotels.revisions",
        "revocations._revoked",
        "states.States.newest_message",
    },
    "the revisions of what is revoked are in one order for all": {"revocations.note"},
    "the bridge and the workers ask once for whatever is to be done in any hotel; each row says whose it is": {
        "lapsing._overdue",
        "commands.Commands._open",
        "inbox.Inbox.left",
        "inbox.drain",
        "claiming.due",
        "replaying.Replays.replays_wait",
        "replaying._take",
        "claiming._first",
        "outcomes.take_back",
    },
    "messages are gathered and forgotten in the order of storing, and that is one for all hotels": {
        "gathering._newest",
        "gathering._gather",
        "sightings.heard_since",
        "inputs._row_at",
        "inputs._span",
        "known._last_with_messages",
        "coarsening.coarsen",
        "forgetting._clearances",
        "forgetting._orphans",
        "forgetting._quarantined",
        "forgetting.forget",
        "kept._a_days_worth",
        "retention._delete_commands",
        "retention._delete_messages",
        "retention._drop_day",
        "retention._forget_minutes",
        "kept._oldest",
    },
    "a sender that named no hotel has no hotel; one that did is asked for by it, and the lint does not see it": {
        "intake._forget_all_but_the_newest",
    },
    "whoever has the one-time code has nothing else: it says which hotel": {"enrolment.Enrolments.enrolment_by_code"},
    "an account is not a hotel's: it is asked which hotels it belongs to": {"people.account"},
    "a hotel is told whether somebody belongs to others too, and not to which": {"members._member", "members._members"},
    "the doctor counts what waits, and shows nothing of it": {"checkup._check_up"},
    "a copy is of the whole database": {
        "copying._Reader.counts",
        "copying._Reader.days",
        "copying._Reader.slice",
        "copying._copy_rows",
        "copying._finish",
        "copying._refuse_rows",
    },
    "these hand on the texts of others, or make tables": {
        "importing._ids",
        "partitions.make",
        "postgres_database.PostgresDatabase.ask",
        "sqlite_database.SqliteDatabase.ask",
    },
}


def modules() -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(store.__path__, "store."):
        if not module.ispkg:
            yield importlib.import_module(module.name)


def source_of(module: ModuleType) -> str:
    assert module.__file__ is not None
    return Path(module.__file__).read_text()


def place_of(module: ModuleType, text: SqlText) -> str:
    return f"{module.__name__.removeprefix('store.')}.{text.place}"


def unbound() -> dict[str, list[str]]:
    """By place: what is bound to no hotel, with its line."""
    found: dict[str, list[str]] = {}
    for module in modules():
        for text in sql_texts(module, source_of(module)):
            if tables := unscoped(text.sql):
                found.setdefault(place_of(module, text), []).append(f"line {text.line}: {', '.join(tables)}")
    return found


def test_every_query_is_bound_to_a_hotel() -> None:
    excepted = set().union(*ALL_HOTELS.values())

    assert {place: why for place, why in unbound().items() if place not in excepted} == {}


def test_every_exception_is_still_one() -> None:
    assert set().union(*ALL_HOTELS.values()) - unbound().keys() == set()


def test_the_lint_sees_every_module_that_speaks_to_the_database() -> None:
    read = {module.__name__ for module in modules() if sql_texts(module, source_of(module))}
    speaks = {module.__name__ for module in modules() if "transaction.row" in source_of(module)}

    assert len(speaks) > 10
    assert speaks <= read


def test_sql_stands_nowhere_else() -> None:
    """The broker's own file of sessions is not a hotel's; whatever else is asked, a verb of the store asks."""
    root = Path(store.__file__).parents[1]
    speak = {
        str(path.relative_to(root))
        for package in ("api", "broker", "config", "device_bridge", "rules", "worker")
        for path in (root / package).rglob("*.py")
        if re.search(r"""["'\s(](?:SELECT|INSERT INTO|DELETE FROM|UPDATE \w+ SET)\s""", path.read_text())
    }

    assert speak <= {"broker/shelf_sql.py", "broker/shelf_file.py"}


def test_what_is_a_hotels_is_known_from_the_schema() -> None:
    assert {"hotel", "device", "device_state", "minute", "alert", "channel", "membership", "audit"} <= OWNED
    assert not {"account", "lease", "caught_up", "gathered"} & OWNED


SECRETS = {("enrolment", ("code_hash",))}
"""Unique in the whole installation, because they are found by nothing else: nobody chooses them."""


def test_no_name_in_one_hotel_is_taken_for_another() -> None:
    """Whatever must be unique, and is a word that somebody chose, need be so in its hotel only."""
    chosen = {
        (name, columns)
        for name in OWNED - {"hotel"}
        for columns in unique_columns(TABLES[name])
        if any(isinstance(TABLES[name].columns[column].type, String) for column in columns)
    }

    assert len(chosen) > 5
    assert {one for one in chosen - SECRETS if not KEYS[one[0]].intersection(one[1])} == set()


def unique_columns(table: Table) -> Iterator[tuple[str, ...]]:
    for constraint in table.constraints:
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
            yield tuple(column.name for column in constraint.columns)
    for index in table.indexes:
        if index.unique:
            yield tuple(column.name for column in index.columns)


SCOPED = [
    "SELECT name FROM room WHERE hotel_key = (SELECT key FROM hotel WHERE id = :hotel) AND id = :room",
    "SELECT room.name FROM room JOIN hotel ON hotel.key = room.hotel_key WHERE hotel.id = :hotel AND room.id = :room",
    "SELECT state FROM device_state WHERE device_key = :device",
    "SELECT 1 FROM device LEFT JOIN device_state ON device_state.device_key = device.key WHERE device.key = ?1",
    "SELECT id, (SELECT id FROM room WHERE room.key = device.room_key) FROM device WHERE hotel_key = :hotel",
    "SELECT at FROM minute WHERE device_key IN (SELECT key FROM device WHERE hotel_key = :hotel)",
    "UPDATE alert SET assignee = :who WHERE (hotel_key = :hotel AND id = :id) AND status = 'open'",
    "DELETE FROM integrator WHERE hotel_key = :hotel AND name = :name",
    "INSERT INTO inbox (hotel_key, device_key, kind) VALUES (:hotel, :device, :kind)",
    "INSERT INTO hotel (id, name) VALUES (:id, :name)",
    "SELECT gen FROM account WHERE name = :name",
]


@pytest.mark.parametrize("sql", SCOPED)
def test_a_query_of_one_hotel_passes(sql: str) -> None:
    assert unscoped(sql) == []


UNSCOPED = {
    "SELECT name FROM room WHERE id = :room": ["room"],
    "SELECT * FROM alert": ["alert"],
    "SELECT room.name FROM room JOIN hotel ON hotel.key = room.hotel_key WHERE room.id = :room": ["hotel", "room"],
    "SELECT 1 FROM alert WHERE hotel_key = :hotel OR id = :alert": ["alert"],
    "SELECT 1 FROM alert WHERE NOT hotel_key = :hotel": ["alert"],
    "SELECT 1 FROM alert WHERE hotel_key > :hotel": ["alert"],
    "SELECT 1 FROM alert WHERE (hotel_key = :hotel OR :hotel IS NULL) AND id = :alert": ["alert"],
    "SELECT 1 FROM alert WHERE hotel_key = hotel_key AND id = :alert": ["alert"],
    "SELECT 1 FROM device LEFT JOIN hotel ON hotel.key = device.hotel_key AND device.hotel_key = :hotel": [
        "device",
        "hotel",
    ],
    "SELECT 1 FROM device, room WHERE device.hotel_key = :hotel AND room.id = :room": ["room"],
    "SELECT 1 FROM alert WHERE hotel_key = (SELECT hotel_key FROM device WHERE id = :device)": ["device"],
    "SELECT 1 FROM hotel WHERE id = :hotel UNION ALL SELECT 1 FROM alert WHERE id = :alert": ["alert"],
    "WITH mine AS (SELECT * FROM alert) SELECT * FROM mine": ["alert"],
    "SELECT settings FROM channel WHERE key = :channel": ["channel"],  # of which one may type any
    "SELECT 1 FROM notification WHERE id = :id": ["notification"],
    "UPDATE alert SET assignee = :who WHERE id = :id": ["alert"],
    "UPDATE device SET room_key = (SELECT key FROM room WHERE id = :room) WHERE hotel_key = :hotel": ["room"],
    "DELETE FROM integrator WHERE name = :name": ["integrator"],
    "INSERT INTO alert (id, status) VALUES (:id, 'open')": ["alert"],
    "INSERT INTO minute (device_key, at) SELECT device.key, :at FROM device": ["device"],
}


@pytest.mark.parametrize("sql", UNSCOPED)
def test_a_query_that_reaches_into_other_hotels_does_not(sql: str) -> None:
    assert unscoped(sql) == UNSCOPED[sql]


def test_small_letters_hide_nothing() -> None:
    with pytest.raises(Unreadable):
        unscoped("select * from alert where id = :id")


FORGETFUL = '''
"""A module as somebody in a hurry would write it."""

_ALERTS = "SELECT id FROM alert WHERE"

def in_one_piece(transaction, alert_id):
    return transaction.row("SELECT id FROM alert WHERE id = :id", id=alert_id)

def of_a_constant(transaction, alert_id):
    return transaction.row(_ALERTS + " id = :id", id=alert_id)

def by_a_name(transaction, alert_id, newest):
    order = " ORDER BY id DESC" if newest else ""
    sql = f"{_ALERTS} id = :id{order}"
    return transaction.row(sql, id=alert_id)

def what_a_run_adds_is_not_relied_upon(transaction, condition):
    return transaction.rows(f"{_ALERTS} {condition}")

def unseen(transaction, sql):
    return transaction.rows(sql)

def as_it_should_be(transaction, hotel_id):
    """SELECT id FROM alert."""
    return transaction.rows(_ALERTS + " hotel_key = (SELECT key FROM hotel WHERE id = :hotel)", hotel=hotel_id)
'''


def test_a_module_that_forgets_the_hotel_fails() -> None:
    module = ModuleType("forgetful")
    exec(FORGETFUL, module.__dict__)  # noqa: S102 - the text above
    found = {text.place for text in sql_texts(module, FORGETFUL) if unscoped(text.sql)}

    assert found == {
        "in_one_piece",
        "of_a_constant",
        "by_a_name",
        "what_a_run_adds_is_not_relied_upon",
        "unseen",
    }
