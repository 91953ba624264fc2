"""The schema: every table of the database, as SQLModel classes, a file for each noun.

These classes are what the migrations are held against and what the documentation of the schema is made from. The verbs
speak SQL to these tables directly (see `store.transaction`): on the machine this was measured on, one statement built
by SQLAlchemy costs 0.3 ms of CPU and the same as text 0.03, and the process need not carry SQLAlchemy at all unless
there is something to migrate.

Keys and indexes are chosen by what a heartbeat costs. A row that is added next to the one before costs 4 µs; each
index whose order is the device's costs 20 µs more, because a batch then touches one page per row, and every page
touched is written twice (log, then file). Hence: `message` is in order of storing; the index that keeps a message from
being stored twice begins with the message's id, which senders make in order of time; and a device's samples are
gathered into `minute` in bulk, afterwards.
"""

from store.tables.alerts import AlertTable, AnnouncedTable, EventTable, IncidentTable
from store.tables.base import Base, UtcDateTime
from store.tables.heard import (
    CaughtUpTable,
    DeviceStateTable,
    GatheredTable,
    ListeningTable,
    MessageTable,
    MinuteTable,
    OrphanTable,
    QuarantineTable,
)
from store.tables.house import ContactTable, DeviceTable, HotelTable, RoomTable
from store.tables.notices import ChannelTable, NotificationTable
from store.tables.people import (
    AccountTable,
    AuditTable,
    EnrolmentTable,
    IntegratorTable,
    MembershipTable,
    PasswordLinkTable,
    RevocationTable,
    TicketTable,
)
from store.tables.post import CommandTable, InboxTable
from store.tables.rooms import AccessPointTable, ClearanceTable, MaintenanceTable, RoomStatusTable, SightingTable
from store.tables.work import JobTable, LeaseTable, ReplayTable

__all__ = [
    "AccessPointTable",
    "AccountTable",
    "AlertTable",
    "AnnouncedTable",
    "AuditTable",
    "Base",
    "CaughtUpTable",
    "ChannelTable",
    "ClearanceTable",
    "CommandTable",
    "ContactTable",
    "DeviceStateTable",
    "DeviceTable",
    "EnrolmentTable",
    "EventTable",
    "GatheredTable",
    "HotelTable",
    "InboxTable",
    "IncidentTable",
    "IntegratorTable",
    "JobTable",
    "LeaseTable",
    "ListeningTable",
    "MaintenanceTable",
    "MembershipTable",
    "MessageTable",
    "MinuteTable",
    "NotificationTable",
    "OrphanTable",
    "PasswordLinkTable",
    "QuarantineTable",
    "ReplayTable",
    "RevocationTable",
    "RoomStatusTable",
    "RoomTable",
    "SightingTable",
    "TicketTable",
    "UtcDateTime",
]
