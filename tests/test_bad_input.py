"""Whatever is wrong with what a person gives: one sentence and what to do, and nothing is left behind.

Each row is put through the desk as an upload and through the command line as a file. How each format is read is
tested in tests/readers.
"""

import io
import pickle
import re
import sqlite3
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcore.__main__ import main
from medcore.clinic import Clinic, User
from medcore.readers import files_of
from medcore.settings import settings
from medcore.simulate.ecg import ecg as simulated
from medcore.simulate.twelve_leads import twelve_leads
from tests.readers.make import ecg, files, film, packed, part10, picture, slice_of, stack, workbook

Files = dict[str, bytes]
LONGEST_SECONDS = 30
TASKS = {"record": "mortality", "signal": "ecg_rhythm", "image": "cxr_pneumonia"}

rng = np.random.default_rng(0)
GREY = rng.integers(0, 4096, (96, 80), dtype=np.uint16)
COLOUR = rng.integers(0, 256, (96, 80, 3), dtype=np.uint8)
BEAT = simulated(1, seconds=12).samples[0]
CSV = "patient,age,sex,hrt,meanbp\n7,61,female,88,71\n"


def strip(y: np.ndarray = BEAT, unit: str = "mV", gain: float = 1000, rate: int = 300, claims: int = 0) -> Files:
    """A WFDB record of lead I, `y` in mV, stored with `gain` steps a `unit`."""
    header = f"r1 1 {rate} {claims or len(y)}\nr1.dat 16 {gain:g}/{unit} 16 0 0 0 0 I\n"
    return {"r1.hea": header.encode(), "r1.dat": np.clip(1000 * y, -32767, 32767).astype("<i2").tobytes()}


def dicom(pixels: np.ndarray = GREY, **tags: object) -> Files:
    return {"film.dcm": part10(film(pixels, **tags))}


def waveform(units: str = "uV") -> Files:
    """A DICOM rhythm strip of lead I whose samples are those of BEAT in µV, whatever its header says."""
    given = ecg(("Lead I (Einthoven)",), n=len(BEAT), units=units)
    group = given.WaveformSequence[0]
    group.SamplingFrequency = 300
    group.ChannelDefinitionSequence[0].ChannelSensitivity = 1
    group.WaveformData = (1000 * BEAT).astype("<i2").tobytes()
    return {"ecg.dcm": part10(given)}


def claiming_png(side: int) -> bytes:
    """A PNG of a few bytes whose header says `side` × `side` pixels."""
    whole = picture(GREY.astype(np.uint8))
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return whole[:12] + header + struct.pack(">I", zlib.crc32(header)) + whole[33:]


def table(*lines: str) -> Files:
    return {"t.csv": "\n".join(lines).encode()}


def cut(files: Files, name: str, share: float = 0.5) -> Files:
    return {**files, name: files[name][: int(len(files[name]) * share)]}


def escaping() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../escaped.csv", CSV)
    return out.getvalue()


def flat(y: np.ndarray) -> np.ndarray:
    return np.full_like(y, 0.2)


# what is right, so that each row below is wrong by one thing
GOOD: dict[str, tuple[str, Files]] = {
    "DICOM film": ("image", dicom()),
    "PNG": ("image", {"film.png": picture(GREY.astype(np.uint8))}),
    "JPEG": ("image", {"film.jpg": picture(GREY.astype(np.uint8), "JPEG")}),
    "a grey film stored as colour": ("image", {"film.png": picture(np.repeat(COLOUR[..., :1], 3, 2))}),
    "a film called a table": ("image", {"film.csv": picture(GREY.astype(np.uint8))}),
    "a frontal film": ("image", dicom(ViewPosition="AP")),
    "WFDB": ("signal", strip()),
    "an ECG in µV": ("signal", strip(unit="uV", gain=1)),
    "a DICOM ECG in µV": ("signal", waveform()),
    "CSV": ("record", {"t.csv": CSV.encode()}),
    "Excel": ("record", {"t.xlsx": workbook([["age", "hrt"], [61, 88]])}),
    "ZIP": ("record", {"t.zip": packed({"t.csv": CSV.encode()})}),
    "a table called a film": ("record", {"film.dcm": CSV.encode()}),
    "values that are hardly possible": ("record", table("age,hrt,wblc", "61,0,200")),
}

