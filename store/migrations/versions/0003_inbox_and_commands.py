"""Messages that came over HTTP and wait for the bridge, and commands for tablets.

Revision 0003, after 0002.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = KEY  # microseconds since 1970
ID = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")


def where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", KEY, nullable=False),
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.CheckConstraint("kind IN ('heartbeat', 'alert')", name="ck_inbox_kind"),
        sa.ForeignKeyConstraint(["device_key"], ["device.key"], name="fk_inbox_device_key"),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbox_device_key", "inbox", ["device_key"])
    op.create_index("ix_inbox_hotel_key", "inbox", ["hotel_key"])
    op.create_table(
        "command",
        sa.Column("key", KEY, nullable=False),
        sa.Column("hotel_key", KEY, nullable=False),
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("args", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'sent', 'received', 'running', 'done', 'failed', 'unsupported', 'expired')",
            name="ck_command_state",
        ),
        sa.ForeignKeyConstraint(["device_key"], ["device.key"], name="fk_command_device_key"),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_command_hotel_key"),
        sa.PrimaryKeyConstraint("key", name="pk_command"),
        sa.UniqueConstraint("hotel_key", "id", name="uq_command_hotel_key_id"),
    )
    op.create_index("ix_command_of_device", "command", ["device_key", "key"])
    op.create_index("ix_command_of_hotel", "command", ["hotel_key", "key"])
    op.create_index("ix_command_open", "command", ["expires_at"], **where("state IN ('pending', 'sent', 'received')"))


def downgrade() -> None:
    op.drop_table("command")
    op.drop_table("inbox")
