"""The file of keys that `innwatch keys` writes (0600), and that every process of an installation reads.

Each key has a line of its life: it is added and only verifies, so that every process knows it before any token is
signed by it; then it signs; when the next one does it only verifies again, until the last token that it signed has
expired. The key of SECRET_KEY, or of the folder, has such a line too, without the key itself.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from broker.keys import EVER, Algorithm, Key, KeyUnusable, key_from
from broker.secret import WeakSecret
from config import private_file
from config.errors import BadSetting, StartRefused

FORMAT: Final = 1


class Line(Struct, frozen=True, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """One key. `key` is what it signs with (base64url of a secret, or PEM); None for one that stands elsewhere."""

    kid: str
    algorithm: Algorithm
    added_at: datetime
    signs_from: datetime
    verifies_until: datetime | None = None
    key: str | None = None

    def __repr__(self) -> str:
        return f"Line({self.kid!r}, {self.algorithm.value!r})"


class _Content(Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    keys: tuple[Line, ...]


_read = msgspec.json.Decoder(_Content).decode

Lines = tuple[Line, ...]


class KeyFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def mark(self) -> tuple[int, int, int] | None:
        """Something that is another one after each change; None while there is no file."""
        try:
            at = self.path.stat()
        except OSError:
            return None
        return at.st_ino, at.st_size, at.st_mtime_ns

    def lines(self) -> Lines:
        """What is in it; nothing where there is no file. Raises BadSetting, which shows no key."""
        try:
            content = _read(self.path.read_bytes())
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise BadSetting(f"{self.path}: {error.strerror}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BadSetting(f"{self.path} is no file of `innwatch keys`, or is torn; put the right one back") from None
        if content.format != FORMAT or any(_without_zone(line) for line in content.keys):
            raise BadSetting(f"{self.path} has a form that this Innwatch does not know")
        return content.keys

    @contextmanager
    def changing(self) -> Iterator["Change"]:
        """Hold off whoever else would change it; what the block leaves in `lines` is written, unless it raises.

        Raises BadSetting, and StartRefused where it cannot be written.
        """
        try:
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise StartRefused(f"{self.path.parent}: {error.strerror}; make it, for the keys to stand in") from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            change = Change(self.lines())
            yield change
            self._write(change.lines)
        finally:
            os.close(folder)

    def _write(self, lines: Lines) -> None:
        text = msgspec.json.format(msgspec.json.encode(_Content(FORMAT, lines))).decode() + "\n"
        try:
            private_file.write(self.path, text)
            _leave_to_the_folders_owner(self.path)
        except OSError as error:
            raise StartRefused(f"cannot write {self.path}: {error.strerror}") from error


class Change:
    def __init__(self, lines: Lines) -> None:
        self.lines = lines


class KeyKept(Exception):
    """A key that must not be taken out. The message says why."""


def rotated(
    lines: Lines, new: Key, *, elsewhere: Key | None, now: datetime, after: timedelta, keep: timedelta
) -> Lines:
    """Return the lines with a key that signs in `after`; those before it verify for `keep` beyond that.

    Where no key signs yet, it signs at once. One that was to sign later than it never does. What verifies no longer is
    left out.
    """
    known = _with_elsewhere(lines, elsewhere, now=now)
    signs_from = now + after if signing(known, now) else now
    begun = [line for line in known if line.signs_from <= now or line.signs_from < signs_from]
    before = [line for line in begun if not _is_over(line, now)]
    until = signs_from + keep
    kept = (line if line.verifies_until else replace(line, verifies_until=until) for line in before)
    return (*kept, Line(kid=new.kid, algorithm=new.algorithm, added_at=now, signs_from=signs_from, key=new.text))


def taken_out(lines: Lines, kid: str, *, elsewhere: Key | None, now: datetime) -> Lines:
    """Return the lines without a key, whose tokens are void from then on. Raises KeyError, and KeyKept.

    One that stands elsewhere keeps its line, which says that it is out. Without one that was to sign, the one before
    it goes on.
    """
    known = _with_elsewhere(lines, elsewhere, now=now)
    gone = next((line for line in known if line.kid == kid), None)
    if gone is None:
        raise KeyError(kid)
    if gone is signing(known, now):
        raise KeyKept("it signs: rotate first, and take it out when another one does")
    others = [line for line in known if line is not gone]
    if gone.signs_from > now:
        others = _going_on(others, without=gone)
    if gone.key is None:
        others.append(replace(gone, verifies_until=now))
    return tuple(others)


def signing(lines: Iterable[Line], now: datetime) -> Line | None:
    """The line whose key signs at this moment, as a KeyRing would have it."""
    able = [line for line in lines if line.signs_from <= now and not _over(line, now)]
    return max(reversed(able), key=lambda line: line.signs_from, default=None)


def keys_of(lines: Lines, *, elsewhere: Sequence[Key]) -> list[Key]:
    """Return every key there is, those from elsewhere first. Raises BadSetting for one that is of no use."""
    said = {line.kid: line for line in lines}
    known = [_as_said(key, said[key.kid]) if key.kid in said else key for key in elsewhere]
    return known + [_as_said(_made(line), line) for line in lines if line.key is not None]


def _going_on(lines: list[Line], *, without: Line) -> list[Line]:
    """The one that would have signed until then signs in its place, and so verifies as long."""
    earlier = [line for line in lines if line.signs_from < without.signs_from]
    last = max(earlier, key=lambda line: line.signs_from, default=None)
    return [replace(line, verifies_until=without.verifies_until) if line is last else line for line in lines]


def _with_elsewhere(lines: Lines, elsewhere: Key | None, *, now: datetime) -> Lines:
    if elsewhere is None or any(line.kid == elsewhere.kid for line in lines):
        return lines
    return (Line(kid=elsewhere.kid, algorithm=elsewhere.algorithm, added_at=now, signs_from=EVER), *lines)


def _as_said(key: Key, line: Line) -> Key:
    # One that only verifies where it stands does not begin to sign because it once did.
    signs_from = None if key.signs_from is None else line.signs_from
    return replace(key, signs_from=signs_from, verifies_until=line.verifies_until)


def _made(line: Line) -> Key:
    try:
        key = key_from(line.algorithm, line.key or "")
    except (KeyUnusable, WeakSecret) as unusable:
        raise BadSetting(f"the key {line.kid} cannot be used: {unusable}") from None
    if key.kid != line.kid:
        raise BadSetting(f"the key {line.kid} is another one than its line says")
    return key


def _over(line: Line, now: datetime) -> bool:
    return line.verifies_until is not None and line.verifies_until <= now


def _is_over(line: Line, now: datetime) -> bool:
    # That of a key which stands elsewhere says for ever that it is over.
    return line.key is not None and _over(line, now)


def _without_zone(line: Line) -> bool:
    return any(at is not None and at.tzinfo is None for at in (line.added_at, line.signs_from, line.verifies_until))


def _leave_to_the_folders_owner(path: Path) -> None:
    """Whoever became root to rotate keys does not lock the service's own account out of them."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
