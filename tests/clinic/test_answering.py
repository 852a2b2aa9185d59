"""Answers and attributions: computed once, kept, repeated to the bit."""

import sqlite3
import threading

import numpy as np
import pytest

from medcore import tasks
from medcore.clinic import Clinic, User
from medcore.clinic.answering import _score
from medcore.errors import Refused
from medcore.inputs import Input
from medcore.learn.predict import Answer
from medcore.store.pack import unpack


@pytest.fixture
def user(answering: Clinic, reader: User) -> User:
    return answering.set_read_first(reader, False)


def simulated(task: str, seed: int = 3) -> list[Input]:
    return [*tasks.get(task).simulate(1, seed)[0].load().values()]


@pytest.mark.parametrize("task", ["mortality", "ecg_rhythm"])
def test_an_answer_is_repeated_to_the_bit(answering: Clinic, user: User, task: str) -> None:
    case_id = answering.admit_inputs(user, simulated(task))
    given = answering.answer(user, case_id, task)
    view = answering.open_case(user, case_id)
    assert given.in_use
    assert [*given.answer.inputs.values()] == [i.sha256 for i in view.inputs]
    assert given.answer.package_hash == answering.in_use(task).hash
    assert given.answer.versions["torch"]
    # A fresh process would have nothing in memory.
    again = Clinic(answering.settings)
    new, difference = again.recompute(given.id)
    assert difference == 0.0
    assert new.probabilities == given.answer.probabilities
    assert new.ranges == given.answer.ranges
    assert again.answer(user, case_id, task) == given


def test_an_answer_is_computed_once_even_for_two_tabs(answering: Clinic, user: User) -> None:
    case_id = answering.admit_inputs(user, simulated("mortality"))
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(answering.answer(user, case_id, "mortality").id)) for _ in range(4)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [found[0]] * 4
    with sqlite3.connect(answering.settings.home / "medcore.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM answers").fetchone() == (1,)
    connection.close()


def test_a_changed_input_file_is_noticed(answering: Clinic, user: User) -> None:
    case_id = answering.admit_inputs(user, simulated("mortality"))
    given = answering.answer(user, case_id, "mortality")
    for sha in answering.files.all():
        path = answering.files.root / sha[:2] / sha
        path.write_bytes(path.read_bytes()[:-1] + b" ")
    with pytest.raises(Refused, match="changed on disk"):
        Clinic(answering.settings).recompute(given.id)


@pytest.mark.parametrize(
    ("choice", "score"), [("normal", 0.3), ("infarction+st_t_change", 0.6), ("normal+conduction", 0.3), ("", 0.6)]
)
def test_of_several_labels_the_worklist_shows_the_likeliest_of_those_said(choice: str, score: float) -> None:
    task = tasks.get("ecg_diagnosis")
    p = {"normal": 0.3, "infarction": 0.4, "st_t_change": 0.6, "conduction": 0.2, "hypertrophy": 0.1}
    given = Answer(task.name, "", "", p, {}, {}, choice, (), 0.0, (), (), (), "cpu", 0.0)
    assert _score(task.outcome, given) == score


def test_without_a_version_nothing_answers(clinic: Clinic, reader: User) -> None:
    case_id = clinic.admit_inputs(reader, simulated("mortality"))
    me = clinic.set_read_first(reader, False)
    with pytest.raises(Refused, match="No version answers"):
        clinic.answer(me, case_id, "mortality")
    assert clinic.answers(me, case_id, "mortality") == []


@pytest.mark.parametrize("task", ["mortality", "ecg_rhythm"])
def test_an_attribution_is_kept(answering: Clinic, user: User, task: str) -> None:
    inputs = simulated(task)
    case_id = answering.admit_inputs(user, inputs)
    first = answering.explain(user, case_id, task)
    again = Clinic(answering.settings).explain(user, case_id, task)
    assert again.id == first.id
    why = again.attribution
    assert (why.method, why.failure) == (tasks.get(task).explain[0], "")
    said = answering.answer(user, case_id, task).answer.probabilities
    assert why.label == max(said, key=lambda name: said[name])
    ((field, values),) = why.values.items()
    np.testing.assert_array_equal(values, first.attribution.values[field])
    header, arrays = unpack(answering.map_bytes(user, first.id))
    np.testing.assert_array_equal(arrays["map"], values)
    assert header["label"] == why.label
    assert header["gap"] == why.gap
    assert header["fields"] == {"map": field}
    if task == "ecg_rhythm":
        assert values.shape == inputs[0].content()[1][0].shape


def test_another_method_is_another_attribution(answering: Clinic, user: User) -> None:
    case_id = answering.admit_inputs(user, simulated("mortality"))
    a, b = (answering.explain(user, case_id, "mortality", method=m) for m in ("integrated_gradients", "occlusion"))
    assert a.id != b.id
    with pytest.raises(Refused, match="doesn't suit"):
        answering.explain(user, case_id, "mortality", method="tea leaves")
    with pytest.raises(Refused, match="not a label"):
        answering.explain(user, case_id, "mortality", label="pneumonia")


def test_explaining_from_many_sessions_at_once(answering: Clinic, user: User) -> None:
    """Captum hangs hooks into the shared nets: without a lock these would disturb each other."""
    cases = [answering.admit_inputs(user, simulated("mortality", seed)) for seed in range(6)]
    failures: list[BaseException] = []
    gaps: dict[int, float | None] = {}

    def work(case_id: int) -> None:
        try:
            gaps[case_id] = answering.explain(user, case_id, "mortality").attribution.gap
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(c,)) for c in cases]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []
    assert set(gaps) == set(cases)
    assert answering.verify_audit() is None


def test_input_bytes_are_what_the_input_shows(answering: Clinic, user: User) -> None:
    (signal,) = simulated("ecg_rhythm")
    view = answering.open_case(user, answering.admit_inputs(user, [signal]))
    header, arrays = unpack(answering.input_bytes(user, view.inputs[0].id))
    samples = signal.content()[1][0]
    np.testing.assert_allclose(arrays["samples"] / 1000, samples, atol=0.0006)
    assert header["rate_hz"] == 300
