"""SUPPORT2: seriously ill adults in hospital, one row a patient (https://hbiostat.org/data).

Layout: a folder with `support2.csv`, the set's own column names, an empty field where a value is missing.
Only what was known on study day 3 is read; outcomes, other models' scores and later columns are left out.
"""

import csv
from functools import partial
from pathlib import Path

from medcore.datasets.sample import Sample
from medcore.errors import Refused
from medcore.i18n import N_, _
from medcore.inputs import Column, Input, Record

NAME = "support2"
UMOL_CREATININE = 1 / 88.42  # µmol/L to mg/dL
UMOL_BILIRUBIN = 1 / 17.1
MMOL_GLUCOSE = 18.016
MMOL_UREA = 2.801  # mmol/L urea to mg/dL urea nitrogen

COLUMNS: tuple[Column, ...] = (
    Column("age", N_("Age"), N_("years"), limits=(18, 105), fixed=True),
    Column("sex", N_("Sex"), choices=(N_("female"), N_("male")), fixed=True),
    Column(
        "dzgroup",
        N_("Disease group"),
        choices=(
            N_("ARF/MOSF w/Sepsis"),
            N_("CHF"),
            N_("COPD"),
            N_("Cirrhosis"),
            N_("Colon Cancer"),
            N_("Coma"),
            N_("Lung Cancer"),
            N_("MOSF w/Malig"),
        ),
        fixed=True,
    ),
    Column(
        "dzclass",
        N_("Disease class"),
        choices=(N_("ARF/MOSF"), N_("COPD/CHF/Cirrhosis"), N_("Cancer"), N_("Coma")),
        fixed=True,
    ),
    Column("num.co", N_("Other diseases"), "count", limits=(0, 9), fixed=True),
    Column("edu", N_("Schooling"), N_("years"), limits=(0, 31), fixed=True),
    Column(
        "income",
        N_("Yearly income"),
        choices=(N_("$11-$25k"), N_("$25-$50k"), N_(">$50k"), N_("under $11k")),
        fixed=True,
    ),
    Column("scoma", N_("Coma score"), "0–100", usual=(0, 0), limits=(0, 100)),
    Column(
        "race",
        N_("Race as recorded"),
        choices=(N_("asian"), N_("black"), N_("hispanic"), N_("other"), N_("white")),
        fixed=True,
    ),
    Column("hday", N_("Hospital day at entry"), N_("days"), limits=(1, 150), fixed=True),
    Column("diabetes", N_("Diabetes"), "0/1", limits=(0, 1), fixed=True),
    Column("dementia", N_("Dementia"), "0/1", limits=(0, 1), fixed=True),
    Column("ca", N_("Cancer"), choices=(N_("metastatic"), N_("no"), N_("yes")), fixed=True),
    Column("meanbp", N_("Mean arterial pressure"), "mmHg", usual=(60, 120), limits=(20, 190)),
    Column(
        "wblc",
        N_("White blood cells"),
        "10³/mm³",
        (4, 11),
        (0.1, 100),
        other_units={"10⁹/L": 1.0},
        aliases=("wbc",),
        step=0.1,
    ),
    Column("hrt", N_("Heart rate"), "/min", usual=(60, 100), limits=(20, 250), aliases=("heart_rate", "hr")),
    Column("resp", N_("Breathing rate"), "/min", usual=(12, 20), limits=(4, 60), aliases=("resp_rate", "rr")),
    Column("temp", N_("Temperature"), "°C", usual=(36, 38), limits=(31, 42), aliases=("temperature",), step=0.1),
    Column("pafi", N_("PaO₂/FiO₂"), "mmHg", usual=(300, 500), limits=(30, 800), other_units={"kPa": 7.5006}),
    Column(
        "alb", N_("Albumin"), "g/dL", (3.5, 5.0), (0.8, 7), other_units={"g/L": 0.1}, aliases=("albumin",), step=0.1
    ),
    Column(
        "bili",
        N_("Bilirubin"),
        "mg/dL",
        (0.1, 1.2),
        (0.05, 60),
        other_units={"µmol/L": UMOL_BILIRUBIN},
        aliases=("bilirubin",),
        step=0.1,
    ),
    Column(
        "crea",
        N_("Creatinine"),
        "mg/dL",
        (0.6, 1.3),
        (0.1, 20),
        other_units={"µmol/L": UMOL_CREATININE},
        aliases=("creatinine",),
        step=0.1,
    ),
    Column("sod", N_("Sodium"), "mmol/L", usual=(135, 145), limits=(105, 180), aliases=("sodium", "na")),
    Column("ph", N_("Arterial pH"), "", usual=(7.35, 7.45), limits=(6.8, 7.8), step=0.01),
    Column("glucose", N_("Glucose"), "mg/dL", (70, 140), (20, 1100), other_units={"mmol/L": MMOL_GLUCOSE}),
    Column(
        "bun",
        N_("Urea nitrogen"),
        "mg/dL",
        (7, 20),
        (1, 250),
        other_units={"mmol/L urea": MMOL_UREA},
        aliases=("urea_nitrogen",),
    ),
    Column("urine", N_("Urine in 24 h"), "mL", usual=(800, 2500), limits=(0, 9000), step=50),
)


def parse(column: Column, text: str | None) -> float | str | None:
    """A cell of the table as a value: number, category, or None where it is empty."""
    text = (text or "").strip()
    if not text or text.upper() == "NA":
        return None
    if column.choices:
        return text
    try:
        return float(text)
    except ValueError:
        raise Refused(
            _("Column {name} holds “{text}”, which is not a number.").format(name=column.name, text=text[:40]),
            _("Correct the table and read it again."),
        ) from None


def support2(folder: Path) -> list[Sample]:
    """One sample a patient; target 1 = died in hospital."""
    table = folder / "support2.csv"
    if not table.is_file():
        raise Refused(_("There is no support2.csv in the folder."), _("Give the folder that holds it."))
    with table.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    missing = {"patient", "hospdead"} - set(rows[0] if rows else ())
    if missing:
        raise Refused(
            _("support2.csv lacks the column {name}.").format(name=sorted(missing)[0]),
            _("Use the set's own column names."),
        )
    samples = []
    for row in rows:
        if row["hospdead"].strip() in ("0", "1"):
            inputs: dict[str, Input] = {"record": Record({c.name: parse(c, row.get(c.name)) for c in COLUMNS})}
            facts = {name: row[name] for name in ("age", "sex") if row.get(name)}
            samples.append(
                Sample(NAME, row["patient"], row["patient"], partial(dict, inputs), int(row["hospdead"]), facts=facts)
            )
    return samples
