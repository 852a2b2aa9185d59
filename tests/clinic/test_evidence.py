"""Whether a map may be believed: asked for with the map, measured by a worker, told under the answer's own rule."""

import io
import json
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcore import jobs, tasks
from medcore.clinic import Clinic, User
from medcore.clinic.exporting import Form
from medcore.errors import Refused
from medcore.explain.health import MEASURES
from medcore.explain.occlusion import Occlusion
from medcore.export.picture import SCREEN, draw
from medcore.export.report import Report, caption
from medcore.settings import settings

TASK = "mortality"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Clinic, User, int]]:
    """A desk with one read record."""
    home = tmp_path / "home"
    url = f"sqlite:///{home / 'medcore.sqlite'}"
    clinic = Clinic(replace(settings(), home=home, database_url=url, device="cpu", admin_password=""))
    me = clinic.sign_in("reader")
    case_id = clinic.admit_inputs(me, [*tasks.get(TASK).simulate(1, 5)[0].load().values()])
    clinic.lock_read(me, case_id, TASK, tasks.get(TASK).outcome.choices[0].name, confidence=2)
    yield clinic, me, case_id
    clinic.database.engine.dispose()


def work(clinic: Clinic, ending: threading.Event | None = None) -> jobs.Job:
    """What a worker's lane for evidence does with the next job."""
    job = jobs.claim(clinic.database, "here", kinds=("evidence",))
    assert job is not None and job.kind == "evidence"
    with jobs.Heartbeat(clinic.database, job) as beat:
        clinic.work(job, beat, ending or threading.Event())
    return job


def test_a_map_is_measured_by_a_worker_and_kept(desk: tuple[Clinic, User, int]) -> None:
    clinic, me, case_id = desk
    why = clinic.explain(me, case_id, TASK)
    assert why.health.state == "measuring" and why.health.evidence is None
    assert jobs.claim(clinic.database, "other", kinds=("train",)) is None
    work(clinic)
    known = clinic.explain(me, case_id, TASK)
    assert known.id == why.id and known.health.state == "known"
    evidence = known.health.evidence
    assert evidence is not None and set(known.health.limits) == set(MEASURES)
    assert evidence.counts["orders"] == 20 and 0 <= evidence.beaten <= 20
    assert set(evidence.others) == set(tasks.get(TASK).explain) - {why.attribution.method}
    assert clinic.health(me, why.id) == known.health
    assert jobs.claim(clinic.database, "here", kinds=("evidence",)) is None  # asked for once


def test_each_baseline_is_a_map_of_its_own(desk: tuple[Clinic, User, int]) -> None:
    clinic, me, case_id = desk
    usual = clinic.explain(me, case_id, TASK)
    zero = clinic.explain(me, case_id, TASK, baseline="zero")
    assert zero.id != usual.id and zero.attribution.baseline != usual.attribution.baseline
    assert clinic.explain(me, case_id, TASK, baseline="zero").id == zero.id
    assert zero.attribution.gap is not None and zero.attribution.gap < 0.05
    with pytest.raises(Refused, match="baseline"):
        clinic.explain(me, case_id, TASK, baseline="green")


def test_a_worker_that_must_go_puts_it_back(desk: tuple[Clinic, User, int]) -> None:
    clinic, me, case_id = desk
    why = clinic.explain(me, case_id, TASK)
    ending = threading.Event()
    ending.set()
    work(clinic, ending)
    assert clinic.health(me, why.id).state == "measuring"
    work(clinic)
    assert clinic.health(me, why.id).state == "known"
    assert clinic.verify_audit() is None


def test_nothing_of_it_is_told_before_the_read(desk: tuple[Clinic, User, int]) -> None:
    clinic, me, case_id = desk
    why = clinic.explain(me, case_id, TASK)
    with pytest.raises(Refused, match="locked"):
        clinic.health(clinic.sign_in("trainer"), why.id)


def test_a_film_tells_how_much_of_its_map_lies_outside_the_lungs(desk: tuple[Clinic, User, int]) -> None:
    clinic, me, _case_id = desk
    task = tasks.get("cxr_pneumonia")
    case_id = clinic.admit_inputs(me, [*task.simulate(2, 8)[1].load().values()])
    clinic.lock_read(me, case_id, task.name, "pneumonia", confidence=2)
    outside = clinic.explain(me, case_id, task.name).attribution.outside
    assert outside is not None and 0 <= outside < 0.9
    again = clinic.explain(me, case_id, task.name)
    assert again.attribution.outside == outside
    record = clinic.explain(me, _case_id, TASK)
    assert record.attribution.outside is None


