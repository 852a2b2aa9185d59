"""The audit: who did what to what, when; append-only, each row's hash over the row before.

A changed, removed, inserted or reordered row breaks the chain where it stands; a cut-off end is told from the head.
Whoever can rewrite the whole file can rewrite the whole chain: keep a row's hash elsewhere to rule that out.
"""

import hashlib
import json
from collections.abc import Mapping

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from medcore.store.tables import AuditHead, AuditRow, now

START = "0" * 64
LONGEST = 100


def append(session: Session, user: str, action: str, subject: str, details: Mapping[str, object] | None = None) -> None:
    """Adds a row within the caller's transaction, which must be one of `Database.write` (alone on the database).

    user: name of the account, or "system"; subject: table and id ("case 12").
    details: numbers, ids, hashes and short names of ours; never text that a person typed, never anything from a file.
    """
    for name, value in (details or {}).items():
        if not (value is None or isinstance(value, int | float) or (isinstance(value, str) and len(value) <= LONGEST)):
            raise TypeError(f"the audit takes no {type(value).__name__} for {name}")
    last, previous = session.execute(select(AuditHead.last, AuditHead.hash).with_for_update()).one()
    row = {
        "id": last + 1,
        "at": now().isoformat(timespec="microseconds"),
        "user": user,
        "action": action,
        "subject": subject,
        "details": json.dumps(dict(details or {}), sort_keys=True),
        "previous": previous,
    }
    hashed = _hash(row)
    session.execute(insert(AuditRow).values(**row, hash=hashed))
    session.execute(update(AuditHead).values(last=last + 1, hash=hashed).execution_options(synchronize_session=False))


def verify(session: Session) -> int | None:
    """Id of the first row that is not what was written, or None. A missing row counts by the id that it had."""
    last, hashed = 0, START
    for row in session.scalars(select(AuditRow).order_by(AuditRow.id).execution_options(yield_per=1000)):
        if row.id != last + 1:
            return last + 1
        if row.previous != hashed or row.hash != _hash({name: getattr(row, name) for name in HASHED}):
            return row.id
        last, hashed = row.id, row.hash
    head = session.get(AuditHead, 1)
    return None if head and (head.last, head.hash) == (last, hashed) else last + 1


HASHED = ("id", "at", "user", "action", "subject", "details", "previous")


def _hash(row: Mapping[str, object]) -> str:
    fields = [row[name] for name in HASHED]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()
