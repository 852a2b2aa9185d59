"""Neighbours: the nearest first, as far as a user may know of them, and the same after a restart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcore import tasks
from medcore.clinic import Clinic, Neighbour, User
from medcore.errors import Refused
from medcore.inputs import Image, Record
from medcore.learn.neighbours import FILE, learnt, write
from medcore.packages import load
from medcore.settings import Settings, settings
from medcore.store.tables import EmbeddingRow, ExerciseCaseRow

TASK = "mortality"


@pytest.fixture(scope="module")
def kept(small_models: Path) -> Path:
    """The small packages, that of records with the cases it learnt from."""
    task = tasks.get(TASK)
    package = load(small_models / TASK)
    write(package.folder, learnt(package, task.simulate(80, 1), "cpu"))
    return small_models


@pytest.fixture
def desk(bare: Settings, kept: Path) -> Clinic:
    return Clinic(replace(bare, models=kept))


@pytest.fixture
def open_reader(desk: Clinic, reader: User) -> User:
    """Somebody who doesn't read first."""
    return desk.set_read_first(reader, False)


def values(seed: int) -> dict[str, float | str | None]:
    (given,) = tasks.get(TASK).simulate(1, seed)[0].load().values()
    assert isinstance(given, Record)
    return dict(given.values)


def admitted(clinic: Clinic, user: User, seed: int, person: str | None = None, **changed: float) -> int:
    return clinic.admit_inputs(user, [Record({**values(seed), **changed})], person=person or f"somebody {seed}")


def reviewed(clinic: Clinic, user: User, case_id: int, choice: str = "") -> None:
    """A final read that goes along with the machine, or says `choice`."""
    if user.read_first:
        clinic.lock_read(user, case_id, TASK, choice or "survival")
    said = clinic.answer(user, case_id, TASK).answer.choice
    clinic.review(user, case_id, TASK, not choice or said == choice, choice or said)


def here(clinic: Clinic, user: User, case_id: int) -> dict[int, Neighbour]:
    """The reviewed neighbours by case, the nearest first."""
    return {row.case_id: row for row in clinic.neighbours(user, case_id, TASK).rows if row.case_id is not None}


def test_the_nearest_is_the_one_that_is_the_same(desk: Clinic, open_reader: User) -> None:
    first = admitted(desk, open_reader, 500)
    for seed in range(501, 505):
        reviewed(desk, open_reader, admitted(desk, open_reader, seed))
    again = desk.admit_inputs(open_reader, [Record(values(500))], person="somebody else")
    assert again != first
    reviewed(desk, open_reader, again)
    rows = desk.neighbours(open_reader, first, TASK).rows
    assert (rows[0].case_id, rows[0].distance, rows[0].same_patient) == (again, 0.0, False)
    assert [r.distance for r in rows] == sorted(r.distance for r in rows)
    assert first not in here(desk, open_reader, first)
    # The distances are those of the vectors that were kept.
    with desk.database.read() as session:
        kept = {row.answer_id: np.frombuffer(row.vector, "<f4") for row in session.query(EmbeddingRow)}
    ids = {c: desk.answer(open_reader, c, TASK).id for c in (first, *here(desk, open_reader, first))}
    for other, row in here(desk, open_reader, first).items():
        apart = np.linalg.norm(kept[ids[first]] - kept[ids[other]])
        assert row.distance == pytest.approx(apart, abs=2e-3)  # half precision


def test_labels_are_what_readers_said_last(desk: Clinic, open_reader: User, trainer: User) -> None:
    case_id, other = (admitted(desk, open_reader, seed) for seed in (510, 511))
    said = desk.answer(open_reader, other, TASK).answer.choice
    assert here(desk, open_reader, case_id) == {}  # answered, not reviewed
    wrong = next(c.name for c in tasks.get(TASK).outcome.choices if c.name != said)
    reviewed(desk, open_reader, other)
    assert [(r.choices, r.outcome) for r in here(desk, open_reader, case_id).values()] == [((said,), "agreed")]
    desk.review(open_reader, other, TASK, False, wrong)
    assert [(r.choices, r.outcome) for r in here(desk, open_reader, case_id).values()] == [((wrong,), "corrected")]
    second = desk.set_read_first(trainer, False)
    desk.review(second, other, TASK, True)
    assert here(desk, open_reader, case_id)[other].choices == (wrong, said)
    desk.review(open_reader, other, TASK, None)
    desk.review(second, other, TASK, None)
    assert [(r.choices, r.outcome) for r in here(desk, open_reader, case_id).values()] == [((), "")]


