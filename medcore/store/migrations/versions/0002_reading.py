"""Reading: known truths, exercises with decoys, when a case was opened, and what the machine holds urgent or unsure."""

import json

import sqlalchemy as sa
from alembic import op

from medcore.store import tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "truths",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("choice", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_truths_case_id_cases", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_truths_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_truths"),
    )
    op.create_index("ix_truths_case_id_task", "truths", ["case_id", "task"])

    op.create_table(
        "exercises",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_exercises_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_exercises"),
    )
    op.create_table(
        "exercise_cases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("exercise_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("decoy", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["exercise_id"], ["exercises.id"], name="fk_exercise_cases_exercise_id_exercises"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_exercise_cases_case_id_cases", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_exercise_cases"),
        sa.UniqueConstraint("exercise_id", "case_id", name="uq_exercise_cases_exercise_id_case_id"),
    )
    op.create_index("ix_exercise_cases_case_id", "exercise_cases", ["case_id"])
    op.create_table(
        "exercise_readers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("exercise_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("joined", tables.Utc(), nullable=False),
        sa.Column("finished", tables.Utc(), nullable=True),
        sa.ForeignKeyConstraint(["exercise_id"], ["exercises.id"], name="fk_exercise_readers_exercise_id_exercises"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_exercise_readers_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_exercise_readers"),
        sa.UniqueConstraint("exercise_id", "user_id", name="uq_exercise_readers_exercise_id_user_id"),
    )
    op.create_index("ix_exercise_readers_user_id", "exercise_readers", ["user_id"])

    # Added in place, not by a batch: `reviews` keeps its triggers.
    op.add_column("reviews", sa.Column("opened", tables.Utc(), nullable=True))
    op.add_column("answers", sa.Column("urgency", sa.Double(), nullable=True))
    op.add_column("answers", sa.Column("uncertainty", sa.Double(), nullable=True))
    _rank_old_answers()


def _rank_old_answers() -> None:
    """The answers of release 1: of one finding with a cut, or of one class of several, of which `normal` is none."""
    bind = op.get_bind()
    for answer_id, text in bind.execute(sa.text("SELECT id, answer FROM answers")).all():
        answer = json.loads(text) if isinstance(text, str) else text
        said, cuts = answer["probabilities"], answer["thresholds"]
        if not said or answer["unlike"] >= 0.99:
            continue
        if len(said) == 1:
            p, cut = next(iter(said.values())), next(iter(cuts.values()), 0.5)
            urgency, uncertainty = p, 1 - abs(p - cut) / (1 - cut if p >= cut else cut)
            if not 0 <= p <= 1 or not 0 < cut < 1:
                continue
        else:
            top, second = sorted(said.values(), reverse=True)[:2]
            urgency, uncertainty = 1 - said.get("normal", 0.0) - said.get("too_noisy", 0.0), 1 - (top - second)
        values = {"id": answer_id, "urgency": urgency, "uncertainty": uncertainty}
        bind.execute(
            sa.text("UPDATE answers SET urgency = :urgency, uncertainty = :uncertainty WHERE id = :id"), values
        )


def downgrade() -> None:
    for column in ("urgency", "uncertainty"):
        op.drop_column("answers", column)
    op.drop_column("reviews", "opened")
    for table in ("exercise_readers", "exercise_cases", "exercises", "truths"):
        op.drop_table(table)
