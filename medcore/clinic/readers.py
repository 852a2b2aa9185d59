"""How readers do: beside the machine, beside the truth, and beside each other. Reads of decoys are never among it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import median
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from medcore import tasks
from medcore.clinic.decoys import Cases, going_on
from medcore.clinic.exercises import Exercises, truths
from medcore.clinic.last_reads import counted, last_reads, settled
from medcore.clinic.views import Changes, Disagreement, Kappa, Statistics, User
from medcore.outcomes.metrics import bootstrap, cohens_kappa
from medcore.store.tables import AnswerRow, CaseTable, PackageRow, ReviewRow, Stage

OTHERS = 2
"""So many other readers, all of one mind, make a consensus."""
BREAK_SECONDS = 1800
"""A read that took longer was broken off by something else, and counts for no reading time."""
DRAWS = 500
CANT_TELL = "?"  # as a category of its own: "" is none of several labels


class Readers(Exercises):
    """Readers see their own figures; trainers and administrators those of everybody."""

    def statistics(self, user: User, task: str | None = None) -> list[Statistics]:
        """For each reader, task and version: first and first final read beside the answer between them.

        A later correction may rest on other readers' word, so it isn't counted. "Can't tell" is neither right nor
        agreement. A question that asks for a number has no right or wrong here and is left out.
        """
        with self.database.read() as session:
            me = self._account(session, user, "worklist")
            going = going_on(session, me.id)
            pairs = [p for p in _pairs(session, task, None if me.role != "reader" else me.id) if _told(p[0], going)]
            grouped: dict[tuple[str, str, str], list[_Pair]] = defaultdict(list)
            for pair in pairs:
                grouped[pair[0].user.name, pair[0].task, f"{pair[0].task} {pair[3]}"].append(pair)
            return [_statistics(session, *key, rows) for key, rows in sorted(grouped.items())]

    def kappas(self, user: User, task: str | None = None, stage: Stage = "first") -> list[Kappa]:
        """Cohen's kappa (1960) of each two readers on the cases that both have read, with a 95 % range by bootstrap
        over patients (percentiles; Efron & Tibshirani 1993). First reads are blind to each other and to the machine:
        those that may not have been (`shown`) are left out.
        A reader sees the pairs that they are one of."""
        with self.database.read() as session:
            me = self._account(session, user, "worklist")
            rows = session.execute(
                select(ReviewRow, CaseTable.patient_id)
                .join(CaseTable, ReviewRow.case_id == CaseTable.id)
                .where(*counted(stage), _of(task))
                .order_by(ReviewRow.id)
            ).all()
            going = going_on(session, me.id)
        said: dict[str, dict[str, dict[int, str]]] = defaultdict(lambda: defaultdict(dict))
        patient = {}
        for read, patient_id in ((r, p) for r, p in rows if _told(r, going)):
            said[read.task][read.user.name][read.case_id] = read.choice if settled(read) else CANT_TELL
            patient[read.case_id] = str(patient_id)
        out = []
        for name, readers in sorted(said.items()):
            for one, other in combinations(sorted(readers), 2):
                both = sorted(readers[one].keys() & readers[other].keys())
                if both and _counts(name) and (me.role != "reader" or me.name in (one, other)):
                    a, b = ([readers[r][c] for c in both] for r in (one, other))
                    figure = _kappa(a, b, [patient[c] for c in both])
                    out.append(Kappa(name, one, other, stage, len(both), _same(a, b), figure))
        return out

    def disagreements(self, user: User, task: str | None = None, most: int = 50) -> list[Disagreement]:
        """Cases on which the last word of two readers differs, the newest first. Who reads first sees only those on
        which they have given a final read themselves."""
        with self.database.read() as session:
            me = self._account(session, user, "worklist")
            rows = session.execute(
                select(ReviewRow, CaseTable.number)
                .join(CaseTable, ReviewRow.case_id == CaseTable.id)
                .where(*counted(), _of(task))
                .order_by(ReviewRow.id)
            ).all()
            said: dict[tuple[int, str], dict[str, tuple[str, bool]]] = defaultdict(dict)
            numbers, going = {}, going_on(session, me.id)
            for read, number in ((r, n) for r, n in rows if _told(r, going)):
                said[read.case_id, read.task][read.user.name] = read.choice, settled(read)
                numbers[read.case_id] = number
            found = []
            for (case_id, name), reads in sorted(said.items(), reverse=True):
                if len(set(reads.values())) > 1 and (not me.read_first or me.name in reads):
                    truth = truths(session, name, [case_id]).get(case_id)
                    each = tuple((reader, *word) for reader, word in sorted(reads.items()))
                    found.append(Disagreement(case_id, numbers[case_id], name, each, truth))
            return found[:most]


_Pair = tuple[ReviewRow, ReviewRow, AnswerRow, str]


def _pairs(session: Session, task: str | None, user_id: int | None) -> list[_Pair]:
    """(blind first read, first final read, the answer that stood between them, its version)."""
    first = select(ReviewRow).where(*counted("first"), _of(task))
    final = (
        select(ReviewRow, AnswerRow, PackageRow.version)
        .join(AnswerRow, ReviewRow.answer_id == AnswerRow.id)
        .join(PackageRow, AnswerRow.package_id == PackageRow.id)
        .where(*counted(), _of(task))
        .order_by(ReviewRow.id.desc())
    )
    if user_id is not None:
        first, final = first.where(ReviewRow.user_id == user_id), final.where(ReviewRow.user_id == user_id)
    finals = {(r.user_id, r.case_id, r.task): (r, a, v) for r, a, v in session.execute(final)}
    return [
        (r, *finals[key])
        for r in session.scalars(first)
        if (key := (r.user_id, r.case_id, r.task)) in finals and _counts(r.task) and r.at <= finals[key][0].at
    ]


def _told(read: ReviewRow, going: Cases) -> bool:
    """Whether a read may count before this reader's eyes: of a case of an exercise that they are in, what others said
    and what was so is still to come, and whether one's own counts would tell a decoy."""
    return (read.case_id, read.task) not in going


