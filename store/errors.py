"""What can go wrong with the store, as far as a caller can do something about it. All else propagates."""

from datetime import datetime
from enum import StrEnum


class LinkTrouble(StrEnum):
    UNKNOWN = "unknown"  # or made void since, by whatever changed the account
    USED = "used"
    EXPIRED = "expired"


class StoreError(Exception):
    """Any of the below."""


class StoreUnavailable(StoreError):
    """The database is locked, full, read-only, damaged or gone.

    Nothing was written; the same call may be made again.
    """


class OutcomeUnknown(StoreUnavailable):
    """The connection was lost while the database was committing: all of it was written, or nothing."""


class SchemaTooNew(StoreError):
    """The database was written by a newer Innwatch."""

    def __init__(self, *, found: str, known: str) -> None:
        super().__init__(f"the database has schema {found}, this Innwatch knows up to {known}: install a newer one")
        self.found = found
        self.known = known


class SchemaTooOld(StoreError):
    """The database must be migrated first, and `open` was told not to."""


class WrongEncoding(StoreError):
    """The database cannot hold every text that there is."""

    def __init__(self, found: str) -> None:
        super().__init__(f"the database is in {found} and cannot hold every name: make one with ENCODING 'UTF8'")


class DataRefused(StoreError):
    """The database refuses this data and will refuse it again. Nothing of the call was written."""


class Duplicate(DataRefused):
    """A message of the batch is stored already, or stands in it twice: `known` says which."""


class Exists(StoreError):
    """Something of that name is there already."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"{what} {name} exists already")
        self.what = what
        self.name = name


class Retired(Exists):
    """A tablet of that name was here, and may come back."""

    def __init__(self, name: str) -> None:
        super().__init__("device", name)
        self.args = (f"device {name} was retired: only an enrolment brings it back",)


class NotFound(StoreError):
    """Nothing of that name is there, or not in this hotel."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"no {what} {name}")
        self.what = what
        self.name = name


class HadToken(StoreError):
    """The tablet has had a token of its own: the shared one fetches no second."""

    def __init__(self, device_id: str) -> None:
        super().__init__(f"tablet {device_id} has had a token of its own")


class BeyondHotel(StoreError):
    """What was to be done to a person is not for one hotel to do: `why` says what they are beside its member."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} {why}")
        self.why = why


class LinkRefused(StoreError):
    """A link for a new password that opens nothing."""

    def __init__(self, why: LinkTrouble) -> None:
        super().__init__(f"the link is {why}")
        self.why = why


class BadCursor(StoreError):
    """A paging cursor that this store did not make."""


class Unusable(StrEnum):
    """Why an enrolment is of no use: to whoever brought its code, or to who would say yes to it."""

    USED = "used"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    FOREIGN = "foreign"  # it is for another tablet, room or hotel
    SUSPENDED = "suspended"  # its hotel is
    NOBODY_WAITS = "nobody-waits"


class EnrolmentRefused(StoreError):
    """The enrolment is there, and cannot be used so."""

    def __init__(self, why: Unusable, detail: str) -> None:
        super().__init__(detail)
        self.why = why


class Overtaken(StoreError):
    """Somebody or something was first: the alert is not what whoever answers takes it for.

    `by`: the person whose answer it has now, None where the condition changed; `at`: when; `revision`: the alert's now.
    """

    def __init__(self, *, by: str | None, at: datetime, revision: int) -> None:
        super().__init__(f"changed by {by}" if by else "the alert has changed")
        self.by = by
        self.at = at
        self.revision = revision


class AlreadyAcknowledged(Overtaken):
    """Somebody was first."""

    def __init__(self, *, by: str, at: datetime, revision: int) -> None:
        super().__init__(by=by, at=at, revision=revision)
        self.args = (f"already acknowledged by {by}",)


class SeenOtherwise(StoreError):
    """What somebody is about to change is not what they saw: `by` whom and `at` when, as far as that is known."""

    def __init__(self, what: str, *, by: str | None = None, at: datetime | None = None) -> None:
        super().__init__(f"{what} has changed since it was seen" + (f": by {by}" if by else ""))
        self.by = by
        self.at = at


class AlertGone(StoreError):
    """The alert is resolved: there is nothing left to answer."""


class NeedsManager(StoreError):
    """Only a manager ends such an alert by hand."""


class AnswerRefused(StoreError):
    """An answer that cannot be given so: `why` says what is wrong with its `field`."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field} {why}")
        self.field = field
        self.why = why


class LeaseLost(StoreError):
    """Somebody else does now what this process did under its lease. Nothing was written, and nothing may be."""

    def __init__(self, name: str) -> None:
        super().__init__(f"another process has taken the lease {name}")
        self.name = name


class InboxFull(StoreError):
    """So much waits for the bridge already that no more is taken."""


class NothingProposed(StoreError):
    """Calibration has nothing to set in a room."""


class NoWindow(StoreError):
    """A maintenance window that is over before it begins, or would not be over for too long."""


class TooManyWindows(StoreError):
    """So many maintenance windows of the hotel are to come or run that no more is taken."""


class TooManyReplays(StoreError):
    """So many replays of a hotel wait already that no more is taken."""


class TooManyCommands(StoreError):
    """So many commands of a device are open already that no more is taken."""
