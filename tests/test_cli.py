"""The command line that people script against: what it prints, how it refuses, and that no traceback is ever seen."""

import csv
import json
import os
import pickle
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medcore.__main__ import main
from medcore.clinic import Clinic
from medcore.inputs import Record
from medcore.readers import files_of
from medcore.settings import REPO, settings
from medcore.tasks import all_tasks, get

Run = Callable[..., subprocess.CompletedProcess[str]]
TASK = get("mortality")
METRICS = {"auroc", "auprc", "accuracy", "balanced_accuracy", "brier", "ece"}
SAID = [
    "task", "package", "case", "probabilities", "absent", "device",
    "ranges", "thresholds", "choice", "set", "unlike", "wished", "remarks",
]  # fmt: skip


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`python -m medcore …` in a process of its own, in an empty data folder."""
    home = tmp_path_factory.mktemp("home")

    def medcore(*words: object, **env: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MEDCORE_") or k == "MEDCORE_DATA"}
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "medcore", *map(str, words)],
            cwd=REPO,
            env={**kept, "MEDCORE_HOME": str(home), "MEDCORE_DEVICE": "cpu", **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return medcore


def said(done: subprocess.CompletedProcess[str]) -> Any:
    """The JSON that was printed, and nothing beside it."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """What was said: a sentence and what to do, on stderr alone."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr[-2000:]
    (line,) = done.stderr.splitlines()
    assert "Traceback" not in line
    assert re.fullmatch(r"[^\s].*[.?!…] .*[.?!…]", line), line
    return line


