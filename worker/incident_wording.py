"""What the notice of an incident says: one for all its tablets, in the same layout as an alert's (`worker.wording`)."""

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo

from rules.alerts import Because
from rules.incident import IncidentSnapshot, Outage
from rules.words import explain, one_line, place_in_words
from store.records import NoticeKind
from worker.wording import LATE_FROM_MINUTES, Notice, moment_of


def word_incident(
    incident: IncidentSnapshot,
    kind: NoticeKind,
    *,
    hotel: str,
    zone: tzinfo,
    now: datetime,
    console_url: str | None = None,
) -> Notice:
    """Word one notice of an incident as it is now. `hotel` is its name for people, `zone` its time zone."""
    over = kind is NoticeKind.INCIDENT_OVER
    place = place_in_words(incident.scope, incident.place)
    head = f"{'OUTAGE OVER' if over else 'OUTAGE'} - {place}: {_happened(incident, over=over)}"
    return Notice(
        subject=f"{head} - {one_line(hotel)}",
        headline=head,
        facts=tuple(_facts(incident, hotel=hotel, zone=zone)),
        reasons=tuple(explain(reason, zone) for reason in incident.why),
        remark=_remark(incident, over=over, zone=zone, now=now),
        link=f"{console_url.rstrip('/')}/#incidents/{incident.id}" if console_url else None,
        urgent=not over,
    )


def _happened(incident: IncidentSnapshot, *, over: bool) -> str:
    if not over and _lasting(incident) is not None:
        return f"{incident.members - incident.back} of {_tablets(incident.members)} are still silent"
    if not over and incident.rule is Outage.OWN:
        return f"{_tablets(incident.members)} did not come back after Innwatch was away"
    if not over:
        return f"{_tablets(incident.members)} fell silent at once"
    if incident.lost:
        return f"{incident.back} of {_tablets(incident.members)} are back, {incident.lost} did not return"
    if incident.back < incident.members:
        return f"{incident.back} of {_tablets(incident.members)} are back, nobody waits for the others"
    return f"all of {_tablets(incident.members)} are back"


def _lasting(incident: IncidentSnapshot) -> timedelta | None:
    """How long it had lasted when people were last told that it does."""
    still = (reason.observed for reason in incident.why if reason.because is Because.STILL_FIRING)
    return next((timedelta(seconds=lasted) for lasted in still if isinstance(lasted, float)), None)


def _tablets(count: int) -> str:
    return "1 tablet" if count == 1 else f"{count} tablets"


def _facts(incident: IncidentSnapshot, *, hotel: str, zone: tzinfo) -> Iterable[tuple[str, str]]:
    yield "Hotel", one_line(hotel)
    yield "Place", place_in_words(incident.scope, incident.place)
    yield "Tablets", str(incident.members)
    yield "Back", str(incident.back)
    if incident.closed_at is not None:
        yield "Did not return", str(incident.lost)
    yield "Began", moment_of(incident.opened_at, zone)
    if incident.closed_at is not None:
        yield "Ended", moment_of(incident.closed_at, zone)
    yield "Incident", incident.id


def _remark(incident: IncidentSnapshot, *, over: bool, zone: tzinfo, now: datetime) -> str | None:
    if not over and incident.closed_at is not None:
        return f"It was over at {moment_of(incident.closed_at, zone)}, before this could be sent."
    happened = incident.opened_at + (_lasting(incident) or timedelta(0))
    if over and incident.closed_at is not None:
        happened = incident.closed_at
    minutes = (now - happened) // timedelta(minutes=1)
    if minutes >= LATE_FROM_MINUTES:
        return f"This is {minutes} minutes old, because it could not be sent earlier. It may have changed since."
    if over:
        return "Whoever did not return has an alert of its own." if incident.lost else None
    if _lasting(incident) is not None:
        return "While it lasts nobody is told of any of these tablets by itself. You are told of it again every hour."
    return "Each tablet's alert stands in Innwatch; you are told again of those that do not return with the others."
