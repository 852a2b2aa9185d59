"""The use cases: what pages, command line and worker ask for. Nothing here knows what shows it.

clinic = Clinic(settings())
reader = clinic.sign_in("reader")
admission = clinic.admit(reader, {"film.dcm": data})
"""

from medcore.clinic.cards import Cards
from medcore.clinic.demo import Demo
from medcore.clinic.exporting import Export, Exporting, Offer
from medcore.clinic.history import History
from medcore.clinic.measuring import Measuring
from medcore.clinic.neighbours import Neighbours
from medcore.clinic.outlines import Outlined
from medcore.clinic.readers import Readers
from medcore.clinic.training import Training
from medcore.clinic.views import (
    Admission,
    AnswerView,
    AttributionView,
    Card,
    CaseRow,
    CaseView,
    Cohort,
    ConfidentError,
    Disagreement,
    ExerciseResult,
    ExerciseView,
    InputView,
    Kappa,
    Limit,
    Neighbour,
    Neighbourhood,
    Page,
    Read,
    Refusal,
    RunView,
    Statistics,
    Use,
    User,
    Version,
)
from medcore.clinic.what_if import WhatIf

__all__ = [
    "Admission",
    "AnswerView",
    "AttributionView",
    "Card",
    "CaseRow",
    "CaseView",
    "Clinic",
    "Cohort",
    "ConfidentError",
    "Disagreement",
    "ExerciseResult",
    "ExerciseView",
    "Export",
    "InputView",
    "Kappa",
    "Limit",
    "Neighbour",
    "Neighbourhood",
    "Offer",
    "Page",
    "Read",
    "Refusal",
    "RunView",
    "Statistics",
    "Use",
    "User",
    "Version",
]


class Clinic(Demo, History, Measuring, Training, Readers, Cards, Neighbours, Outlined, Exporting, WhatIf):
    """One data folder and its use cases. Safe to share between threads; one a process.

    Making it brings the database to this release, makes the local secret and the first accounts, and registers the
    packages that are shipped. Each method that takes a `user` looks up that account's role and settings again.
    """