BAD: dict[str, tuple[str, Files, str]] = {
    # truncated
    "a DICOM film cut off": ("image", cut(dicom(), "film.dcm"), "holds .* bytes that the header announces"),
    "a DICOM header cut off": ("image", cut(dicom(), "film.dcm", 0.03), "holds no picture"),
    "a DICOM ECG cut off": ("signal", cut(waveform(), "ecg.dcm"), "holds .* bytes that the header announces"),
    "a PNG cut off": ("image", cut({"a.png": picture(GREY)}, "a.png"), "cut off"),
    "a JPEG cut off": ("image", cut({"a.jpg": picture(GREY.astype(np.uint8), "JPEG")}, "a.jpg"), "cut off"),
    "a WFDB signal cut off": ("signal", cut(strip(), "r1.dat"), "ends after"),
    "a WFDB header cut off": ("signal", cut(strip(), "r1.hea", 0.4), "plain text"),
    "a WFDB header without its signal": ("signal", {"r1.hea": strip()["r1.hea"]}, "which is not there"),
    "a WFDB signal without its header": (
        "signal",
        {"r1.dat": strip()["r1.dat"]},
        "kind that is known, or it is damaged",
    ),
    "a workbook cut off": (
        "record",
        cut({"t.xlsx": workbook([["age"], [61]])}, "t.xlsx"),
        "ZIP or Excel file is cut off",
    ),
    "a ZIP cut off": ("record", cut({"t.zip": packed({"t.csv": CSV.encode()})}, "t.zip", 0.7), "cut off"),
    "a row cut off": ("record", table("age,hrt,sod", "61,88"), "Row 2 of the table has 2 cells, its header 3"),
    # empty
    "an empty file": ("image", {"a.dcm": b""}, "The file is empty"),
    "a file of blanks": ("record", {"a.csv": b" \n\n"}, "nothing but blanks"),
    "an empty ZIP": ("record", {"a.zip": packed({})}, "no files"),
    "a film of one grey": ("image", dicom(np.full_like(GREY, 7)), "one even grey"),
    # mislabelled
    "a PDF called a film": ("image", {"a.dcm": b"%PDF-1.7\n" + bytes(99)}, "PDF"),
    "a text called a picture": ("image", {"a.png": b"dear colleague"}, "plain text"),
    "noise called a film": ("image", {"a.dcm": bytes(128) + b"DICM" + bytes(rng.integers(0, 256, 999, np.uint8))}, ""),
    "a pickle called a table": ("record", {"a.csv": pickle.dumps({"age": 61})}, "pickle"),
    "a web page called a table": ("record", {"a.csv": b"<!doctype html><html></html>"}, "web page"),
    # headers that claim what isn't there
    "a DICOM film of 2 GB": ("image", dicom(Rows=32767, Columns=32767), "claims"),
    "a PNG of 4 GB": ("image", {"a.png": claiming_png(65_500)}, "claims"),
    "a WFDB record of 2 GB": ("signal", strip(claims=10**9), "ends after"),
    # ZIPs made to do harm
    "a ZIP bomb": ("image", {"a.zip": packed({"a.dcm": bytes(60 * 2**20)})}, "would unpack to 60 MB"),
    "a ZIP that leads out": ("record", {"a.zip": escaping()}, "leads out of its own folder"),
    "a ZIP in a ZIP": ("record", {"a.zip": packed({"b.zip": packed({"t.csv": CSV.encode()})})}, "another ZIP"),
    # tables
    "a table without rows": ("record", table("age,hrt"), "no row"),
    "a table of NaN": ("record", table("age,hrt,sod", "nan,NaN,", ",NA,nan"), "no values"),
    "a table with one empty row": ("record", table("age,hrt", ","), "no row"),
    "an all-missing record of known columns": ("record", table("patient,age,hrt", "7,,nan"), "no values"),
    "a table without a column that is asked for": ("record", table("shoe,hat", "41,57"), "none of the values"),
    "misnamed columns": ("record", table("patient,Alter,Puls", "7,61,88"), "none of the values"),
    "a column twice": ("record", table("age,age", "61,62"), "same name"),
    "a column without a name": ("record", table("age,,hrt,", "61,62,63,64"), "has no name"),
    "a table without its header": ("record", table("61,88,120", "62,89,121"), "column names should be"),
    "text where a number is asked for": (
        "record",
        table("age,hrt", "sixty,88"),
        "age is “sixty”, which is not a number",
    ),
    "an unknown category": ("record", table("age,sex", "61,robot"), "sex is “robot”, which is not one of"),
    # ECGs
    "µV marked as mV": ("signal", strip(gain=1), "spans .* mV"),
    "an ECG without a unit of voltage": ("signal", strip(unit="mmHg"), "lacks the leads that the question needs in mV"),
    "a flat lead": ("signal", strip(flat(BEAT)), "is flat"),
    "a lead of nothing": ("signal", strip(np.full_like(BEAT, -32.768)), ""),
    "a saturated lead": ("signal", strip(np.clip(4 * (BEAT - np.median(BEAT)), -0.05, 0.05)), "saturated"),
    "too short": ("signal", strip(BEAT[: 300 * 4]), "lasts 4.0 s"),
    "too long": ("signal", strip(np.tile(BEAT, 8)), "lasts 96.0 s"),
    "an EDF file cut off": ("signal", {"a.edf": b"0       X X X X".ljust(184) + b"768     EDF+C"}, "EDF file"),
    "an aECG without a lead": ("signal", {"a.xml": b'<AnnotatedECG xmlns="urn:hl7-org:v3"/>'}, "holds no recording"),
    "a MUSE file without a lead": ("signal", {"a.xml": b"<RestingECG/>"}, "MUSE file holds no recording"),
    "a BDF recording": ("signal", {"a.bdf": b"\xffBIOSEMI" + bytes(300)}, "BDF"),
    # pictures
    "a colour photograph": ("image", {"a.jpg": picture(COLOUR, "JPEG")}, "colour picture"),
    "a lateral film": ("image", dicom(ViewPosition="LL"), "LL view; the question is asked of a frontal film"),
    "many frames": ("image", dicom(NumberOfFrames=2, PixelData=GREY.tobytes() * 2), "2 "),
    "an empty NIfTI header": ("image", {"a.nii": struct.pack("<I", 348) + bytes(340) + b"n+1\0" + bytes(99)}, "NIfTI"),
    "an NRRD volume": ("image", {"a.nrrd": b"NRRD0005\ntype: short\n"}, "NRRD volume"),
    "a picture of a few pixels": ("image", {"a.png": picture(GREY.astype(np.uint8)[:20])}, "too small"),
    "a 12-bit JPEG": (
        "image",
        {"a.jpg": b"\xff\xd8\xff\xc1\0\x0b\x0c\0\x40\0\x40\1\1\x11\0" + bytes(64)},
        "12-bit JPEG",
    ),
}


