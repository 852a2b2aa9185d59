"""The first schema."""

import sqlalchemy as sa
from alembic import op

from medcore.store import tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEPT = {"audit": "the audit is only added to", "reviews": "a read is never changed"}
TABLES = [
    "reviews",
    "attributions",
    "uses",
    "answers",
    "package_versions",
    "epochs",
    "runs",
    "inputs",
    "jobs",
    "cases",
    "users",
    "patients",
    "files",
    "audit_head",
    "audit",
]


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("details", sa.String(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"])

    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.create_table(
        "files",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_files"),
    )
    op.create_table(
        "patients",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pseudonym", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_patients"),
        sa.UniqueConstraint("pseudonym", name="uq_patients_pseudonym"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password", sa.String(), nullable=True),
        sa.Column("read_first", sa.Boolean(), nullable=False),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=True),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("age_years", sa.Double(), nullable=True),
        sa.Column("sex", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("received", tables.Utc(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_cases_patient_id_patients"),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("kind", "running", name="uq_cases_kind_running"),
        sa.UniqueConstraint("number", name="uq_cases_number"),
    )
    op.create_index("ix_cases_age_years_id", "cases", ["age_years", "id"])
    op.create_index("ix_cases_kind_received_id", "cases", ["kind", "received", "id"])
    op.create_index("ix_cases_kind_state_received_id", "cases", ["kind", "state", "received", "id"])
    op.create_index("ix_cases_patient_id_id", "cases", ["patient_id", "id"])
    op.create_index("ix_cases_received_id", "cases", ["received", "id"])
    op.create_index("ix_cases_running", "cases", ["running"])
    op.create_index("ix_cases_state_received_id", "cases", ["state", "received", "id"])
    op.create_index("ix_cases_task_state_received_id", "cases", ["task", "state", "received", "id"])

    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("lease", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cancel", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.Column("started", tables.Utc(), nullable=True),
        sa.Column("finished", tables.Utc(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_jobs_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_state_lease_id", "jobs", ["state", "lease", "id"])

    op.create_table(
        "inputs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("remarks", sa.JSON(), nullable=False),
        sa.Column("shape", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_inputs_case_id_cases", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_inputs"),
    )
    op.create_index("ix_inputs_case_id", "inputs", ["case_id"])
    op.create_index("ix_inputs_sha256", "inputs", ["sha256"])

    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_runs_job_id_jobs"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_runs_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("task", "version", name="uq_runs_task_version"),
    )
    op.create_table(
        "epochs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("fold", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_epochs_run_id_runs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_epochs"),
        sa.UniqueConstraint("run_id", "fold", "epoch", name="uq_epochs_run_id_fold_epoch"),
    )
    op.create_table(
        "package_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_package_versions_run_id_runs"),
        sa.PrimaryKeyConstraint("id", name="pk_package_versions"),
        sa.UniqueConstraint("task", "hash", name="uq_package_versions_task_hash"),
    )
    op.create_table(
        "answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("package_id", sa.Integer(), nullable=False),
        sa.Column("package_hash", sa.String(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("choice", sa.String(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_answers_case_id_cases", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["package_id"], ["package_versions.id"], name="fk_answers_package_id_package_versions"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_answers_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_answers"),
        sa.UniqueConstraint("case_id", "task", "package_hash", name="uq_answers_case_id_task_package_hash"),
    )
    op.create_table(
        "uses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("package_id", sa.Integer(), nullable=False),
        sa.Column("before_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("override", sa.String(), nullable=False),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.ForeignKeyConstraint(["before_id"], ["uses.id"], name="fk_uses_before_id_uses"),
        sa.ForeignKeyConstraint(["package_id"], ["package_versions.id"], name="fk_uses_package_id_package_versions"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_uses_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_uses"),
    )
    op.create_index("ix_uses_task_id", "uses", ["task", "id"])

    op.create_table(
        "attributions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["answers.id"], name="fk_attributions_answer_id_answers", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_attributions_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_attributions"),
        sa.UniqueConstraint("answer_id", "label", "method", name="uq_attributions_answer_id_label_method"),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("choice", sa.String(), nullable=False),
        sa.Column("confidence", sa.Integer(), nullable=True),
        sa.Column("agrees", sa.Boolean(), nullable=True),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("answer_id", sa.Integer(), nullable=True),
        sa.Column("decoy", sa.Boolean(), nullable=False),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name="fk_reviews_answer_id_answers"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_reviews_case_id_cases", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_reviews_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
    )
    op.create_index("ix_reviews_case_id_user_id_task_stage", "reviews", ["case_id", "user_id", "task", "stage"])
    op.create_index("ix_reviews_task_stage", "reviews", ["task", "stage"])
    op.create_index(
        "uq_reviews_first",
        "reviews",
        ["user_id", "case_id", "task"],
        unique=True,
        sqlite_where=sa.text("stage = 'first'"),
        postgresql_where=sa.text("stage = 'first'"),
    )
    op.execute(f"INSERT INTO audit_head (id, last, hash) VALUES (1, 0, '{'0' * 64}')")
    if op.get_bind().dialect.name == "sqlite":
        for table, why in KEPT.items():
            for what in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{why}'); END"
                )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
