"""Whether a first read was blind: when a user last switched reading first, and reads that may have seen an answer."""

import sqlalchemy as sa
from alembic import op

from medcore.store import tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("switched", tables.Utc(), nullable=True))
    op.add_column("reviews", sa.Column("shown", sa.Boolean(), nullable=False, server_default=sa.false()))
