"""Making a backup while the installation runs.

The broker's file first, then the database: a message that the bridge takes over between the two is then in both, and
stored once, since its id is known. The other way round it would be in none.
"""

import asyncio
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from broker import shelf_copy
from broker.shelf_copy import NotCopied
from config.backup.archive import FORMAT, Contents, Part, beside, in_one_line, pack, sums_of
from config.database import database_of
from config.errors import StartRefused
from config.folder import Folder
from config.settings import Settings
from config.settings_store import DatabaseUrl
from store import StoreError, backup_sqlite, schema


def make(settings: Settings, file: Path, *, with_key: bool, without_broker: bool, now: datetime) -> Contents:
    """Write the backup to `file`, which must not be there. Raises StartRefused; then there is no such file."""
    folder, file = Folder(settings.data), file.absolute()
    if file.exists():
        raise StartRefused(f"{file} exists already; give another name, or move it away")
    with in_one_line("back up"), beside(file) as parts:
        try:
            contents = _gather(settings, folder, parts, with_key=with_key, without_broker=without_broker, now=now)
        except (StoreError, NotCopied) as error:
            raise StartRefused(f"cannot back up: {error}") from error
        pack(parts, contents, into=file)
    return contents


def _gather(
    settings: Settings, folder: Folder, parts: Path, *, with_key: bool, without_broker: bool, now: datetime
) -> Contents:
    database = database_of(settings, folder)
    revision = _revision(database)
    if folder.shelf.exists() and not without_broker:
        shelf_copy.copy(folder.shelf, parts / Part.SHELF)
    counts = _copy(database, parts)
    if with_key:
        _copy_key(folder, parts)
    return Contents(
        format=FORMAT,
        innwatch=version("innwatch"),
        made_at=now.isoformat(timespec="seconds"),
        revision=revision,
        counts=counts,
        sums=sums_of(parts),
    )


def _revision(database: DatabaseUrl) -> str:
    revision = schema.revision_of(database.url)
    if revision is None:
        raise StartRefused(f"there is nothing to back up in {database}")
    if revision not in schema.REVISIONS:
        raise StartRefused(f"{database} was written by a newer Innwatch; back it up with that one")
    return revision


def _copy(database: DatabaseUrl, parts: Path) -> dict[str, int]:
    if database.file is not None:
        backup_sqlite.copy(database.file, parts / Part.SQLITE)
        return backup_sqlite.counts(parts / Part.SQLITE)
    from store import backup_postgres  # noqa: PLC0415 - asyncpg, where it is needed

    return asyncio.run(backup_postgres.dump(database.url, parts / Part.POSTGRESQL))


def _copy_key(folder: Folder, parts: Path) -> None:
    try:
        key = (folder.path / Part.KEY).read_bytes()
    except FileNotFoundError:
        raise StartRefused(f"there is no {folder.path / Part.KEY}: SECRET_KEY is kept where you keep it") from None
    (parts / Part.KEY).write_bytes(key)
    if folder.keys.exists():
        (parts / Part.KEYS).write_bytes(folder.keys.read_bytes())
