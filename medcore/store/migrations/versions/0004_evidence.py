"""Evidence: whether a map may be believed, and what it was compared with."""

import sqlalchemy as sa
from alembic import op

from medcore.store import tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BEFORE = ("answer_id", "label", "method")


def upgrade() -> None:
    with op.batch_alter_table("attributions") as table:
        table.add_column(sa.Column("baseline", sa.String(), nullable=False, server_default=""))
        table.drop_constraint("uq_attributions_answer_id_label_method", type_="unique")
        table.create_unique_constraint("uq_attributions_answer_id_label_method_baseline", [*BEFORE, "baseline"])
    op.create_table(
        "evidence",
        sa.Column("attribution_id", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attribution_id"], ["attributions.id"], name="fk_evidence_attribution_id_attributions", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("attribution_id", name="pk_evidence"),
    )
