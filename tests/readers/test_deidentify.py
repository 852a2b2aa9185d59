"""Files full of marks: none may come out of a reader."""

import io
import struct
import zlib
from collections.abc import Callable
from datetime import date
from functools import cache

import numpy as np
import pydicom
import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo
from pydicom.config import disable_value_validation
from pydicom.datadict import DicomDictionary, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence
from pydicom.uid import JPEGBaseline8Bit

from medcore.errors import Refused
from medcore.readers import Found, decode, read, read_each
from medcore.readers.deidentify import METHOD, days
from tests.readers.make import ecg, files, film, frames, one, packed, part10, picture, stack, wfdb, workbook

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, of the odd values here

MARK = "ZQX7MARK"
TEXT = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
NO_TEXT = {"AS", "DA", "DS", "DT", "IS", "TM", "UI"}  # given as text all the same
NEEDED = {
    "PhotometricInterpretation",
    "SOPClassUID",
    "TransferSyntaxUID",
    "NumberOfFrames",
    "WaveformSampleInterpretation",
}
NEEDED |= {"RescaleSlope", "RescaleIntercept", "SamplingFrequency", "ChannelSensitivity", "ChannelBaseline"}
NEEDED |= {"ChannelSensitivityCorrectionFactor", "MultiplexGroupLabel"}


def stuff(given: Dataset, depth: int = 1) -> Dataset:
    """Puts the mark into each text of the standard, into private tags, overlays and curves, and into sequences."""
    for tag, (vr, _vm, _name, retired, keyword) in DicomDictionary.items():
        if retired or tag >> 16 < 8 or keyword in NEEDED or (keyword in given and vr not in TEXT | NO_TEXT):
            continue
        if vr in TEXT:
            given.add(DataElement(tag, vr, MARK))
        elif vr in NO_TEXT:
            given.add(DataElement(tag, "LO", MARK))
        elif vr in ("OB", "UN", "OB or OW") and keyword not in ("PixelData", "WaveformPaddingValue", "WaveformData"):
            given.add(DataElement(tag, "OB", MARK.encode()))
    given.add_new(0x60003000, "OW", MARK.encode())
    given.add_new(0x60004000, "LT", MARK)
    given.add_new(0x50003000, "OB", MARK.encode())
    given.private_block(0x0029, MARK, create=True).add_new(1, "LO", MARK)
    given.private_block(0x0009, "ACME", create=True).add_new(2, "UN", MARK.encode())
    if depth:
        for keyword in ("OtherPatientIDsSequence", "RequestAttributesSequence", "ReferencedStudySequence"):
            setattr(given, keyword, Sequence([stuff(Dataset(), depth - 1)]))
        given.VOILUTSequence = Sequence([stuff(Dataset(), depth - 1)])
    return given


@cache
def marked_file(make: Callable[..., Dataset]) -> bytes:
    return marked(make())


def marked(given: Dataset) -> bytes:
    with disable_value_validation():
        stuff(given)
        if "WaveformSequence" in given:
            for group in given.WaveformSequence:
                group.MultiplexGroupLabel = MARK
                stuff(group, 0)
                for channel in group.ChannelDefinitionSequence:
                    stuff(channel, 0)
                    stuff(channel.ChannelSourceSequence[0], 0)
        given.file_meta.SourceApplicationEntityTitle = MARK
        given.file_meta.ImplementationVersionName = MARK
        given.file_meta.PrivateInformationCreatorUID = "1.2.3"
        given.file_meta.PrivateInformation = MARK.encode()
        content = part10(given)
    return MARK.encode() * 16 + content[128:]


def assert_clean(found: Found) -> None:
    for name, content in found.files.items():
        assert MARK not in name
        assert MARK.lower().encode() not in content.lower()
    assert MARK.lower() not in repr(found).lower()
    assert MARK.lower() not in str(found.input.facts).lower()
    assert MARK.lower() not in " ".join(found.remarks).lower()


def several() -> Dataset:
    return frames(stack())


