"""What leaves: each export opened again by other code, in the right hands only, naming nobody."""

import csv
import hashlib
import io
import json
import sqlite3
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from PIL import Image as Pillow
from pydicom import dcmread

from medcore import tasks
from medcore.__main__ import main
from medcore.clinic import Clinic, Export, User
from medcore.clinic.demo import real_files
from medcore.clinic.exporting import MAY, Form
from medcore.errors import Refused
from medcore.export import fhir, pdf
from medcore.inputs import Image, Volume
from medcore.readers import read
from medcore.settings import settings
from medcore.store.pack import unpack
from medcore.store.tables import ReviewRow
from tests.clinic.test_identity import MARK, dicom
from tests.export.opened import everything, pages, pdf_text
from tests.readers.make import part10, slice_of

ECG, RECORD = "ecg_rhythm", "mortality"
FORMS: tuple[Form, ...] = ("pdf", "fhir", "replay", "png", "talk", "maps", "secondary_capture")
PANGO = pytest.mark.skipif(pdf.missing() is not None, reason=str(pdf.missing()))


def reviewed(clinic: Clinic, user: User, case: int, task: str) -> None:
    clinic.lock_read(user, case, task, tasks.get(task).outcome.choices[0].name, 3, f"{MARK} says hello")
    clinic.answer(user, case, task)
    clinic.review(user, case, task, True, comment=f"spoke to {MARK}")


@pytest.fixture
def answering(shipped: Clinic) -> Clinic:
    """To small packages a real ECG is too unlike what they learnt from to be reported."""
    return shipped


@pytest.fixture
def strip(answering: Clinic, reader: User) -> int:
    """A real 12-lead ECG with names all over it, read and reviewed by the reader."""
    (case,) = answering.admit(reader, {f"{MARK}.dcm": dicom(real_files()["waveform_ecg.dcm"])}).cases
    reviewed(answering, reader, case, ECG)
    return case


@pytest.fixture
def values(answering: Clinic, reader: User) -> int:
    """A record, likewise."""
    case = answering.admit_inputs(reader, [*tasks.get(RECORD).simulate(1, 7)[0].load().values()])
    reviewed(answering, reader, case, RECORD)
    return case


def rows_of(clinic: Clinic, action: str) -> list[tuple[str, str, dict[str, Any]]]:
    with sqlite3.connect(clinic.settings.home / "medcore.sqlite") as connection:
        found = connection.execute("SELECT user, subject, details FROM audit WHERE action = ?", (action,)).fetchall()
    connection.close()
    return [(user, subject, json.loads(details)) for user, subject, details in found]


# who


def test_a_reader_takes_reports_of_what_they_read_and_no_more(
    answering: Clinic, reader: User, trainer: User, strip: int
) -> None:
    assert [o.form for o in answering.offers(reader, strip, ECG)] == ["pdf", "fhir", "replay"]
    for form in ("secondary_capture", "cohort"):
        with pytest.raises(Refused, match="role doesn't allow"):
            answering.export(reader, strip, ECG, form)
    with pytest.raises(Refused, match="role doesn't allow"):
        answering.export_cohort(reader)
    assert answering.cohort_offer(reader) is None
    other = answering.admit_inputs(trainer, [*tasks.get(RECORD).simulate(1, 8)[0].load().values()])
    me = answering.set_read_first(reader, False)
    assert answering.offers(me, other, RECORD) == []
    for form in ("pdf", "fhir", "replay"):
        with pytest.raises(Refused, match="role doesn't allow"):
            answering.export(me, other, RECORD, form)
    assert answering.export(me, other, RECORD, "png").data.startswith(b"\x89PNG")
    assert rows_of(answering, "export")[0][1] == f"case {other}" and len(rows_of(answering, "export")) == 1


def test_nothing_leaves_before_the_read_is_locked(answering: Clinic, trainer: User, strip: int) -> None:
    assert set(MAY) == {*FORMS, "segmentation", "cohort"}
    for form in FORMS:
        with pytest.raises(Refused, match="when your read is locked"):
            answering.export(trainer, strip, ECG, form)
    assert rows_of(answering, "export") == []