def twelve(*flat: str) -> Files:
    """A 12-lead ECG in which nothing moves in these leads."""
    given = twelve_leads(1, rate_hz=500)
    still = np.isin(given.leads, flat)[:, None]
    return files_of(replace(given, samples=np.where(still, np.float32(0), given.samples)))


# what is odd, and still opens: the kind, and what is remarked on it
ODD: dict[str, tuple[str, Files, str]] = {
    "slices without positions": ("volume", files(stack(change=lambda _n: {"ImagePositionPatient": None})), "position"),
    "slices without spacing": (
        "volume",
        files(stack(change=lambda _n: {"PixelSpacing": None})),
        "how far apart the pixels",
    ),
    "slices of two sizes": (
        "volume",
        files([*stack(), slice_of(np.full((16, 16), 9, np.uint16), 9, 9)]),
        "size",
    ),
    "a lead by itself": ("signal", strip(), ""),
    "2,000 Hz": ("signal", strip(np.interp(np.arange(0, len(BEAT), 0.15), np.arange(len(BEAT)), BEAT), rate=2000), ""),
    "3 of 12 leads flat": ("signal", twelve("V1", "V2", "V3"), "Nothing moves in leads V1, V2, V3"),
    "1 of 12 leads flat": ("signal", twelve("V1"), "Nothing moves in lead V1:"),
}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    home = tmp_path_factory.mktemp("home")
    url = f"sqlite:///{home / 'medcore.sqlite'}"
    made = Clinic(replace(settings(), home=home, database_url=url, models=home / "none", admin_password=""))
    yield made
    made.database.engine.dispose()


