"""Which tables belong to a hotel, and by which of their columns: read from the schema itself, so a new one is in."""

from typing import Final

from sqlalchemy import Table

from store.tables import Base

TABLES: Final = Base.metadata.tables
"""By name."""

TYPED: Final = frozenset({("channel", "key"), ("notification", "channel_key")})
"""Keys that people see and send back: one that is given was perhaps found in no hotel. Rows may be joined by them."""


def _owned() -> frozenset[str]:
    """`hotel`, what names a hotel, and what belongs to something that does."""
    owned = {name for name, table in TABLES.items() if "hotel_id" in table.columns or "hotel_key" in table.columns}
    owned.add("hotel")
    while found := {name for name, table in TABLES.items() if name not in owned and _refers_to(table, owned)}:
        owned |= found
    return frozenset(owned)


def _refers_to(table: Table, names: set[str]) -> bool:
    return any(key.column.table.name in names for key in table.foreign_keys)


OWNED: Final = _owned()


def _keys_of(table: Table) -> frozenset[str]:
    foreign = {key.parent.name for key in table.foreign_keys if key.column.table.name in OWNED}
    own = {"key", "hotel_id", "hotel_key", *(("id",) if table.name == "hotel" else ())} & set(table.columns.keys())
    return frozenset(foreign | own)


KEYS: Final = {name: _keys_of(TABLES[name]) for name in OWNED}
"""The columns of each owned table that say, or lead to, whose its row is."""

COLUMNS: Final = {name: frozenset(table.columns.keys()) for name, table in TABLES.items()}
