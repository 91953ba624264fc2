"""A variable of the environment, said once: from it come the reader, the list of known names and the documentation."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from msgspec import Struct

from config.errors import BadSetting

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_UNIT = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST_FILE = 64 * 1024


class Kind(Struct, Generic[T_co], frozen=True):
    """How a value is written. `read` gives None for what cannot be right; `wanted` completes "NAME must be …"."""

    wanted: str
    read: Callable[[str], T_co | None]
    show: Callable[[Any], str] = str


class Variable(Struct, Generic[T_co], frozen=True):
    """One variable. As text it is its name.

    `about` is a sentence for whoever sets it. `unset` says in words what a default of None stands for. A secret may
    stand in a file instead, which the variable NAME_FILE names. `other_name` is read where `name` is not set.
    """

    name: str
    kind: Kind[T_co]
    default: T_co
    about: str
    unset: str = "–"
    is_secret: bool = False
    other_name: str | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def file(self) -> str | None:
        """The variable that may name a file with the value."""
        return f"{self.name}_FILE" if self.is_secret else None

    @property
    def names(self) -> tuple[str, ...]:
        """Every name by which it may be set."""
        return tuple(name for name in (self.name, self.file, self.other_name) if name is not None)

    @property
    def shown_default(self) -> str:
        """The default as one would write it."""
        return self.unset if self.default is None or self.default == () else self.kind.show(self.default)

    def value(self, text: str) -> T_co:
        """What somebody wrote, read. Raises BadSetting."""
        found = self.kind.read(text)
        if found is None:
            raise BadSetting(f"{self.name} must be {self.kind.wanted}")
        return found


class Environment:
    """The variables of a process. What is set to nothing counts as not set."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def read(self, variable: Variable[T]) -> T:
        """The value, or the default. Raises BadSetting, which never shows a secret."""
        text = self.text(variable)
        return variable.default if text is None else variable.value(text)

    def text(self, variable: Variable[Any]) -> str | None:
        """What is written, None for nothing. Raises BadSetting for a file that cannot be read."""
        text = self._get(variable.name) or (self._get(variable.other_name) if variable.other_name else None)
        file = None if variable.file is None else self._get(variable.file)
        if file is None:
            return text
        if text is not None:
            raise BadSetting(f"{variable.name} and {variable.file} are both set; leave one out")
        return _content(Path(file), name=str(variable.file))

    def _get(self, name: str) -> str | None:
        return self._variables.get(name, "").strip() or None


def _content(file: Path, *, name: str) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LONGEST_FILE).decode().strip()
    except OSError as error:
        raise BadSetting(f"{name}: {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSetting(f"{name}: {file} holds no text") from None
    if not content:
        raise BadSetting(f"{name}: {file} is empty")
    return content


def at_least(characters: int) -> Kind[str]:
    """A text that nobody guesses, if it was made by chance."""
    return Kind(f"at least {characters} characters", lambda text: text if len(text) >= characters else None)


def whole(least: int, most: int) -> Kind[int]:
    def read(text: str) -> int | None:
        sound = text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most
        return int(text) if sound else None

    return Kind(f"a whole number from {least} to {most}", read)


def duration(least: timedelta, most: timedelta) -> Kind[timedelta]:
    def read(text: str) -> timedelta | None:
        found = seconds(text)
        value = None if found is None else timedelta(seconds=found)
        return value if value is not None and least <= value <= most else None

    wanted = f"a time in seconds from {shown(least)} to {shown(most)}, such as 30, 0.5, 10m, 12h or 7d"
    return Kind(wanted, read, shown)


def choice(*choices: str) -> Kind[str]:
    """One of these words, written in any case."""
    known = {one.lower(): one for one in choices}
    return Kind(f"one of {', '.join(known)}", lambda text: known.get(text.lower()), str.lower)


def _yes_or_no(text: str) -> bool | None:
    return {
        **dict.fromkeys(("true", "1", "yes", "on"), True),
        **dict.fromkeys(("false", "0", "no", "off"), False),
    }.get(text.lower())


TEXT: Kind[str] = Kind("a text", lambda text: text)
FILE: Kind[Path] = Kind("a file", Path)
PORT = whole(0, 65_535)
YES_OR_NO: Kind[bool] = Kind("true or false", _yes_or_no, lambda value: "true" if value else "false")


def seconds(text: str) -> float | None:
    """A time as one would write it: `0.5`, `10m`, `7d`."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([smhd]?)", text, re.ASCII)
    return float(match[1]) * _UNIT[match[2] or "s"] if match else None


def shown(value: int | timedelta) -> str:
    """A limit as one would write it: `7d`, `0.5`, `256KiB`, `50000`."""
    if isinstance(value, timedelta):
        whole_seconds = value.total_seconds()
        for unit in "dhm":
            if whole_seconds and whole_seconds % _UNIT[unit] == 0:
                return f"{whole_seconds // _UNIT[unit]:g}{unit}"
        return f"{whole_seconds:g}"
    for unit, size in (("MiB", 2**20), ("KiB", 2**10)):
        if value and value % size == 0:
            return f"{value // size}{unit}"
    return str(value)
