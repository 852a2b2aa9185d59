"""The table of neighbours stands on Explain, once the case is read."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.parts import desk
from medcore.clinic import Clinic
from medcore.inputs import Record
from medcore.learn.neighbours import FILE
from medcore.settings import REPO, settings
from medcore.tasks import get

TASK = "mortality"


def told(at: AppTest) -> str:
    return " ".join(str(block.proto.body) for block in at.get("html"))


def test_explain_shows_the_neighbours_of_a_read_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = settings().models / TASK
    if not (shipped / FILE).exists():
        pytest.skip(f"{TASK} is not shipped with its training cases")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / TASK).symlink_to(shipped.resolve())
    url = f"sqlite:///{tmp_path}/medcore.sqlite"
    clinic = Clinic(replace(settings(), home=tmp_path, database_url=url, models=tmp_path / "models", device="cpu"))
    reader = clinic.sign_in("reader")
    sample = get(TASK).simulate(2, 9)[0].load()["record"]
    assert isinstance(sample, Record)
    # The second is the same person as the first, a year older.
    older = Record({**sample.values, "age": sample.values["age"] + 1})  # type: ignore[operator]
    case_id, other = (clinic.admit_inputs(reader, [given], person="one") for given in (sample, older))
    monkeypatch.setattr(desk, "clinic", lambda: clinic)
    page = AppTest.from_file(str(REPO / "pages" / "explain.py"), default_timeout=60)
    page.user = {"id": str(reader.id)}
    page.query_params["case"] = str(case_id)
    page.run()
    assert not page.exception
    assert "Similar cases" not in told(page)  # nothing before the read
    for each in (case_id, other):
        clinic.lock_read(reader, each, TASK, "survival")
        clinic.answer(reader, each, TASK)
    clinic.review(reader, other, TASK, None)
    for _try in range(60):
        page.run()
        if "Training case of support2" in told(page):
            break
        time.sleep(0.5)
    assert not page.exception
    said = told(page)
    assert "Similar cases" in said
    link = f'<a href="/case?case={other}&amp;task={TASK}" target="_self">REC-0002</a>'
    row = next(line for line in said.split("<tr") if link in line)
    assert "Same patient" in row and "Can’t tell" in row
    assert said.count("Training case of support2") == 6
    clinic.database.engine.dispose()
