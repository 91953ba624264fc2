"""An incident's life, step by step, from the events of the hotel that tell of it."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import msgspec

from rules.ids import HotelId, IncidentId
from rules.incident import IncidentSnapshot
from store.events import NoticeOutcome
from store.records import EventType, IncidentStep
from store.times import moment
from store.transaction import Row, Transaction

# As words, not as parameters: the partial index is used only where the planner sees its condition.
_STEPS: Final = (
    "SELECT event.id, event.at, event.type, event.data FROM event"
    " WHERE event.hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel) AND event.subject = :incident"
    " AND event.alert_key IS NULL AND event.type IN ('incident.opened', 'incident.changed', 'incident.closed',"
    " 'notification.sent', 'notification.dead') ORDER BY event.id"
)
_NOTICES: Final = {EventType.NOTIFICATION_SENT, EventType.NOTIFICATION_DEAD}
_incident = msgspec.json.Decoder(IncidentSnapshot).decode
_outcome = msgspec.json.Decoder(NoticeOutcome).decode


def steps(transaction: Transaction, hotel_id: HotelId, incident_id: IncidentId) -> list[IncidentStep]:
    """In order. Of turns that follow one another and only count, the last: a floor comes back tablet by tablet."""
    rows = transaction.rows(_STEPS, hotel=hotel_id, incident=incident_id)
    return list(_worth_telling(_read(rows)))


def _read(rows: Iterable[Row]) -> list[IncidentStep]:
    told, taken_by = [], None
    for id_, at, type_, data in rows:
        kind = EventType(type_)
        if kind in _NOTICES:
            out = _outcome(data)
            told.append(
                IncidentStep(id=id_, at=moment(at), type=kind, channel=out.channel, notice=out.kind, error=out.error)
            )
            continue
        incident = _incident(data)
        by = None if incident.acknowledged is None else incident.acknowledged.by
        told.append(
            IncidentStep(
                id=id_,
                at=moment(at),
                type=kind,
                scope=incident.scope,
                place=incident.place,
                members=incident.members,
                back=incident.back,
                lost=incident.lost,
                by=by if by != taken_by else None,
            )
        )
        taken_by = by
    return told


def _worth_telling(told: list[IncidentStep]) -> Iterable[IncidentStep]:
    for step, following in pairwise([*told, None]):
        if step is not None and not (_only_counts(step) and following is not None and _goes_on(step, following)):
            yield step


def _only_counts(step: IncidentStep) -> bool:
    return step.type is EventType.INCIDENT_CHANGED and step.by is None


def _goes_on(step: IncidentStep, following: IncidentStep) -> bool:
    return _only_counts(following) and (following.scope, following.place) == (step.scope, step.place)
