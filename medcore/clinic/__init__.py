"""The use cases: what pages, command line and worker ask for. Nothing here knows what shows it.

clinic = Clinic(settings())
reader = clinic.sign_in("reader")
admission = clinic.admit(reader, {"film.dcm": data})
"""

from medcore.clinic.demo import Demo
from medcore.clinic.history import History
from medcore.clinic.training import Training
from medcore.clinic.views import (
    Admission,
    AnswerView,
    AttributionView,
    CaseRow,
    CaseView,
    InputView,
    Page,
    Read,
    Refusal,
    RunView,
    Use,
    User,
    Version,
)

__all__ = [
    "Admission",
    "AnswerView",
    "AttributionView",
    "CaseRow",
    "CaseView",
    "Clinic",
    "InputView",
    "Page",
    "Read",
    "Refusal",
    "RunView",
    "Use",
    "User",
    "Version",
]


class Clinic(Demo, History, Training):
    """One data folder and its use cases. Safe to share between threads; one a process.

    Making it brings the database to this release, makes the local secret and the first accounts, and registers the
    packages that are shipped. Each method that takes a `user` looks up that account's role and settings again.
    """
