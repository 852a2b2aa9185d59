"""A worklist of as many cases as wished, without inputs."""

import random
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from medcore.clinic import Clinic
from medcore.store.tables import CaseTable, PatientRow

KINDS = {"record": ("REC", "mortality"), "image": ("FILM", "cxr_pneumonia"), "signal": ("ECG", "ecg_rhythm")}


def fill(clinic: Clinic, n: int) -> None:
    """Puts n cases into an empty desk, two a patient, of every kind and state, three a second."""
    rng = random.Random(0)
    start, running = datetime(2026, 1, 1, tzinfo=UTC), dict.fromkeys(KINDS, 0)
    cases = []
    for i in range(n):
        kind = rng.choice([*KINDS])
        running[kind] += 1
        cases.append(
            {
                "number": f"{KINDS[kind][0]}-{running[kind]:04d}",
                "running": running[kind],
                "kind": kind,
                "task": KINDS[kind][1],
                "patient_id": i // 2 + 1,
                "age_years": rng.uniform(18, 95),
                "sex": rng.choice("FM"),
                "state": rng.choices(["to_read", "read", "reviewed", "unanswerable"], [60, 5, 34, 1])[0],
                "source": "upload",
                "simulated": True,
                "received": start + timedelta(seconds=i // 3),
            }
        )
    with clinic.database.write() as session:
        session.execute(insert(PatientRow), [{"id": i + 1, "pseudonym": f"P{i:09d}"} for i in range(-(-n // 2))])
        session.execute(insert(CaseTable), cases)
        session.connection().exec_driver_sql("ANALYZE")
