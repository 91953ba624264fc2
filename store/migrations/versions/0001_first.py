"""The first schema: everything that `store.tables` says.

Revision 0001, after none.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = KEY  # microseconds since 1970
ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")


OF_DAYS = (
    "CREATE SEQUENCE message_id_seq",
    """
    CREATE TABLE message (
        id BIGINT NOT NULL DEFAULT nextval('message_id_seq'),
        hotel_key BIGINT NOT NULL,
        device_key BIGINT,
        received_at BIGINT NOT NULL,
        ts BIGINT,
        rssi DOUBLE PRECISION,
        battery DOUBLE PRECISION,
        late BOOLEAN NOT NULL,
        charging BOOLEAN,
        kind VARCHAR NOT NULL,
        message_id VARCHAR(64) COLLATE "C" NOT NULL,
        bssid VARCHAR,
        body BYTEA NOT NULL,
        CONSTRAINT ck_message_kind CHECK (kind = 'heartbeat' OR kind IN ('heartbeat', 'report', 'state', 'lost',
            'expired', 'revoked', 'result', 'deadline', 'inventory', 'assignment', 'watching'))
    ) PARTITION BY RANGE (received_at)
    """,
    "ALTER SEQUENCE message_id_seq OWNED BY message.id",
    "CREATE INDEX ix_message_id ON message (id)",
    """
    CREATE TABLE minute (
        device_key BIGINT NOT NULL,
        at BIGINT NOT NULL,
        first_id BIGINT NOT NULL,
        rssi_sum DOUBLE PRECISION,
        rssi_min DOUBLE PRECISION,
        battery DOUBLE PRECISION,
        count INTEGER NOT NULL,
        rssi_count INTEGER NOT NULL,
        charging BOOLEAN,
        CONSTRAINT pk_minute PRIMARY KEY (device_key, at, first_id)
    ) PARTITION BY RANGE (at)
    """,
)
"""On PostgreSQL messages and minutes go by days (`store.partitions`, docs/adr/0020). Foreign keys cost a row as much as
the row itself, and hotels and tablets are never deleted: the bridge looks at its keys once.
"""


def where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("name", ID, nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("gen", sa.Integer(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_account"),
    )
    op.create_table(
        "caught_up",
        sa.Column("one", KEY, nullable=False, autoincrement=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("one", name="pk_caught_up"),
    )
    op.create_table(
        "gathered",
        sa.Column("one", KEY, nullable=False, autoincrement=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("device_key", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("one", name="pk_gathered"),
    )
    op.create_table(
        "hotel",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("last_event_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("suspended_at", TIME, nullable=True),
        sa.CheckConstraint("profile IN ('strict', 'normal')", name="ck_hotel_profile"),
        sa.PrimaryKeyConstraint("key", name="pk_hotel"),
        sa.UniqueConstraint("id", name="uq_hotel_id"),
    )
    op.create_table(
        "orphan",
        sa.Column("hotel_id", ID, nullable=False),
        sa.Column("device_id", ID, nullable=False),
        sa.Column("first_at", TIME, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hotel_id", "device_id", name="pk_orphan"),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", KEY, nullable=False),
        sa.Column("hotel_id", sa.String(), nullable=True),
        sa.Column("device_id", sa.String(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
    )
    op.create_index("ix_quarantine_newest", "quarantine", ["hotel_id", "id"])
    op.create_index("ix_quarantine_of_sender", "quarantine", ["hotel_id", "device_id", "id"])
    op.create_table(
        "revocation",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hotel_id", ID, nullable=False),
        sa.Column("name", ID, nullable=False),
        sa.Column("gen", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('device', 'user', 'integrator', 'hotel')", name="ck_revocation_kind"),
        sa.PrimaryKeyConstraint("kind", "hotel_id", "name", name="pk_revocation"),
        sa.UniqueConstraint("revision", name="uq_revocation_revision"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "channel",
        sa.Column("key", KEY, nullable=False),
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("kind IN ('email', 'slack')", name="ck_channel_kind"),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_channel_hotel_key"),
        sa.PrimaryKeyConstraint("key", name="pk_channel"),
    )
    op.create_index("ix_channel_hotel_key", "channel", ["hotel_key"])
    op.create_table(
        "integrator",
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("name", ID, nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("gen", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_integrator_hotel_key"),
        sa.PrimaryKeyConstraint("hotel_key", "name", name="pk_integrator"),
    )
    op.create_table(
        "membership",
        sa.Column("account_name", ID, nullable=False),
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'staff', 'manager')", name="ck_membership_role"),
        sa.ForeignKeyConstraint(["account_name"], ["account.name"], name="fk_membership_account_name"),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_membership_hotel_key"),
        sa.PrimaryKeyConstraint("account_name", "hotel_key", name="pk_membership"),
    )
    op.create_index("ix_membership_hotel_key", "membership", ["hotel_key"])
    op.create_table(
        "room",
        sa.Column("key", KEY, nullable=False),
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("floor", sa.String(), nullable=True),
        sa.Column("access_points", sa.Text(), nullable=False),
        sa.Column("rssi_floor", sa.Float(), nullable=True),
        sa.Column("profile", sa.String(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("profile IN ('strict', 'normal')", name="ck_room_profile"),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_room_hotel_key"),
        sa.PrimaryKeyConstraint("key", name="pk_room"),
        sa.UniqueConstraint("hotel_key", "id", name="uq_room_hotel_key_id"),
    )
    op.create_table(
        "device",
        sa.Column("key", KEY, nullable=False),
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("room_key", KEY, nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("gen", sa.Integer(), nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.Column("retired_at", TIME, nullable=True),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_device_hotel_key"),
        sa.ForeignKeyConstraint(["room_key"], ["room.key"], name="fk_device_room_key"),
        sa.PrimaryKeyConstraint("key", name="pk_device"),
        sa.UniqueConstraint("hotel_key", "id", name="uq_device_hotel_key_id"),
    )
    op.create_index("ix_device_room_key", "device", ["room_key"])
    op.create_table(
        "alert",
        sa.Column("key", KEY, nullable=False),
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("room_id", sa.String(), nullable=True),
        sa.Column("floor", sa.String(), nullable=True),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("acknowledged_by", sa.String(), nullable=True),
        sa.Column("acknowledged_at", TIME, nullable=True),
        sa.Column("acknowledged_note", sa.Text(), nullable=True),
        sa.Column("assignee", sa.String(), nullable=True),
        sa.Column("snoozed_until", TIME, nullable=True),
        sa.Column("suppressed_by", sa.String(), nullable=True),
        sa.Column("resolved_at", TIME, nullable=True),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("condition IN ('active', 'cleared')", name="ck_alert_condition"),
        sa.CheckConstraint("status IN ('open', 'resolved')", name="ck_alert_status"),
        sa.ForeignKeyConstraint(["device_key"], ["device.key"], name="fk_alert_device_key"),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_alert_hotel_key"),
        sa.PrimaryKeyConstraint("key", name="pk_alert"),
        sa.UniqueConstraint("hotel_key", "id", name="uq_alert_hotel_key_id"),
    )
    op.create_index("ix_alert_newest", "alert", ["hotel_key", "opened_at", "key"])
    op.create_index("ix_alert_open_newest", "alert", ["hotel_key", "opened_at", "key"], **where("status = 'open'"))
    op.create_index(
        "uq_alert_open", "alert", ["hotel_key", "device_key", "family"], unique=True, **where("status = 'open'")
    )
    op.create_table(
        "device_state",
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["device_key"], ["device.key"], name="fk_device_state_device_key"),
        sa.PrimaryKeyConstraint("device_key", name="pk_device_state"),
    )
    if op.get_bind().dialect.name == "postgresql":
        for statement in OF_DAYS:
            op.execute(statement)
    else:
        create_message_and_minute()
    op.create_table(
        "event",
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("alert_key", KEY, nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_key"], ["alert.key"], name="fk_event_alert_key"),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_event_hotel_key"),
        sa.PrimaryKeyConstraint("hotel_key", "id", name="pk_event"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_event_alert_key", "event", ["alert_key", "id"], **where("alert_key IS NOT NULL"))
    op.create_table(
        "notification",
        sa.Column("id", KEY, nullable=False),
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("alert_key", KEY, nullable=False),
        sa.Column("channel_key", KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("alert_revision", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("leased_by", sa.String(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.CheckConstraint("(due_at IS NOT NULL) = (state IN ('pending', 'sending'))", name="ck_notification_due"),
        sa.CheckConstraint("kind IN ('opened', 'worsened', 'recovered')", name="ck_notification_kind"),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'delivered', 'dead', 'cancelled')", name="ck_notification_state"
        ),
        sa.ForeignKeyConstraint(["alert_key"], ["alert.key"], name="fk_notification_alert_key"),
        sa.ForeignKeyConstraint(["channel_key"], ["channel.key"], name="fk_notification_channel_key"),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_notification_hotel_key"),
        sa.PrimaryKeyConstraint("id", name="pk_notification"),
        sa.UniqueConstraint(
            "alert_key",
            "channel_key",
            "kind",
            "alert_revision",
            name="uq_notification_alert_key_channel_key_kind_alert_revision",
        ),
    )
    op.create_index("ix_notification_channel_key", "notification", ["channel_key"])
    op.create_index("ix_notification_due", "notification", ["channel_key", "due_at"], **where("due_at IS NOT NULL"))
    op.create_index("ix_notification_newest", "notification", ["hotel_key", "id"])
    op.create_index("ix_notification_state", "notification", ["hotel_key", "state", "id"])
    op.execute("INSERT INTO caught_up (one, upto) VALUES (1, 0)")
    op.execute("INSERT INTO gathered (one, upto, target, device_key) VALUES (1, 0, 0, 0)")


def create_message_and_minute() -> None:
    op.create_table(
        "message",
        sa.Column("id", KEY, nullable=False),
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("device_key", KEY, nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("message_id", ID, nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("ts", TIME, nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("rssi", sa.Float(), nullable=True),
        sa.Column("bssid", sa.String(), nullable=True),
        sa.Column("battery", sa.Float(), nullable=True),
        sa.Column("charging", sa.Boolean(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "kind = 'heartbeat' OR kind IN ('heartbeat', 'report', 'state', 'lost', 'expired', 'revoked', 'result', "
            "'deadline', 'inventory', 'assignment', 'watching')",
            name="ck_message_kind",
        ),
        sa.ForeignKeyConstraint(["device_key"], ["device.key"], name="fk_message_device_key"),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_message_hotel_key"),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
        sa.UniqueConstraint("message_id", "device_key", name="uq_message_message_id_device_key"),
    )
    op.create_table(
        "minute",
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("first_id", KEY, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("rssi_sum", sa.Float(), nullable=True),
        sa.Column("rssi_count", sa.Integer(), nullable=False),
        sa.Column("rssi_min", sa.Float(), nullable=True),
        sa.Column("battery", sa.Float(), nullable=True),
        sa.Column("charging", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["device_key"], ["device.key"], name="fk_minute_device_key"),
        sa.PrimaryKeyConstraint("device_key", "at", "first_id", name="pk_minute"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("notification")
    op.drop_table("event")
    op.drop_table("minute")
    op.drop_table("message")
    op.drop_table("device_state")
    op.drop_table("alert")
    op.drop_table("device")
    op.drop_table("room")
    op.drop_table("membership")
    op.drop_table("integrator")
    op.drop_table("channel")
    op.drop_table("revocation")
    op.drop_table("quarantine")
    op.drop_table("orphan")
    op.drop_table("hotel")
    op.drop_table("gathered")
    op.drop_table("caught_up")
    op.drop_table("account")
