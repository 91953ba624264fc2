"""`innwatch alert`: list and show alerts, and answer them as people do in the console."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias, TypedDict

import typer

from config.cli.installation import Installation, with_installation
from config.cli.life import step_in_words
from config.cli.options import AsJson, Data, HotelArgument, id_text, length_text
from config.cli.printing import in_zone, plain, print_facts, print_json, print_table
from rules.ids import AlertId, HotelId, UserName

if TYPE_CHECKING:
    from datetime import tzinfo

    from rules.alerts import AlertSnapshot
    from store import Actor, Store
    from store.records import Hotel, TimelineEntry

    Answered: TypeAlias = Awaitable[AlertSnapshot]

app = typer.Typer(name="alert", help="Alerts, and what people answer to them.", no_args_is_help=True)


def _note(text: str) -> str:
    from rules.response import NOTE_LIMIT
    from rules.texts import WRONG_WITH_LINES, is_lines

    if not text.strip() or len(text) > NOTE_LIMIT:
        raise typer.BadParameter(f"a note has 1 to {NOTE_LIMIT} characters")
    if not is_lines(text):
        raise typer.BadParameter(f"the note {WRONG_WITH_LINES}")
    return text


def _which(text: str) -> str:
    if text not in {"open", "resolved", "all"}:
        raise typer.BadParameter("open, resolved or all")
    return text


AlertArgument = Annotated[str, typer.Argument(metavar="ALERT", help="The alert's id.", parser=id_text)]
Note = Annotated[str | None, typer.Option("--note", help="What to say about it.", parser=_note, metavar="TEXT")]
IfRevision = Annotated[
    int | None,
    typer.Option("--if-revision", help="Only if nobody has changed the alert since it was so.", min=1, metavar="N"),
]


@app.command("list")
def list_(
    hotel: HotelArgument,
    *,
    status: Annotated[
        str, typer.Option("--status", help="open, resolved or all.", parser=_which, metavar="STATUS")
    ] = "open",
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1, max=10_000)] = 50,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List a hotel's alerts, the newest first."""
    from zoneinfo import ZoneInfo

    found, alerts = with_installation(data, lambda at: _newest(at, HotelId(hotel), status, limit))
    if as_json:
        print_json(alerts)
        return
    zone = ZoneInfo(found.timezone)
    print_table(
        ("opened", "severity", "room", "tablet", "rule", "status", "signs", "acknowledged", "assignee", "id"),
        [
            (
                in_zone(one.opened_at, zone),
                one.severity,
                one.room_id,
                one.device_id,
                one.rule,
                one.status,
                _signs(one),
                None if one.acknowledged is None else one.acknowledged.by,
                one.assignee,
                one.id,
            )
            for one in alerts
        ],
    )


