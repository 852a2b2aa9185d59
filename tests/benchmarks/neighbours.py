"""The nearest of 100,000 cases over the pass of a package's nets that one case takes."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sqlalchemy import insert, select

from medcore.clinic import Clinic, User
from medcore.clinic.neighbours import MOST
from medcore.learn.batches import collate, encode_inputs
from medcore.learn.neighbours import Index
from medcore.learn.predict import embedded, passed
from medcore.packages import Package
from medcore.settings import settings
from medcore.store.tables import AnswerRow, EmbeddingRow, PackageRow, ReviewRow
from tests.benchmarks.measure import Row, interleaved
from tests.benchmarks.packages import package
from tests.clinic.many import fill

CASES = 100_000
ROUNDS = 15


def rows(folder: Path) -> list[Row]:
    """A search in memory, for each kind of input, and the whole use case with its database, for the quickest net.
    `folder`: where trained packages are kept."""
    out = [_search(package(task, folder)) for task in ("cxr_pneumonia", "ecg_rhythm", "mortality")]
    return [*out, _use_case(package("mortality", folder))]


def _search(answers: Package) -> Row:
    inputs = answers.task.simulate(1, 3)[0].load()
    batch, vector = collate([encode_inputs(answers.task, inputs)]), embedded(answers, inputs, "cpu")
    index = Index(_near(vector, CASES))
    assert len(index) == CASES
    ours, theirs = interleaved(
        [lambda _turn: index.search(vector, MOST), lambda _turn: passed(answers, batch, "cpu")],
        ROUNDS,
        time.process_time,
    )
    kind = next(iter(answers.task.fields.values())).kind
    note = f"{len(vector)} values a case; over the nets"
    return Row(f"neighbours: {kind}, search", ours, theirs, ours / theirs, 1.0, note=note)


def _use_case(answers: Package) -> Row:
    """With everything that it asks the database, for somebody who may see all."""
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as models:
        (Path(models) / answers.task.name).symlink_to(answers.folder.resolve())
        url = f"sqlite:///{home}/medcore.sqlite"
        own = replace(settings(), home=Path(home), database_url=url, models=Path(models), device="cpu")
        clinic = Clinic(replace(own, admin_password=""))
        user = clinic.set_read_first(clinic.sign_in("reader"), False)
        fill(clinic, CASES)
        inputs = answers.task.simulate(1, 3)[0].load()
        case = clinic.admit_inputs(user, [*inputs.values()])
        _reviewed(clinic, user, answers, _near(embedded(answers, inputs, "cpu"), CASES))
        batch = collate([encode_inputs(answers.task, inputs)])
        start = time.perf_counter()
        found = clinic.neighbours(user, case, answers.task.name)
        first = time.perf_counter() - start
        assert sum(row.case_id is not None for row in found.rows) >= 3
        ours, theirs = interleaved(
            [
                lambda _turn: clinic.neighbours(user, case, answers.task.name),
                lambda _turn: passed(answers, batch, "cpu"),
            ],
            ROUNDS,
            time.process_time,
        )
        clinic.database.engine.dispose()
    note = f"with the database; the first time, which builds the index, {first:.1f} s"
    return Row("neighbours: record, use case", ours, theirs, ours / theirs, note=note)


def _near(vector: np.ndarray, n: int) -> np.ndarray:
    return vector + np.random.default_rng(0).normal(size=(n, len(vector))).astype(np.float32) / len(vector) ** 0.5


def _reviewed(clinic: Clinic, user: User, answers: Package, vectors: Sequence[np.ndarray] | np.ndarray) -> None:
    """Answers, what the nets saw, and a final read of the cases with the ids 1, 2, …"""
    task = answers.task.name
    choice = answers.task.outcome.choices[0].name
    with clinic.database.write() as session:
        version = session.scalars(select(PackageRow.id).where(PackageRow.hash == answers.hash)).one()
        same = {"task": task, "choice": choice, "user_id": user.id}
        given = {**same, "package_id": version, "package_hash": answers.hash, "answer": {}, "settings": {}}
        ids = range(1, len(vectors) + 1)
        session.execute(insert(AnswerRow), [{**given, "id": i, "case_id": i} for i in ids])
        kept = [{"answer_id": i, "vector": v.tobytes()} for i, v in zip(ids, vectors, strict=True)]
        session.execute(insert(EmbeddingRow), kept)
        read = {**same, "stage": "final", "agrees": True}
        session.execute(insert(ReviewRow), [{**read, "case_id": i, "answer_id": i} for i in ids])
        session.connection().exec_driver_sql("ANALYZE")