def _of(task: str | None) -> Any:
    return ReviewRow.task == task if task else ReviewRow.task.is_not(None)


def _counts(task: str) -> bool:
    """Whether reads of the task can be right or wrong by their choice; not of one that is gone from this release."""
    known = tasks.all_tasks().get(task)
    return known is not None and known.outcome.kind != "regression"


def _statistics(session: Session, user: str, task: str, package: str, rows: Sequence[_Pair]) -> Statistics:
    cases = [first.case_id for first, *_rest in rows]
    known, agreed = truths(session, task, cases), _consensus(session, task, cases, rows[0][0].user_id)
    return Statistics(
        user=user,
        task=task,
        package=package,
        n=len(rows),
        agreed_before=sum(_says(first, answer.choice) for first, _final, answer, _v in rows),
        agreed_after=sum(_says(final, answer.choice) for _first, final, answer, _v in rows),
        changes=tuple(c for c in (_changes("truth", rows, known), _changes("consensus", rows, agreed)) if c.n),
        seconds_first=_median((f.at - f.opened).total_seconds() for f, *_rest in rows if f.opened),
        seconds_final=_median((final.at - first.at).total_seconds() for first, final, *_rest in rows),
    )


def _says(read: ReviewRow, choice: str) -> bool:
    return settled(read) and read.choice == choice


def _changes(basis: Literal["truth", "consensus"], rows: Sequence[_Pair], known: dict[int, str]) -> Changes:
    held = [
        (_says(first, known[first.case_id]), _says(final, known[first.case_id]))
        for first, final, *_rest in rows
        if first.case_id in known
    ]
    return Changes(
        basis=basis,
        n=len(held),
        right_before=sum(before for before, _after in held),
        right_after=sum(after for _before, after in held),
        helpful=sum(after and not before for before, after in held),
        harmful=sum(before and not after for before, after in held),
    )


def _consensus(session: Session, task: str, cases: Sequence[int], but: int) -> dict[int, str]:
    """What at least OTHERS other readers finally said, all of one mind, by case."""
    reads = last_reads(session, task, cases)
    said = {case: [read.choice for read in told if read.user_id != but] for case, told in reads.items()}
    return {case: r[0] for case, r in said.items() if len(r) >= OTHERS and len(set(r)) == 1}


def _median(seconds: Iterable[float]) -> float | None:
    kept = [s for s in seconds if 0 <= s <= BREAK_SECONDS]
    return median(kept) if kept else None


def _same(one: Sequence[str], other: Sequence[str]) -> int:
    return sum(a == b for a, b in zip(one, other, strict=True))


def _kappa(one: Sequence[str], other: Sequence[str], patients: Sequence[str]) -> dict[str, float | None] | None:
    def of(part: Any) -> dict[str, float]:
        return {"kappa": cohens_kappa([one[i] for i in part], [other[i] for i in part])}

    found: dict[str, float | None] | None = bootstrap(of, patients, DRAWS)["kappa"]
    return found
