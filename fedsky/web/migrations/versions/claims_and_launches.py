"""How often a name was asked for again, and when an account launched or went on with a job."""

import sqlalchemy as sa
from alembic import op

from fedsky.web.tables import Time

revision = "claims_and_launches"
down_revision = "initial"


def upgrade() -> None:
    """Adds the column and the table; the jobs that there are count as launched once."""
    op.add_column("users", sa.Column("asked_again", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "launches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(length=16), nullable=False),
        sa.Column("time", Time(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_launches_user_id_users", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_launches"),
    )
    op.create_index("ix_launches_user_id", "launches", ["user_id"], unique=False)
    op.execute("INSERT INTO launches (user_id, time) SELECT user_id, created FROM jobs WHERE user_id IS NOT NULL")