@pytest.mark.parametrize("make", [film, ecg, several])
def test_no_mark_of_a_dicom_file_comes_out(make):
    content = marked_file(make)
    assert content.count(MARK.encode()) > 1500
    found = one(content)
    assert MARK in (found.person or "")
    assert_clean(found)
    assert_clean(decode({f"{MARK}.dcm": content}, key=b"k")[0])
    (kept,) = (pydicom.dcmread(io.BytesIO(c)) for c in found.files.values())
    assert kept.PatientIdentityRemoved == "YES"
    assert kept.DeidentificationMethod == METHOD
    assert kept.preamble == bytes(128)
    assert not [e for e in kept.iterall() if e.tag.is_private]
    assert "PatientName" in kept
    assert not kept.PatientName


def test_no_mark_of_a_series_comes_out_and_its_files_stay_a_series():
    given = stack()
    with disable_value_validation():
        for s in given:
            kept = {k: s[k].value for k in ("SOPInstanceUID", "ImagePositionPatient", "Modality")}
            stuff(s)
            for keyword, value in kept.items():
                del s[keyword]
                setattr(s, keyword, value)
    found = one({f"{MARK} {name}": content for name, content in files(given).items()})
    assert_clean(found)
    kept = [pydicom.dcmread(io.BytesIO(c)) for c in found.files.values()]
    assert len({k.SeriesInstanceUID for k in kept}) == 1
    assert len({k.SOPInstanceUID for k in kept}) == 4
    assert all(k.SeriesInstanceUID.startswith("2.25.") for k in kept)


def test_the_picture_itself_is_untouched():
    given = film()
    content = part10(given)
    kept = pydicom.dcmread(io.BytesIO(one(content).files["image.dcm"]))
    assert kept.PixelData == given.PixelData
    coded = film()
    coded.compress("1.2.840.10008.1.2.4.90", generate_instance_uid=False)
    kept = pydicom.dcmread(io.BytesIO(one(part10(coded)).files["image.dcm"]))
    assert list(generate_frames(kept.PixelData)) == list(generate_frames(coded.PixelData))


def test_a_comment_in_a_coded_picture_goes():
    grey = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    stream = picture(grey, "JPEG", comment=MARK.encode(), quality=95)
    given = film(grey)
    given.PixelData = encapsulate([stream])
    given["PixelData"].VR = "OB"
    given.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    content = part10(given)
    assert MARK.encode() in content
    found = one(content)
    assert_clean(found)
    assert np.abs(found.input.pixels.astype(int) - grey).mean() < 5


def test_what_is_kept_is_named_in_the_table_only():
    kept = pydicom.dcmread(io.BytesIO(one(marked_file(film)).files["image.dcm"]))
    names = {keyword_for_tag(e.tag) for e in kept.iterall()}
    allowed = {"Rows", "Columns", "PixelData", "PatientName", "PatientID", "SOPInstanceUID", "DeidentificationMethod"}
    assert allowed < names
    forbidden = {
        "InstitutionName",
        "StudyDescription",
        "DeviceSerialNumber",
        "PatientWeight",
        "StudyTime",
        "ImageComments",
    }
    assert {str(kept[n].value) for n in names & forbidden} <= {""}  # some may stand there, blank


@pytest.mark.parametrize(("stated", "fact"), [("095Y", "90"), ("089Y", "89"), ("000Y", None), ("010D", "0.03")])
def test_ages_above_89_are_one_group(stated, fact):
    found = one(part10(film(PatientAge=stated)))
    assert found.input.facts.get("age_years") == fact
    assert b"095Y" not in found.files["image.dcm"]


def test_an_age_is_worked_out_before_the_birth_date_goes():
    found = one(part10(film(PatientBirthDate="19600301", StudyDate="20200229")))
    assert found.input.facts["age_years"] == "59"
    assert b"1960" not in found.files["image.dcm"]