@PANGO
def test_each_export_is_in_the_audit_with_who_and_what(answering: Clinic, boss: User, strip: int) -> None:
    made = [(form, answering.export(boss, strip, ECG, form)) for form in FORMS]
    answering.export_cohort(boss, kind="signal")
    written = rows_of(answering, "export")
    assert {user for user, _subject, _details in written} == {"admin"}
    assert [d["what"] for _u, _s, d in written] == [*FORMS, "cohort"]
    digests = [hashlib.sha256(e.data).hexdigest() for _form, e in made]
    assert [d["sha256"] for _u, _s, d in written][:-1] == digests
    assert {s for _u, s, _d in written} == {f"case {strip}", "worklist"}
    assert written[-1][2]["cases"] == 1
    assert answering.verify_audit() is None


# naming nobody


@PANGO
def test_no_export_names_anybody_or_holds_a_comment(answering: Clinic, boss: User, strip: int, values: int) -> None:
    made = [answering.export(boss, case, task, f) for case, task in ((strip, ECG), (values, RECORD)) for f in FORMS]
    for export in [*made, answering.export_cohort(boss)]:
        assert MARK.lower() not in export.name.lower()
        for part in everything(export.name, export.data):
            for mark in (MARK, MARK.upper(), "19510317", "1951-03-17", "hello", "spoke to"):
                assert mark.encode() not in part and mark.encode("utf-16-be") not in part, export.name


# PDF


@PANGO
@pytest.mark.parametrize("task", [ECG, RECORD])
def test_the_pdf_is_one_page_that_says_it_all(
    answering: Clinic, reader: User, strip: int, values: int, task: str
) -> None:
    case = {ECG: strip, RECORD: values}[task]
    made = answering.export(reader, case, task, "pdf")
    view, given = answering.open_case(reader, case), answering.answer(reader, case, task).answer
    assert made.name == f"{view.row.number}-{task}.pdf" and made.data.startswith(b"%PDF-1.7")
    assert pages(made.data) == 1
    said = pdf_text(made.data)
    outcome = tasks.get(task).outcome
    wanted = [
        *("Research use only. Not a diagnosis.", tasks.get(task).question, view.row.number, view.row.patient),
        *(given.package, given.package_hash, *given.inputs.values(), f"torch {given.versions['torch']}"),
        *(label.title for label in outcome.labels),
        *("scored like this one", "First", "Final", "fairly sure", "agrees", "SHA-256"),
    ]
    for text in wanted:
        assert "".join(text.split()) in said, text
    assert ("Simulated" in said) == (task == RECORD)
    score = max(given.probabilities.values())
    assert f"{100 * score:.0f}%" in said or "under1%" in said or "over99%" in said


def test_without_pango_it_is_said_in_a_sentence(
    answering: Clinic, reader: User, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "PANGO", ("libpango-of-nowhere.so",))
    pdf.missing.cache_clear()
    try:
        with pytest.raises(Refused, match=r"Pango.*apt install"):
            answering.export(reader, strip, ECG, "pdf")
        offer = next(o for o in answering.offers(reader, strip, ECG) if o.form == "pdf")
        assert "apt install" in str(offer.refusal)
    finally:
        pdf.missing.cache_clear()
    assert rows_of(answering, "export") == []


# FHIR


def entries(export: Export, kind: str) -> list[dict[str, Any]]:
    every = json.loads(export.data)["entry"]
    return [e["resource"] for e in every if e["resource"]["resourceType"] == kind]


@pytest.mark.parametrize("task", [ECG, RECORD])
def test_the_fhir_report_comes_back_whole(answering: Clinic, reader: User, strip: int, values: int, task: str) -> None:
    case = {ECG: strip, RECORD: values}[task]
    made = answering.export(reader, case, task, "fhir")
    view, given = answering.open_case(reader, case), answering.answer(reader, case, task).answer
    bundle = Bundle.model_validate_json(made.data)
    report = bundle.entry[0].resource
    assert isinstance(report, DiagnosticReport)
    assert (report.status, report.resultsInterpreter[0].display) == ("final", "reader")
    assert "Research use only" in report.conclusion
    (patient,), (device,) = entries(made, "Patient"), entries(made, "Device")
    assert patient["identifier"][0]["value"] == view.row.patient
    assert device["deviceName"][0]["name"] == given.package
    assert device["identifier"][0]["value"] == given.package_hash
    observed = entries(made, "Observation")
    by_code = {o["code"]["coding"][0]["code"]: o for o in observed}
    for label, p in given.probabilities.items():
        found = by_code[f"{task}.{label}"]
        assert found["valueQuantity"] == {
            "value": pytest.approx(100 * p, abs=1e-5), "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"
        }  # fmt: skip
        span = next(c["valueRange"] for c in found["component"] if c["code"]["coding"][0]["code"] == "range-95")
        ends = [span["low"]["value"], span["high"]["value"]]
        assert ends == pytest.approx([100 * v for v in given.ranges[label]], abs=1e-5)
        assert found["subject"]["reference"] == f"urn:uuid:{patient['id']}"
        assert found["device"]["reference"] == f"urn:uuid:{device['id']}"
    assert {"read-first", "read-final"} <= set(by_code)
    assert len(report.result) == len(observed) == len(given.probabilities) + 2


