"""Making notices, and taking them back: one row per change of an alert and channel that hears of it, in the transaction
of what it tells. From there on the row is the outbox's.

A silence waits a little for others with the same cause; where an incident explains them, its one row stands for theirs
(`store.incident_notices`).
"""

from datetime import datetime, timedelta

from rules.alerts import Family
from rules.ids import IncidentId
from store.records import NoticeKind, NotificationState
from store.transaction import Transaction

HEARS = (
    " channel.removed_at IS NULL AND ((channel.settings LIKE :of_it) = CAST(:is_of_it AS boolean) OR NOT EXISTS"
    " (SELECT 1 FROM channel AS fit WHERE fit.hotel_key = channel.hotel_key AND fit.removed_at IS NULL"
    " AND (fit.settings LIKE :of_it) = CAST(:is_of_it AS boolean)))"
)
"""That a channel is told of an alert: it is for the sort that the alert is of, or its hotel has none for that.

One that was removed is as if it were not there.
"""

OF_IT = '%"it":true%'
"""Settings are JSON of ours, in which a quotation mark that somebody gave us stands behind a backslash."""

ANSWERED_FOR = "somebody answered for the alert before this was sent"
SUPPRESSED = "something suppressed the alert before this was sent"
PART_OF = "told as part of incident {}"
EACH = "LIMIT 1 OFFSET 0"
"""Has PostgreSQL ask a subquery for each row, and only for rows that are wanted. It knows the outbox as it was when it
last took stock, with next to nothing due, and would else compare every notice of a storm with every other.
"""


def tell(  # noqa: PLR0913, what a row is made of
    transaction: Transaction,
    hotel_key: int,
    *,
    alert_key: int | None,
    family: Family,
    kind: NoticeKind,
    revision: int,
    event_id: int,
    now: datetime,
    wait: timedelta = timedelta(0),
    spoken_for: IncidentId | None = None,
) -> None:
    """Write one notification per channel that hears of it, in the transaction of what it tells: an alert's event.

    Of tokens the hotel's IT hears, of all else everybody but them; where there is no channel of one sort, the other.
    It is due after `wait`; what an incident speaks for is cancelled from the first, but for the end of it, which is
    told to whoever heard of the beginning.
    """
    cancelled = spoken_for is not None and kind is not NoticeKind.RECOVERED
    transaction.run(
        "INSERT INTO notification (hotel_key, alert_key, channel_key, kind, alert_revision, event_id, state,"  # noqa: S608
        " attempts, due_at, created_at, finished_at, last_error)"
        " SELECT channel.hotel_key, :alert, channel.key, :kind, :revision, :event, :state, 0, CAST(:due AS bigint),"
        " :now, CAST(:finished AS bigint), CAST(:why AS text)"
        f" FROM channel WHERE channel.hotel_key = :hotel AND{HEARS} ORDER BY channel.key",
        alert=alert_key,
        of_it=OF_IT,
        is_of_it=family is Family.TOKEN,
        kind=kind,
        revision=revision,
        event=event_id,
        state=NotificationState.CANCELLED if cancelled else NotificationState.PENDING,
        due=None if cancelled else now + wait,
        finished=now if cancelled else None,
        why=PART_OF.format(spoken_for) if cancelled else None,
        now=now,
        hotel=hotel_key,
    )


def tell_after_all(transaction: Transaction, hotel_key: int, *, alert_key: int, now: datetime) -> None:
    """Nobody answers for the alert any more: make due again what was cancelled for that, but not for whoever has been
    told something since.
    """
    transaction.run(
        "UPDATE notification SET state = 'pending', due_at = :now, finished_at = NULL, last_error = NULL"  # noqa: S608
        " WHERE hotel_key = :hotel AND alert_key = :alert AND state = 'cancelled' AND last_error = :why"
        " AND NOT EXISTS (SELECT 1 FROM notification AS later WHERE later.alert_key = notification.alert_key"
        " AND +later.channel_key = notification.channel_key AND later.id > notification.id"
        f" AND later.state = 'delivered' {EACH})",
        now=now,
        hotel=hotel_key,
        alert=alert_key,
        why=ANSWERED_FOR,
    )


def withhold(transaction: Transaction, hotel_key: int, *, alert_key: int | None, now: datetime) -> None:
    """From now on something suppresses the alert: nobody is told of it but of the end of it."""
    stop(transaction, hotel_key, alert_key=alert_key, why=SUPPRESSED, now=now)


def stop(transaction: Transaction, hotel_key: int, *, alert_key: int | None, why: str, now: datetime) -> None:
    """Cancel what is pending of an alert, and have what is under way not tried again; but for the end of it.

    What is under way may arrive, and then its recovery is to be told: so whoever sends it says what became of it.
    """
    transaction.run(
        "UPDATE notification SET state = 'cancelled', due_at = NULL, finished_at = :now, last_error = :why"
        " WHERE hotel_key = :hotel AND alert_key = :alert AND state = 'pending' AND kind <> 'recovered'",
        now=now,
        why=why,
        hotel=hotel_key,
        alert=alert_key,
    )
    transaction.run(
        "UPDATE notification SET not_again = :why"
        " WHERE hotel_key = :hotel AND alert_key = :alert AND state = 'sending' AND kind <> 'recovered'",
        why=why,
        hotel=hotel_key,
        alert=alert_key,
    )