def test_the_same_patient_is_said_to_be(desk: Clinic, open_reader: User) -> None:
    case_id = admitted(desk, open_reader, 520, "one person")
    later = admitted(desk, open_reader, 520, "one person", age=values(520)["age"] + 1)  # type: ignore[operator]
    stranger = admitted(desk, open_reader, 521)
    for other in (later, stranger):
        reviewed(desk, open_reader, other)
    found = here(desk, open_reader, case_id)
    assert (found[later].same_patient, found[stranger].same_patient) == (True, False)


def test_who_reads_first_learns_only_of_what_they_have_reviewed(desk: Clinic, reader: User, trainer: User) -> None:
    case_id, unread, locked, done = (admitted(desk, reader, seed) for seed in range(530, 534))
    other = desk.set_read_first(trainer, False)
    for each in (unread, locked, done):
        reviewed(desk, other, each)
    with pytest.raises(Refused, match="when your read is locked"):
        desk.neighbours(reader, case_id, TASK)
    desk.lock_read(reader, case_id, TASK, "survival")
    assert here(desk, reader, case_id) == {}
    desk.lock_read(reader, locked, TASK, "survival")
    reviewed(desk, reader, done)
    assert set(here(desk, reader, case_id)) == {done}
    assert set(here(desk, other, case_id)) == {unread, locked, done}


@pytest.fixture
def exercise(desk: Clinic, trainer: User) -> tuple[int, int]:
    """An exercise of two records, and which of them is a decoy."""
    cases = []
    for sample in tasks.get(TASK).simulate(12, 7):
        case_id = desk.admit_inputs(trainer, [*sample.load().values()])
        desk.set_truth(trainer, case_id, TASK, tasks.get(TASK).outcome.choice_of(sample.target))
        if not desk.answer(desk.set_read_first(trainer, False), case_id, TASK).answer.withheld:
            cases.append(case_id)
    made = desk.make_exercise(trainer, "Thursday", TASK, cases[:2], share=0.5, seed=1)
    with desk.database.read() as session:
        decoy = session.query(ExerciseCaseRow.case_id).filter(ExerciseCaseRow.decoy != "").scalar()
    return made, decoy


def test_reads_of_decoys_make_no_neighbour(desk: Clinic, reader: User, admin: User, exercise: tuple[int, int]) -> None:
    made, decoy = exercise
    desk.join_exercise(reader, made)
    with desk.database.read() as session:
        both = set(session.scalars(session.query(ExerciseCaseRow.case_id).statement))
    for each in both:
        reviewed(desk, reader, each)
    case_id, beside = (admitted(desk, reader, seed) for seed in (540, 541))
    desk.lock_read(reader, case_id, TASK, "survival")
    reviewed(desk, reader, beside)
    # In it none of its cases is told of, so that nothing tells a decoy from the rest; nor what is like them.
    assert set(here(desk, reader, case_id)) == {beside}
    for each in both:
        with pytest.raises(Refused, match="part of an exercise"):
            desk.neighbours(reader, each, TASK)
    desk.finish_exercise(reader, made)
    assert set(here(desk, reader, case_id)) == {beside, *(both - {decoy})}
    everybody = desk.set_read_first(admin, False)
    assert set(here(desk, everybody, case_id)) == {beside, *(both - {decoy})}


