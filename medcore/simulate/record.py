"""A seriously ill adult on the third day of a hospital study, with the columns of SUPPORT2.

The rules, in the order in which they are drawn:

1. Disease group by its share; age, sex, cancer, comorbidities, day of entry and coma score by group.
2. A severity s ~ N(0, 1), unseen. Every physiological value leans on it by a stated loading; the rest of its spread
   is its own. Day 3 values are the day's worst, so pressure, pulse and temperature have two humps, low and high.
3. Death in hospital by a logistic rule of the true values (`risk`), before anything is left out.
4. Rounding as in the set; then values go missing in the blocks in which they do there.

The shapes were set by hand to the percentiles and rank correlations of SUPPORT2 (Knaus WA et al., Ann Intern Med
1995;122:191-203); no patient is copied.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from medcore.datasets.sample import Sample
from medcore.inputs import Record
from medcore.inputs.record import Value
from medcore.simulate.seeds import case_seeds, facts


@dataclass(frozen=True)
class Group:
    """What differs from one disease group to the next.

    share: of all patients; age: mean and spread; men, diabetes: shares; cancer: shares of local and metastatic
    day_1: share that entered on the first day in hospital; comorbid: mean number of comorbidities
    awake: share with coma score 0; deep: how the other scores tilt to the deep end
    low: shares of the low hump of pressure, pulse and temperature
    pafi, alb, bili, crea: medians; no_gas: share without a blood gas
    odds: log odds of death beyond what the values tell
    """

    dzclass: str
    share: float
    age: tuple[float, float]
    men: float
    diabetes: float
    cancer: tuple[float, float]
    day_1: float
    comorbid: float
    awake: float
    deep: float
    low: tuple[float, float, float]
    pafi: float
    alb: float
    bili: float
    crea: float
    no_gas: float
    odds: float


# fmt: off
GROUPS = {
    "ARF/MOSF w/Sepsis": Group(
        "ARF/MOSF", 0.386, (61, 17.7), 0.55, 0.22, (0.13, 0.02), 0.40, 1.5, 0.60, 0.0,
        (0.61, 0.38, 0.50), 195, 2.7, 1.35, 1.55, 0.12, -0.08),
    "CHF": Group(
        "COPD/CHF/Cirrhosis", 0.152, (67, 14.4), 0.61, 0.33, (0.10, 0.01), 0.94, 2.9, 0.94, -0.25,
        (0.67, 0.53, 0.77), 270, 3.35, 1.05, 1.6, 0.33, -1.2),
    "COPD": Group(
        "COPD/CHF/Cirrhosis", 0.106, (70, 11.1), 0.49, 0.14, (0.15, 0.02), 0.88, 2.5, 0.85, -0.2,
        (0.56, 0.42, 0.71), 215, 3.2, 0.85, 1.25, 0.11, -1.1),
    "Cirrhosis": Group(
        "COPD/CHF/Cirrhosis", 0.056, (53, 12.5), 0.65, 0.14, (0.05, 0.01), 0.85, 2.7, 0.76, -0.1,
        (0.57, 0.43, 0.62), 255, 2.5, 3.2, 1.25, 0.35, -0.1),
    "Colon Cancer": Group(
        "Cancer", 0.056, (62, 12.5), 0.57, 0.12, (0.0, 1.0), 1.00, 1.3, 0.94, -0.4,
        (0.46, 0.53, 0.62), 245, 3.2, 0.95, 1.15, 0.61, -1.2),
    "Coma": Group(
        "Coma", 0.066, (65, 15.8), 0.48, 0.20, (0.14, 0.03), 0.58, 1.2, 0.10, 0.4,
        (0.51, 0.45, 0.47), 225, 2.9, 1.1, 1.4, 0.16, 0.2),
    "Lung Cancer": Group(
        "Cancer", 0.100, (62, 10.7), 0.63, 0.07, (0.0, 1.0), 0.98, 1.6, 0.89, -0.25,
        (0.53, 0.45, 0.72), 235, 3.2, 0.75, 1.15, 0.46, -0.7),
    "MOSF w/Malig": Group(
        "ARF/MOSF", 0.078, (59, 16.0), 0.54, 0.14, (0.58, 0.42), 0.30, 1.65, 0.64, 0.0,
        (0.65, 0.34, 0.54), 200, 2.6, 1.45, 1.5, 0.17, 0.3),
}
# fmt: on
SAY = 0.2  # log odds, from which a value had a say
COMA_SCORES = {9: 0.29, 26: 0.19, 37: 0.12, 41: 0.09, 44: 0.16, 55: 0.03, 61: 0.035, 89: 0.012, 94: 0.008, 100: 0.07}
RACES = {"white": 0.79, "black": 0.156, "hispanic": 0.033, "other": 0.012, "asian": 0.009}
INCOMES = ("under $11k", "$11-$25k", "$25-$50k", ">$50k")


def _pick(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    names, w = list(weights), np.array(list(weights.values()))
    return names[int(rng.choice(len(names), p=w / w.sum()))]


def _lean(rng: np.random.Generator, s: float, loading: float) -> float:
    """N(0, 1) with correlation `loading` to the severity."""
    return loading * s + math.sqrt(1 - loading**2) * float(rng.standard_normal())


def _hump(
    rng: np.random.Generator, p_low: float, low: tuple[float, float], high: tuple[float, float], lean: float
) -> float:
    """The worse of a day's low and high: one of two humps (mean, spread), pushed outwards by `lean` spreads."""
    if rng.random() < p_low:
        return low[0] - low[1] * (lean + 0.9 * float(rng.standard_normal()))
    return high[0] + high[1] * (lean + 0.9 * float(rng.standard_normal()))


