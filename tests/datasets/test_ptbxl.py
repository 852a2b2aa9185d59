"""PTB-XL's layout: labels from codes, folds from the set, nothing that names the diagnosis among the inputs."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from medcore.datasets.ptbxl import SUPERCLASSES, ptbxl
from medcore.errors import Refused
from medcore.inputs.signal import LEADS

STATEMENTS = ",description,diagnostic_class\nNORM,normal,NORM\nIMI,inferior,MI\nLVH,left,HYP\nSR,sinus rhythm,\n"
HEAD = "ecg_id,patient_id,report,scp_codes,site,strat_fold,filename_lr\n"


def layout(folder: Path, rows: str) -> Path:
    (folder / "scp_statements.csv").write_text(STATEMENTS)
    (folder / "ptbxl_database.csv").write_text(HEAD + rows)
    for name in ("00001_lr", "00002_lr"):
        lines = "".join(f"{name}.dat 16 1000.0(0)/mV 16 0 0 0 0 {lead.upper()}\n" for lead in LEADS)
        (folder / f"{name}.hea").write_text(f"{name} 12 100 20\n{lines}")
        values = np.tile(np.arange(12, dtype="<i2") * 100, (20, 1))
        (folder / f"{name}.dat").write_bytes(values.tobytes())
    return folder


def test_a_code_counts_at_any_likelihood_and_the_sets_folds_are_kept(tmp_path: Path) -> None:
    rows = (
        "1,15.0,old infarct,\"{'IMI': 0.0, 'LVH': 50.0, 'SR': 0.0}\",1.0,3,00001_lr\n"
        "2,16.0,,\"{'NORM': 100.0}\",,9,00002_lr\n3,17.0,,\"{'NORM': 100.0}\",,9,absent_lr\n"
    )
    first, second = ptbxl(layout(tmp_path, rows))
    assert dict(zip(SUPERCLASSES, first.target, strict=True)) == {"NORM": 0, "MI": 1, "STTC": 0, "CD": 0, "HYP": 1}
    assert (first.patient, first.case, first.source, first.fold) == ("15", "1", "site 1", 1)
    assert (second.target, second.source, second.fold) == ([1, 0, 0, 0, 0], "", 4)
    ((name, given),) = first.load().items()
    assert name == "ecg" and given.leads == LEADS and given.rate_hz == 100
    assert given.samples[:, 0] == pytest.approx(np.arange(12) / 10)
    assert "infarct" not in str(given.facts)
    assert (first.facts, second.facts) == ({"benchmark": "folds 1 to 8"}, {})


def test_age_and_sex_are_for_figures_by_group_and_no_input(tmp_path: Path) -> None:
    folder = layout(tmp_path, "1,15.0,,\"{'NORM': 100.0}\",1.0,3,00001_lr\n2,16.0,,\"{'IMI': 50.0}\",,9,00002_lr\n")
    table = folder / "ptbxl_database.csv"
    first, *rest = table.read_text().splitlines()
    table.write_text("\n".join([first + ",age,sex", rest[0] + ",300.0,1", rest[1] + ",44.0,0"]))
    old, young = ptbxl(folder)
    assert (old.facts["age_years"], old.facts["sex"]) == ("90", "F")
    assert (young.facts["age_years"], young.facts["sex"]) == ("44", "M")
    assert not {"age_years", "sex"} & set(old.load()["ecg"].facts)


@pytest.mark.parametrize("missing", ["ptbxl_database.csv", "scp_statements.csv"])
def test_a_missing_table_is_named(tmp_path: Path, missing: str) -> None:
    (layout(tmp_path, "") / missing).unlink()
    with pytest.raises(Refused, match=missing):
        ptbxl(tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    table = layout(tmp_path, "1,15.0,,\"{'NORM': 100.0}\",1.0,3,00001_lr\n") / "ptbxl_database.csv"
    table.write_text(table.read_text().replace("strat_fold", "fold"))
    with pytest.raises(Refused, match="strat_fold"):
        ptbxl(tmp_path)


@pytest.mark.data
def test_no_patient_is_in_two_folds_and_four_nets_answer_folds_1_to_8(data: Path) -> None:
    samples = ptbxl(data / "ptbxl")
    folds = defaultdict(set)
    for s in samples:
        folds[s.patient_hash].add(s.fold)
    assert all(len(f) == 1 for f in folds.values())
    assert {s.fold for s in samples} == {0, 1, 2, 3, 4}
    assert all(sum(s.target) for s in samples if s.target[0])
    assert min(np.sum([s.target for s in samples if s.fold == f], 0).min() for f in range(5)) >= 3
