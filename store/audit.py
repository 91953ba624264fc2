"""Who did what to what, when, from where: written by each deed in its own transaction, and never changed."""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from rules.ids import HotelId
from store import cursors
from store.database import Database
from store.records import Page
from store.times import moment
from store.transaction import Row, Transaction


class ActorKind(StrEnum):
    USER = "user"
    INTEGRATOR = "integrator"
    DEVICE = "device"
    LEGACY = "legacy"  # whoever has API_TOKEN
    COMMAND_LINE = "command-line"
    INNWATCH = "innwatch"  # we ourselves


class Actor(Struct, frozen=True):
    """Who does something: a person by account name, a tablet by id, at the command line the user of the machine.

    `address` is where the request came from, `request_id` what our log has it under. `digest` is of all that was asked,
    where whoever asks names the request and may do so again: by it a repeat is told from another request of that name.
    """

    kind: ActorKind
    name: str
    address: str | None = None
    request_id: str | None = None
    digest: str | None = None

    @property
    def shown(self) -> str:
        """The name where no kind stands beside it: a user of the machine is not the person with an account like it."""
        return "command line" if self.kind is ActorKind.COMMAND_LINE else self.name


INNWATCH: Final = Actor(ActorKind.INNWATCH, "innwatch")
"""What happens by itself, such as at the first start."""


class Deed(StrEnum):
    """What was done. Added to, never changed: lines of years ago say it so."""

    HOTEL_ADDED = "hotel.added"
    HOTEL_SUSPENDED = "hotel.suspended"
    HOTEL_RESUMED = "hotel.resumed"
    ROOM_ADDED = "room.added"
    ROOM_CHANGED = "room.changed"
    POLICY_CHANGED = "policy.changed"  # of a device, of a room or of the hotel: by its id, and `of` in the detail
    MAINTENANCE_ADDED = "maintenance.added"
    MAINTENANCE_ENDED = "maintenance.ended"
    DEVICE_ADDED = "device.added"
    DEVICE_CHANGED = "device.changed"  # its name
    DEVICE_MOVED = "device.moved"
    DEVICE_REPLACED = "device.replaced"
    DEVICE_REVOKED = "device.revoked"
    DEVICE_RETIRED = "device.retired"
    DEVICE_ENROLLED = "device.enrolled"
    LEGACY_ALLOWED = "device.legacy-allowed"  # the shared token may speak for it
    LEGACY_ENDED = "device.legacy-ended"
    TOKEN_MINTED = "token.minted"  # noqa: S105, a deed
    ENROLMENT_MADE = "enrolment.made"
    ENROLMENT_APPROVED = "enrolment.approved"
    ENROLMENT_WITHDRAWN = "enrolment.withdrawn"
    CHANNEL_ADDED = "channel.added"
    CHANNEL_REMOVED = "channel.removed"
    USER_ADDED = "user.added"
    USER_ROLE_CHANGED = "user.role-changed"
    USER_REMOVED = "user.removed"  # from a hotel
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105
    PASSWORD_LINK_MADE = "password.link-made"  # noqa: S105
    LOGGED_IN = "session.logged-in"
    HOTEL_ENTERED = "session.hotel-entered"  # by trading a token for the hotel's
    INTEGRATOR_ADDED = "integrator.added"
    INTEGRATOR_CHANGED = "integrator.changed"
    INTEGRATOR_REVOKED = "integrator.revoked"
    INTEGRATOR_REMOVED = "integrator.removed"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    ALERT_UNACKNOWLEDGED = "alert.unacknowledged"
    ALERT_ASSIGNED = "alert.assigned"
    ALERT_NOTED = "alert.noted"
    ALERT_SNOOZED = "alert.snoozed"
    ALERT_RESOLVED = "alert.resolved"
    ACCESS_POINT_LEARNED = "access-point.learned"
    ACCESS_POINT_CONFIRMED = "access-point.confirmed"
    ACCESS_POINT_FORGOTTEN = "access-point.forgotten"
    INCIDENT_ACKNOWLEDGED = "incident.acknowledged"
    REPLAY_ASKED = "replay.asked"
    COMMAND_SENT = "command.sent"
    KEY_ADDED = "key.added"
    KEY_REMOVED = "key.removed"
    IMPORTED = "import.done"
    PRUNED = "retention.pruned"  # by hand: what goes by itself is in no audit
    BACKUP_MADE = "backup.made"


class AuditEntry(Struct, frozen=True, rename="camel", kw_only=True):
    """One line of the audit. `detail` has texts and numbers, never a secret."""

    id: int
    at: datetime
    hotel_id: HotelId | None
    actor_kind: ActorKind
    actor: str
    address: str | None
    request_id: str | None
    deed: str
    subject: str
    detail: dict[str, str | int | bool | None]

    @property
    def by(self) -> str:
        """Who it was, as `Actor.shown` says it."""
        return Actor(self.actor_kind, self.actor).shown


Detail = Mapping[str, str | int | bool | None]

NO_DETAIL: Final[Detail] = {}

