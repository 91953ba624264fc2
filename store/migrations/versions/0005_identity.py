"""Who may speak: enrolments, links for a new password, what was done by whom, and by which way tablets still speak;
channels that can be removed.

Revision 0005, after 0004.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = KEY  # microseconds since 1970
ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")

NEVER_CHANGED = {
    "sqlite": (
        "CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END",
        "CREATE TRIGGER audit_remains BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END",
    ),
    "postgresql": (
        """
        CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'audit is append-only'; END $$
        """,
        "CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_stays()",
    ),
}


def where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.add_column("hotel", sa.Column("hidden", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("account", sa.Column("temporary", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("device", sa.Column("legacy", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("device", sa.Column("token_issued_at", TIME, nullable=True))
    op.add_column("device", sa.Column("token_expires_at", TIME, nullable=True))
    op.add_column("channel", sa.Column("removed_at", TIME, nullable=True))
    op.add_column("alert", sa.Column("legacy_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "uq_alert_legacy", "alert", ["hotel_key", "legacy_id"], unique=True, **where("legacy_id IS NOT NULL")
    )
    op.create_table(
        "audit",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("hotel_id", ID, nullable=True),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("deed", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "actor_kind IN ('user', 'integrator', 'device', 'legacy', 'command-line', 'innwatch')",
            name="ck_audit_actor_kind",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_newest", "audit", ["hotel_id", "id"])
    op.create_table(
        "enrolment",
        sa.Column("key", KEY, nullable=False),
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("room_key", KEY, nullable=False),
        sa.Column("device_id", ID, nullable=True),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("wanted_device_id", ID, nullable=True),
        sa.Column("wanted_at", TIME, nullable=True),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("approved_at", TIME, nullable=True),
        sa.Column("withdrawn_at", TIME, nullable=True),
        sa.Column("used_at", TIME, nullable=True),
        sa.Column("device_key", KEY, nullable=True),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_enrolment_hotel_key"),
        sa.ForeignKeyConstraint(["room_key"], ["room.key"], name="fk_enrolment_room_key"),
        sa.ForeignKeyConstraint(["device_key"], ["device.key"], name="fk_enrolment_device_key"),
        sa.PrimaryKeyConstraint("key", name="pk_enrolment"),
        sa.UniqueConstraint("hotel_key", "id", name="uq_enrolment_hotel_key_id"),
        sa.UniqueConstraint("code_hash", name="uq_enrolment_code_hash"),
    )
    op.create_index("ix_enrolment_newest", "enrolment", ["hotel_key", "key"])
    op.create_table(
        "password_link",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("account_name", ID, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["account_name"], ["account.name"], name="fk_password_link_account_name"),
        sa.PrimaryKeyConstraint("secret_hash", name="pk_password_link"),
    )
    op.create_index("ix_password_link_account_name", "password_link", ["account_name"])
    op.create_table(
        "ticket",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("claims", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name="pk_ticket"),
    )
    op.create_index("ix_ticket_expires_at", "ticket", ["expires_at"])
    op.create_table(
        "contact",
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("first_at", TIME, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.CheckConstraint("way IN ('legacy-token', 'http', 'mqtt')", name="ck_contact_way"),
        sa.ForeignKeyConstraint(["device_key"], ["device.key"], name="fk_contact_device_key"),
        sa.PrimaryKeyConstraint("device_key", "way", name="pk_contact"),
    )
    for statement in NEVER_CHANGED[op.get_context().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    for table in ("contact", "ticket", "password_link", "enrolment", "audit"):
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_stays")
    op.drop_index("uq_alert_legacy", "alert")
    for table, column in (
        ("alert", "legacy_id"),
        ("channel", "removed_at"),
        ("device", "token_expires_at"),
        ("device", "token_issued_at"),
        ("device", "legacy"),
        ("account", "temporary"),
        ("hotel", "hidden"),
    ):
        op.drop_column(table, column)