@app.command("show")
def show(hotel: HotelArgument, alert: AlertArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Show an alert with its reasons and its timeline, oldest step first."""
    from zoneinfo import ZoneInfo

    found, one, timeline = with_installation(data, lambda at: _whole(at, HotelId(hotel), AlertId(alert)))
    if as_json:
        import msgspec

        print_json({**msgspec.to_builtins(one), "timeline": msgspec.to_builtins(timeline)})
        return
    zone = ZoneInfo(found.timezone)
    _print_alert(one, zone)
    print()
    print_table(
        ("at", "what", "who", "more"),
        [(in_zone(step.at, zone), step_in_words(step), step.by, _more(step, zone)) for step in timeline],
    )


@app.command("acknowledge")
def acknowledge(
    hotel: HotelArgument,
    alert: AlertArgument,
    *,
    note: Note = None,
    if_revision: IfRevision = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take an alert on: nobody is told of it any more. While it is critical that lapses after an hour."""

    def give(store: "Store", about: About, given: Given) -> "Answered":
        return store.acknowledge(*about, note=note, **given)

    _answer(give, About.of(hotel, alert), if_revision, data, as_json=as_json, said=f"acknowledged {alert} of {hotel}")


@app.command("unacknowledge")
def unacknowledge(
    hotel: HotelArgument,
    alert: AlertArgument,
    *,
    if_revision: IfRevision = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Give an alert back, whoever has it."""

    def give(store: "Store", about: About, given: Given) -> "Answered":
        return store.unacknowledge(*about, **given)

    _answer(give, About.of(hotel, alert), if_revision, data, as_json=as_json, said=f"gave {alert} of {hotel} back")


@app.command("assign")
def assign(
    hotel: HotelArgument,
    alert: AlertArgument,
    person: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Whose it is to be; left out: nobody's.", parser=id_text)
    ] = None,
    *,
    if_revision: IfRevision = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say whose an alert is to be. It is not acknowledged by that."""

    def give(store: "Store", about: About, given: Given) -> "Answered":
        return store.assign_alert(*about, None if person is None else UserName(person), **given)

    said = f"{alert} of {hotel} is {person or 'nobody'}'s"
    _answer(give, About.of(hotel, alert), if_revision, data, as_json=as_json, said=said)


@app.command("note")
def note(
    hotel: HotelArgument,
    alert: AlertArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to add.", parser=_note)],
    *,
    if_revision: IfRevision = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add a line to an alert's timeline."""

    def give(store: "Store", about: About, given: Given) -> "Answered":
        return store.note_alert(*about, text, **given)

    _answer(give, About.of(hotel, alert), if_revision, data, as_json=as_json, said=f"noted it of {alert} of {hotel}")


@app.command("snooze")
def snooze(
    hotel: HotelArgument,
    alert: AlertArgument,
    *,
    lasts: Annotated[
        timedelta | None,
        typer.Option("--for", help="How long, such as 30m or 2h; 7d at most.", parser=length_text, metavar="TIME"),
    ] = None,
    is_over: Annotated[bool, typer.Option("--end", help="End it now.")] = False,
    if_revision: IfRevision = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Have nobody told of what is known of an alert for a while; of a critical one for an hour at most."""
    if (lasts is None) is not is_over:
        raise typer.BadParameter("say --for or --end")

    def give(store: "Store", about: About, given: Given) -> "Answered":
        return store.snooze_alert(*about, None if lasts is None else given["now"] + lasts, **given)

    said = f"the snooze of {alert} of {hotel} is over" if is_over else f"snoozed {alert} of {hotel}"
    _answer(give, About.of(hotel, alert), if_revision, data, as_json=as_json, said=said)


@app.command("resolve")
def resolve(
    hotel: HotelArgument,
    alert: AlertArgument,
    *,
    note: Note = None,
    if_revision: IfRevision = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """End an alert by hand. While its condition lasts nobody hears of it again, unless it gets more severe."""

    def give(store: "Store", about: About, given: Given) -> "Answered":
        from store.records import MemberRole

        return store.resolve_alert(*about, role=MemberRole.MANAGER, note=note, **given)

    _answer(give, About.of(hotel, alert), if_revision, data, as_json=as_json, said=f"resolved {alert} of {hotel}")


class About(NamedTuple):
    """The alert that is answered."""

    hotel_id: HotelId
    alert_id: AlertId

    @classmethod
    def of(cls, hotel: str, alert: str) -> "About":
        return cls(HotelId(hotel), AlertId(alert))


class Given(TypedDict):
    """What every answer comes with."""

    by: "Actor"
    now: datetime
    if_revision: int | None


def _answer(
    give: Callable[["Store", About, Given], "Answered"],
    about: About,
    if_revision: int | None,
    data: Path | None,
    *,
    as_json: bool,
    said: str,
) -> None:
    async def work(at: Installation) -> "AlertSnapshot":
        return await give(at.store, about, Given(by=at.by, now=at.now(), if_revision=if_revision))

    answered = with_installation(data, work)
    if as_json:
        print_json(answered)
    else:
        print(said)


def _print_alert(alert: "AlertSnapshot", zone: "tzinfo") -> None:
    from rules.words import HAPPENED, explain

    taken = alert.acknowledged
    print_facts(
        {
            "alert": alert.id,
            "what": HAPPENED[alert.rule],
            "tablet": alert.device_id,
            "room": alert.room_id,
            "rule": alert.rule,
            "severity": alert.severity,
            "status": alert.status,
            "condition": alert.condition,
            "signs": _signs(alert),
            "incident": alert.incident_id,
            "opened": in_zone(alert.opened_at, zone),
            "resolved": in_zone(alert.resolved_at, zone),
            "acknowledged": None if taken is None else f"{taken.by}, {plain(in_zone(taken.at, zone))}",
            "assignee": alert.assignee,
            "snoozed until": in_zone(alert.snoozed_until, zone),
            "revision": alert.revision,
        }
    )
    for reason in alert.why:
        print(f"- {explain(reason, zone)}")


def _signs(alert: "AlertSnapshot") -> tuple[str, ...]:
    """What an alert has been through, and what holds its notices back, as the console shows it."""
    from rules.alerts import AlertStatus, Because, Condition

    is_open = alert.status is AlertStatus.OPEN
    late = any(one.because in (Because.WIFI_OFF, Because.POWERED_OFF) and one.since for one in alert.why)
    found = {
        "waits for a person": is_open and alert.condition is Condition.CLEARED,
        "flapping": is_open and alert.flapping,
        f"reopened {alert.reopened}×": alert.reopened > 0,
        "told late": late,
        f"{alert.suppressed_by}: nobody is told": is_open and alert.suppressed_by is not None,
        "snoozed": is_open and alert.snoozed_until is not None,
    }
    return tuple(words for words, holds in found.items() if holds)


def _more(step: "TimelineEntry", zone: "tzinfo") -> str | None:
    """What a step of the timeline says beside who and when."""
    from rules.words import explain

    if step.channel is not None:
        return step.error
    until = None if step.until is None else f"until {plain(in_zone(step.until, zone))}"
    whose = None if step.assignee is None else f"to {step.assignee}"
    said = [one for one in (step.note, whose, until) if one]
    return ", ".join(said or [explain(reason, zone) for reason in step.why]) or None


async def _whole(
    at: Installation, hotel_id: HotelId, alert_id: AlertId
) -> "tuple[Hotel, AlertSnapshot, list[TimelineEntry]]":
    from store import NotFound

    hotel = await at.store.hotel(hotel_id)
    alert = await at.store.alert(hotel_id, alert_id)
    if alert is None:
        raise NotFound("alert", alert_id)
    return hotel, alert, await at.store.timeline(hotel_id, alert_id)


async def _newest(at: Installation, hotel_id: HotelId, status: str, limit: int) -> "tuple[Hotel, list[AlertSnapshot]]":
    from rules.alerts import AlertStatus

    hotel = await at.store.hotel(hotel_id)
    chosen = None if status == "all" else AlertStatus(status)
    alerts: list[AlertSnapshot] = []
    cursor: str | None = None
    while len(alerts) < limit:
        page = await at.store.alerts(hotel_id, status=chosen, cursor=cursor, limit=min(limit - len(alerts), 100))
        alerts.extend(page.items)
        cursor = page.next
        if cursor is None:
            break
    return hotel, alerts