def test_before_a_final_read_the_report_is_preliminary(answering: Clinic, boss: User) -> None:
    case = answering.admit_inputs(boss, [*tasks.get(RECORD).simulate(1, 9)[0].load().values()])
    (report,) = entries(answering.export(boss, case, RECORD, "fhir"), "DiagnosticReport")
    assert report["status"] == "preliminary" and "resultsInterpreter" not in report


def broken(made: dict[str, Any], how: str) -> None:
    report, patient, observation = (made["entry"][i]["resource"] for i in (0, 1, 3))
    if how == "status":
        report["status"] = "finished"
    elif how == "observation status":
        observation["status"] = "partial"
    elif how == "gender":
        patient["gender"] = "F"
    elif how == "reference":
        report["subject"]["reference"] = "urn:uuid:00000000-0000-4000-8000-000000000000"
    elif how == "category":
        report["category"][0]["coding"][0]["code"] = "XYZ"
    elif how == "unit":
        del observation["valueQuantity"]["unit"]
    else:
        report["issued"] = "yesterday"


@pytest.mark.parametrize(
    "how", ["status", "observation status", "gender", "reference", "category", "unit", "no instant"]
)
def test_what_fhir_resources_lets_pass_is_found(answering: Clinic, reader: User, values: int, how: str) -> None:
    made = json.loads(answering.export(reader, values, RECORD, "fhir").data)
    fhir.check(made)
    broken(made, how)
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's own errors are among them
        fhir.check(made)


# DICOM


def test_the_picture_joins_the_study_as_stored(answering: Clinic, boss: User, strip: int) -> None:
    made = dcmread(io.BytesIO(answering.export(boss, strip, ECG, "secondary_capture").data))
    (given,) = answering.open_case(boss, strip).inputs
    with sqlite3.connect(answering.settings.home / "medcore.sqlite") as connection:
        files = json.loads(connection.execute("SELECT files FROM inputs WHERE id = ?", (given.id,)).fetchone()[0])
    connection.close()
    stored = dcmread(io.BytesIO(answering.files.get(files["signal.dcm"])))
    original = dcmread(io.BytesIO(real_files()["waveform_ecg.dcm"]))
    assert made.StudyInstanceUID == stored.StudyInstanceUID != original.StudyInstanceUID
    assert made.SOPClassUID.name == "Secondary Capture Image Storage"
    assert made.SeriesInstanceUID != stored.SeriesInstanceUID
    assert made.SourceImageSequence[0].ReferencedSOPInstanceUID == stored.SOPInstanceUID
    assert made.PatientID == answering.open_case(boss, strip).row.patient
    assert (made.BurnedInAnnotation, made.PatientIdentityRemoved) == ("YES", "YES")
    assert "Research use only" in made.DerivationDescription and "Research use only" in made.ImageComments
    given_by = answering.answer(boss, strip, ECG).answer
    assert given_by.package_hash in made.DerivationDescription


def test_the_picture_is_read_again_by_our_own_reader(answering: Clinic, boss: User, strip: int) -> None:
    made = answering.export(boss, strip, ECG, "secondary_capture")
    (found,) = read({made.name: made.data}, key=b"k")
    assert any("text is burned into the picture" in r for r in found.remarks)
    png = Pillow.open(io.BytesIO(answering.export(boss, strip, ECG, "png").data)).convert("RGB")
    assert isinstance(found.input, Image)
    assert np.array_equal(found.input.pixels, np.asarray(png))


def test_a_case_without_dicom_has_a_study_of_its_own(answering: Clinic, boss: User, values: int) -> None:
    other = answering.admit_inputs(boss, [*tasks.get(RECORD).simulate(1, 8)[0].load().values()])
    made = [
        dcmread(io.BytesIO(answering.export(boss, case, RECORD, "secondary_capture").data))
        for case in (values, values, other)
    ]
    first, again, further = (m.StudyInstanceUID for m in made)
    assert first == again != further
    assert len({m.SOPInstanceUID for m in made}) == 3
    assert first.is_valid and first.startswith("2.25.")


# replay


