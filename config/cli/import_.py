"""`innwatch import`: what the old system knew of a hotel is taken over."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, id_text
from config.cli.printing import print_json, print_table
from config.errors import BadSetting, StartRefused
from config.settings_legacy import LEGACY_HOTEL
from config.variable import Environment
from rules.ids import HotelId

if TYPE_CHECKING:
    from config.importing import Report


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export of the old system: JSON lines.")],
    *,
    hotel: Annotated[
        str | None,
        typer.Option(
            "--hotel", help="The hotel that it is of.", parser=id_text, metavar="HOTEL", show_default=LEGACY_HOTEL.name
        ),
    ] = None,
    shared_token: Annotated[
        bool,
        typer.Option("--shared-token/--no-shared-token", help="Whether API_TOKEN may speak for tablets that are new."),
    ] = True,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take over rooms, tablets and alerts. What is there stays as it is; doing it again does no harm."""
    hotel_id = _hotel(hotel)
    size = _size(file)

    async def work(at: Installation) -> "Report":
        from config.importing import Import

        with _bar(2 * size) as told:
            run = Import(at.store, hotel_id, shared_token=shared_token, by=at.by, now=at.now(), told=told)
            return await run.run(file)

    try:
        report = with_installation(data, work)
    except OSError as error:
        raise _unreadable(file, error) from error
    if as_json:
        print_json(report)
    else:
        _show(report, file)


def _hotel(said: str | None) -> HotelId:
    found = Environment(os.environ).read(LEGACY_HOTEL) if said is None else HotelId(said)  # noqa: TID251, as in installation
    if found is None:
        raise BadSetting(f"say which hotel it is of: --hotel HOTEL, or {LEGACY_HOTEL}")
    return found


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: OSError) -> StartRefused:
    return StartRefused(f"{file}: {error.strerror}")


@contextmanager
def _bar(size: int) -> "Iterator[Callable[[int], None]]":
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("importing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("importing", total=size)
        yield lambda done: bar.update(task, completed=done)


def _show(report: "Report", file: Path) -> None:
    print(f"taken over from {file} into {report.hotel_id}:")
    print_table(
        ("", "new", "there already"),
        [
            ("rooms", report.rooms, report.rooms_there),
            ("tablets", report.devices, report.devices_there),
            ("alerts", report.alerts, report.alerts_there),
        ],
    )
    if report.not_used:
        print("not used:")
        print_table(
            ("lines", "because", "such as line"),
            [(one.count, why.value, tuple(one.lines)) for why, one in report.not_used.items()],
        )
