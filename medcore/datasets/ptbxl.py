"""PTB-XL: 12-lead ECGs of 10 s with cardiologists' statements (Wagner P et al., Scientific Data 2020;7:154).

Layout: a folder with `ptbxl_database.csv` and `scp_statements.csv` of the set's own columns, and the WFDB records that
`filename_lr` names (100 Hz), without extension. A record counts in each diagnostic superclass that it has a code of,
at any likelihood: 0 stands for "stated without a figure". Age, sex, report, heart_axis and infarction_stadium are
never read as input: the last three name the diagnosis. Age (300 stands for over 89) and sex (0 male, 1 female) are read
as facts, for figures by group.

Folds: the set publishes ten, a patient always in one. A package has five nets, so two published folds make one here:
1 and 2, 3 and 4, 5 and 6, 7 and 8, 9 and 10. Every record is answered by a net that saw neither its fold nor its
patient, and four nets answer folds 1 to 8, as published figures are pooled. Fold 9 is the fifth part: its net learns
from the first eight, and its answers calibrate the four others.
"""

import ast
import csv
from functools import partial
from pathlib import Path

from medcore.datasets.sample import Sample
from medcore.datasets.wfdb_record import read_record
from medcore.errors import Refused
from medcore.i18n import _

NAME = "ptbxl"
SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")


def ptbxl(folder: Path) -> list[Sample]:
    """One sample a record; target is a row of 0 and 1 in the order of SUPERCLASSES, source the site."""
    superclass = {
        row[""]: row["diagnostic_class"] for row in _rows(folder, "scp_statements.csv", "", "diagnostic_class")
    }
    samples = []
    for row in _rows(folder, "ptbxl_database.csv", "ecg_id", "patient_id", "scp_codes", "strat_fold", "filename_lr"):
        path = folder / row["filename_lr"]
        if not path.with_suffix(".hea").is_file():
            continue
        named = {superclass.get(code) for code in ast.literal_eval(row["scp_codes"])}
        site = (row.get("site") or "").removesuffix(".0")
        samples.append(
            Sample(
                NAME,
                row["patient_id"].removesuffix(".0"),
                row["ecg_id"],
                partial(read_record, path.parent, path.name),
                [int(name in named) for name in SUPERCLASSES],
                source=f"site {site}" if site else "",
                published_fold=(int(row["strat_fold"]) - 1) // 2,
                facts=_facts(row),
            )
        )
    return samples


def _facts(row: dict[str, str]) -> dict[str, str]:
    """What figures may be split by. `benchmark`: the folds over which published figures are pooled."""
    out = {"sex": {"0": "M", "1": "F"}.get(row.get("sex", "").removesuffix(".0"), "")}
    if age := row.get("age"):
        out["age_years"] = f"{min(90.0, float(age)):g}"
    if int(row["strat_fold"]) <= 8:
        out["benchmark"] = "folds 1 to 8"
    return {name: value for name, value in out.items() if value}


def _rows(folder: Path, name: str, *needed: str) -> list[dict[str, str]]:
    """Rows of a table of the set. Refused where the table or a needed column is missing."""
    table = folder / name
    if not table.is_file():
        raise Refused(_("There is no {name} in the folder.").format(name=name), _("Give the folder that holds it."))
    with table.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    missing = set(needed) - set(rows[0] if rows else ())
    if missing:
        raise Refused(
            _("{file} lacks the column {name}.").format(file=name, name=sorted(missing)[0] or _("(unnamed)")),
            _("Use the set's own column names."),
        )
    return rows
