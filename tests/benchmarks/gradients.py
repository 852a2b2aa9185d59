"""Integrated gradients that choose their steps over Captum's 50, case by case, and a whole cohort over a loop of them.

On patients of the sets where they are at hand, else on simulated ones.
"""

import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from captum.attr import IntegratedGradients

from medcore import jobs, tasks
from medcore.clinic import Clinic
from medcore.datasets.sample import Sample
from medcore.explain import METHODS, explain, integrated_gradients, methods
from medcore.explain.asking import ask
from medcore.explain.attribution import Question
from medcore.packages import Package
from medcore.settings import settings
from tests.benchmarks.measure import Row
from tests.benchmarks.packages import package

CASES, STEPS = 50, 50
COHORT = 12
NAME = "integrated_gradients"


def rows(folder: Path) -> list[Row]:
    """Each task that the method suits. `folder`: where trained packages are kept."""
    out = []
    for task in tasks.all_tasks().values():
        if NAME in methods(task) and task.grid is None:
            answers = package(task.name, folder)
            out += _steps(answers)
            if task.explain[0] == NAME:
                out.append(_cohort(answers))
    return out


def _cases(answers: Package) -> tuple[list[Sample], str]:
    """CASES of them, and what they are."""
    data = settings().data
    place = data / answers.task.dataset if data else None
    if place is None or not place.is_dir():
        return answers.task.simulate(CASES, 3), "simulated"
    samples = answers.task.data(place)
    return [samples[i] for i in np.random.default_rng(7).permutation(len(samples))[:CASES]], "patients"


def _plain(question: Question) -> tuple[torch.Tensor, ...]:
    found: tuple[torch.Tensor, ...] = IntegratedGradients(question.model).attribute(
        question.xs, question.baselines, target=question.target, additional_forward_args=question.masks,
        n_steps=STEPS, internal_batch_size=16,
    )  # fmt: skip
    return found


def _gap(question: Question, found: tuple[torch.Tensor, ...]) -> float:
    return abs(float(sum(a.sum() for a in found)) - (question.answers[0] - question.answers[1]))


def _steps(answers: Package) -> Iterator[Row]:
    """Gradients and gaps over the same cases; the gap is no time, but stands in the same columns."""
    samples, of = _cases(answers)
    counted, gaps = [], []
    along = integrated_gradients._along

    for sample in samples:
        question = ask(answers, sample.load(), None, "cpu")
        n: list[int] = []

        def counting(q: Question, way: list[torch.Tensor], nodes: list[float], n: list[int] = n):  # type: ignore[no-untyped-def]
            n.append(len(nodes))
            return along(q, way, nodes)

        with mock.patch.object(integrated_gradients, "_along", counting):
            ours = METHODS[NAME].attribute(question)
        counted.append(sum(n))
        gaps.append((_gap(question, ours), _gap(question, _plain(question))))
    mean, (gap, theirs) = float(np.mean(counted)), np.mean(gaps, 0)
    note = f"{len(samples)} {of}, {mean:.1f} of {STEPS} gradients a case"
    yield Row(f"Captum's gradients over ours: {answers.task.name}", 0, None, STEPS / mean, 2, least=True, note=note)
    note = f"{gap:.1e} over {theirs:.1e} of probability"
    yield Row(f"our mean gap over Captum's: {answers.task.name}", 0, None, float(gap / theirs), 1, note=note)


def _cohort(answers: Package) -> Row:
    """A worker's whole way, from the stored files to stored maps, over a loop of Captum on encoded inputs."""
    samples, task = answers.task.simulate(COHORT, 3), answers.task
    explain(answers, samples[0].load(), device="cpu")  # so that what is loaded the first time is loaded
    with tempfile.TemporaryDirectory() as home:
        models = Path(home) / "models"
        models.mkdir()
        (models / task.name).symlink_to(answers.folder.resolve())
        url = f"sqlite:///{home}/medcore.sqlite"
        clinic = Clinic(replace(settings(), home=Path(home), database_url=url, models=models, device="cpu"))
        user = clinic.set_read_first(clinic.sign_in("reader"), False)
        for sample in samples:
            clinic.answer(user, clinic.admit_inputs(user, [*sample.load().values()]), task.name)
        n = clinic.cohort(user, task.name).answered
        clinic.explain_cohort(user, task.name)
        start = time.process_time()
        while job := jobs.claim(clinic.database, "here", kinds=("cohort",)):
            with jobs.Heartbeat(clinic.database, job) as beat:
                clinic.work(job, beat, threading.Event())
        ours = (time.process_time() - start) / n
        assert clinic.cohort(user, task.name).explained == n
        clinic.database.engine.dispose()
    questions = [ask(answers, sample.load(), None, "cpu") for sample in samples]
    start = time.process_time()
    for question in questions:
        _plain(question)
    theirs = (time.process_time() - start) / len(questions)
    note = f"{n} simulated cases; Captum by its {STEPS} steps"
    return Row(
        f"cohort's rate over a loop of Captum: {task.name}", ours, theirs, theirs / ours, 0.95, least=True, note=note
    )
