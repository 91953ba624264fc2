"""The file of a backup: a compressed tar of what was copied, and a list of it with check sums.

It is written under another name, 0600, read again and compared, and only then gets its own: a file of that name is
whole.
"""

import gzip
import hashlib
import os
import secrets
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from config.errors import StartRefused

FORMAT: Final = 1
LIST: Final = "innwatch-backup.json"
_PIECE: Final = 1 << 20
_QUICK: Final = 1
"""The level of compression: a third of the time of the usual one, and a fifth more bytes."""


class Part(StrEnum):
    """A file in an archive. The names of an installation's own files."""

    SQLITE = "innwatch.db"
    POSTGRESQL = "innwatch.pgdump"
    SHELF = "broker.sqlite3"
    KEY = "signing.key"
    KEYS = "keys.json"


class Contents(Struct, frozen=True, rename="camel", kw_only=True):
    """What an archive holds: `sums` are SHA-256 of its parts, `counts` the rows of each table of the database."""

    format: int
    innwatch: str
    made_at: str
    revision: str
    counts: dict[str, int]
    sums: dict[Part, str]

    @property
    def database(self) -> Part:
        return Part.SQLITE if Part.SQLITE in self.sums else Part.POSTGRESQL


@contextmanager
def in_one_line(doing: str) -> Iterator[None]:
    """Say what a disk that is full, or fails, makes impossible. Raises StartRefused instead of OSError."""
    try:
        yield
    except PermissionError:
        raise  # the command line knows what to do
    except OSError as error:
        where = f"{error.filename2 or error.filename}: " if error.filename else ""
        raise StartRefused(f"cannot {doing}: {where}{error.strerror or error}") from error


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A folder of ours alone (0700) on the same disk as `path`, gone at the end."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise StartRefused(f"{path.parent}: {error.strerror}; give a folder that this user can write") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sums_of(folder: Path) -> dict[Part, str]:
    return {part: _sum(folder / part) for part in Part if (folder / part).exists()}


def pack(folder: Path, contents: Contents, *, into: Path) -> None:
    """Write the archive, look whether it is whole, and give it its name. Raises StartRefused where there is one."""
    draft = into.with_name(f".{into.name}.{secrets.token_hex(4)}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=_QUICK) as tar:
                (folder / LIST).write_bytes(msgspec.json.format(msgspec.json.encode(contents)))
                for name in (LIST, *contents.sums):  # the list first: who only wants to look need not read it all
                    tar.add(folder / name, arcname=name, filter=_nobodys)
            file.flush()
            os.fsync(file.fileno())
        with beside(into) as again:
            unpack(draft, again)
        try:
            into.hardlink_to(draft)
        except FileExistsError:
            raise StartRefused(f"{into} exists already; give another name, or move it away") from None
        except OSError:  # a file system without such links
            draft.rename(into)
        settle(into.parent)
    finally:
        draft.unlink(missing_ok=True)


def contents_of(archive: Path) -> Contents:
    """What an archive says that it holds. Raises StartRefused."""
    with _opened(archive) as tar:
        contents = msgspec.json.decode(_text(tar), type=Contents)
    if contents.format != FORMAT or len({Part.SQLITE, Part.POSTGRESQL} & contents.sums.keys()) != 1:
        raise StartRefused(f"{archive} was made by Innwatch {contents.innwatch}, in a form that this one does not know")
    return contents


def unpack(archive: Path, folder: Path) -> None:
    """Put the parts of an archive into a folder, each compared with its check sum. Raises StartRefused."""
    contents = contents_of(archive)
    with _opened(archive) as tar:
        for part in contents.sums:
            tar.extract(part, folder, filter="data")
            (folder / part).chmod(0o600)
    if torn := [part.value for part, known in contents.sums.items() if _sum(folder / part) != known]:
        raise StartRefused(f"{archive} is damaged: {', '.join(torn)} is not what was put into it")


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(archive, mode="r:gz") as tar:
            yield tar
    except FileNotFoundError as error:
        raise StartRefused(f"there is no file {archive}") from error
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, KeyError, msgspec.MsgspecError) as error:
        raise StartRefused(f"{archive} is no backup of Innwatch, or is torn: {error}") from error


def settle(folder: Path) -> None:
    """Have the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _text(tar: tarfile.TarFile) -> bytes:
    file = tar.extractfile(LIST)
    if file is None:
        raise KeyError(LIST)
    with file:
        return file.read()


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _sum(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while piece := content.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
