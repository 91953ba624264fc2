"""`innwatch incident`: outages that are told as one; who is back, who is not, and taking one on."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.cli.installation import Installation, with_installation
from config.cli.life import outage_in_words, step_in_words
from config.cli.options import AsJson, Data, HotelArgument, id_text
from config.cli.printing import in_zone, plain, print_facts, print_json, print_table
from rules.ids import HotelId, IncidentId

if TYPE_CHECKING:
    from datetime import tzinfo

    from rules.alerts import AlertSnapshot
    from rules.forecast import Walked
    from rules.incident import IncidentSnapshot
    from store.records import Hotel, IncidentStep

app = typer.Typer(name="incident", help="Many silences with one cause, told as one.", no_args_is_help=True)

IncidentArgument = Annotated[str, typer.Argument(metavar="INCIDENT", help="The incident's id.", parser=id_text)]


@app.command("list")
def list_(
    hotel: HotelArgument,
    *,
    open_only: Annotated[bool, typer.Option("--open", help="Only those that are not over.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="At most so many.", min=1, max=10_000)] = 50,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List a hotel's incidents, the newest first."""
    from zoneinfo import ZoneInfo

    from rules.words import place_in_words

    found, incidents = with_installation(data, lambda at: _newest(at, HotelId(hotel), open_only=open_only, limit=limit))
    if as_json:
        print_json(incidents)
        return
    zone = ZoneInfo(found.timezone)
    print_table(
        ("opened", "closed", "where", "tablets", "back", "lost", "taken on by", "id"),
        [
            (
                in_zone(one.opened_at, zone),
                in_zone(one.closed_at, zone),
                place_in_words(one.scope, one.place),
                one.members,
                one.back,
                one.lost,
                None if one.acknowledged is None else one.acknowledged.by,
                one.id,
            )
            for one in incidents
        ],
    )


@app.command("show")
def show(hotel: HotelArgument, incident: IncidentArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Show an incident with its tablets, those that are not back first, by floor and room, and its timeline."""
    from zoneinfo import ZoneInfo

    found, one, alerts, steps = with_installation(data, lambda at: _whole(at, HotelId(hotel), IncidentId(incident)))
    if as_json:
        print_json(_with(one, alerts=alerts, timeline=steps))
        return
    zone = ZoneInfo(found.timezone)
    _print_incident(one, zone)
    print()
    print_table(
        ("room", "tablet", "how", "since", "alert"),
        [
            (alert.room_id, alert.device_id, how, in_zone(at, zone), alert.id)
            for alert in sorted(alerts, key=_walked)
            for how, at in [_how(alert)]
        ],
    )
    print()
    print_table(
        ("at", "what", "who", "more"),
        [(in_zone(step.at, zone), step_in_words(step), step.by, _more(step)) for step in steps],
    )


@app.command("acknowledge")
def acknowledge(hotel: HotelArgument, incident: IncidentArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Take an incident on: what is pending of its notices is not sent. The alerts of its tablets stay as they are."""

    async def work(at: Installation) -> "IncidentSnapshot":
        return await at.store.acknowledge_incident(HotelId(hotel), IncidentId(incident), by=at.by, now=at.now())

    taken = with_installation(data, work)
    if as_json:
        print_json(taken)
    else:
        print(f"acknowledged {incident} of {hotel}")


def _print_incident(incident: "IncidentSnapshot", zone: "tzinfo") -> None:
    from rules.words import explain, place_in_words

    taken = incident.acknowledged
    print_facts(
        {
            "incident": incident.id,
            "what": outage_in_words(incident),
            "where": place_in_words(incident.scope, incident.place),
            "opened": in_zone(incident.opened_at, zone),
            "most are back": in_zone(incident.back_at, zone),
            "closed": in_zone(incident.closed_at, zone),
            "part of": incident.part_of,
            "tablets": incident.members,
            "back": incident.back,
            "did not return": incident.lost,
            "taken on by": None if taken is None else f"{taken.by}, {plain(in_zone(taken.at, zone))}",
        }
    )
    for reason in incident.why:
        print(f"- {explain(reason, zone)}")


def _walked(alert: "AlertSnapshot") -> "tuple[bool, Walked, Walked, str]":
    """Where a tablet stands in the list, by which people walk: whoever is not back before whoever is."""
    from rules.forecast import walked

    return alert.resolved_at is not None, walked(alert.floor), walked(alert.room_id), alert.device_id


def _how(alert: "AlertSnapshot") -> tuple[str, Any]:
    """How a tablet of an incident is, and since when."""
    from rules.alerts import Because

    if alert.resolved_at is not None:
        return ("back" if alert.resolved_by is None else f"resolved by {alert.resolved_by}"), alert.resolved_at
    if any(reason.because is Because.DID_NOT_RETURN for reason in alert.why):
        return "did not return", alert.opened_at
    return "silent", alert.opened_at


def _more(step: "IncidentStep") -> str | None:
    """What a step says beside who and when."""
    from rules.words import place_in_words

    if step.scope is None:
        return step.error
    tablets = "1 tablet" if step.members == 1 else f"{step.members} tablets"
    lost = f", {step.lost} did not return" if step.lost else ""
    how = f"{step.back} of {tablets} back" if step.back or lost else f"{tablets} silent"
    return f"{place_in_words(step.scope, step.place)}: {how}{lost}"


def _with(incident: "IncidentSnapshot", **more: object) -> dict[str, object]:
    import msgspec

    whole: dict[str, object] = msgspec.to_builtins(incident)
    return {**whole, **more}


async def _whole(
    at: Installation, hotel_id: HotelId, incident_id: IncidentId
) -> "tuple[Hotel, IncidentSnapshot, list[AlertSnapshot], list[IncidentStep]]":
    from store import NotFound

    hotel = await at.store.hotel(hotel_id)
    incident = await at.store.incident(hotel_id, incident_id)
    if incident is None:
        raise NotFound("incident", incident_id)
    alerts = await at.store.incident_alerts(hotel_id, incident_id)
    return hotel, incident, alerts, await at.store.incident_steps(hotel_id, incident_id)


async def _newest(
    at: Installation, hotel_id: HotelId, *, open_only: bool, limit: int
) -> "tuple[Hotel, list[IncidentSnapshot]]":
    hotel = await at.store.hotel(hotel_id)
    incidents: list[IncidentSnapshot] = []
    cursor: str | None = None
    while len(incidents) < limit:
        page = await at.store.incidents(
            hotel_id, open_only=open_only, cursor=cursor, limit=min(limit - len(incidents), 100)
        )
        incidents.extend(page.items)
        cursor = page.next
        if cursor is None:
            break
    return hotel, incidents