def acquired(content: bytes, key: bytes) -> date | None:
    stated = one(content, key).input.facts.get("acquired")
    return date.fromisoformat(stated) if stated else None


def test_dates_of_one_patient_move_together():
    first, second = part10(film(StudyDate="20200229")), part10(film(StudyDate="20210301"))
    a, b = acquired(first, b"key"), acquired(second, b"key")
    assert a is not None
    assert b is not None
    assert b - a == date(2021, 3, 1) - date(2020, 2, 29)
    assert 1 <= abs((a - date(2020, 2, 29)).days) <= 365
    assert one(first, b"key").person == one(second, b"key").person


def test_dates_of_others_move_otherwise_and_without_a_key_they_go():
    shifts = {days(b"key", str(i)) for i in range(2000)}
    assert len(shifts) > 600
    assert min(shifts) == -365
    assert max(shifts) == 365
    assert 0 not in shifts
    assert days(b"key", "1") != days(b"other", "1")
    assert acquired(part10(film()), b"") is None
    assert acquired(part10(film(PatientID="", PatientName="")), b"key") is None


def test_new_uids_still_bind_files_of_one_study():
    def study(content: bytes) -> tuple[str, str]:
        kept = pydicom.dcmread(io.BytesIO(one(content).files["image.dcm"]))
        return kept.StudyInstanceUID, kept.SOPInstanceUID

    a, b = study(part10(film())), study(part10(film(SOPInstanceUID="1.2.826.0.1.9")))
    assert a[0] == b[0] != "1.2.826.0.1.2"
    assert a[1] != b[1]
    assert a[0].startswith("2.25.")


@pytest.mark.parametrize(
    ("tags", "person"),
    [
        ({"PatientID": "4711", "IssuerOfPatientID": "HOSP"}, "4711|HOSP"),
        ({"PatientID": " 4711 "}, "4711"),
        ({"PatientID": "ANONYMOUS", "PatientName": ""}, None),
        ({"PatientID": "", "PatientName": "A^B", "PatientBirthDate": "19700101"}, "A^B|19700101"),
        ({"PatientID": "", "PatientName": "A^B"}, None),
        ({"PatientID": "0", "PatientName": "ANONYMOUS^", "PatientBirthDate": "19700101"}, None),
    ],
)
def test_whom_a_file_names(tags, person):
    assert one(part10(film(**tags))).person == person


def test_no_mark_of_a_picture_comes_out():
    grey = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    texts = PngInfo()
    texts.add_text("Patient", MARK)
    texts.add_text("Comment", MARK, zip=True)
    texts.add_itxt("Title", MARK)
    exif = Pillow.Exif()
    exif[0x010F], exif[0x9286], exif[0x013B] = MARK, MARK, MARK
    png = picture(grey, pnginfo=texts, exif=exif) + MARK.encode()
    jpeg = picture(grey, "JPEG", exif=exif, comment=MARK.encode()) + MARK.encode()
    exif[0x0112] = 3
    turned = picture(grey, "JPEG", exif=exif, comment=MARK.encode())
    for content in (png, jpeg, turned):
        found = one({f"{MARK}.png": content})
        assert_clean(found)
        assert "photograph" in found.remarks[0]
        for name, kept in found.files.items():
            assert name.endswith(".jpg") or chunks(kept) == {b"IHDR", b"IDAT", b"IEND"}


def test_what_is_packed_behind_the_pixels_goes():
    grey = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    plain = picture(grey)
    for stream in (zlib.compress(rows) + MARK.encode(), zlib.compress(rows + MARK.encode(), 0)):
        body = b"IDAT" + stream
        chunk = struct.pack(">I", len(stream)) + body + struct.pack(">I", zlib.crc32(body))
        found = one(plain[:33] + chunk + plain[-12:])
        np.testing.assert_array_equal(found.input.pixels, grey)
        assert_clean(found)


def chunks(png: bytes) -> set[bytes]:
    at, names = 8, set()
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        names.add(png[at + 4 : at + 8])
        at += 12 + length
    assert at == len(png)
    return names


