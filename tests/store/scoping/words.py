"""SQL as words in brackets: what `statements` reads. It knows as much of SQL as `store/` writes."""

import re
from typing import Final

from msgspec import Struct

HOLE: Final = "\N{LOZENGE}"
"""Stands where a text is put together from what only a run knows."""


class Word(Struct, frozen=True):
    """A name, a keyword, a sign; `is_value` for what comes from outside: a parameter, a number, a quoted word."""

    text: str
    is_value: bool = False


class Group(Struct, frozen=True):
    """What stands between two brackets."""

    items: tuple["Word | Group", ...]


Item = Word | Group
Level = tuple[Item, ...]
"""What stands side by side, in no bracket or in the same."""

_WORD: Final = re.compile(
    r"""\s+|::\w+(?:\[\])?                                # a cast says nothing
    |(?P<value>'(?:[^']|'')*'|:\w+|\?\d*|\d+(?:\.\d+)?)
    |(?P<name>[A-Za-z_]\w*(?:\.(?:[A-Za-z_]\w*|\*))?)
    |(?P<sign><=|>=|<>|!=|\|\||->>|->|[^\w\s])
    """,
    re.VERBOSE,
)


class Unreadable(Exception):
    """Not SQL as it is written here: brackets that do not close, keywords in small letters."""


def read(sql: str) -> Level:
    levels: list[list[Item]] = [[]]
    place = 0
    while place < len(sql):
        found = _WORD.match(sql, place)
        if found is None:
            raise Unreadable(sql)
        place = found.end()
        if found["sign"] == "(":
            levels.append([])
        elif found["sign"] == ")":
            inner = levels.pop()
            if not levels:
                raise Unreadable(sql)
            levels[-1].append(Group(tuple(inner)))
        elif found.lastgroup is not None:
            levels[-1].append(Word(found[0], is_value=found.lastgroup == "value"))
    if len(levels) != 1:
        raise Unreadable(sql)
    return tuple(levels[0])


def says(item: Item, *words: str) -> bool:
    return isinstance(item, Word) and not item.is_value and item.text in words


def split(level: Level, *words: str) -> list[Level]:
    """The parts of a level between these words."""
    parts: list[list[Item]] = [[]]
    for item in level:
        if says(item, *words):
            parts.append([])
        else:
            parts[-1].append(item)
    return [tuple(part) for part in parts]