@pytest.fixture(scope="module")
def reader(clinic: Clinic) -> User:
    return clinic.sign_in("reader")


def kept(home: Path) -> tuple[dict[str, int], set[str]]:
    """Rows of every table, and all files but the database's own."""
    with sqlite3.connect(home / "medcore.sqlite") as database:
        names = [n for (n,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {n: database.execute(f'SELECT count(*) FROM "{n}"').fetchone()[0] for n in names}
    database.close()
    return rows, {str(p) for p in home.rglob("*") if p.is_file() and "sqlite" not in p.name}


def is_told(sentence: str, remedy: str) -> None:
    """Sentences for people: whole ones, and no name of a class or place in the code."""
    for text in (sentence, remedy):
        assert re.fullmatch(r"[^\s].*[.?!…]", text), text
        assert not re.search(r"Traceback|Error\b|Exception|object at 0x|/work|None\b|\n", text), text


@pytest.mark.parametrize("name", BAD)
def test_an_upload_is_refused_and_leaves_nothing(name: str, clinic: Clinic, reader: User) -> None:
    _kind, files, says = BAD[name]
    before, start = kept(clinic.settings.home), time.monotonic()
    admission = clinic.admit(reader, files)
    assert time.monotonic() - start < LONGEST_SECONDS
    assert (admission.cases, admission.known) == ((), ())
    assert admission.refused
    for refusal in admission.refused:
        is_told(refusal.sentence, refusal.remedy)
    assert re.search(says, " ".join(r.sentence for r in admission.refused))
    assert kept(clinic.settings.home) == before


@pytest.fixture
def predict(clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Files], int]:
    """`python -m medcore predict` of these files, in this process."""
    monkeypatch.setenv("MEDCORE_HOME", str(clinic.settings.home))
    monkeypatch.setenv("MEDCORE_MODELS", str(tmp_path / "none"))

    def run(kind: str, files: Files) -> int:
        paths = [tmp_path / name for name in files]
        for path, content in zip(paths, files.values(), strict=True):
            path.write_bytes(content)
        return main(["predict", TASKS[kind], *map(str, paths)])

    return run


@pytest.mark.parametrize("name", BAD)
def test_the_command_line_refuses_it_likewise(
    name: str, clinic: Clinic, predict: Callable[[str, Files], int], capsys: pytest.CaptureFixture[str]
) -> None:
    kind, files, says = BAD[name]
    before = kept(clinic.settings.home)
    assert predict(kind, files) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert re.search(says, line)
    assert "shipped" not in line, "the input was found good"
    is_told(line, line)
    assert kept(clinic.settings.home) == before


@pytest.mark.parametrize("name", GOOD)
def test_what_is_right_is_taken(name: str, clinic: Clinic, reader: User) -> None:
    kind, files = GOOD[name]
    admission = clinic.admit(reader, files)
    assert admission.refused == ()
    (case,) = admission.cases or admission.known
    view = clinic.open_case(reader, case)
    assert view.inputs[0].kind == kind
    assert TASKS[kind] in view.tasks
    if "hardly possible" in name:
        assert sum("Is the unit right?" in r for r in admission.remarks) == 2


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's
@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_opens_with_a_plain_remark(name: str, clinic: Clinic, reader: User) -> None:
    kind, files, says = ODD[name]
    admission = clinic.admit(reader, files)
    (case,) = admission.cases or admission.known
    (given,) = clinic.open_case(reader, case).inputs
    assert given.kind == kind and re.search(says, " ".join(given.remarks))
    for remark in given.remarks:
        is_told(remark, remark)