def _person(rng: np.random.Generator, group: Group, s: float) -> dict[str, Value]:
    """Who the patient is and what was known at entry."""
    z = float(rng.standard_normal())
    age = float(np.clip(group.age[0] + group.age[1] * (z - 0.13 * (z * z - 1)), 18.05, 101))
    schooling = 12.0 if rng.random() < 0.3 else float(np.clip(round(rng.normal(11.6, 4)), 0, 26))
    wealth = 0.55 * (schooling - 11.7) / 3.5 + 0.85 * float(rng.standard_normal())
    comatose = rng.random() > group.awake - (1 - group.awake) * 0.35 * math.tanh(s)
    late = rng.random() > group.day_1
    cancer = rng.random()
    return {
        "age": round(age, 2),
        "sex": "male" if rng.random() < group.men else "female",
        "num.co": float(min(9, rng.poisson(group.comorbid))),
        "edu": schooling,
        "income": INCOMES[int(np.searchsorted([-0.08, 0.6, 1.25], wealth))],
        "scoma": _coma(rng, group.deep + 0.08 * s) if comatose else 0.0,
        "race": _pick(rng, RACES),
        "hday": float(min(140, 2 + int(rng.lognormal(1.4 + 0.15 * s, 1.2)))) if late else 1.0,
        "diabetes": float(rng.random() < group.diabetes),
        "dementia": float(rng.random() < 0.03 * math.exp((age - 65) / 20)),
        "ca": "yes" if cancer < group.cancer[0] else "metastatic" if cancer < sum(group.cancer) else "no",
    }


def _coma(rng: np.random.Generator, tilt: float) -> float:
    """One of the scores that the Glasgow scale maps to; each step deeper is exp(tilt) times likelier than it was."""
    return float(_pick(rng, {str(c): w * math.exp(tilt * i) for i, (c, w) in enumerate(COMA_SCORES.items())}))


def _physiology(rng: np.random.Generator, group: Group, s: float) -> dict[str, float]:
    """Day 3, all of it measured, unrounded."""
    low_bp, low_hrt, low_temp = group.low
    kidney, liver, fever = _lean(rng, s, 0.4), _lean(rng, s, 0.45), _lean(rng, s, 0.3)
    gas = _lean(rng, s, 0.4)
    crea = group.crea * 0.88 * math.exp(0.58 * kidney + 0.12 * kidney**2 - 0.05)
    return {
        "meanbp": _hump(rng, low_bp + 0.08 * math.tanh(s), (67, 13), (110, 15.5), 0.35 * s),
        "wblc": 10.4
        * math.exp(0.52 * (0.35 * fever + 0.93 * float(rng.normal())))
        * (0.05 if rng.random() < 0.03 else 1),
        "hrt": _hump(rng, low_hrt - 0.09 * math.tanh(s), (69, 10), (118, 20), 0.3 * s + 0.2 * fever),
        "resp": _hump(rng, 0.19, (11, 2.8), (25.0, 7.5), 0.15 * s),
        "temp": _hump(rng, low_temp - 0.10 * math.tanh(fever), (36.3, 0.5), (38.5, 0.65), 0.25 * fever),
        "pafi": group.pafi * math.exp(-0.45 * gas - 0.06 * gas**2 + 0.04),
        "alb": group.alb - 0.68 * _lean(rng, s, 0.35) + 0.05,
        "bili": group.bili * 0.62 * math.exp(0.85 * liver + 0.25 * liver**2),
        "crea": crea,
        "sod": 137.4 + 5.0 * float(rng.normal()) * math.exp(0.28 * float(rng.normal()) + 0.15 * s),
        "ph": 7.43
        - 0.06 * _lean(rng, s, 0.2)
        - 0.018 * max(0.0, kidney) ** 1.5
        - 0.02 * max(0.0, float(rng.normal())) ** 2,
        "glucose": 128 * math.exp(0.36 * float(rng.normal()) + 0.16 * max(0.0, float(rng.normal())) ** 2),
        "bun": 18.5 * crea**0.9 * math.exp(0.42 * float(rng.normal())),
        "urine": 2350 * max(0.0, 1 + 0.62 * float(rng.normal()) - 0.28 * max(0.0, kidney)),
    }


