"""What commands print: tables for people, JSON for programs. Standard output holds nothing else."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo

import msgspec

WIDE = 240
"""Columns of a table that goes into a file or a pipe, where nobody wants it cut off."""


def print_json(value: object) -> None:
    """One document, indented."""
    print(msgspec.json.format(msgspec.json.encode(value)).decode())


def print_line(value: object) -> None:
    """One document on one line, for lists that may be long."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def warn(text: str) -> None:
    """One line for the person, beside the output."""
    print(f"innwatch: {text}", file=sys.stderr)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(value)) for value in row))
    Console(width=None if sys.stdout.isatty() else WIDE, soft_wrap=False).print(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """One thing, a line for each of its facts."""
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        print(f"{name:{width}}  {plain(value)}")


def in_zone(at: datetime | None, zone: tzinfo) -> datetime | None:
    """The same moment, to be printed as the hotel's own clocks show it."""
    return None if at is None else at.astimezone(zone)


def plain(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S %Z")
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (tuple, list)):
        return ", ".join(plain(item) for item in value) or "–"
    return str(value)
