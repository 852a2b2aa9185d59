"""What every export of a case is made of: plain values under a pseudonym."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from medcore.explain import METHODS, Attribution
from medcore.i18n import N_, _, retold
from medcore.inputs import Input
from medcore.learn.predict import Answer
from medcore.numbers import number, percent
from medcore.outcomes import Regression
from medcore.outcomes.wording import words_for
from medcore.tasks import Task

RESEARCH = N_("Research use only. Not a diagnosis.")
SIMULATED = N_("Simulated case.")
MAKER = "MedCore"


@dataclass(frozen=True)
class Said:
    """What a person said of the case. Without the comment: it is free text, and could name somebody.

    confidence: 1 (a guess) to 4 (certain); agrees: with the answer, None where it can't be told
    package: the version whose answer they had before them, for a final read
    shown: they could have seen an answer before a first read
    """

    user: str
    stage: Literal["first", "final"]
    choice: str
    confidence: int | None
    agrees: bool | None
    at: datetime
    package: str
    shown: bool

    @property
    def settled(self) -> bool:
        """It agrees or differs, so that the choice "" is none of several labels, not can't tell."""
        return self.agrees is not None


@dataclass(frozen=True)
class Report:
    """One case, one question, one answer.

    number: of the case; patient: pseudonym; inputs: by the task's fields; why: None where there is no map
    reads: in the order in which they were given, decoys left out; answered, made: aware, in UTC
    mask: (labels, …) of 0 and 1 on the grid of the first input, where the answer is one
    quality: remarks on the inputs from when they came
    doubt: why the map is not to be relied on, in a sentence; "" where it passed its checks or was not measured yet
    """

    number: str
    patient: str
    age_years: float | None
    sex: str
    simulated: bool
    received: datetime
    task: Task
    answer: Answer
    answered: datetime
    inputs: Mapping[str, Input]
    why: Attribution | None
    reads: tuple[Said, ...]
    made: datetime
    mask: np.ndarray | None = None
    doubt: str = ""
    quality: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What to check in the inputs, each once: from when they came, and the answer's own."""
        return tuple(dict.fromkeys((*self.quality, *self.answer.remarks)))

    @property
    def final(self) -> Said | None:
        """The newest final read."""
        return next((r for r in reversed(self.reads) if r.stage == "final"), None)


def score_words(report: Report, label: str) -> str:
    """A label's probability, or the value of a regression in its unit."""
    outcome, p = report.task.outcome, report.answer.probabilities.get(label)
    return f"{number(p, 1)} {outcome.unit}" if isinstance(outcome, Regression) else percent(p)


def caption(report: Report) -> list[str]:
    """The lines under a picture: what was asked and said, by which version and method, and what it is not for."""
    answer, why = report.answer, report.why
    label = why.label if why else answer.choice
    said = f"{words_for(report.task.outcome, label)}: {score_words(report, label)}." if why else ""
    lines = [
        f"{report.number}  {_(report.task.question)}",
        f"{said} {answer.package}, {answer.package_hash[:8]}".strip(),
    ]
    if why:
        lines.append(f"{_(METHODS[why.method].title)}. {retold(why.baseline)}")
    if report.doubt:
        lines.append(f"{_('Don’t rely on this map.')} {report.doubt}")
    if report.simulated:
        lines.append(_(SIMULATED))
    return [*lines, _(RESEARCH)]