def terms(dzgroup: str, person: Mapping[str, Value], body: Mapping[str, float]) -> dict[str, float]:
    """What each value adds to the log odds of death in hospital.

    Each term is a log odds per the step named; the steps are about those of a logistic regression on SUPPORT2.
    """

    def known(name: str) -> float:
        return float(person[name] or 0)

    return {
        "dzgroup": GROUPS[dzgroup].odds,
        "age": 0.25 * (known("age") - 62) / 10,
        "scoma": 0.27 * known("scoma") / 10,
        "hday": 0.35 * math.log(known("hday")),
        "dementia": 0.40 * known("dementia"),
        "ca": 0.25 * (person["ca"] != "no"),
        "meanbp": 0.40 * max(0.0, 75 - body["meanbp"]) / 10,
        "hrt": 0.14 * max(0.0, body["hrt"] - 90) / 10,
        "resp": 0.12 * max(0.0, body["resp"] - 24) / 5,
        "pafi": 0.45 * math.log(333 / body["pafi"]),
        "alb": 0.30 * (3.5 - body["alb"]),
        "bili": 0.30 * math.log(body["bili"] / 0.8),
        "crea": 0.35 * math.log(body["crea"]),
        "sod": 0.30 * abs(body["sod"] - 138) / 10,
        "ph": 0.25 * max(0.0, 7.35 - body["ph"]) * 10,
    }


def risk(added: Mapping[str, float]) -> float:
    """Probability of death in hospital: logistic in the `terms` of the true values."""
    return 1 / (1 + math.exp(2.95 - sum(added.values())))


def _rounded(body: Mapping[str, float]) -> dict[str, Value]:
    """Steps and limits of the real table."""
    steps = {
        "meanbp": (0, 20, 187), "wblc": (1, 0.1, 128), "hrt": (0, 30, 220), "resp": (0, 4, 76), "temp": (1, 31.7, 41.7),
        "pafi": (1, 25, 819), "alb": (1, 0.6, 5.4), "bili": (1, 0.1, 63), "crea": (1, 0.1, 18), "sod": (0, 110, 175),
        "ph": (2, 6.85, 7.72), "glucose": (0, 20, 1092), "bun": (0, 1, 240), "urine": (0, 0, 9000),
    }  # fmt: skip
    return {name: round(float(np.clip(body[name], low, high)), digits) for name, (digits, low, high) in steps.items()}


def _leave_out(rng: np.random.Generator, group: Group, values: dict[str, Value], died: bool) -> None:
    """Missing in blocks: no blood gas, no liver values, no study-phase values, no interview."""
    blocks: list[tuple[float, tuple[str, ...], float]] = [
        (group.no_gas + 0.05 - 0.10 * died, ("pafi", "ph"), 0.99),
        (0.27, ("bili", "alb"), 0.93),
        (0.16, ("alb",), 1.0),
        (0.03, ("bili",), 1.0),
        (0.49, ("glucose", "bun", "urine"), 0.985),
        (0.10, ("urine",), 1.0),
        (0.03, ("glucose",), 1.0),
        (0.14 + 0.10 * died, ("edu", "income"), 0.95),
        (0.20, ("income",), 1.0),
        (0.022, ("wblc",), 1.0),
        (0.007, ("crea",), 1.0),
        (0.005, ("race",), 1.0),
    ]
    for share, names, each in blocks:
        if rng.random() < share:
            for name in names:
                if rng.random() < each:
                    values[name] = None


def record(seed: int) -> tuple[Record, int, frozenset[str]]:
    """One patient, whether they died in hospital (1) or not (0), and which of the measured values had a say in that:
    those whose term is at least SAY.

    The record has the 27 feature columns of SUPPORT2 in its units and spelling, None where not measured.
    """
    rng = np.random.default_rng(seed)
    dzgroup = _pick(rng, {name: g.share for name, g in GROUPS.items()})
    group = GROUPS[dzgroup]
    severity = float(rng.standard_normal())
    person = _person(rng, group, severity)
    body = _physiology(rng, group, severity)
    values = person | _rounded(body)
    added = terms(dzgroup, person, {n: float(values[n] or 0) for n in body})
    died = bool(rng.random() < risk(added))
    _leave_out(rng, group, values, died)
    values = {"age": values.pop("age"), "sex": values.pop("sex"), "dzgroup": dzgroup, "dzclass": group.dzclass} | values
    age, sex = values["age"], values["sex"]
    say = frozenset(name for name, term in added.items() if abs(term) >= SAY and values[name] is not None)
    return Record(values, facts(float(age or 0), sex == "female")), int(died), say


def _columns(say: frozenset[str], given: Record) -> np.ndarray:
    """(columns,) bool: those that had a say."""
    return np.array([name in say for name in given.values])


def records(n: int, seed: int) -> list[Sample]:
    """n patients of data set "simulated_record", input "record", target 1 = died in hospital; what is to be found are
    the values that had a say."""
    samples = []
    for case in case_seeds(n, seed):
        given, died, say = record(case)
        name, place = f"{case:016d}", partial(_columns, say)
        samples.append(Sample("simulated_record", name, name, partial(dict, record=given), died, place=place))
    return samples