DIGEST: Final = "request"
"""In the detail of a deed: that of the request."""

_detail = msgspec.json.Decoder(dict[str, str | int | bool | None])

_WANTED: Final = {
    "deed": " AND substr(deed, 1, length(:deed)) = :deed",
    "actor": " AND actor = :actor",
    "subject": " AND subject = :subject",
}
_LINES = "SELECT id, at, hotel_id, actor_kind, actor, address, request_id, deed, subject, detail FROM audit"


class Audit:
    _database: Database

    async def audit(
        self,
        hotel_id: HotelId,
        *,
        deed: str | None = None,
        actor: str | None = None,
        subject: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[AuditEntry]:
        """What was done in the hotel, newest first.

        Of `deed` in full, or its beginning such as `device.`; by the actor of that name; to that subject. Raises
        BadCursor.
        """
        wanted = _wanted(deed=deed, actor=actor, subject=subject)
        return await self._lines(hotel_id, wanted, cursor=cursor, limit=limit)

    async def platform_audit(
        self,
        *,
        deed: str | None = None,
        actor: str | None = None,
        subject: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[AuditEntry]:
        """What was done to accounts and keys, which belong to no hotel; as `audit`."""
        wanted = _wanted(deed=deed, actor=actor, subject=subject)
        return await self._lines(None, wanted, cursor=cursor, limit=limit)

    async def write_audit(
        self,
        hotel_id: HotelId | None,
        deed: Deed,
        *,
        by: Actor,
        subject: str,
        now: datetime,
        detail: Detail = NO_DETAIL,
    ) -> None:
        """Note a deed that changes no row, such as a log-in. What changes one is noted by its own verb."""
        await self._database.write(
            lambda transaction: note(transaction, hotel_id, deed, by=by, subject=subject, now=now, detail=detail)
        )

    async def _lines(
        self, hotel_id: HotelId | None, wanted: Mapping[str, str], *, cursor: str | None, limit: int
    ) -> Page[AuditEntry]:
        before = cursors.LAST if cursor is None else cursors.decode(cursor, cursors.Place)
        return await self._database.read(
            lambda transaction: _page(transaction, hotel_id, wanted, before=before, limit=limit)
        )


def note(
    transaction: Transaction,
    hotel_id: HotelId | None,
    deed: Deed,
    *,
    by: Actor,
    subject: str,
    now: datetime,
    detail: Detail = NO_DETAIL,
) -> None:
    """Write one line, in the deed's own transaction. `subject` is an id of the noun that the deed begins with."""
    transaction.run(
        "INSERT INTO audit (at, hotel_id, actor_kind, actor, address, request_id, deed, subject, detail)"
        " VALUES (:at, :hotel, :kind, :actor, :address, :request, :deed, :subject, :detail)",
        at=now,
        hotel=hotel_id,
        kind=by.kind,
        actor=by.name,
        address=by.address,
        request=by.request_id,
        deed=deed,
        subject=subject,
        detail=msgspec.json.encode(detail if by.digest is None else {**detail, DIGEST: by.digest}).decode(),
    )


def digest_of(detail: str) -> str | int | bool | None:
    """The digest of the request, as a line's detail has it."""
    return _detail.decode(detail).get(DIGEST)


def latest(
    transaction: Transaction, hotel_id: HotelId, *, subject: str, deeds: Collection[Deed], limit: int
) -> list[AuditEntry]:
    """The last of these deeds to a subject of the hotel, newest first."""
    listed = ", ".join(f"'{deed}'" for deed in deeds)
    rows = transaction.rows(
        f"{_LINES} WHERE hotel_id = :hotel AND subject = :subject AND deed IN ({listed}) ORDER BY id DESC LIMIT :limit",
        hotel=hotel_id,
        subject=subject,
        limit=limit,
    )
    return [_entry(row) for row in rows]


def _wanted(**wanted: str | None) -> dict[str, str]:
    return {name: value for name, value in wanted.items() if value is not None}


def _page(
    transaction: Transaction, hotel_id: HotelId | None, wanted: Mapping[str, str], *, before: int, limit: int
) -> Page[AuditEntry]:
    limit = cursors.bounded(limit)
    whose = "hotel_id IS NULL" if hotel_id is None else "hotel_id = :hotel"
    conditions = "".join(_WANTED[name] for name in wanted)
    rows = transaction.rows(
        f"{_LINES} WHERE {whose} AND id < :before{conditions} ORDER BY id DESC LIMIT :limit",
        hotel=hotel_id,
        before=before,
        limit=limit + 1,
        **wanted,
    )
    return cursors.page(rows, _entry, limit=limit, place=lambda row: row[0])


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        id=row[0],
        at=moment(row[1]),
        hotel_id=None if row[2] is None else HotelId(row[2]),
        actor_kind=ActorKind(row[3]),
        actor=row[4],
        address=row[5],
        request_id=row[6],
        deed=row[7],
        subject=row[8],
        detail=_detail.decode(row[9]),
    )
