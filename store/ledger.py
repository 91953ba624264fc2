"""The ledger: what became of every notice, for people to read. The rows are those of the outbox."""

from rules.ids import AlertId, HotelId, IncidentId
from store import cursors
from store.database import Database
from store.records import ChannelKind, NoticeKind, Notification, NotificationId, NotificationState, Page
from store.times import maybe_moment, moment
from store.transaction import Row, Transaction

_LEDGER = (
    "SELECT notification.id, alert.id, channel.kind, notification.kind, notification.state, notification.attempts,"
    " notification.created_at, notification.due_at, notification.finished_at, notification.last_error,"
    " incident.id FROM notification JOIN hotel ON hotel.key = notification.hotel_key"
    " LEFT JOIN alert ON alert.key = notification.alert_key"
    " LEFT JOIN incident ON incident.key = notification.incident_key AND incident.hotel_key = hotel.key"
    " JOIN channel ON channel.key = notification.channel_key"
)


class Ledger:
    _database: Database

    async def notifications(
        self,
        hotel_id: HotelId,
        *,
        state: NotificationState | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Notification]:
        """The ledger, newest first. Raises BadCursor."""
        before = cursors.LAST if cursor is None else cursors.decode(cursor, cursors.Place)
        return await self._database.read(
            lambda transaction: _page(transaction, hotel_id, state=state, before=before, limit=limit)
        )

    async def notifications_of(self, hotel_id: HotelId, alert_id: AlertId) -> tuple[Notification, ...]:
        """What was told of one alert, oldest first; empty if the hotel has no such alert."""
        rows = await self._database.ask(
            _LEDGER + " WHERE hotel.id = :hotel AND alert.id = :alert ORDER BY notification.id",
            hotel=hotel_id,
            alert=alert_id,
        )
        return tuple(_notification(row) for row in rows)


def _page(
    transaction: Transaction, hotel_id: HotelId, *, state: NotificationState | None, before: int, limit: int
) -> Page[Notification]:
    limit = cursors.bounded(limit)
    wanted = "" if state is None else " AND notification.state = :state"
    rows = transaction.rows(
        _LEDGER
        + " WHERE hotel.id = :hotel AND notification.id < :before"
        + wanted
        + " ORDER BY notification.id DESC LIMIT :limit",
        hotel=hotel_id,
        before=before,
        state=state,
        limit=limit + 1,
    )
    return cursors.page(rows, _notification, limit=limit, place=lambda row: row[0])


def _notification(row: Row) -> Notification:
    return Notification(
        id=NotificationId(row[0]),
        alert_id=None if row[1] is None else AlertId(row[1]),
        incident_id=None if row[10] is None else IncidentId(row[10]),
        channel=ChannelKind(row[2]),
        kind=NoticeKind(row[3]),
        state=NotificationState(row[4]),
        attempts=row[5],
        created_at=moment(row[6]),
        due_at=maybe_moment(row[7]),
        finished_at=maybe_moment(row[8]),
        last_error=row[9],
    )
