"""What stands beside an answer: what can't be excluded, how often the cut is right, and whom that was measured on."""

from collections.abc import Mapping
from typing import Any

from medcore.checks import stored
from medcore.clinic.answering import Answering
from medcore.clinic.shelf import facts_of
from medcore.clinic.views import AnswerView, Card, Limit
from medcore.learn.card import card
from medcore.learn.decision import decided, groups_of, not_excluded
from medcore.learn.roc import Curves
from medcore.outcomes.metrics import predictive_values
from medcore.packages import Package


class Cards(Answering):
    """The figures of the version that gave an answer, for the patient whom it is about."""

    def card_text(self, version_id: int) -> str:
        """The card of a version, in Markdown, in the reader's language."""
        package = self.package(version_id)
        return card(package.task, package.about, stored(package))

    def roc(self, version_id: int) -> Curves:
        """A version's ROC curves out of fold, by label; none where it says no probabilities."""
        return _roc(self.package(version_id))

    def card(self, given: AnswerView) -> Card:
        """The card to an answer that `answer` gave."""
        import numpy as np

        with self.database.read() as session:
            case = self._case(session, given.case_id)
            facts = facts_of(case)
            simulated = case.simulated
        package = self._package_of(given.answer.package_hash)
        found = _decision(package)
        p = np.array([*given.answer.probabilities.values()])
        made_up = all(name.startswith("simulated") for name in package.about.get("data", {}))
        return Card(
            open=not_excluded(package.task.outcome, p, found.get("exclude_below", {})),
            coverage=found.get("coverage", {}),
            rates=found.get("labels", {}),
            limits=tuple(_limits(package, found, facts)),
            sources=() if simulated else tuple(_sources(package, found)),
            simulated=simulated and not made_up,
            overlap=package.report["metrics"].get("dice"),
            counts=found.get("counts", {}),
        )

    @staticmethod
    def predictive(rates: Mapping[str, Any], prevalence: float) -> dict[str, tuple[float, float, float]]:
        """`ppv` and `npv`, each (value, low, high), at a prevalence of 0 to 1. Both rise with sensitivity and with
        specificity, so the ends of the range are at the ends of both ranges: wider than a joint one."""

        def at(end: str) -> tuple[float, float]:
            both = (rates[name] for name in ("sensitivity", "specificity"))
            # No range of a lone patient: then the value stands for it.
            sensitivity, specificity = (f["value"] if f[end] is None else f[end] for f in both)
            return predictive_values(sensitivity, specificity, prevalence)

        ends = [at(end) for end in ("value", "low", "high")]
        return {name: tuple(e[i] for e in ends) for i, name in enumerate(("ppv", "npv"))}  # type: ignore[misc]


def _decision(package: Package) -> dict[str, Any]:
    """From the report of the package and the checks beside it."""
    return decided(package.report, stored(package))


def _roc(package: Package) -> dict[str, Any]:
    """From the report of the package, else from the checks beside it."""
    found: dict[str, Any] = package.report.get("roc") or (stored(package) or {}).get("roc") or {}
    return found


def _limits(package: Package, found: Mapping[str, Any], facts: Mapping[str, str]) -> list[Limit]:
    out = []
    for group, value in groups_of(facts).items():
        measured = found.get("groups", {}).get(group)
        if measured is None:  # the data set doesn't tell
            continue
        out.append(_limit(package, group, value, measured.get(value, {"n": 0, "metric": "", "figure": None})))
    return out


def _sources(package: Package, found: Mapping[str, Any]) -> list[Limit]:
    """What the package reaches at each of its sources."""
    return [_limit(package, "source", *one) for one in found.get("groups", {}).get("source", {}).items()]


def _limit(package: Package, group: str, value: str, mine: Mapping[str, Any]) -> Limit:
    whole = (package.report["metrics"].get(mine["metric"]) or {}).get("value")
    high = (mine["figure"] or {}).get("high")
    worse = whole is not None and high is not None and high < whole
    return Limit(group, value, mine["n"], mine["metric"], mine["figure"], whole, worse)
