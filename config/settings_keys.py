"""What the environment says of keys beside SECRET_KEY."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from config.variable import FILE, Kind, Variable


def _secrets(text: str) -> tuple[str, ...] | None:
    return tuple(text.split()) or None


KEYS: Final[Variable[Path | None]] = Variable(
    "INNWATCH_KEYS",
    FILE,
    None,
    "The file that `innwatch keys` writes; every process must see it, in a folder of its own.",
    unset="`keys.json` in the data folder; none with PostgreSQL",
)
PREVIOUS_SECRETS: Final[Variable[Sequence[str]]] = Variable(
    "INNWATCH_PREVIOUS_SECRET_KEYS",
    Kind("secrets with blanks or line ends between", _secrets),
    (),
    "Secrets that verify and never sign: what `SECRET_KEY` was before, or is to be next.",
    unset="none",
    is_secret=True,
)
