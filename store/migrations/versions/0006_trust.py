"""Trust in the alarm: policy at every level, what the hotel's systems say of rooms, incidents and maintenance windows,
an alert's whole life, and what has to be remembered to say why.

Revision 0006, after 0005.

SQLite cannot change a constraint of a table that is there, and to copy `message` would take as long as there are
messages. So its text in the schema is changed in place, which SQLite's manual describes for constraints ("ALTER TABLE",
section 7): no row looks different for it.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from store.migrations import before_trust

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = KEY  # microseconds since 1970
ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")

WORDS = {
    "message": (
        "heartbeat report state lost expired revoked result deadline inventory assignment watching",
        "pms deed checkpoint",
    ),
    "inbox": ("heartbeat alert", "deed pms"),
    "notification": ("opened worsened recovered", "reopened flapping lapsed incident incident-over"),
}
"""Of each table: what `kind` may be, and what it may be now too."""

OF_INCIDENT = (
    "alert_key IS NULL AND type IN ('incident.opened', 'incident.changed', 'incident.closed',"
    " 'notification.sent', 'notification.dead')"
)

TABLES = (
    "replay",
    "job",
    "sighting",
    "access_point",
    "listening",
    "clearance",
    "room_status",
    "maintenance",
    "incident",
)


def where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def columns() -> dict[str, tuple[sa.Column[Any], ...]]:
    return {
        "hotel": (
            sa.Column("policy", sa.Text(), nullable=True),
            sa.Column("stay_key", sa.String(), nullable=True),
        ),
        "room": (sa.Column("zone", sa.String(), nullable=True), sa.Column("policy", sa.Text(), nullable=True)),
        "device": (sa.Column("policy", sa.Text(), nullable=True),),
        "alert": (
            sa.Column("incident_key", KEY, nullable=True),
            sa.Column("rule_version", sa.String(), nullable=True),
            sa.Column("flapping", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("reopened", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("lapses_at", TIME, nullable=True),
            sa.Column("resolved_by", sa.String(), nullable=True),
        ),
        "gathered": (sa.Column("coarse_before", TIME, nullable=False, server_default="0"),),
    }


def upgrade() -> None:
    for table, added in columns().items():
        for column in added:
            op.add_column(table, column)
    op.create_index("ix_alert_lapses", "alert", ["lapses_at"], **where("status = 'open' AND lapses_at IS NOT NULL"))
    op.create_index(
        "ix_alert_snoozed", "alert", ["snoozed_until"], **where("status = 'open' AND snoozed_until IS NOT NULL")
    )
    op.create_index("ix_alert_incident", "alert", ["incident_key"], **where("incident_key IS NOT NULL"))
    op.create_index("ix_event_incident", "event", ["subject"], **where(OF_INCIDENT))
    _create_what_the_hotel_knows()
    _create_what_is_remembered()
    op.add_column("notification", sa.Column("incident_key", KEY, nullable=True))
    op.add_column("notification", sa.Column("not_again", sa.String(), nullable=True))
    op.create_index(
        "uq_notification_incident",
        "notification",
        ["incident_key", "channel_key", "kind", "alert_revision"],
        unique=True,
        **where("incident_key IS NOT NULL"),
    )
    for table, (old, new) in WORDS.items():
        _let_be(table, old, f"{old} {new}")
    _let_be_empty("notification", "alert_key")
    _let_be_empty("inbox", "device_key")


def downgrade() -> None:
    before_trust.translate(op.get_bind())
    op.execute("DELETE FROM notification WHERE alert_key IS NULL")
    _let_be_empty("notification", "alert_key", again=False)
    for table, (old, new) in WORDS.items():
        op.execute(f"DELETE FROM {table} WHERE kind IN ({_listed(new)})")  # noqa: S608 - ours
        _let_be(table, f"{old} {new}", old)
    _let_be_empty("inbox", "device_key", again=False)
    op.drop_index("uq_notification_incident", "notification")
    op.drop_column("notification", "not_again")
    op.drop_column("notification", "incident_key")
    for table in TABLES:
        op.drop_table(table)
    op.drop_index("ix_event_incident", "event")
    op.drop_index("ix_alert_incident", "alert")
    op.drop_index("ix_alert_snoozed", "alert")
    op.drop_index("ix_alert_lapses", "alert")
    for table, added in columns().items():
        for column in reversed(added):
            op.drop_column(table, column.name)


def _create_what_the_hotel_knows() -> None:
    op.create_table(
        "incident",
        sa.Column("key", KEY, nullable=False),
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("closed_at", TIME, nullable=True),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("back", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("back_at", TIME, nullable=True),
        sa.Column("part_of", ID, nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("acknowledged_by", sa.String(), nullable=True),
        sa.Column("acknowledged_at", TIME, nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_incident_hotel_key"),
        sa.PrimaryKeyConstraint("key", name="pk_incident"),
        sa.UniqueConstraint("hotel_key", "id", name="uq_incident_hotel_key_id"),
    )
    op.create_index("ix_incident_newest", "incident", ["hotel_key", "opened_at", "key"])
    op.create_table(
        "maintenance",
        sa.Column("key", KEY, nullable=False),
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("floor", sa.String(), nullable=True),
        sa.Column("room_key", KEY, nullable=True),
        sa.Column("starts_at", TIME, nullable=False),
        sa.Column("ends_at", TIME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_maintenance_hotel_key"),
        sa.ForeignKeyConstraint(["room_key"], ["room.key"], name="fk_maintenance_room_key"),
        sa.PrimaryKeyConstraint("key", name="pk_maintenance"),
        sa.UniqueConstraint("hotel_key", "id", name="uq_maintenance_hotel_key_id"),
    )
    op.create_index("ix_maintenance_newest", "maintenance", ["hotel_key", "key"])
    op.create_table(
        "room_status",
        sa.Column("room_key", KEY, nullable=False),
        sa.Column("occupied", sa.Boolean(), nullable=True),
        sa.Column("departs_at", TIME, nullable=True),
        sa.Column("service", sa.String(), nullable=True),
        sa.Column("housekeeping_since", TIME, nullable=True),
        sa.Column("stay_ref", sa.String(), nullable=True),
        sa.Column("checked_out_at", TIME, nullable=True),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("stay_at", TIME, nullable=True),
        sa.Column("stay_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["room_key"], ["room.key"], name="fk_room_status_room_key"),
        sa.PrimaryKeyConstraint("room_key", name="pk_room_status"),
    )
    op.create_table(
        "clearance",
        sa.Column("key", KEY, nullable=False),
        sa.Column("room_key", KEY, nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["room_key"], ["room.key"], name="fk_clearance_room_key"),
        sa.PrimaryKeyConstraint("key", name="pk_clearance"),
    )
    op.create_index("ix_clearance_newest", "clearance", ["room_key", "key"])


def _create_what_is_remembered() -> None:
    op.create_table(
        "listening",
        sa.Column("key", KEY, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.Column("why", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_listening"),
    )
    op.create_table(
        "access_point",
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("bssid", sa.String(length=17), nullable=False),
        sa.Column("ssid", sa.String(), nullable=True),
        sa.Column("rooms", sa.Integer(), nullable=False),
        sa.Column("first_at", TIME, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.Column("state", sa.String(), nullable=False, server_default="learned"),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_access_point_hotel_key"),
        sa.PrimaryKeyConstraint("hotel_key", "bssid", name="pk_access_point"),
    )
    op.create_table(
        "sighting",
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("bssid", sa.String(length=17), nullable=False),
        sa.Column("room_key", KEY, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("signals", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device_key"], ["device.key"], name="fk_sighting_device_key"),
        sa.ForeignKeyConstraint(["room_key"], ["room.key"], name="fk_sighting_room_key"),
        sa.PrimaryKeyConstraint("device_key", "day", "bssid", "room_key", name="pk_sighting"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "job",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("succeeded_at", TIME, nullable=True),
        sa.Column("failed_at", TIME, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("took_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_job"),
    )
    op.create_table(
        "replay",
        sa.Column("key", KEY, nullable=False),
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_replay_hotel_key"),
        sa.PrimaryKeyConstraint("key", name="pk_replay"),
        sa.UniqueConstraint("hotel_key", "id", name="uq_replay_hotel_key_id"),
    )


def _is_postgres() -> bool:
    return op.get_context().dialect.name == "postgresql"


def _let_be(table: str, old: str, new: str) -> None:
    if not _is_postgres():
        _reword(table, f"IN ({_listed(old)})", f"IN ({_listed(new)})")
        return
    usual = "kind = 'heartbeat' OR " if table == "message" else ""  # as `store.tables.mostly` has it
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_kind")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_kind CHECK ({usual}kind IN ({_listed(new)}))")


def _listed(words: str) -> str:
    return ", ".join(f"'{word}'" for word in words.split())


def _let_be_empty(table: str, column: str, *, again: bool = True) -> None:
    if _is_postgres():
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} {'DROP' if again else 'SET'} NOT NULL")
    elif again:
        _reword(table, f"{column} INTEGER NOT NULL", f"{column} INTEGER")
    else:
        _reword(table, f"{column} INTEGER", f"{column} INTEGER NOT NULL")


def _reword(table: str, old: str, new: str) -> None:
    connection = op.get_bind()
    (text,) = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
    ).one()
    if text.count(old) != 1:
        raise RuntimeError(f"the schema of {table} does not have {old!r} once")
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?", (text.replace(old, new), table)
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")
