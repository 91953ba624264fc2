"""Paging cursors: the place in the order where a page ended, as a word that means nothing to its holder.

A cursor is no secret and proves nothing: every query that takes one is inside its hotel anyway.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from store.errors import BadCursor
from store.records import Page
from store.transaction import Row

P = TypeVar("P")
T = TypeVar("T")

Place = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A key or a time in a cursor: what SQLite can compare with its own."""

LAST = 2**63 - 1
"""The place after all others."""

LONGEST = 1000
"""Items of a page, however many were asked for."""


def encode(place: object) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).rstrip(b"=").decode()


def decode(cursor: str, of: type[P]) -> P:
    """Raises BadCursor for everything that `encode` did not make of a place of this type."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return msgspec.msgpack.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=of)
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadCursor("not a cursor of this list") from error


def page(rows: Sequence[Row], item: Callable[[Row], T], *, limit: int, place: Callable[[Row], object]) -> Page[T]:
    """Make a page of what a query found with `LIMIT limit + 1`."""
    shown = rows[:limit]
    more = encode(place(shown[-1])) if len(rows) > limit else None
    return Page(tuple(item(row) for row in shown), more)


def bounded(limit: int) -> int:
    return max(1, min(limit, LONGEST))
