"""A part of a list."""

from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True):
    """A part of a list; `next` is an opaque cursor, None at the end."""

    items: tuple[T, ...]
    next: str | None = None