def test_a_read_that_comes_before_the_embedding_counts_too(desk: Clinic, open_reader: User) -> None:
    """As after an upgrade: the answers are there, what the nets saw of them is not."""
    case_id, other, third = (admitted(desk, open_reader, seed) for seed in (550, 551, 552))
    for each in (other, third):
        reviewed(desk, open_reader, each)
    whole = desk.neighbours(open_reader, case_id, TASK)
    with desk.database.write() as session:
        session.query(EmbeddingRow).delete()
    again = Clinic(desk.settings)
    assert here(again, open_reader, case_id) == {}
    assert set(here(again, open_reader, other)) == set()  # asked for, it is embedded
    assert set(here(again, open_reader, third)) == {other}
    assert again.neighbours(open_reader, case_id, TASK) == whole


def test_a_later_process_finds_the_same(desk: Clinic, open_reader: User) -> None:
    cases = [admitted(desk, open_reader, seed) for seed in range(560, 572)]
    other = Clinic(desk.settings)
    for each in cases[1:6]:
        reviewed(desk, open_reader, each)
    assert here(other, open_reader, cases[0]) == here(desk, open_reader, cases[0]) != {}
    for each in cases[6:]:
        reviewed(other, open_reader, each)  # what one process takes in, the other has from the database
    found = desk.neighbours(open_reader, cases[0], TASK)
    assert found == other.neighbours(open_reader, cases[0], TASK)
    assert found == Clinic(desk.settings).neighbours(open_reader, cases[0], TASK)
    assert len(found.rows) == 7
    assert sum(row.case_id is not None for row in found.rows) >= 3


def test_a_usual_case_is_not_far(desk: Clinic, open_reader: User) -> None:
    found = desk.neighbours(open_reader, admitted(desk, open_reader, 580), TASK)
    assert (found.far, found.itself, found.learnt) == (False, False, 80)
    assert all(row.nearer is not None and row.nearer <= 0.95 for row in found.rows[:1])


def test_nothing_that_a_shipped_package_learnt_from_is_like_noise(bare: Settings, reader: User, tmp_path: Path) -> None:
    films = (n for n, task in tasks.all_tasks().items() if {f.kind for f in task.fields.values()} == {"image"})
    name = next((n for n in films if (settings().models / n / FILE).exists()), "")
    if not name:
        pytest.skip("no package of films is shipped with its training cases")
    shipped = settings().models / name
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / name).symlink_to(shipped.resolve())
    clinic = Clinic(replace(bare, models=tmp_path / "models"))
    me = clinic.set_read_first(reader, False)
    (film,) = tasks.get(name).simulate(1, 3)[0].load().values()
    assert isinstance(film, Image)
    pixels = np.random.default_rng(0).integers(0, 4000, film.pixels.shape).astype(film.pixels.dtype)
    found = clinic.neighbours(me, clinic.admit_inputs(me, [replace(film, pixels=pixels)]), name)
    assert found.far is True
    assert found.learnt == len(load(shipped).seen_inputs)
    assert all(row.nearer is not None and row.nearer > 0.95 for row in found.rows)


def test_a_case_that_it_learnt_from_is_said_to_be_one(desk: Clinic, open_reader: User) -> None:
    (own,) = (s.load() for s in tasks.get(TASK).simulate(80, 1)[3:4])
    found = desk.neighbours(open_reader, desk.admit_inputs(open_reader, [*own.values()]), TASK)
    assert found.itself
    assert all(row.distance > 0.01 for row in found.rows)
    assert {(row.source, row.number, row.case_id) for row in found.rows} == {("simulated_record", "", None)}


def test_a_version_whose_cases_were_not_kept_tells_reviewed_ones(answering: Clinic, reader: User) -> None:
    me = answering.set_read_first(reader, False)
    cases = [admitted(answering, me, seed) for seed in range(590, 600)]
    for each in cases[1:]:
        reviewed(answering, me, each)
    folder = answering.in_use(TASK).folder
    (folder / FILE).unlink(missing_ok=True)
    own = Clinic(replace(answering.settings, models=answering.settings.home))
    found = own.neighbours(me, cases[0], TASK)
    assert (len(found.rows), found.learnt, found.far) == (7, 0, None)
    assert {row.nearer for row in found.rows} == {None}
