"""The memory of Innwatch: every table, every migration and every SQL statement, behind verbs of the domain.

Each verb is one transaction. Hotel data is asked for with the hotel's id, first argument; what is not in that hotel is
not there. Times are arguments, aware UTC.
"""

from rules.inputs import InputKind
from store import batch, records
from store.audit import INNWATCH, Actor, ActorKind, AuditEntry, Deed
from store.batch import Batch, StoredMessage
from store.door import Store
from store.doorbell import Bell, Doorbell, LocalDoorbell
from store.errors import (
    AlertGone,
    AlreadyAcknowledged,
    AnswerRefused,
    BadCursor,
    BeyondHotel,
    DataRefused,
    Duplicate,
    EnrolmentRefused,
    Exists,
    HadToken,
    InboxFull,
    LeaseLost,
    LinkRefused,
    LinkTrouble,
    NeedsManager,
    NotFound,
    NothingProposed,
    NoWindow,
    OutcomeUnknown,
    Overtaken,
    SchemaTooNew,
    SchemaTooOld,
    SeenOtherwise,
    StoreError,
    StoreUnavailable,
    TooManyCommands,
    TooManyReplays,
    TooManyWindows,
    Unusable,
    WrongEncoding,
)
from store.lease import Lease
from store.limits import Limits
from store.tickets import LIFE as TICKET_LIFE

__all__ = [
    "INNWATCH",
    "TICKET_LIFE",
    "Actor",
    "ActorKind",
    "AlertGone",
    "AlreadyAcknowledged",
    "AnswerRefused",
    "AuditEntry",
    "BadCursor",
    "Batch",
    "Bell",
    "BeyondHotel",
    "DataRefused",
    "Deed",
    "Doorbell",
    "Duplicate",
    "EnrolmentRefused",
    "Exists",
    "HadToken",
    "InboxFull",
    "InputKind",
    "Lease",
    "LeaseLost",
    "Limits",
    "LinkRefused",
    "LinkTrouble",
    "LocalDoorbell",
    "NeedsManager",
    "NoWindow",
    "NotFound",
    "NothingProposed",
    "OutcomeUnknown",
    "Overtaken",
    "SchemaTooNew",
    "SchemaTooOld",
    "SeenOtherwise",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "StoredMessage",
    "TooManyCommands",
    "TooManyReplays",
    "TooManyWindows",
    "Unusable",
    "WrongEncoding",
    "batch",
    "records",
]
