"""From the parameters that verbs write (`:name`, `?`, `?1`) to those that PostgreSQL numbers ($1, $2, …)."""

import re
from functools import lru_cache

from msgspec import Struct

_TOKEN = re.compile(r"'(?:[^']|'')*'|::|:(?P<name>[a-z_]\w*)|\?(?P<place>\d*)")


class Statement(Struct, frozen=True):
    """`names` are those of the values, in order of their numbers; none where the text gave places."""

    sql: str
    names: tuple[str, ...]


@lru_cache(maxsize=2048)
def numbered(sql: str) -> Statement:
    names: list[str] = []
    places = 0

    def number(token: re.Match[str]) -> str:
        nonlocal places
        if token["name"] is not None:
            if token["name"] not in names:
                names.append(token["name"])
            return f"${names.index(token['name']) + 1}"
        if token["place"] is not None:
            places += 1
            return f"${token['place'] or places}"
        return token[0]  # words in quotes, or a cast

    return Statement(_TOKEN.sub(number, sql), tuple(names))
