"""`innwatch copy`: an installation in a data folder moves to PostgreSQL."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from config.cli.installation import settings_of, warn_of_surprises
from config.cli.options import Data, warn_of_password
from config.errors import BadSetting, StartRefused
from config.folder import Folder
from config.settings_store import DATABASE_URL, DatabaseUrl

if TYPE_CHECKING:
    from store.copying import Progress


def copy(
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="An empty PostgreSQL database; an address with a password in DATABASE_URL_FILE.",
            metavar="URL",
            show_default="DATABASE_URL",
        ),
    ] = None,
    *,
    data: Data = None,
) -> None:
    """Copy all of a data folder's database into an empty one of PostgreSQL. Stop `innwatch up` first.

    Run it again after it was interrupted: it goes on where it was.
    """
    settings = settings_of(data=data)
    target = settings.database_url if to is None else DATABASE_URL.value(to)
    if target is None:
        raise BadSetting(
            "say where to copy: DATABASE_URL_FILE, a file with postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or --to"
        )
    if target.file is not None:
        raise BadSetting(f"{'DATABASE_URL' if to is None else '--to'} must be a database of PostgreSQL, postgresql://…")
    warn_of_surprises()
    if to is not None and urlsplit(to).password:
        warn_of_password("--to", instead="DATABASE_URL_FILE")
    folder = Folder.find(settings.data)
    with folder.locked():
        counts = _copied(folder, target)
    _say_what_is_next(folder, target, rows=sum(counts.values()))


def _copied(folder: Folder, target: DatabaseUrl) -> dict[str, int]:
    from store import StoreError, schema
    from store.copying import copy as copy_rows

    try:
        schema.is_current(folder.database_url, migrate=False)
    except StoreError as error:
        raise StartRefused(f"{folder.database}: {error}; `innwatch up --data {folder.path}` does so") from error
    try:
        with _bar() as told:
            return asyncio.run(copy_rows(folder.database, target.url, told=told))
    except StoreError as error:
        raise StartRefused(f"{target}: {error}") from error


@contextmanager
def _bar() -> "Iterator[Callable[[Progress], None]]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("looking", total=None)
        yield lambda at: bar.update(task, description=at.table or "compared", completed=at.rows, total=at.of)


def _say_what_is_next(folder: Folder, target: DatabaseUrl, *, rows: int) -> None:
    keys = f", and INNWATCH_KEYS={folder.keys.absolute()}" if folder.keys.exists() else ""
    print(f"""\
All {rows:,} rows of {folder.database} are in {target}, table by table as many as there were.

What is next:
  1. Keep {folder.path}: it is the way back until you trust the new place.
  2. Give every process the same DATABASE_URL, REDIS_URL and key. Tokens that are out there stay good only with this
     folder's key: SECRET_KEY_FILE={folder.path.absolute() / "signing.key"} (or a copy of that file){keys}.
  3. Start `innwatch broker`, `bridge`, `api` and `worker`; no `innwatch up` on this folder any more.""")