def test_what_is_taken_away_of_a_failed_map_says_so_and_is_grey(desk: tuple[Clinic, User, int]) -> None:
    clinic, me, case_id = desk
    answered = clinic.answer(me, case_id, TASK)
    for method in ("smooth_grad", "integrated_gradients"):
        clinic.explain(me, case_id, TASK, method=method)
        work(clinic)
    doubted, good = (clinic._gathered(me, answered, None, m) for m in ("smooth_grad", "integrated_gradients"))
    assert doubted.doubt.endswith(".") and good.doubt == ""
    assert [line for line in caption(doubted) if line.startswith("Don’t rely on this map.")]
    assert not [line for line in caption(good) if "rely" in line]

    def tinted(report: Report) -> bool:
        picture = np.asarray(draw(report, SCREEN), float)
        return bool((picture.max(-1) - picture.min(-1)).max() > 80)

    assert tinted(good) and not tinted(doubted)


def test_all_maps_leave_as_a_page_that_opens_offline_and_as_arrays(desk: tuple[Clinic, User, int]) -> None:
    clinic, me, case_id = desk
    for method in ("smooth_grad", "integrated_gradients"):
        clinic.explain(me, case_id, TASK, method=method)
        work(clinic)
    clinic.explain(me, case_id, TASK, method="occlusion", baseline="zero")
    page = clinic.export(me, case_id, TASK, "talk")
    text = page.data.decode()
    assert page.name.endswith(".html") and text.count("<figure>") == 3
    assert text.count("data:image/png;base64,") == 3 and not re.findall(r"(?:src|href)=.(?!data:)", text)
    assert text.count("class=doubt") == 1 and text.count("was not measured") == 1
    with np.load(io.BytesIO(clinic.export(me, case_id, TASK, "maps").data)) as found:
        about = json.loads(str(found["about"]))
        assert [a["method"] for a in about] == ["smooth_grad", "integrated_gradients", "occlusion"]
        assert {a["use"] for a in about} == {"Research use only. Not a diagnosis."}
        assert [bool(a["doubt"]) for a in about] == [True, False, False] and about[2]["evidence"] is None
        own = clinic.explain(me, case_id, TASK, method="integrated_gradients").attribution.values["record"]
        np.testing.assert_array_equal(found["map_1_record"], own)
    with pytest.raises(Refused, match="locked"):
        clinic.export(clinic.sign_in("trainer"), case_id, TASK, "talk")


@pytest.mark.parametrize("form", ["talk", "maps"])
def test_where_no_method_gave_a_map_none_leaves(
    desk: tuple[Clinic, User, int], form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic, me, case_id = desk
    # A window that doesn't fit the input: Captum itself then fails.
    monkeypatch.setattr(Occlusion, "_window", lambda self, shape: (10_000,))
    assert clinic.explain(me, case_id, TASK, method="occlusion").attribution.failure
    with pytest.raises(Refused, match=r"no map of this answer.*another method"):
        clinic.export(me, case_id, TASK, form, method="occlusion")


def test_what_a_later_release_found_out_reaches_a_version_that_is_known(tmp_path: Path) -> None:
    home, models = tmp_path / "home", tmp_path / "models"
    shutil.copytree(settings().models / TASK, models / TASK)
    (models / TASK / "neighbours.safetensors").unlink(missing_ok=True)
    url = f"sqlite:///{home / 'medcore.sqlite'}"
    own = replace(settings(), home=home, database_url=url, models=models, device="cpu", admin_password="")
    kept = Clinic(own).in_use(TASK).folder
    (models / TASK / "CARD.md").write_text("# Another card\n")
    (models / TASK / "neighbours.safetensors").write_bytes(b"new")
    again = Clinic(own).in_use(TASK)
    assert again.folder == kept and kept.is_relative_to(home)
    assert again.card == "# Another card\n" and (kept / "neighbours.safetensors").read_bytes() == b"new"
