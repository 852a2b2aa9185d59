"""The first worklist: simulated cases of each kind, two real ones, and some of them read, answered and reviewed; and
the five cases of a demonstration."""

from pathlib import Path

from sqlalchemy import select

from medcore import tasks
from medcore.clinic.admission import Admissions
from medcore.clinic.answering import Answering
from medcore.clinic.exercises import Exercises, truths
from medcore.clinic.people import People
from medcore.clinic.versions import in_use_id
from medcore.clinic.views import User
from medcore.datasets.sample import Sample
from medcore.errors import Refused
from medcore.i18n import _
from medcore.store import audit
from medcore.store.migrations import empty
from medcore.store.tables import AuditRow, JobRow, ReviewRow

SOURCE = "demo"
ECG, FILM = "waveform_ecg.dcm", "RG1_UNCR.dcm"
SEED = 20_260
EACH = 5
SHOWN = ("volume", "signal", ECG, "record")  # in a demonstration before the film, by their kind or file


class Demo(People, Admissions, Exercises, Answering):
    """Everything that is put in here goes through the same use cases as a person's clicks."""

    def seed_demo(self, user: User) -> None:
        """Fills the worklist once. What an earlier start has done before it was broken off is not done again."""
        with self.database.read() as session:
            self._account(session, user, "admit")
            if session.scalar(select(AuditRow.id).where(AuditRow.subject == SOURCE).limit(1)):
                return
        if self.settings.demo:
            self._seed_five(user)
        else:
            self._seed_many(user)
        with self._writing(user, "admit") as (session, me):
            audit.append(session, me.name, "seed_demo", SOURCE)

    def forget_demo(self, user: User) -> None:
        """Removes all that a demonstration has gathered: cases, reads, versions that were trained, the audit too. A new
        Clinic on the same folder begins anew. Raises Refused where this is no demonstration, or something is trained.
        """
        if not self.settings.demo:
            raise Refused(_("Only a demonstration can be reset."), _("Start one with make demo."))
        with self.database.read() as session:
            self._account(session, user, "admit")
            # A map that is being measured is no reason to wait: what a worker finds of it is dropped.
            going = (JobRow.kind == "train", JobRow.state.in_(("queued", "running")))
            if session.scalar(select(JobRow.id).where(*going).limit(1)):
                raise Refused(_("A training is under way."), _("Stop it on the page Train, then start again."))
        empty(self.settings.database_url)

    def _seed_five(self, user: User) -> None:
        """One of each kind, real where there is one, the one to begin with last: the newest is the first to be read."""
        real = real_files()
        for what in (*SHOWN, FILM):
            if what in real:
                self.admit(user, {what: real[what]}, source=SOURCE)
            for task in tasks.all_tasks().values():
                if task.shown and what in {spec.kind for spec in task.fields.values()}:
                    sample = next(s for s in task.simulate(20, SEED) if task.outcome.choice_of(s.target) == task.shown)
                    case_id = self.admit_inputs(user, [*sample.load().values()], source=SOURCE)
                    self._know(user, task.name, sample, case_id)

    def _seed_many(self, user: User) -> None:
        reader = next((u for u in self.users() if u.role == "reader"), user)
        # What only helps others is asked of cases that those bring.
        asked = {name: task for name, task in tasks.all_tasks().items() if not task.roles}
        samples = [(name, s) for name, task in asked.items() for s in task.simulate(EACH, SEED)]
        cases = [(name, s, self.admit_inputs(user, [*s.load().values()], source=SOURCE)) for name, s in samples]
        for name, sample, case_id in cases:
            self._know(user, name, sample, case_id)
        self.admit(user, real_files(), source=SOURCE)
        for name, sample, case_id in cases[::2]:
            self._read_one(reader, name, sample, case_id)

    def _know(self, user: User, task: str, sample: Sample, case_id: int) -> None:
        """Keeps what the simulator knows of the case."""
        choice = tasks.get(task).outcome.choice_of(sample.target)
        with self._writing(user, "admit") as (session, me):
            if not truths(session, task, [case_id]):
                self._add_truth(session, me, case_id, task, choice, "simulated")

    def _read_one(self, reader: User, task: str, sample: Sample, case_id: int) -> None:
        """What a good reader does: knows the truth, looks at the answer, and says whether it is right. Maps are made
        when somebody looks at them: they take two thirds of a first start."""
        truth = tasks.get(task).outcome.choice_of(sample.target)
        mine = (ReviewRow.case_id == case_id, ReviewRow.user_id == reader.id, ReviewRow.task == task)
        with self.database.read() as session:
            done = set(session.scalars(select(ReviewRow.stage).where(*mine)))
            if "final" in done or in_use_id(session, task) is None:
                return
        if "first" not in done:
            self.lock_read(reader, case_id, task, truth, confidence=3)
        said = self.answer(reader, case_id, task).answer.choice
        self.review(reader, case_id, task, agrees=said == truth, choice=truth)


def real_files() -> dict[str, bytes]:
    """A 12-lead ECG and a chest film that come with pydicom and pydicom-data: test files without a patient."""
    from pydicom.data import get_testdata_file

    found = {}
    for name in (ECG, FILM):
        path = get_testdata_file(name, download=False)
        if path:
            found[name] = Path(str(path)).read_bytes()
    return found
