"""Reading one statement: which of its tables are a hotel's, and which of those nothing binds to one.

A table is bound where a column that says whose its row is (`schema.KEYS`) equals a parameter, a subquery, or such a
column of a table that is bound. What stands beside an OR binds nothing, nor does the ON of a LEFT JOIN bind the table
to its left. What only a run knows binds nothing either, and as a table it is always one too many.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from tests.store.scoping.schema import COLUMNS, KEYS, OWNED, TYPED
from tests.store.scoping.words import HOLE, Group, Item, Level, Unreadable, Word, read, says, split

_VERBS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
_AFTER_FROM: Final = ("WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "WINDOW", "RETURNING", "FOR", "SET")
_JOINS: Final = ("JOIN", "LEFT", "RIGHT", "FULL", "INNER", "OUTER", "CROSS", "NATURAL")
_TABLES_OWN: Final = ("hotel_key", "hotel_id")


class _Source(Struct, frozen=True):
    """What a statement reads or changes: a table under a name, or something that is none (`table` is None)."""

    alias: str
    table: str | None
    optional: bool
    on: Level


class _Equal(Struct, frozen=True):
    """Two sides that are the same in every row; `only` is the one source that an outer join's ON may bind."""

    left: Item
    right: Item
    only: str | None


Bound = Mapping[str, bool]
"""By alias, for the statements around: whether it is bound to a hotel."""


def unscoped(sql: str) -> list[str]:
    """Return the tables of a hotel's that a statement touches and that nothing in it binds; a hole for one that nobody
    can name. Raises Unreadable.
    """
    level = read(sql)
    if sql == HOLE:
        return [HOLE]
    if not _has_verb(level):
        raise Unreadable("keywords stand in capitals")
    return sorted(set(_unscoped(level, {})))


def _has_verb(level: Level) -> bool:
    return any(_has_verb(item.items) if isinstance(item, Group) else says(item, *_VERBS) for item in level)


def _unscoped(level: Level, around: Bound) -> Iterator[str]:
    for part in split(level, "UNION", "EXCEPT", "INTERSECT"):
        yield from _of_part(part, around)


def _of_part(level: Level, around: Bound) -> Iterator[str]:
    start = next((place for place in range(len(level)) if _is_verb(level, place)), None)
    if start is None:
        inside = around
    else:
        verb = level[start]
        assert isinstance(verb, Word)
        if verb.text == "INSERT":
            yield from _of_insert(level[start:])
            start = next((place for place in range(start, len(level)) if says(level[place], "SELECT")), len(level))
        sources = _sources(level[start:])
        bound = _bound(sources, _equals(level[start:], sources), around)
        yield from (source.table for source in sources if source.table in {*OWNED, HOLE} and not bound[source.alias])
        inside = {**around, **bound}
    for item in level:
        if isinstance(item, Group):
            yield from _unscoped(item.items, inside)


def _is_verb(level: Level, place: int) -> bool:
    before = level[place - 1] if place else None
    return says(level[place], *_VERBS) and not (before is not None and says(before, "FOR", "DO"))


def _of_insert(level: Level) -> Iterator[str]:
    """A new row of a hotel's says whose it is. `hotel` itself is the one that may be new altogether."""
    _, _, table, columns = level[:4]
    assert isinstance(table, Word)
    if table.text not in OWNED or table.text == "hotel":
        return
    named = {word.text for word in columns.items if isinstance(word, Word)} if isinstance(columns, Group) else set()
    own = KEYS[table.text].intersection(_TABLES_OWN) or KEYS[table.text]
    if not named.intersection(own):
        yield table.text


def _sources(level: Level) -> list[_Source]:
    if says(level[0], "UPDATE") if level else False:
        named = _named(level[1:3], optional=False, on=())
        return [*named, *_listed(_after(level, "FROM"))]
    if says(level[0], "DELETE") if level else False:
        return _listed(_after(level, "FROM", "USING"))
    return _listed(_after(level, "FROM"))


def _after(level: Level, *words: str) -> Level:
    """What follows the first of these words up to the next clause; a later one of them counts as a comma."""
    start = next(
        (place for place, item in enumerate(level) if says(item, *words) and not _distinct(level, place)), None
    )
    if start is None:
        return ()
    end = start + 1
    while end < len(level) and not says(level[end], *_AFTER_FROM) and not _conflict(level, end):
        end += 1
    return level[start + 1 : end]


def _distinct(level: Level, place: int) -> bool:
    """IS DISTINCT FROM."""
    return place > 0 and says(level[place - 1], "DISTINCT")


def _conflict(level: Level, place: int) -> bool:
    return says(level[place], "ON") and place + 1 < len(level) and says(level[place + 1], "CONFLICT")


