"""A film with two questions, of which one only helps: its mask, its place on the worklist, and what leaves of it."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from medcore import tasks
from medcore.__main__ import main
from medcore.clinic import Clinic, User
from medcore.errors import Refused
from medcore.export import fhir, pdf
from medcore.export.picture import png
from medcore.inputs import Image, ImageField
from medcore.learn.build import train
from medcore.settings import Settings
from medcore.store.pack import unpack
from tests.clinic.test_exporting import PANGO
from tests.export.opened import pdf_text
from tests.readers.make import film, part10

HELPER = next(t for t in tasks.all_tasks().values() if t.roles and t.grid and isinstance(t.grid[0], ImageField))
FINDING = "cxr_pneumonia"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package that has seen twenty films once."""
    folder = tmp_path_factory.mktemp("models")
    recipe = replace(HELPER.recipe, epochs=1, batch=4, simulated=0)
    train(
        HELPER, HELPER.simulate(20, 1), folder / HELPER.name, version="1.0.0", recipe=recipe, folds=(0,), device="cpu"
    )
    return folder


@pytest.fixture
def desk(bare: Settings, models: Path) -> Iterator[Clinic]:
    made = Clinic(replace(bare, models=models))
    yield made
    made.database.engine.dispose()


@pytest.fixture
def boss(desk: Clinic) -> User:
    return desk.set_read_first(desk.sign_in("admin"), False)


def seen() -> Image:
    """A film of the training: none is more like it."""
    given = HELPER.simulate(20, 1)[3].load()["film"]
    assert isinstance(given, Image)
    return given


def dicom(given: Image) -> bytes:
    return part10(film(given.pixels, ViewPosition="PA", PixelSpacing=[0.2, 0.2]))


def test_the_question_that_only_helps_comes_last_and_leaves_the_case_to_be_read(desk: Clinic, boss: User) -> None:
    reader = desk.sign_in("reader")
    (case,) = desk.admit(reader, {"a.dcm": dicom(seen())}).cases
    view = desk.open_case(reader, case)
    assert view.tasks == (FINDING, HELPER.name)
    desk.lock_read(reader, case, HELPER.name, HELPER.outcome.choices[0].name)
    desk.review(reader, case, HELPER.name, agrees=None)
    (row,) = desk.worklist(reader, state="to_read").rows
    assert (row.id, row.task, row.yours, row.score) == (case, FINDING, "", None)
    desk.lock_read(reader, case, FINDING, "normal")
    assert desk.open_case(reader, case).row.state == "read"


def test_outlines_of_a_film_join_no_study_and_everything_else_leaves(
    desk: Clinic, boss: User, tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case,) = desk.admit(boss, {"a.dcm": dicom(seen())}).cases
    given = desk.answer(boss, case, HELPER.name)
    assert not given.answer.withheld
    offered = [offer.form for offer in desk.offers(boss, case, HELPER.name)]
    assert {"pdf", "fhir", "replay", "secondary_capture"} == set(offered)
    with pytest.raises(Refused, match="no outlines here that could join a DICOM study"):
        desk.export(boss, case, HELPER.name, "segmentation")
    for form in ("fhir", "png", "secondary_capture"):
        assert desk.export(boss, case, HELPER.name, form).data
    bundle = desk.export(boss, case, HELPER.name, "replay").data
    with zipfile.ZipFile(BytesIO(bundle)) as packed:
        about = json.loads(packed.read("bundle.json"))["answer"]
    assert about["measures"] == given.answer.measures and about["mask_hash"] == given.answer.mask_hash
    (tmp_path / "b.zip").write_bytes(bundle)
    assert main(["replay", str(tmp_path / "b.zip"), "--package", str(models / HELPER.name), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["equal"]


def test_the_mask_goes_to_the_viewer_and_to_a_file_as_it_was_answered(
    desk: Clinic,
    boss: User,
    tmp_path: Path,
    models: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEDCORE_DEVICE", "cpu")
    (case,) = desk.admit(boss, {"a.dcm": dicom(seen())}).cases
    given = desk.answer(boss, case, HELPER.name)
    header, arrays = unpack(desk.mask_bytes(boss, given.id))
    rows, columns = seen().pixels.shape
    assert arrays["mask"].shape == (1, rows, columns)
    (label,) = header["labels"]
    assert (label["voxels"], label["share"]) == (arrays["mask"].sum(), pytest.approx(arrays["mask"].mean()))
    assert set(label) == {"name", "title", "voxels", "share"}
    (tmp_path / "a.dcm").write_bytes(dicom(seen()))
    words = ["predict", HELPER.name, str(tmp_path / "a.dcm"), "--package", str(models / HELPER.name), "--json"]
    assert main([*words, "--out", str(tmp_path / "mask.npz")]) == 0
    assert json.loads(capsys.readouterr().out)["measures"] == given.answer.measures
    with np.load(tmp_path / "mask.npz") as held:
        np.testing.assert_array_equal(held["mask"], arrays["mask"])


@PANGO
def test_picture_and_report_show_the_outline_and_its_share(desk: Clinic, boss: User) -> None:
    """Drawn here, so that each pixel is known."""
    (case,) = desk.admit(boss, {"a.dcm": dicom(seen())}).cases
    given = desk.answer(boss, case, HELPER.name)
    report = desk._gathered(boss, given, None, None)
    assert report.mask is not None
    drawn = np.zeros_like(report.mask)
    drawn[0, 100:300, 50:200] = True
    (label,) = HELPER.outcome.labels
    share = {label.name: {"voxels": 30_000, "share": 0.114}}
    told = replace(report, mask=drawn, why=None, answer=replace(given.answer, measures=share))
    with Pillow.open(BytesIO(png(told))) as with_it, Pillow.open(BytesIO(png(replace(told, mask=None)))) as without:
        blue = np.asarray(with_it, int) - np.asarray(without, int)
    assert (blue[..., 2] - blue[..., 0] > 15).mean() == pytest.approx(0.06, abs=0.03)
    text = pdf_text(pdf.pdf(told))
    assert "Thefilmwithwhatthemodeloutlined" in text and "11%ofthepicture" in text and "voxels" not in text
    assert fhir.bundle(told)["entry"]
