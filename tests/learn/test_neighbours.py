"""Training cases as a package's nets see them: what is kept of them, and how the nearest are found."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from medcore.datasets.sample import Sample
from medcore.errors import Refused
from medcore.inputs import Input, Record, sha256
from medcore.learn.build import train
from medcore.learn.neighbours import FILE, Index, Learnt, key, learnt, stored, write
from medcore.learn.predict import answer, embedded
from medcore.packages import Package
from medcore.tasks import Recipe, get

TASK = get("mortality")
NAME = "Roe^Jane"


def records(n: int) -> list[Sample]:
    """Two records of each patient, of which the second is a little older."""
    out = []
    for i, sample in enumerate(TASK.simulate(n, 4)):
        for later in (0.0, 0.01):
            given = sample.load()["record"]
            assert isinstance(given, Record)
            values = {**given.values, "age": given.values["age"] + later}  # type: ignore[operator]
            load = partial(dict[str, Input], {"record": Record(values)})
            out.append(
                Sample("two", f"{NAME} {i}", f"{i} {later}", load, sample.target, source="east" if i % 2 else "")
            )
    return out


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    quick = Recipe(epochs=2, batch=32, learning_rate=2e-3)
    return train(TASK, records(60), tmp_path_factory.mktemp("package"), version="0.1.0", recipe=quick, folds=(0, 1))


@pytest.fixture(scope="module")
def found(package: Package) -> Learnt:
    return learnt(package, records(60), "cpu")


def test_what_is_kept_says_what_a_case_was_and_not_whose(package: Package, found: Learnt, tmp_path: Path) -> None:
    samples = records(60)
    write(tmp_path, found)
    content = (tmp_path / FILE).read_bytes()
    assert NAME.encode() not in content
    again = stored(tmp_path, package.hash)
    assert again is not None
    np.testing.assert_array_equal(again.vectors, found.vectors)
    for i, sample in enumerate(samples):
        assert again.choices[again.choice[i]] == TASK.outcome.choice_of(sample.target)
        assert again.sources[again.source[i]] == f"two {sample.source}".strip()
        assert bytes(again.patients[i]).hex() == sample.patient_hash
        assert again.places[key([sha256(sample.load()["record"])])] == [i]
    assert again.nearest == found.nearest
    assert len(content) < 250 * len(samples) + 4000
    assert stored(tmp_path, "another version") is None
    assert stored(tmp_path / "nowhere", package.hash) is None
    (tmp_path / FILE).write_bytes(content[:-20])
    with pytest.raises(Refused, match="can't be read"):
        stored(tmp_path, package.hash)


def test_an_answer_brings_the_vector_that_was_kept(package: Package, found: Learnt) -> None:
    inputs = records(60)[5].load()
    given = answer(package, inputs, "cpu")
    assert given.embedding is not None
    assert given.embedding.shape == (found.vectors.shape[1],)
    np.testing.assert_allclose(given.embedding, found.vectors[5], atol=2e-3)
    np.testing.assert_array_equal(given.embedding, embedded(package, inputs, "cpu"))
    assert "embedding" not in given.to_json()
    assert type(given).from_json(given.to_json()) == given
    assert np.square(found.vectors).sum(1).mean() == pytest.approx(1, abs=0.35)


def test_a_patient_is_not_near_to_themselves(found: Learnt) -> None:
    """The two records of one patient nearly coincide; what counts is how far the next patient is."""
    v = found.vectors
    apart = np.linalg.norm(v[:, None] - v, axis=2)
    same = (found.patients[:, None] == found.patients).all(2)
    nearest = np.where(same, np.inf, apart).min(1)
    np.testing.assert_allclose(found.nearest, np.quantile(nearest, np.linspace(0, 1, 101)), atol=2e-3)
    assert found.nearer(0.0) == 0
    assert found.nearer(float(np.quantile(nearest, 0.95))) == pytest.approx(0.95, abs=0.02)
    assert found.nearer(99.0) == 1
    assert replace(found, nearest=()).nearer(1.0) is None


def test_only_what_was_learnt_from_is_kept(package: Package, found: Learnt) -> None:
    strangers = [replace(s, patient=f"other {i}") for i, s in enumerate(records(3))]
    assert len(learnt(package, [*records(60), *strangers], "cpu")) == len(found) == 120
    with pytest.raises(Refused, match="no case that the package learnt from"):
        learnt(package, strangers, "cpu")


def test_the_index_finds_what_a_plain_search_does() -> None:
    rng = np.random.default_rng(0)
    vectors, query = rng.normal(size=(500, 12)).astype(np.float32), rng.normal(size=12).astype(np.float32)
    index = Index(vectors[:300])
    index.add(vectors[300:])
    assert len(index) == 500
    plain = np.linalg.norm(vectors - query, axis=1)
    near = index.search(query, 9)
    assert [i for i, _d in near] == np.argsort(plain)[:9].tolist()
    np.testing.assert_allclose([d for _i, d in near], np.sort(plain)[:9], atol=2e-3)
    assert index.search(vectors[7], 1) == [(7, 0.0)]
    some = [3, 44, 499]
    assert [i for i, _d in index.search(query, 9, some)] == sorted(some, key=lambda i: plain[i])
    assert index.search(query, 9, []) == []
    assert Index(np.zeros((0, 12), np.float32)).search(query, 3) == []
