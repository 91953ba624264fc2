"""What became of a notice that was claimed. Compare-and-swap: a claim that was taken over records nothing."""

from datetime import datetime

from rules.ids import HotelId
from rules.mail import without_addresses
from store import events
from store.events import Entry, NoticeOutcome
from store.records import ChannelKind, EventType, NoticeKind, NotificationId, NotificationState
from store.transaction import Transaction


def give_back(
    transaction: Transaction,
    hotel_id: HotelId,
    notification_id: NotificationId,
    *,
    worker: str,
    now: datetime,
    error: str,
    next_at: datetime,
) -> bool:
    changed = transaction.run(
        "UPDATE notification SET leased_by = NULL,"
        " state = CASE WHEN not_again IS NULL THEN 'pending' ELSE 'cancelled' END,"
        " due_at = CASE WHEN not_again IS NULL THEN CAST(:next_at AS bigint) END,"
        " finished_at = CASE WHEN not_again IS NOT NULL THEN CAST(:now AS bigint) END,"
        " last_error = coalesce(not_again, :error)"
        " WHERE id = :id AND hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)"
        " AND state = 'sending' AND leased_by = :worker",
        next_at=next_at,
        now=now,
        error=error,
        id=notification_id,
        hotel=hotel_id,
        worker=worker,
    )
    transaction.news = True  # There is room for another one of its channel.
    return changed == 1


def take_back(transaction: Transaction, *, worker: str, now: datetime) -> int:
    changed = transaction.run(
        "UPDATE notification SET state = 'pending', due_at = :now, leased_by = NULL"
        " WHERE state = 'sending' AND due_at IS NOT NULL AND attempts = 1"
        " AND substr(leased_by, 1, :length) = :worker",
        now=now,
        length=len(worker),
        worker=worker,
    )
    transaction.news = transaction.news or changed > 0
    return changed


def finish(
    transaction: Transaction,
    hotel_id: HotelId,
    notification_id: NotificationId,
    *,
    worker: str,
    now: datetime,
    state: NotificationState,
    error: str | None,
) -> bool:
    row = transaction.row(
        "UPDATE notification SET state = :state, due_at = NULL, leased_by = NULL, finished_at = :now,"
        " last_error = coalesce(:error, last_error)"
        " WHERE id = :id AND hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)"
        " AND state = 'sending' AND leased_by = :worker"
        " RETURNING kind, alert_key, (SELECT alert.id FROM alert WHERE alert.key = notification.alert_key),"
        " (SELECT channel.kind FROM channel WHERE channel.key = notification.channel_key),"
        " (SELECT incident.id FROM incident WHERE incident.key = notification.incident_key)",
        state=state,
        now=now,
        error=error,
        id=notification_id,
        hotel=hotel_id,
        worker=worker,
    )
    if row is None:
        return False
    kind, alert_key, alert_id, channel, incident_id = row
    outcome = NoticeOutcome(ChannelKind(channel), NoticeKind(kind), alert_id, incident_id, _told(error))
    sent = state is NotificationState.DELIVERED
    entry = Entry(
        at=now,
        type=EventType.NOTIFICATION_SENT if sent else EventType.NOTIFICATION_DEAD,
        subject=alert_id or incident_id,
        data=events.encoded(outcome),
        alert_key=alert_key,
    )
    events.append(transaction, hotel_id, [entry])
    return True


def _told(error: str | None) -> str | None:
    """As an event says it, which integrators read too; the ledger has it whole, for the hotel's people."""
    return None if error is None else without_addresses(error)