def replayed(
    bundle: bytes, clinic: Clinic, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, dict[str, Any], str]:
    """Status, JSON and complaint of the command on a machine that has the package but not the case."""
    path = folder / "case.zip"
    path.write_bytes(bundle)
    monkeypatch.setenv("MEDCORE_HOME", str(folder / "elsewhere"))
    monkeypatch.setenv("MEDCORE_MODELS", str(clinic.settings.models))
    monkeypatch.setenv("MEDCORE_DEVICE", "cpu")
    capsys.readouterr()
    status = main(["replay", str(path), "--json"])
    out, err = capsys.readouterr()
    assert not (folder / "elsewhere").exists()
    return status, json.loads(out) if out else {}, err


def changed(bundle: bytes, change: Mapping[str, bytes | None], further: Mapping[str, bytes] | None = None) -> bytes:
    """With these members in place of their own, None to leave one out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bundle)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = change.get(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
        for name, data in (further or {}).items():
            new.writestr(name, data)
    return out.getvalue()


def about(bundle: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as packed:
        found: dict[str, Any] = json.loads(packed.read("bundle.json"))
    return found


@pytest.mark.parametrize("task", [ECG, RECORD])
def test_a_bundle_gives_the_same_answer_bit_for_bit(
    answering: Clinic, reader: User, strip: int, values: int, task: str,
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    case = {ECG: strip, RECORD: values}[task]
    bundle = answering.export(reader, case, task, "replay").data
    status, said, err = replayed(bundle, answering, tmp_path, capsys, monkeypatch)
    assert (status, err) == (0, "")
    assert (said["equal"], said["exact"], said["largest_difference"], said["differs"]) == (True, True, 0.0, [])
    assert said["probabilities"] == answering.answer(reader, case, task).answer.probabilities
    kept = about(bundle)
    assert kept["use"].startswith("Research use only") and kept["settings"] == {"device": "cpu"}


def test_a_bundle_says_what_differs(
    answering: Clinic, reader: User, values: int,
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    bundle = answering.export(reader, values, RECORD, "replay").data

    def run(**change: Any) -> tuple[int, dict[str, Any]]:
        kept = about(bundle)
        kept["answer"] |= change
        altered = changed(bundle, {"bundle.json": json.dumps(kept).encode()})
        status, said, _err = replayed(altered, answering, tmp_path, capsys, monkeypatch)
        return status, said

    true = about(bundle)["answer"]["probabilities"]["hospital_death"]
    status, said = run(probabilities={"hospital_death": true + 1e-9})
    assert status == 1 and not said["equal"]
    assert [d["what"] for d in said["differs"]] == ["probabilities of hospital_death"]
    # With other versions the same small gap is within what is promised.
    versions = {**about(bundle)["answer"]["versions"], "torch": "1.0"}
    status, said = run(probabilities={"hospital_death": true + 1e-9}, versions=versions)
    assert (status, said["equal"], said["exact"]) == (0, True, False)
    assert [d["what"] for d in said["differs"]] == ["version of torch"]
    status, said = run(probabilities={"hospital_death": true + 1e-3}, versions=versions)
    assert status == 1 and said["largest_difference"] == pytest.approx(1e-3)
    status, said = run(package_hash="0" * 64)
    assert status == 1 and said["differs"][0]["what"] == "package"
    status, said = run(choice="survival" if true > 0.5 else "hospital_death", probabilities={"other": 0.5})
    assert status == 1 and said["largest_difference"] is None


def test_a_bad_bundle_is_refused(
    answering: Clinic, reader: User, values: int,
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    bundle = answering.export(reader, values, RECORD, "replay").data
    kept = about(bundle)
    (member,) = (n for n in zipfile.ZipFile(io.BytesIO(bundle)).namelist() if n != "bundle.json")

    def with_json(**change: Any) -> bytes:
        return changed(bundle, {"bundle.json": json.dumps({**kept, **change}).encode()})

    def with_answer(**change: Any) -> bytes:
        return with_json(answer={**kept["answer"], **change})

    other = zipfile.ZipFile(io.BytesIO(bundle)).read(member).replace(b"age", b"agf")
    bad = {
        "no zip": b"hello",
        "cut off": bundle[:-30],
        "no json": changed(bundle, {"bundle.json": b"{"}),
        "missing json": changed(bundle, {"bundle.json": None}),
        "a list": changed(bundle, {"bundle.json": b"[]"}),
        "deep": changed(bundle, {"bundle.json": b"[" * 200_000}),
        "huge": changed(bundle, {"bundle.json": json.dumps({**kept, "x": "y" * 5_000_000}).encode()}),
        "format": with_json(format=9),
        "changed input": changed(bundle, {member: other}),
        "missing input": changed(bundle, {member: None}),
        "further file": changed(bundle, {}, {"inputs/record/run.py": b"print()"}),
        "escapes": changed(bundle, {}, {"../../evil": b"x"}),
        "other input": with_json(inputs={"record": {**kept["inputs"]["record"], "sha256": "0" * 64}}),
        "swapped hash": with_answer(inputs={"record": "0" * 64}),
        "not a number": with_answer(probabilities={"hospital_death": "0.5"}),
        "infinite": with_answer(unlike=float("nan")),
        "no such task": with_answer(task="../../etc"),
        "other task": with_answer(task=ECG),
        "hash": with_answer(package_hash="../../x"),
        "further key": with_answer(code="import os"),
    }
    for what, data in bad.items():
        status, said, err = replayed(data, answering, tmp_path, capsys, monkeypatch)
        assert (status, said) == (2, {}), what
        assert err.count("\n") == 1 and "Traceback" not in err and len(err) > 20, what


# the cohort


def table(export: Export) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(export.data.decode("utf-8-sig"))))


def test_the_cohort_has_a_row_a_label_and_reader(
    answering: Clinic, reader: User, boss: User, strip: int, values: int
) -> None:
    rows = table(answering.export_cohort(boss))
    view, given = answering.open_case(reader, strip), answering.answer(reader, strip, ECG).answer
    mine = [r for r in rows if r["case"] == view.row.number]
    assert [r["label"] for r in mine] == list(given.probabilities)
    assert [float(r["probability"]) for r in mine] == list(given.probabilities.values())
    assert [(float(r["low"]), float(r["high"])) for r in mine] == list(given.ranges.values())
    for r in mine:
        assert (r["patient"], r["task"], r["package"]) == (view.row.patient, ECG, given.package)
        assert (r["reader"], r["first_read"], r["first_confidence"]) == ("reader", "normal", "3")
        assert (r["final_read"], r["final_agrees"], r["use"]) == (given.choice, "yes", "research use only")
        assert r["received"] <= r["first_at"] <= r["final_at"]
    assert len(rows) == len(mine) + 1
    assert {r["case"] for r in table(answering.export_cohort(boss, kind="record"))} == {
        answering.open_case(reader, values).row.number
    }


def test_reads_of_decoys_are_in_no_export(answering: Clinic, boss: User, reader: User, values: int) -> None:
    with answering.database.write() as session:
        shown = {"stage": "final", "choice": "DECOY", "agrees": True, "decoy": True}
        session.add(ReviewRow(case_id=values, task=RECORD, user_id=reader.id, **shown))
    assert b"DECOY" not in answering.export_cohort(boss).data
    assert b"DECOY" not in answering.export(boss, values, RECORD, "fhir").data


def test_who_reads_first_learns_nothing_from_the_cohort(
    answering: Clinic, trainer: User, strip: int, values: int
) -> None:
    rows = table(answering.export_cohort(trainer))
    assert len(rows) == 2
    assert {(r["probability"], r["reader"], r["first_read"], r["choice"]) for r in rows} == {("", "", "", "")}
    answering.lock_read(trainer, strip, ECG, "other")
    rows = table(answering.export_cohort(trainer, kind="signal"))
    assert {r["reader"] for r in rows} == {"trainer"} and all(r["probability"] for r in rows)
    answering.review(trainer, strip, ECG, False, "other")
    assert {r["reader"] for r in table(answering.export_cohort(trainer, kind="signal"))} == {"reader", "trainer"}


def test_a_name_that_a_spreadsheet_would_run_is_quoted(answering: Clinic, boss: User, strip: int) -> None:
    odd = answering.add_user(boss, "=HYPERLINK(1)", "reader")
    answering.lock_read(odd, strip, ECG, "other")
    assert "'=HYPERLINK(1)" in {r["reader"] for r in table(answering.export_cohort(boss))}


def test_the_outlines_of_a_real_series_join_its_study_exactly_in_place(
    answering: Clinic, boss: User, data: Path
) -> None:
    """Drawn here, so that each pixel is known. The real series is T1; the question is only asked of one named FLAIR."""
    task, files = "brain_tumour_seg", {}
    for path in sorted((data / "dicom_series/series/mr_t1_brain").glob("*.dcm")):
        (slice_ := dcmread(path)).SeriesDescription = "FLAIR"
        slice_.save_as(part := io.BytesIO())
        files[path.name] = part.getvalue()
    (case,) = answering.admit(boss, files).cases
    given = answering.answer(boss, case, task)
    report = answering._gathered(boss, given, None, None)
    assert report.mask is not None
    drawn = np.zeros_like(report.mask)
    drawn[0, 3:7, 20:40, 30:60] = True
    made = dcmread(io.BytesIO(answering._segmentation(replace(report, mask=drawn), given)))
    assert made.SOPClassUID.name == "Segmentation Storage" and made.NumberOfFrames == len(files)
    volume = answering.input(boss, answering.open_case(boss, case).inputs[0].id)
    assert isinstance(volume, Volume)
    for frame, pixels in zip(made.PerFrameFunctionalGroupsSequence, made.pixel_array, strict=True):
        corner = [float(v) for v in frame.PlanePositionSequence[0].ImagePositionPatient]
        at = (np.linalg.inv(volume.affine) @ [*corner, 1])[:3]
        np.testing.assert_allclose(at, [round(at[0]), 0, 0], atol=0.05)
        np.testing.assert_array_equal(pixels, drawn[0, round(at[0])])


def test_outlines_are_offered_only_where_there_is_a_study(answering: Clinic, boss: User) -> None:
    task = "brain_tumour_seg"
    case = answering.admit_inputs(boss, [*tasks.get(task).simulate(1, 3)[0].load().values()])
    answering.answer(boss, case, task)
    assert "segmentation" not in [offer.form for offer in answering.offers(boss, case, task)]
    with pytest.raises(Refused, match="no outlines"):
        answering.export(boss, case, task, "segmentation")


def mr_study(given: Volume) -> dict[str, bytes]:
    """The sequences of a volume as DICOM series of one study."""
    names = ("AX T1 PRE", "AX FLAIR", "AX T1 POST GD")
    return {
        f"{k}_{n}.dcm": part10(
            slice_of(
                picture.astype(np.uint16),
                5.0 * n,
                n + 1,
                SeriesInstanceUID=f"1.2.{k}",
                SOPInstanceUID=f"1.2.{k}.{n}",
                StudyInstanceUID="1.2",
                FrameOfReferenceUID="1.2.9",
                SeriesDescription=names[k],
                PatientID=MARK,
                PixelSpacing=[1.6, 1.6],
            )
        )
        for k, stack in enumerate(given.voxels)
        for n, picture in enumerate(stack)
    }


def test_the_series_of_a_study_are_answered_together_and_the_outline_joins_the_first(
    answering: Clinic, boss: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = "brain_tumour_seg"
    whole = tasks.get(task).simulate(1, 3)[0].load()["mr"]
    assert isinstance(whole, Volume)
    (case,) = answering.admit(boss, mr_study(whole)).cases
    view = answering.open_case(boss, case)
    assert [i.shape[0] for i in view.inputs] == [1, 1, 1]
    assert view.sources[task] == {i.id for i in view.inputs}
    given = answering.answer(boss, case, task)
    assert given.answer.absent == () and not given.answer.withheld
    assert answering.recompute(given.id)[1] == 0.0
    bundle = tmp_path / "case.replay.zip"
    bundle.write_bytes(answering.export(boss, case, task, "replay").data)
    assert main(["replay", str(bundle), "--package", str(settings().models / task), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["largest_difference"] == 0.0
    made = dcmread(io.BytesIO(answering.export(boss, case, task, "segmentation").data))
    said = unpack(answering.mask_bytes(boss, given.id))[1]["mask"][0]
    assert made.NumberOfFrames == len(said) == whole.voxels.shape[1] and said.any()
    heights = [f.PlanePositionSequence[0].ImagePositionPatient[2] for f in made.PerFrameFunctionalGroupsSequence]
    np.testing.assert_array_equal(made.pixel_array[np.argsort(heights)], said)
    (told,) = (
        o
        for o in entries(answering.export(boss, case, task, "fhir"), "Observation")
        if o["code"]["coding"][0]["code"] == f"{task}.tumour"
    )
    sizes = {c["code"]["coding"][0]["code"]: c.get("valueQuantity") for c in told["component"]}
    about = given.answer.measures["tumour"]
    for name, value, unit in (("volume", about["volume_ml"], "mL"), ("diameter", about["diameter_mm"], "mm")):
        assert sizes[name]["value"] == pytest.approx(value, abs=1e-3) and sizes[name]["code"] == unit
