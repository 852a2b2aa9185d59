"""A what-if over the bare pass of the nets: what a slider waits for each time it moves, and the blocks beneath it."""

import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from medcore.clinic import Clinic
from medcore.explain.counterfactual import counterfactual
from medcore.explain.curves import curves
from medcore.explain.what_if import absent_bands, what_if
from medcore.inputs import Input, Record
from medcore.inputs.record import Value
from medcore.learn.batches import collate, encode_inputs
from medcore.packages import Package
from medcore.settings import settings
from tests.benchmarks.measure import Row, interleaved
from tests.benchmarks.packages import package

ROUNDS = 15
MOST_SECONDS = 0.1
TASK, LABEL, COLUMN = "mortality", "hospital_death", "crea"


def rows(folder: Path) -> list[Row]:
    """One answer by the function and at the desk, and what is worked out once a case. `folder`: where trained packages
    are kept."""
    answers = package(TASK, folder)
    cases = [s.load() for s in answers.task.simulate(ROUNDS + 1, 3)]
    records = [r for case in cases for r in case.values() if isinstance(r, Record)]
    batches = [collate([encode_inputs(answers.task, case)]) for case in cases]

    def moved(turn: int) -> dict[str, Value]:
        return {COLUMN: 1.0 + turn / 10}

    def plain(turn: int) -> None:
        with torch.inference_mode():
            for net in answers.nets:
                net(*batches[turn])

    with tempfile.TemporaryDirectory() as home:
        clinic, ids = _desk(answers, cases, Path(home))
        user = clinic.sign_in("reader")
        function, call, bare = interleaved(
            [
                lambda turn: what_if(answers, records[turn], moved(turn), "cpu"),
                lambda turn: clinic.what_if(user, ids[turn], TASK, moved(turn)),
                plain,
            ],
            ROUNDS,
        )
        clinic.database.engine.dispose()
    cohort = [s.load() for s in answers.task.simulate(200, 4)]
    others = [r for case in cohort for r in case.values() if isinstance(r, Record)]
    band, turn, curve = interleaved(
        [
            lambda turn: absent_bands(answers, records[turn], LABEL, "cpu"),
            lambda turn: counterfactual(answers, records[turn], LABEL, "cpu"),
            lambda _turn: curves(answers, others, COLUMN, LABEL, "cpu"),
        ],
        3,
    )
    both = "the record as it is and with other values, with ranges"
    return [
        Row("what-if: function", function, bare, function / bare, note=both),
        Row("what-if: at the desk", call, bare, call / bare, note="checks who may see it, and reads the record"),
        Row("what-if: at the desk, of 100 ms", call, MOST_SECONDS, call / MOST_SECONDS, 1.0),
        Row("what-if: bands of absent values", band, bare, band / bare),
        Row("what-if: smallest change", turn, bare, turn / bare),
        Row("what-if: curves of 200 cases", curve, bare, curve / bare),
    ]


def _desk(answers: Package, cases: list[dict[str, Input]], home: Path) -> tuple[Clinic, list[int]]:
    """A desk at which each case has been answered."""
    (home / "models").mkdir()
    (home / "models" / TASK).symlink_to(answers.folder.resolve())
    url = f"sqlite:///{home / 'medcore.sqlite'}"
    own = replace(settings(), home=home, database_url=url, models=home / "models", device="cpu", admin_password="")
    clinic = Clinic(own)
    user = clinic.set_read_first(clinic.sign_in("reader"), False)
    ids = [clinic.admit_inputs(user, [*case.values()]) for case in cases]
    for case_id in ids:
        clinic.answer(user, case_id, TASK)
    return clinic, ids
