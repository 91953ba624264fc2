"""`innwatch backup` and `innwatch restore`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import settings_of, with_installation
from config.cli.options import Data
from config.cli.printing import print_facts, warn
from config.clock import Clock

if TYPE_CHECKING:
    from config.backup.archive import Contents

BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


def backup(
    file: BackupFile,
    data: Data = None,
    *,
    with_key: Annotated[
        bool, typer.Option("--with-signing-key", help="Put signing.key in: whoever has the file can be anybody.")
    ] = False,
    without_broker: Annotated[
        bool, typer.Option("--without-broker", help="Leave broker.sqlite3 out: kept sessions begin anew.")
    ] = False,
) -> None:
    """Write all of an installation into one file, beside whatever runs; checked before it gets its name.

    A PostgreSQL server is copied by its own pg_dump, which has to be here.
    """
    settings = settings_of(data=data)
    from config.backup.archive import Part
    from config.backup.make import make

    now = Clock(settings.clock_file).now()
    contents = make(settings, file, with_key=with_key, without_broker=without_broker, now=now)
    _print(file, contents)
    _note(file, data)
    if Part.KEY not in contents.sums:
        warn("the signing key is not in it: keep signing.key, or SECRET_KEY, where the backup is not")


def _note(file: Path, data: Path | None) -> None:
    """Put it into the audit, from which its age is known."""
    from config.errors import StartRefused
    from store import Deed

    try:
        with_installation(
            data,
            lambda at: at.store.write_audit(None, Deed.BACKUP_MADE, by=at.by, subject=file.name, now=at.now()),
        )
    except StartRefused as error:
        warn(f"the backup is whole, but doctor and metrics will not know of it: {error}")


def restore(file: BackupFile, data: Data = None) -> None:
    """Put a backup into an empty data folder, or into the empty database that DATABASE_URL names.

    What was done since the backup was made is not in it: whoever was thrown out since then is in again.
    """
    settings = settings_of(data=data)
    from config.backup.archive import Part
    from config.backup.put_back import put_back
    from store import schema

    contents = put_back(settings, file)
    _print(file, contents)
    if contents.revision != schema.HEAD:
        warn("its schema is old: run `innwatch migrate` before anything else is started (`innwatch up` does it itself)")
    if Part.KEY not in contents.sums and contents.database is Part.POSTGRESQL:
        warn("every process needs the SECRET_KEY that they had, or every token is void")
    elif Part.KEY not in contents.sums and settings.secret_key is None:
        warn(f"put its signing.key into {settings.data} before the start, or every token is void")
    warn("whoever was thrown out after it was made is in again: throw them out once more")


def _print(file: Path, contents: "Contents") -> None:
    rows = contents.counts
    print_facts(
        {
            "file": file,
            "made": contents.made_at,
            "by": f"Innwatch {contents.innwatch}, schema {contents.revision}",
            "holds": ", ".join(contents.sums),
            "rows": f"{rows.get('message', 0)} messages, {rows.get('alert', 0)} alerts, {sum(rows.values())} in all",
        }
    )
