"""`innwatch prune`: forget now what is older than it is kept, instead of within the hour."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data
from config.cli.printing import print_json, print_table, warn

if TYPE_CHECKING:
    from store.retention import Pruned

_WORDS = {
    "message": "messages (with PostgreSQL, days of them)",
    "minute": "minutes of histories",
    "command": "commands",
    "event": "events",
    "alert": "alerts that are over",
    "incident": "incidents",
    "notification": "notifications",
    "maintenance": "maintenance windows",
    "clearance": "clearances",
    "quarantine": "refused messages",
    "orphan": "strangers",
}


def prune(
    believe: Annotated[
        bool, typer.Option("--believe-clock", help="All that is too old by this machine's clock, not a day's worth.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Forget what is older than INNWATCH_RETENTION_DAYS and its like say; `up` and `bridge` do it every hour.

    Without --believe-clock a day's worth of each goes, the oldest first: a clock that is years ahead costs no more.
    """

    async def work(at: Installation) -> "Pruned":
        return await at.store.prune(at.settings.retention.kept(), believing=believe, by=at.by, now=at.now())

    pruned = with_installation(data, work)
    if as_json:
        print_json(
            {"gone": pruned.gone, "heldBackDays": round(max(pruned.held_back, timedelta()) / timedelta(days=1), 1)}
        )
        return
    print_table(("what", "gone"), [(_WORDS.get(table, table), rows) for table, rows in sorted(pruned.gone.items())])
    if pruned.held_back > timedelta():
        days = pruned.held_back / timedelta(days=1)
        warn(f"{days:.1f} days of messages are too old and stay; if this machine's clock is right: --believe-clock")
