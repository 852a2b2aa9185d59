"""How Alembic runs a migration here: in one transaction that is alone on the database, with foreign keys off.

Off, because a batch rebuild drops the old table, and with it the rows that are deleted by its cascade.
"""

from alembic import context
from sqlalchemy import text

from medcore.store.engine import make_engine
from medcore.store.tables import Base

engine = make_engine(context.config.attributes["url"], foreign_keys=False)
try:
    with engine.connect().execution_options(begin="IMMEDIATE") as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            compare_type=True,
            transactional_ddl=True,
            user_module_prefix="tables.",
        )
        with context.begin_transaction():
            context.run_migrations()
            if engine.dialect.name == "sqlite" and (
                broken := connection.execute(text("PRAGMA foreign_key_check")).all()
            ):
                raise RuntimeError(f"the migration left rows that point nowhere: {broken[:3]}")
finally:
    engine.dispose()