def _listed(level: Level) -> list[_Source]:
    found: list[_Source] = []
    for part in split(level, ",", "USING"):
        optional, start = False, 0
        for place, item in enumerate((*part, Word("JOIN"))):
            if not says(item, *_JOINS):
                continue
            if place > start:
                source, on = _on(part[start:place])
                found += _named(source, optional=optional, on=on)
                optional = False
            optional = optional or says(item, "LEFT", "RIGHT", "FULL")
            start = place + 1
    return found


def _on(level: Level) -> tuple[Level, Level]:
    place = next((place for place, item in enumerate(level) if says(item, "ON")), len(level))
    return level[:place], level[place + 1 :]


def _named(level: Level, *, optional: bool, on: Level) -> list[_Source]:
    """A table, a function or a bracket, with its alias."""
    words = [item for item in level if not says(item, "AS", "LATERAL", "ONLY", "WITH", "ORDINALITY", "SET")]
    if not words:
        return []
    first, rest = words[0], words[1:]
    is_table = isinstance(first, Word) and not (rest and isinstance(rest[0], Group))
    alias = next((item.text for item in rest if isinstance(item, Word)), first.text if isinstance(first, Word) else "")
    table = first.text if is_table and isinstance(first, Word) and first.text in {*COLUMNS, HOLE} else None
    return [_Source(alias, table, optional, on)]


def _equals(level: Level, sources: list[_Source]) -> list[_Equal]:
    found = list(_equals_in(_after(level, "WHERE"), only=None))
    for source in sources:
        found += _equals_in(source.on, only=source.alias if source.optional else None)
    return found


def _equals_in(condition: Level, *, only: str | None) -> Iterator[_Equal]:
    if any(says(item, "OR") for item in condition):
        return
    for part in split(condition, "AND"):
        if len(part) == 1 and isinstance(part[0], Group):
            yield from _equals_in(part[0].items, only=only)
        pair = _pair(part[1:] if part and says(part[0], "+") else part)
        if pair is not None:
            yield _Equal(*pair, only=only)


def _pair(part: Level) -> tuple[Item, Item] | None:
    """The two sides of `=`, IN, = ANY; of IS NULL too, which is a value like any other."""
    match part:
        case (left, Word("="), right) | (left, Word("="), right, Word("->>"), _) | (left, Word("IN"), right):
            return left, right
        case (left, Word("="), Word("ANY"), right):
            return left, right
        case (left, Word("IS"), Word("NULL")):
            return left, Word("NULL", is_value=True)
        case _:
            return None


def _bound(sources: list[_Source], equals: list[_Equal], around: Bound) -> dict[str, bool]:
    bound = {source.alias: source.table is None for source in sources}
    tables = {source.alias: source.table for source in sources if source.table is not None}
    changed = True
    while changed:
        changed = False
        for equal in equals:
            for one, other in ((equal.left, equal.right), (equal.right, equal.left)):
                alias = _key(one, tables)
                if alias is None or bound[alias] or equal.only not in {None, alias}:
                    continue
                if _binds(other, tables, bound, around) and not _is_typed(one, other, tables):
                    bound[alias] = changed = True
    return bound


def _key(item: Item, tables: Mapping[str, str]) -> str | None:
    """The alias of the table whose key the item is, if it is one."""
    alias, column = _column(item, tables)
    table = tables.get(alias or "")
    return alias if table in OWNED and column in KEYS[table] else None


def _column(item: Item, tables: Mapping[str, str]) -> tuple[str | None, str]:
    if isinstance(item, Group) or item.is_value:
        return None, ""
    alias, dot, column = item.text.rpartition(".")
    if dot:
        return alias, column
    having = [alias for alias, table in tables.items() if column in COLUMNS.get(table, ())]
    return having[0] if len(having) == 1 else None, column


def _binds(item: Item, tables: Mapping[str, str], bound: Bound, around: Bound) -> bool:
    """Whether to equal it is to be of one hotel: a value, a subquery, which is held to the same, or another's key."""
    if isinstance(item, Group):
        return _is_query(item) or all(isinstance(one, Word) and (one.is_value or one.text == ",") for one in item.items)
    if item.is_value:
        return True
    alias, _ = _column(item, tables)
    if alias is None:
        return False
    if alias in tables:
        return _key(item, tables) is not None and bound[alias]
    return bound.get(alias, around.get(alias, True))


def _is_typed(key: Item, value: Item, tables: Mapping[str, str]) -> bool:
    """Whether a key that anybody may have typed is compared with what was given, and not with another row's."""
    alias, column = _column(key, tables)
    given = isinstance(value, Word) and value.is_value
    return given and (tables.get(alias or ""), column) in TYPED


def _is_query(group: Group) -> bool:
    return bool(group.items) and says(group.items[0], "SELECT", "WITH")
