"""How far the events of each hotel were announced.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "announced",
        sa.Column("hotel_key", KEY, nullable=False, autoincrement=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["hotel_key"], ["hotel.key"], name="fk_announced_hotel_key"),
        sa.PrimaryKeyConstraint("hotel_key", name="pk_announced"),
    )


def downgrade() -> None:
    op.drop_table("announced")
