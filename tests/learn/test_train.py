"""Training to a package on simulated records: seeds, stopping and going on, what was seen, calibration."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medcore.datasets.sample import FOLDS, Sample
from medcore.errors import Refused
from medcore.learn.batches import Stopped, encode
from medcore.learn.build import train
from medcore.learn.compare import compare
from medcore.learn.evaluate import evaluate, never_saw, seen
from medcore.learn.predict import Answer, answer
from medcore.packages import Package, load
from medcore.tasks import Recipe, get

TASK = get("mortality")
QUICK = Recipe(epochs=2, batch=32, learning_rate=2e-3, patience=5)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return train(TASK, TASK.simulate(300, 1), tmp_path_factory.mktemp("package"), version="0.1.0", recipe=QUICK)


def weights(package: Package) -> bytes:
    return b"".join(sorted((package.folder / net["file"]).read_bytes() for net in package.about["nets"]))


def test_same_seed_same_weights(package: Package, tmp_path: Path) -> None:
    again = train(TASK, TASK.simulate(300, 1), tmp_path, version="0.1.0", recipe=QUICK)
    assert weights(again) == weights(package)
    other = train(TASK, TASK.simulate(300, 1), tmp_path / "b", version="0.1.0", recipe=QUICK, seed=1, folds=[0])
    assert weights(other) not in weights(package)


def test_a_stopped_training_goes_on_to_the_same_weights(package: Package, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    work = tmp_path / "work"
    with pytest.raises(Stopped):
        train(
            TASK, TASK.simulate(300, 1), tmp_path / "p", version="0.1.0", recipe=QUICK, work=work,
            on_epoch=rows.append, stop=lambda: len(rows) == 3,
        )  # fmt: skip
    assert not (tmp_path / "p" / "package.json").exists()
    assert list(work.glob("*.ckpt"))
    more: list[dict[str, Any]] = []
    done = train(
        TASK, TASK.simulate(300, 1), tmp_path / "p", version="0.1.0", recipe=QUICK, work=work, on_epoch=more.append
    )
    assert len(rows) + len(more) == 2 * FOLDS, "an epoch was done twice"
    assert weights(done) == weights(package)


def test_a_stop_is_heard_while_cases_are_still_read(tmp_path: Path) -> None:
    seen: list[int] = []
    with pytest.raises(Stopped):
        train(
            TASK, TASK.simulate(300, 1), tmp_path / "p", version="0.1.0", recipe=QUICK,
            stop=lambda: len(seen) == 5 or bool(seen.append(1)),
        )  # fmt: skip
    assert not (tmp_path / "p").exists()


def test_the_report_says_how_often_what_was_said_came_true(package: Package) -> None:
    table = package.about["report"]["reliability"]
    assert sum(table["n"]) == 300 and len(table["said"]) == 10
    assert table["said"] == sorted(table["said"])
    encoded = encode(TASK, TASK.simulate(300, 1))
    whole = sum(n * was for n, was in zip(table["n"], table["was"], strict=True)) / 300
    assert whole == pytest.approx(encoded.truth.mean(), abs=1e-3)
    assert all(low <= was <= high for low, was, high in zip(table["low"], table["was"], table["high"], strict=True))


def test_each_net_never_saw_its_fold(package: Package) -> None:
    encoded = encode(TASK, TASK.simulate(300, 1))
    assert seen(package, encoded).all()
    unseen = never_saw(package, encoded)
    assert (unseen.sum(0) == 1).all()
    assert all(package.folds[row.argmax()] == fold for row, fold in zip(unseen.T, encoded.folds, strict=True))
    fresh = encode(TASK, TASK.simulate(20, 99))
    assert not seen(package, fresh).any()


def test_evaluate_leaves_out_what_was_seen(package: Package) -> None:
    both = TASK.simulate(300, 1) + TASK.simulate(60, 99)
    found = evaluate(package, both)
    assert (found["n"], found["n_seen"]) == (60, 300)
    assert set(found["metrics"]) == {"auroc", "auprc", "accuracy", "balanced_accuracy", "brier", "ece"}
    assert found["metrics"]["auroc"]["low"] <= found["metrics"]["auroc"]["value"] <= found["metrics"]["auroc"]["high"]
    assert evaluate(package, both, "include_seen")["seen"]["n"] == 300
    inside = evaluate(package, TASK.simulate(300, 1), "out_of_fold")
    assert inside["n"] == 300 and inside["metrics"]["auroc"]["value"] == pytest.approx(
        package.report["metrics"]["auroc"]["value"], abs=1e-6
    )


def test_retraining_inherits_what_was_seen(package: Package, tmp_path: Path) -> None:
    more = train(
        TASK, TASK.simulate(100, 7), tmp_path, version="0.2.0", recipe=QUICK, folds=[0], start=package, device="cpu"
    )
    assert set(package.seen_patients) < set(more.seen_patients)
    assert more.about["started_from"] == package.hash
    report = compare(package, more, TASK.simulate(300, 1) + TASK.simulate(60, 99), "cpu")
    # The lone net may only answer patients of the fold that it left out, or whom nobody saw.
    assert 60 < report["n"] < 200
    assert set(report["metrics"]["auroc"]) == {"current", "candidate", "change", "verdict"}


def test_an_answer_is_whole_and_survives_json(package: Package) -> None:
    inputs = TASK.simulate(1, 5)[0].load()
    given = answer(package, inputs, "cpu")
    assert Answer.from_json(given.to_json()) == given
    p, (low, high) = given.probabilities["hospital_death"], given.ranges["hospital_death"]
    assert 0 <= low <= p <= high <= 1
    assert set(given.wished) <= set(given.absent)
    assert answer(package, inputs, "cpu").probabilities == given.probabilities, "the same case, the same answer"


def test_too_little_to_learn_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        train(TASK, TASK.simulate(6, 1), tmp_path, version="0", recipe=QUICK)
    assert not list(tmp_path.iterdir())


def test_a_changed_byte_a_pickle_and_a_missing_file_are_refused(package: Package, tmp_path: Path) -> None:
    import shutil

    def copy(name: str) -> Path:
        return Path(shutil.copytree(package.folder, tmp_path / name))

    broken = copy("changed") / "net_0.safetensors"
    content = bytearray(broken.read_bytes())
    content[-1] ^= 1
    broken.write_bytes(bytes(content))
    with pytest.raises(Refused, match=r"net_0\.safetensors"):
        load(broken.parent)
    (copy("pickle") / "weights.pt").write_bytes(b"x")
    with pytest.raises(Refused, match=r"weights\.pt is a pickle"):
        load(tmp_path / "pickle")
    (copy("missing") / "net_1.safetensors").unlink()
    with pytest.raises(Refused, match=r"net_1\.safetensors"):
        load(tmp_path / "missing")
    (copy("garbled") / "package.json").write_text("{")
    with pytest.raises(Refused, match=r"package\.json"):
        load(tmp_path / "garbled")


def test_the_unlike_score_of_a_training_like_and_of_an_odd_record(package: Package) -> None:
    from medcore.inputs import Record

    usual = np.mean([answer(package, s.load(), "cpu").unlike for s in TASK.simulate(12, 3)])
    odd = Record({"age": 18.0, "temp": 31.0, "sod": 180.0, "wblc": 100.0, "hrt": 250.0, "crea": 19.0, "bili": 60.0})
    assert usual < 0.85
    assert answer(package, {"record": odd}, "cpu").unlike > usual


def test_a_fresh_net_learns_from_simulated_cases_first(package: Package, tmp_path: Path) -> None:
    """Of the task's own simulator; not where it learns from nothing else anyway, or goes on from a package."""
    recipe = replace(QUICK, epochs=1, simulated=200)
    real = [replace(s, dataset="elsewhere") for s in TASK.simulate(120, 1)]

    def made(name: str, samples: list[Sample], recipe: Recipe, start: Package | None = None) -> bytes:
        return weights(train(TASK, samples, tmp_path / name, version="0.1.0", recipe=recipe, folds=[0], start=start))

    plain = replace(recipe, simulated=0)
    assert made("first", real, recipe) != made("not", real, plain)
    assert made("own", TASK.simulate(120, 1), recipe) == made("own_not", TASK.simulate(120, 1), plain)
    assert made("on", real, recipe, package) == made("on_not", real, plain, package)
    listed = load(tmp_path / "first").seen_patients
    assert set(listed) == {s.patient_hash for s in real}, "what is simulated is nobody"


def test_learning_from_simulated_cases_can_be_stopped(tmp_path: Path) -> None:
    real = [replace(s, dataset="elsewhere") for s in TASK.simulate(60, 1)]
    with pytest.raises(Stopped):
        train(TASK, real, tmp_path, version="0.1.0", recipe=replace(QUICK, simulated=100), folds=[0], stop=lambda: True)
    assert not (tmp_path / "package.json").exists()