def table(folder: Path, n: int, seed: int = 3, truth: bool = True) -> Path:
    """`support2.csv` of n simulated patients in `folder`."""
    columns = [c.name for c in TASK.fields["record"].columns]  # type: ignore[attr-defined]
    with (folder / "support2.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["patient", *columns, *(["hospdead"] if truth else [])])
        for i, s in enumerate(TASK.simulate(n, seed)):
            values = s.load()["record"].values  # type: ignore[attr-defined]
            row = ["" if values[c] is None else values[c] for c in columns]
            out.writerow([i, *row, *([s.target] if truth else [])])
    return folder / "support2.csv"


@pytest.fixture
def row(tmp_path: Path) -> Path:
    """A table of one patient."""
    return table(tmp_path, 1, truth=False)


@pytest.fixture(scope="session")
def small(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of two nets that was trained by the command line."""
    out = tmp_path_factory.mktemp("small") / "package"
    words = ["train", "mortality", "--simulated", 60, "--epochs", 1, "--folds", 2, "--seed", 5, "--out", out, "--json"]
    done = run(*words)
    found = said(done)
    assert (found["task"], found["package"], found["out"]) == ("mortality", "mortality 0.0.0", str(out))
    assert [*found] == ["task", "package", "out", "n", "metrics", "by_source"]
    assert set(found["metrics"]) == METRICS and 0 < found["n"] < 60
    told = [line for line in done.stderr.splitlines() if line.startswith("fold ")]
    assert [line.split(" loss")[0] for line in told] == ["fold 0 epoch 1/1", "fold 1 epoch 1/1"]
    return out


# What it prints


def test_tasks(run: Run) -> None:
    found = said(run("tasks", "--json"))
    assert [t["name"] for t in found] == [*all_tasks()]
    for t in found:
        assert [*t] == ["name", "title", "question", "package"]
        assert t["package"] is None or re.fullmatch(rf"{t['name']} \d+\.\d+\.\d+", t["package"])
    assert all(t["question"] in run("tasks").stdout for t in found[:1])


def test_tasks_needs_no_net() -> None:
    script = "import sys; from medcore.__main__ import main; main(['tasks']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=REPO, capture_output=True).returncode == 0


def test_predict_with_a_package_that_was_trained_here(run: Run, small: Path, row: Path) -> None:
    found = said(run("predict", "mortality", row, "--package", small, "--json"))
    assert [*found] == SAID
    assert (found["task"], found["package"], found["case"]) == ("mortality", "mortality 0.0.0", "support2")
    assert [*found["probabilities"]] == ["hospital_death"] and 0 < found["probabilities"]["hospital_death"] < 1
    with row.open() as file:
        (values,) = csv.DictReader(file)
    assert sorted(found["absent"]) == sorted(k for k, v in values.items() if not v)
    assert found["device"] == "cpu"
    shown = run("predict", "mortality", row, "--package", small).stdout
    assert f"hospital_death: {found['probabilities']['hospital_death']:.4g}" in shown


def test_explain(run: Run, small: Path, row: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.npz"
    words = ["explain", "mortality", row, "--package", small, "--json", "--out", out]
    found = said(run(*words, "--label", "hospital_death", "--method", "shapley"))
    assert [*found] == [*SAID, "label", "method", "baseline", "gap", "words", "failure", "shapes"]
    assert all([*part] == ["part", "share"] for part in found["words"]) and found["words"]
    assert (found["label"], found["method"], found["failure"]) == ("hospital_death", "shapley", "")
    assert found["gap"] < 1e-3 and found["baseline"]
    with np.load(out) as maps:
        assert {k: list(v.shape) for k, v in maps.items()} == found["shapes"] == {"record": [27]}


def test_evaluate(run: Run, small: Path, tmp_path: Path) -> None:
    table(tmp_path, 40)
    words = ["evaluate", "mortality", "--data", tmp_path, "--package", small, "--json"]
    found = said(run(*words))
    assert [*found] == ["task", "package", "n", "n_seen", "metrics", "by_source"]
    assert (found["n"], found["n_seen"], found["by_source"]) == (40, 0, {})
    assert set(found["metrics"]) == METRICS
    for value in found["metrics"].values():
        assert value is None or (value["low"] <= value["value"] <= value["high"])


def test_evaluate_leaves_out_what_was_seen(run: Run, tmp_path: Path) -> None:
    """The same folder that was learnt from: seen apart, and out of fold."""
    table(tmp_path, 60)
    out = tmp_path / "package"
    said(run("train", "mortality", "--data", tmp_path, "--epochs", 1, "--out", out, "--json"))
    table(tmp_path, 90)
    words = ["evaluate", "mortality", "--data", tmp_path, "--package", out, "--json"]
    fresh = said(run(*words))
    assert (fresh["n"], fresh["n_seen"]) == (30, 60)
    both = said(run(*words, "--include-seen"))
    assert (both["n"], both["n_seen"], both["seen"]["n"]) == (30, 60, 60) and both["metrics"] == fresh["metrics"]
    assert [*both] == [*fresh, "seen"] and [*both["seen"]] == ["n", "metrics", "by_source"]
    unseen = said(run(*words, "--out-of-fold"))
    assert (unseen["n"], unseen["n_seen"]) == (90, 0) and [*unseen] == [*fresh]
    assert run(*words, "--out-of-fold", "--include-seen").returncode == 2
    table(tmp_path, 60)
    nothing = said(run(*words))
    assert (nothing["n"], nothing["n_seen"], nothing["by_source"]) == (0, 60, {})
    assert nothing["metrics"] == dict.fromkeys(METRICS)


def test_sources_are_told_apart_and_the_undefined_is_null(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures of two sources, one of them with one label only; eight patients are new to the package."""
    monkeypatch.setenv("MEDCORE_DEVICE", "cpu")
    rng = np.random.default_rng(0)
    rows = ["file,patient,label,source"]
    for i in range(30):
        Image.fromarray(rng.integers(0, 256, (64, 64), np.uint8)).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,p{i},{'pneumonia' if i % 2 else 'normal'},{'b' if i in (23, 25, 27) else 'a'}")
    out, labels = tmp_path / "package", tmp_path / "labels.csv"
    labels.write_text("\n".join(rows[:23]))
    assert (
        main(["train", "cxr_pneumonia", "--data", str(tmp_path), "--epochs", "1", "--folds", "1", "--out", str(out)])
        == 0
    )
    labels.write_text("\n".join(rows))
    capsys.readouterr()
    assert main(["evaluate", "cxr_pneumonia", "--data", str(tmp_path), "--package", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["n_seen"]) == (8, 22) and set(found["by_source"]) == {"a", "b"}
    assert set(found["by_source"]["a"]) == set(found["metrics"])
    assert found["by_source"]["b"]["auroc"] is None and found["by_source"]["b"]["brier"]["value"] >= 0


def test_audit(run: Run, tmp_path: Path) -> None:
    home = {"MEDCORE_HOME": str(tmp_path / "home"), "MEDCORE_MODELS": str(tmp_path / "none")}
    assert said(run("audit", "verify", "--json", **home)) == {"audit": "whole"}
    place = tmp_path / "home"
    own = replace(settings(), home=place, database_url=f"sqlite:///{place / 'medcore.sqlite'}", models=tmp_path / "no")
    clinic = Clinic(own)
    clinic.admit_inputs(clinic.sign_in("reader"), [Record({"age": 70.0})])
    clinic.database.engine.dispose()
    assert said(run("audit", "verify", "--json", **home)) == {"audit": "whole"}
    with sqlite3.connect(place / "medcore.sqlite") as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE audit SET user = 'somebody' WHERE id = 1")
    database.close()
    assert "broken at row 1" in refused(run("audit", "verify", **home))


# Real files, where they are


def first_row(data: Path, out: Path) -> Path:
    """The first patient of SUPPORT2 with all 48 columns, as a table of its own."""
    lines = (data / "support2" / "support2.csv").read_text().splitlines(keepends=True)
    out.write_text("".join(lines[:2]))
    return out


@pytest.mark.data
@pytest.mark.parametrize("task", [*all_tasks()])
def test_real_files_are_answered(task: str, run: Run, data: Path, tmp_path: Path) -> None:
    if not (settings().models / task).is_dir():
        pytest.skip(f"no package of {task} is shipped here")
    files = {
        "mortality": lambda: [first_row(data, tmp_path / "patient.csv")],
        "ecg_diagnosis": lambda: sorted((data / "ptbxl" / "records100").glob("*/*_lr.*"), reverse=True)[:2],
        "ecg_rhythm": lambda: [data / "cinc2017" / "A00001.hea", data / "cinc2017" / "A000.dat"],
        "cxr_pneumonia": lambda: sorted((data / "cxr_pneumonia" / "images").glob("*/*.jp*g"))[:1],
        "lung_fields": lambda: sorted((data / "cxr_lungs" / "images").glob("*.jp*g"))[:1],
        "brain_tumour_seg": lambda: sorted((data / "lgg" / "kaggle_3m" / "TCGA_CS_4941").glob("*[0-9].jpg")),
    }[task]()
    found = said(run("predict", task, *files, "--json"))
    assert found["case"] == files[0].stem and found["package"].startswith(f"{task} ")
    assert set(found["probabilities"]) == {label.name for label in get(task).outcome.labels}
    assert ("measures" in found) == (get(task).grid is not None)


# What it refuses


def here(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """As `refused`, in this process: the same function, without the seconds that a fresh one takes."""
    status = main([*map(str, words)])
    shown = capsys.readouterr()
    return refused(subprocess.CompletedProcess([], status, shown.out, shown.err))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["predict", "mortality", "nowhere.csv"], "There is no file nowhere.csv."),
        (["predict", "mortality", "tests"], "There is no file tests."),
        (["predict", "gout", "README.md"], "There is no task “gout”."),
        (["predict", "mortality", "pyproject.toml"], "plain text"),
        (["evaluate", "mortality", "--data", "nowhere"], "There is no folder nowhere."),
        (["evaluate", "mortality", "--data", "tests"], "There is no support2.csv in the folder."),
        (["evaluate", "mortality", "--data", "tests", "--package", "tests"], "lacks its file package.json"),
        (["evaluate", "mortality", "--data", "tests", "--package", "nowhere"], "nowhere is not a package folder."),
        (["explain-report", "mortality", "--data", "nowhere"], "There is no folder nowhere."),
        (["explain-report", "mortality", "--data", "tests"], "There is no support2.csv in the folder."),
        (["train", "mortality", "--out", "x"], "Say what to learn from."),
        (["train", "mortality", "--out", "x", "--simulated", "9", "--data", "y"], "Say what to learn from."),
        (["train", "mortality", "--out", "x", "--simulated", "9", "--folds", "6"], "--folds is 6."),
        (["train", "mortality", "--out", "x", "--simulated", "0"], "--simulated is 0."),
        (["train", "mortality", "--out", "x", "--simulated", "9", "--epochs", "0"], "--epochs is 0."),
        (["train", "mortality", "--out", "pyproject.toml", "--simulated", "9"], "pyproject.toml can't be used"),
    ],
    ids=" ".join,
)
def test_what_a_person_can_get_wrong_is_one_sentence(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPO)
    assert says in here(capsys, *words)
    assert not (REPO / "x").exists()


def test_too_few_to_learn_from(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "new" / "package"
    assert "not enough to learn from" in here(capsys, "train", "mortality", "--simulated", 9, "--out", out)
    assert not (out / "package.json").exists()


def test_a_table_of_several_rows_is_not_one_case(
    capsys: pytest.CaptureFixture[str], small: Path, tmp_path: Path
) -> None:
    several = table(tmp_path, 3, truth=False)
    line = here(capsys, "predict", "mortality", several, "--package", small)
    assert line == "The table holds 3 rows; one row is one case. Give a table with the header and one row."


def test_two_films_are_not_one_case(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for i, s in enumerate(get("cxr_pneumonia").simulate(2, 2)):
        ((_name, content),) = files_of(s.load()["film"]).items()
        (tmp_path / str(i)).mkdir()
        (tmp_path / str(i) / "film").write_bytes(content)
    words = ["predict", "cxr_pneumonia", tmp_path / "0" / "film", tmp_path / "1" / "film"]
    assert "The files hold 2 cases." in here(capsys, *words)


def test_the_wrong_kind_is_told_by_what_is_in_it(capsys: pytest.CaptureFixture[str], row: Path, tmp_path: Path) -> None:
    film = tmp_path / "table.csv"
    ((_name, content),) = files_of(get("cxr_pneumonia").simulate(1, 2)[0].load()["film"]).items()
    film.write_bytes(content)
    assert "The files hold image; the question needs record." in here(capsys, "predict", "mortality", film)
    assert "The files hold record; the question needs signal." in here(capsys, "predict", "ecg_rhythm", row)


def test_an_unknown_label_or_method(capsys: pytest.CaptureFixture[str], small: Path, row: Path) -> None:
    words = ["explain", "mortality", row, "--package", small]
    assert "Labels are: hospital_death." in here(capsys, *words, "--label", "gout")
    assert "“grad_cam” doesn't suit" in here(capsys, *words, "--method", "grad_cam")
    assert "can't be used" in here(capsys, *words, "--out", row.parent / "no folder" / "map.npz")


def test_a_damaged_package_is_named(capsys: pytest.CaptureFixture[str], small: Path, row: Path, tmp_path: Path) -> None:
    def broken(name: str) -> Path:
        return Path(shutil.copytree(small, tmp_path / name))

    changed = broken("changed")
    content = bytearray((changed / "net_1.safetensors").read_bytes())
    content[len(content) // 2] ^= 1
    (changed / "net_1.safetensors").write_bytes(bytes(content))
    (broken("pickled") / "net_0.pt").write_bytes(pickle.dumps([1]))
    for folder, says in (
        (changed, "net_1.safetensors is not the file"),
        (tmp_path / "pickled", "net_0.pt is a pickle"),
    ):
        assert says in here(capsys, "predict", "mortality", row, "--package", folder)
    words = ["evaluate", "ecg_rhythm", "--data", tmp_path, "--package", small]
    assert "answers mortality, not ecg_rhythm" in here(capsys, *words)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux has a file that nobody can read through")
def test_a_file_that_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert "mem can't be used: input/output error." in here(capsys, "predict", "mortality", "/proc/self/mem")


def test_a_device_that_is_not_there(run: Run, small: Path, row: Path) -> None:
    words = ["predict", "mortality", row, "--package", small]
    assert "There is no device “abacus”." in refused(run(*words, MEDCORE_DEVICE="abacus"))


def test_a_truncated_picture_and_a_missing_file_in_a_process_of_their_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    assert "cut off or damaged" in refused(run("predict", "cxr_pneumonia", tmp_path / "film.png"))
    assert "There is no file none.png." in refused(run("predict", "cxr_pneumonia", tmp_path / "none.png"))
