"""A case from its bytes to its stored answer, over the bare decoding of the file and the bare pass of the nets."""

import csv
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pydicom
import torch
import wfdb
from PIL import Image as Pillow
from pydicom.data import get_testdata_file

from medcore.clinic import Clinic
from medcore.inputs import Signal
from medcore.learn.batches import collate, encode_inputs
from medcore.learn.predict import answer
from medcore.packages import Package
from medcore.readers import decode
from medcore.settings import settings
from medcore.simulate.ecg import ecg
from medcore.simulate.record import record
from tests.benchmarks.measure import Row, interleaved
from tests.benchmarks.packages import package

ROUNDS = 15
BAR = 1.5


@dataclass(frozen=True)
class Kind:
    """files: the same case with another value in each round, since the desk knows what it has seen; decode: what the
    library of that format does with the file, and nothing else."""

    name: str
    task: str
    files: Callable[[int], dict[str, bytes]]
    decode: Callable[[dict[str, bytes]], object]
    bar: float | None = BAR


def film_dicom(turn: int) -> dict[str, bytes]:
    """A chest film of 7 MB that comes with pydicom-data; its last pixel changes."""
    given = pydicom.dcmread(str(get_testdata_file("RG1_UNCR.dcm", download=False)))
    given.PixelData = given.PixelData[:-2] + turn.to_bytes(2, "little")
    return {"film.dcm": saved(given)}


def saved(given: pydicom.Dataset) -> bytes:
    out = io.BytesIO()
    given.save_as(out)
    return out.getvalue()


def film_jpeg(turn: int) -> dict[str, bytes]:
    """The same at 1024 pixels, 8 bits."""
    pixels = pydicom.dcmread(io.BytesIO(film_dicom(0)["film.dcm"])).pixel_array
    grey = Pillow.fromarray((pixels / pixels.max() * 255).astype(np.uint8)).resize((1024, 1024))
    grey.putpixel((5, 5), 255 * (turn % 2))
    grey.putpixel((64 + turn, 64), 255)
    out = io.BytesIO()
    grey.save(out, "JPEG", quality=90)
    return {"film.jpg": out.getvalue()}


def twelve_leads(turn: int) -> dict[str, bytes]:
    """The 12-lead ECG that comes with pydicom: 10 s at 1,000 Hz; its last sample changes."""
    given = pydicom.dcmread(str(get_testdata_file("waveform_ecg.dcm", download=False)))
    group = given.WaveformSequence[0]
    group.WaveformData = group.WaveformData[:-2] + turn.to_bytes(2, "little")
    return {"ecg.dcm": saved(given)}


def one_lead(turn: int) -> dict[str, bytes]:
    """A simulated strip of 30 s at 300 Hz as WFDB."""
    samples = (1000 * ecg(turn).samples[0]).astype("<i2")
    header = f"s1 1 300 {len(samples)}\ns1.dat 16 1000/mV 16 0 0 0 0 ECG\n"
    return {"s1.hea": header.encode(), "s1.dat": samples.tobytes()}


def row(turn: int) -> dict[str, bytes]:
    """A simulated patient as a table."""
    values = {k: v for k, v in record(turn)[0].values.items() if v is not None}
    out = io.StringIO()
    csv.writer(out).writerows([values, values.values()])
    return {"t.csv": out.getvalue().encode()}


def by_pydicom(files: dict[str, bytes]) -> object:
    return pydicom.dcmread(io.BytesIO(files["film.dcm"])).pixel_array


KINDS = (
    Kind("film, DICOM of 7 MB", "cxr_pneumonia", film_dicom, by_pydicom),
    Kind("film, JPEG", "cxr_pneumonia", film_jpeg, lambda f: np.asarray(Pillow.open(io.BytesIO(f["film.jpg"])))),
    Kind(
        "ECG, DICOM of 12 leads",
        "ecg_rhythm",
        twelve_leads,
        lambda f: pydicom.dcmread(io.BytesIO(f["ecg.dcm"])).waveform_array(0),
    ),
    Kind(
        "ECG, WFDB of one lead", "ecg_rhythm", one_lead, lambda f: np.frombuffer(f["s1.dat"], "<i2") / np.float32(1000)
    ),
    Kind("record, CSV", "mortality", row, lambda f: f["t.csv"].decode().split(","), bar=None),
)


def rows(folder: Path) -> list[Row]:
    """One row a kind, and one beside wfdb's own reader. `folder`: where trained packages are kept."""
    out = []
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as home:
            out.append(_row(kind, package(kind.task, folder), Path(home)))
    with tempfile.TemporaryDirectory() as home:
        out.append(_beside_wfdb(package("ecg_rhythm", folder), Path(home)))
    return out


def _beside_wfdb(answers: Package, folder: Path) -> Row:
    """A WFDB file to its answer, over wfdb's reader and the nets: the same resampling in both."""
    files = one_lead(0)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    task = answers.task

    def ours(_turn: int) -> None:
        taken = task.take([f.input for f in decode(files)])
        assert taken
        answer(answers, taken[0], device="cpu")

    def theirs(_turn: int) -> None:
        record = wfdb.rdrecord(str(folder / "s1"))
        given = Signal(record.p_signal.T.astype(np.float32), record.fs, ("I",), ("mV",))
        batch = collate([encode_inputs(task, {next(iter(task.fields)): given})])
        with torch.no_grad():
            for net in answers.nets:
                net(*batch)

    a, b = interleaved([ours, theirs], ROUNDS)
    return Row("ECG, WFDB to answer", a, b, a / b, 1.0, note="over wfdb's reader and the nets")


def _row(kind: Kind, answers: Package, home: Path) -> Row:
    (home / "models").mkdir()
    (home / "models" / kind.task).symlink_to(answers.folder.resolve())
    url = f"sqlite:///{home / 'medcore.sqlite'}"
    own = replace(settings(), home=home, database_url=url, models=home / "models", device="cpu", admin_password="")
    clinic = Clinic(own)
    user = clinic.set_read_first(clinic.sign_in("reader"), False)
    files = [kind.files(turn) for turn in range(ROUNDS + 1)]
    task = answers.task
    taken = task.take([f.input for f in decode(files[0])])
    assert taken is not None
    batch = collate([encode_inputs(task, taken[0])])

    def ours(turn: int) -> None:
        (case,) = clinic.admit(user, files[turn]).cases
        clinic.answer(user, case, task.name)

    def bare(turn: int) -> None:
        kind.decode(files[turn])
        with torch.no_grad():
            for net in answers.nets:
                net(*batch)

    a, b = interleaved([ours, bare], ROUNDS)
    clinic.database.engine.dispose()
    size = sum(map(len, files[0].values()))
    return Row(f"case: {kind.name}", a, b, a / b, kind.bar, note=f"{size / 1e6:.2f} MB")
