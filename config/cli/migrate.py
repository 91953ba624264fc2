"""`innwatch migrate`: brings the schema of the database to what this version needs, or says what it needs."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Annotated

import typer

from config.cli.installation import settings_of
from config.cli.options import Data
from config.database import database_of
from config.errors import StartRefused
from config.folder import Folder
from config.settings import Settings

_LONGEST = timedelta(days=1)
"""That one statement may take: a table is changed as long as it takes, but not by somebody who is gone."""


def migrate(
    data: Data = None,
    *,
    to: Annotated[
        str | None, typer.Option("--to", help="Another revision than this version's own.", metavar="REVISION")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 if there is something to do.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Go back although processes of Innwatch work on the database.")
    ] = False,
) -> None:
    """Bring the database's schema to what this version needs: all of it, or nothing.

    `innwatch up` does this by itself to its own file. Processes that share a server wait until it is done; before a way
    back they have to be stopped.
    """
    settings = settings_of(data=data)
    database, found, wanted = _look(settings, to=to)
    if found == wanted:
        print(f"{database}: schema {wanted}, nothing to do")
    elif check:
        words = "innwatch migrate" if to is None else f"innwatch migrate --to {to}"
        raise StartRefused(f"{database}: schema {found}, {wanted} is wanted: run `{words}`")
    else:
        with nullcontext() if anyway else _nobody_at_it(settings, found, wanted):
            print(f"{database}: from schema {found} to {wanted}")
            _move(settings, wanted)
        print("done")


def _look(settings: Settings, *, to: str | None) -> tuple[str, str, str]:
    """The database, the revision that it has, and the one that it is to have. Raises StartRefused."""
    from config.servers import store_limits
    from store import SchemaTooOld, StoreUnavailable, schema

    database = database_of(settings, Folder(settings.data))
    wanted = to or schema.HEAD
    if wanted not in {schema.BASE, *schema.REVISIONS}:
        raise typer.BadParameter(f"--to: there is no revision {wanted}; there are {', '.join(schema.REVISIONS)}")
    if database.file is not None and not database.file.exists():
        raise StartRefused(f"there is no database {database}; `innwatch up` makes one")
    try:
        found = schema.revision_of(database.url, limits=store_limits(settings)) or schema.BASE
    except (SchemaTooOld, StoreUnavailable) as error:
        raise StartRefused(f"cannot use {database}: {error}") from error
    if found not in {schema.BASE, *schema.REVISIONS}:
        raise StartRefused(
            f"{database}: schema {found} is of a newer Innwatch, this one knows up to {schema.HEAD}: install a newer"
            " one, or migrate back with the one that made it"
        )
    return str(database), found, wanted


@contextmanager
def _nobody_at_it(settings: Settings, found: str, wanted: str) -> Iterator[None]:
    """Make sure, for a way back, that nobody runs who knows only the newer schema. Raises StartRefused."""
    from config.servers import store_limits
    from store import StoreUnavailable, schema
    from store.company import company_at

    database, folder = database_of(settings, Folder(settings.data)), Folder(settings.data)
    order = (schema.BASE, *schema.REVISIONS)
    if order.index(wanted) > order.index(found):
        yield
    elif database.file == folder.database.absolute():
        with folder.locked():
            yield
    elif database.file is not None:
        yield
    else:
        try:
            others = asyncio.run(company_at(database.url, limits=store_limits(settings)))
        except StoreUnavailable as error:
            raise StartRefused(f"cannot use {database}: {error}") from error
        if others is not None:
            raise StartRefused(
                f"{database}: {others}; stop them before going back, or say --anyway: they would fail at every step"
            )
        yield


def _move(settings: Settings, wanted: str) -> None:
    from msgspec.structs import replace

    from config.servers import store_limits
    from store import SchemaTooNew, StoreUnavailable, WrongEncoding, schema

    database = database_of(settings, Folder(settings.data))
    try:
        schema.move_to(
            database.url, wanted, limits=replace(store_limits(settings), statement_timeout=_LONGEST), told=_tell
        )
    except (SchemaTooNew, WrongEncoding) as error:
        raise StartRefused(f"{database}: {error}") from error
    except StoreUnavailable as error:
        raise StartRefused(f"{database}: {error}; nothing was changed, try again") from error


def _tell(revision: str) -> None:
    print(f"  {revision}")
    sys.stdout.flush()
