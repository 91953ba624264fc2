"""Notices of incidents: what an incident says instead of the alerts that it speaks for, in the transaction of its turn.

Its notice is due when the first of theirs would have been, and theirs are cancelled and say so.
"""

from datetime import datetime
from typing import Final

from rules.outage import IncidentChange, Turn
from store import telling
from store.incidents import Written
from store.records import NoticeKind
from store.telling import HEARS, OF_IT, PART_OF
from store.times import moment
from store.transaction import Transaction

_OVER_BEFORE: Final = "it was over before anybody was told of it"

_NONE_WAITS: Final = (
    " AND NOT EXISTS (SELECT 1 FROM notification AS waits WHERE waits.hotel_key = channel.hotel_key"
    " AND waits.incident_key = :incident AND waits.channel_key = channel.key AND waits.kind = CAST(:kind AS varchar)"
    " AND waits.state = 'pending')"
)


def wait_no_more(transaction: Transaction, hotel_key: int, *, alert_key: int | None, now: datetime) -> None:
    """The alert is over while its notice waits for others with the same cause: nobody need be told."""
    transaction.run(
        "UPDATE notification SET state = 'cancelled', due_at = NULL, finished_at = :now, last_error = :why"
        " WHERE hotel_key = :hotel AND alert_key = :alert AND state = 'pending' AND attempts = 0 AND due_at > :now",
        now=now,
        why=_OVER_BEFORE,
        hotel=hotel_key,
        alert=alert_key,
    )


def tell(
    transaction: Transaction,
    hotel_key: int,
    change: IncidentChange,
    written: Written,
    *,
    event_id: int,
    now: datetime,
) -> None:
    """Tell of an incident in place of its alerts: that it opened, is wider than was told or lasts, and that it is over.

    One that becomes part of another falls silent, and of each tablet that joins or comes back nobody is told.
    `event_id` is that of its turn.
    """
    due = _speak_for(transaction, hotel_key, written, now=now)
    if change.turn is Turn.CLOSED:
        why = _OVER_BEFORE if change.into is None else PART_OF.format(change.into)
        _cancel_waiting(transaction, hotel_key, written.key, why=why, now=now)
    if change.turn is Turn.GREW or change.into is not None:
        return
    if change.turn is Turn.CLOSED:
        _tell_of(transaction, hotel_key, NoticeKind.INCIDENT_OVER, written, event_id=event_id, due=now, now=now)
    elif change.incident.back_at is None:
        _tell_of(transaction, hotel_key, NoticeKind.INCIDENT, written, event_id=event_id, due=due or now, now=now)


def _speak_for(transaction: Transaction, hotel_key: int, written: Written, *, now: datetime) -> datetime | None:
    """Stop what tells of the alerts that the incident took in; when the first of it was due, if anything was."""
    dues = []
    for alert_key in written.absorbed:
        dues += transaction.rows(
            "SELECT min(due_at) FROM notification WHERE hotel_key = :hotel AND alert_key = :alert"
            " AND state = 'pending' AND kind <> 'recovered' HAVING min(due_at) IS NOT NULL",
            hotel=hotel_key,
            alert=alert_key,
        )
        why = PART_OF.format(written.incident.id)
        telling.stop(transaction, hotel_key, alert_key=alert_key, why=why, now=now)
    return moment(min(due for (due,) in dues)) if dues else None


def _cancel_waiting(transaction: Transaction, hotel_key: int, incident_key: int, *, why: str, now: datetime) -> None:
    transaction.run(
        "UPDATE notification SET state = 'cancelled', due_at = NULL, finished_at = :now, last_error = :why"
        " WHERE hotel_key = :hotel AND incident_key = :incident AND kind = 'incident' AND state = 'pending'"
        " AND attempts = 0 AND due_at > :now",
        now=now,
        why=why,
        hotel=hotel_key,
        incident=incident_key,
    )


def _tell_of(
    transaction: Transaction,
    hotel_key: int,
    kind: NoticeKind,
    written: Written,
    *,
    event_id: int,
    due: datetime,
    now: datetime,
) -> None:
    """Write one notification per channel, but where one of the same kind waits: that tells of the incident as it is
    when it is sent.
    """
    transaction.run(
        "INSERT INTO notification (hotel_key, incident_key, channel_key, kind, alert_revision, event_id, state,"  # noqa: S608
        " attempts, due_at, created_at)"
        " SELECT channel.hotel_key, :incident, channel.key, :kind, :revision, :event, 'pending', 0, :due, :now"
        f" FROM channel WHERE channel.hotel_key = :hotel AND{HEARS}{_NONE_WAITS} ORDER BY channel.key",
        incident=written.key,
        of_it=OF_IT,
        is_of_it=False,
        kind=kind,
        revision=written.incident.revision,
        event=event_id,
        due=due,
        now=now,
        hotel=hotel_key,
    )
