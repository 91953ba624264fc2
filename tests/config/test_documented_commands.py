"""Each command that a page shows is one, with the options that the page gives it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from config.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").glob("*.md")])
AS_SHOWN = re.compile(r"`innwatch (?!COMMAND)([a-z][^`\n]*)`|^innwatch ([a-z].*)$", re.MULTILINE)


def shown(page: Path) -> Iterator[str]:
    for spans in AS_SHOWN.findall(page.read_text(encoding="utf-8")):
        yield (spans[0] or spans[1]).partition(" #")[0]


def wrong(said: str) -> str | None:
    """What of a command there is not."""
    node: object = typer.main.get_command(app)
    words: list[str] = re.findall(r"[^\s\[\]]+", said)
    for word in words:
        commands = getattr(node, "commands", {})
        options = {name for option in getattr(node, "params", ()) for name in option.opts} | {"--help"}
        if word.startswith("--") and word not in options:
            return word
        if commands and not word.startswith("-"):
            if word not in commands:
                return word
            node = commands[word]
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_command_that_a_page_shows_is_one(page: Path) -> None:
    assert {said: wrong(said) for said in shown(page) if wrong(said)} == {}


def test_a_command_that_is_none_is_seen() -> None:
    assert wrong("quarantine HOTEL") == "HOTEL"
    assert wrong("keys rotate --algorithm ES256") == "--algorithm"
    assert sum(1 for page in PAGES for _ in shown(page)) > 50