def test_no_mark_of_a_wfdb_record_comes_out():
    files = wfdb(f"# age: 95 sex: F\n# name: {MARK}\n#{MARK}\n")
    header = files["r1.hea"].replace(b"r1.dat", f"{MARK}.dat".encode()).replace(b"r1 2", f"{MARK} 2".encode())
    header = header.replace(b" 600\n", b" 600 12:30:00 29/02/2020\n").replace(b" II\n", f" a@{MARK}.com\n".encode())
    found = one({f"{MARK}.hea": header, f"{MARK}.dat": files["r1.dat"]})
    assert_clean(found)
    assert found.input.facts == {"age_years": "90", "sex": "F"}
    assert found.input.leads == ("I", "channel 2")


ROW = {"Patient Name": MARK, "DOB": MARK, "MRN": MARK, "home_address": MARK, "Phone": MARK, "e-mail": MARK}
ROW |= {"ZIP": MARK, "visit date": MARK, "encounter_id": MARK, "note": f"{MARK} was seen on 3/4/2020", "age": "61"}
ROW |= {"contact": MARK, "comment": f"a long remark in which {MARK} is named by the nurse", "crea": "1.2"}
ROW |= {"mail me": f"{MARK}@example.org", "when": f"{MARK} 2020-02-29", "Referring physician": MARK}


def test_no_mark_of_a_table_comes_out():
    csv = ",".join(ROW) + "\n" + ",".join(ROW.values())
    for content in (csv.encode(), workbook([list(ROW), list(ROW.values())])):
        found = one({f"{MARK}.csv": content})
        assert found.person == MARK
        assert_clean(found)
        kept = {k: v for k, v in found.input.values.items() if v is not None}
        assert {float(v) for v in kept.values()} == {61, 1.2}
        assert any("may name the patient" in r for r in found.remarks)
        assert any("left out" in r for r in found.remarks[1:])


def test_no_mark_of_a_zip_comes_out():
    content = packed({f"{MARK}/{MARK}.png": picture(np.eye(64, dtype=np.uint8) * 255)})
    assert_clean(one({f"{MARK}.zip": content}))


def test_sentences_hold_no_values():
    given = film(StudyDescription=MARK, Rows=0)
    broken = {
        "a.dcm": marked(film(Rows=96)),
        "b.dcm": part10(given),
        "c.csv": f"a,b\n{MARK},{MARK},3\n".encode(),
        "d.csv": f"{MARK},{MARK}\n1,2\n".encode(),
        "e.csv": f"{MARK},29\n{MARK},30\n".encode(),
        "f.dcm": marked_file(film)[:3000],
        "g.hea": f"{MARK} 1 100\nx.dat 77 {MARK}\n".encode(),
    }
    reading = read_each(broken)
    assert not reading.found
    assert len(reading.refused) == len(broken)
    for refusal in reading.refused:
        assert MARK not in str(refusal.error)
        assert MARK not in repr(refusal)


def test_a_forged_file_of_our_own_is_cleaned_too():
    for facts in ({"modality": MARK}, {"view": MARK}, {"name": MARK}):
        header = {"kind": "record", "values": {"a": 1.0}, "facts": facts}
        assert_clean(one(own_file(header)))
    for values in ({"a": f"{MARK}@example.org"}, {"a": MARK * 6}, {f"{MARK}@example.org": 1}):
        with pytest.raises(Refused):
            read({"x": own_file({"kind": "record", "values": values, "facts": {}})})


def own_file(header: dict[str, object]) -> bytes:
    import json

    text = json.dumps(header).encode()
    return b"MEDCORE1" + struct.pack("<I", len(text)) + text


def test_a_deflated_file_is_clean_when_inflated():
    given = film()
    given.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    cleaned = one(marked(given)).files["image.dcm"]
    start = 144 + int.from_bytes(cleaned[140:144], "little")
    assert MARK.encode() not in zlib.decompress(cleaned[start:], -15)
