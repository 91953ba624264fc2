"""Putting a backup into an installation that is empty. What is there is never overwritten."""

import asyncio
import os
import tempfile
from pathlib import Path

from config.backup.archive import Contents, Part, beside, contents_of, in_one_line, settle, unpack
from config.database import database_of
from config.errors import StartRefused
from config.folder import Folder
from config.settings import Settings
from config.settings_store import DatabaseUrl
from store import StoreError, backup_sqlite, schema


def put_back(settings: Settings, file: Path) -> Contents:
    """Restore all that is in `file`. Raises StartRefused; then nothing is there that was not."""
    with in_one_line("restore"):
        return _put_back(settings, file)


def _put_back(settings: Settings, file: Path) -> Contents:
    contents, folder = contents_of(file), Folder(settings.data)
    database = database_of(settings, folder)
    _refuse_what_cannot_be(contents, folder, database)
    if contents.sums.keys() == {Part.POSTGRESQL}:  # no folder is needed then
        with beside(_with_room(file, folder) / file.name) as parts:
            unpack(file, parts)
            _fill_server(database, parts, contents)
        return contents
    folder = Folder.make(settings.data, for_tests=False)
    with folder.wholly_locked(), beside(folder.path / "restored") as parts:
        unpack(file, parts)
        if contents.database is Part.POSTGRESQL:
            _fill_server(database, parts, contents)
        else:
            _look_at_file(parts, contents)
        # The database last: it is what says that there is an installation here.
        for part in (Part.KEY, Part.KEYS, Part.SHELF, Part.SQLITE):
            if (parts / part).exists():
                (parts / part).replace(folder.path / part)
        settle(folder.path)
    return contents


def _with_room(file: Path, folder: Folder) -> Path:
    """Where the parts of a backup find room: beside it, or in the data folder. The system's own place may be memory."""
    places = (file.absolute().parent, folder.path)
    return next((path for path in places if os.access(path, os.W_OK | os.X_OK)), Path(tempfile.gettempdir()))


def _refuse_what_cannot_be(contents: Contents, folder: Folder, database: DatabaseUrl) -> None:
    if contents.revision not in schema.REVISIONS:
        raise StartRefused(
            f"it was made by Innwatch {contents.innwatch} and has schema {contents.revision}; this one knows up to"
            f" {schema.HEAD}: restore it with a newer one"
        )
    if contents.database is Part.POSTGRESQL and database.file is not None:
        raise StartRefused("it is of a PostgreSQL server: name an empty database of one by DATABASE_URL")
    if contents.database is Part.SQLITE and database.file is None:
        raise StartRefused("it is of a data folder: restore it without DATABASE_URL, then use `innwatch copy`")
    if contents.database is Part.SQLITE and database.file != folder.database.absolute():
        raise StartRefused("restore it without DATABASE_URL, and move the database to its place")
    for part in contents.sums:
        if (folder.path / part).exists():
            raise StartRefused(f"{folder.path / part} is there already; give an empty folder by --data")


def _look_at_file(parts: Path, contents: Contents) -> None:
    try:
        found = backup_sqlite.counts(parts / Part.SQLITE)
    except StoreError as error:
        raise StartRefused(f"cannot restore: {error}") from error
    if found != contents.counts:
        raise StartRefused("cannot restore: the rows in the copy are not those that were counted")


def _fill_server(database: DatabaseUrl, parts: Path, contents: Contents) -> None:
    from store import backup_postgres  # noqa: PLC0415 - asyncpg, where it is needed

    url = database.url
    try:
        if found := asyncio.run(backup_postgres.counts(url)):
            raise StartRefused(f"{database} is not empty, it has {len(found)} tables; name one that is by DATABASE_URL")
        asyncio.run(backup_postgres.restore(url, parts / Part.POSTGRESQL))
        found = asyncio.run(backup_postgres.counts(url))
    except StoreError as error:
        raise StartRefused(f"cannot restore: {error}") from error
    if found != contents.counts:
        raise StartRefused(f"the rows in {database} are not those that were counted; drop it, and try again")
