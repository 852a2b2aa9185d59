import csv
import hashlib
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLSLossless,
    RLELossless,
)

from medcore.errors import Refused
from medcore.inputs import Outlines, Signal
from medcore.readers import read
from medcore.readers.dicom import stored_pixels
from tests.readers.make import SECONDARY_CAPTURE, ecg, film, image, one, part10, signal

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, of the odd files here
LOSSY = ("JPEG Baseline", "JPEG Extended", "Near-Lossless")
NO_PICTURE = {"SR", "RTSTRUCT", "RTPLAN", "RTDOSE"}


@pytest.fixture(scope="module")
def expected(data: Path) -> list[dict[str, str]]:
    with (data / "dicom_series" / "expected.csv").open() as file:
        return [{**row, "path": str(data / "dicom_series" / row["file"])} for row in csv.DictReader(file)]


def refused(content: bytes) -> str:
    with pytest.raises(Refused) as caught:
        read({"a.dcm": content})
    assert caught.value.sentence.endswith(".")
    assert caught.value.remedy
    return caught.value.sentence


@pytest.mark.data
def test_every_file_decodes_to_the_stored_values_that_are_expected(expected, subtests):
    seen = 0
    for row in expected:
        with subtests.test(row["file"]):
            content = Path(row["path"]).read_bytes()
            if row["decodes"] != "yes" or "JPEG Extended" in row["transfer_syntax"]:
                with pytest.raises(Refused):
                    stored_pixels(content)
                continue
            pixels = stored_pixels(content)
            assert "x".join(map(str, pixels.shape)) == row["shape"]
            if any(name in row["transfer_syntax"] for name in LOSSY):
                assert abs(int(pixels.min()) - int(row["min"])) <= 2
                assert abs(int(pixels.max()) - int(row["max"])) <= 2
            else:
                digest = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
                assert digest.startswith(row["sha256_16"])
            seen += 1
    assert seen > 100


@pytest.mark.data
def test_every_file_is_read_or_refused_by_what_it_is(expected, subtests):
    for row in expected:
        if row["file"].startswith("series/") and not row["file"].endswith(("01.dcm", "0001.dcm")):
            continue
        with subtests.test(row["file"]):
            content = Path(row["path"]).read_bytes()
            if row["modality"] in NO_PICTURE:
                assert "no image and no ECG" in refused(content)
            elif row["file"].endswith("made_png_named.dcm"):
                assert image(content).pixels.shape == (64, 64)
            elif row["decodes"] not in ("yes", "no pixel data") or row["file"].startswith("broken/"):
                assert refused(content)
            elif row["modality"] == "ECG":
                assert isinstance(one(content).input, Signal)
            elif row["file"].endswith("liver_1frame.dcm"):  # places for three frames, and one of them there
                assert "where they lie" in refused(content)
            elif row["modality"] == "SEG":
                assert isinstance(one(content).input, Outlines)
            elif row["modality"] in ("CT", "MR") and row["frames"] not in ("", "1"):
                assert one(content).input.voxels.shape[1:] == tuple(int(row[k]) for k in ("frames", "rows", "cols"))
            elif row["frames"] not in ("", "1"):
                assert f"stack of {row['frames']} frames" in refused(content)
            elif "JPEG Extended" in row["transfer_syntax"]:
                assert "12-bit JPEG Extended" in refused(content)
            else:
                check_facts(one(content), row)


def check_facts(found, row):
    given = found.input
    assert given.pixels.shape[:2] == (int(row["rows"]), int(row["cols"]))
    assert given.monochrome1 == (row["photometric"] == "MONOCHROME1")
    assert given.bits == int(row["bits_stored"])
    assert given.facts["modality"] == row["modality"]
    spacing = tuple(float(v) for v in row["spacing"].split("\\")) if row["spacing"] else None
    assert given.spacing_mm == (spacing if spacing and all(spacing) else None)
    slope = float(row["slope"] or 1), float(row["intercept"] or 0)
    facts = given.facts
    assert (float(facts.get("rescale_slope", 1)), float(facts.get("rescale_intercept", 0))) == slope


@pytest.mark.data
def test_the_broken_files_say_what_is_wrong(data):
    broken = data / "dicom_series" / "broken"
    said = {p.name: refused(p.read_bytes()) for p in broken.iterdir() if p.name != "made_png_named.dcm"}
    assert said["MR_truncated.dcm"] == (
        "PixelData (7FE0,0010) holds 8,130 of the 8,192 bytes that the header announces."
    )
    assert "TransferSyntaxUID (0002,0010)" in said["meta_missing_tsyntax.dcm"]
    assert "PixelData (7FE0,0010) is missing" in said["made_no_pixeldata.dcm"]
    assert "empty" in said["made_empty.dcm"]
    assert "plain text" in said["made_text.dcm"]


@pytest.mark.data
def test_the_12_lead_ecg_comes_calibrated_in_millivolt(data):
    found = one((data / "dicom_series/other/ecg_12lead_waveform.dcm").read_bytes())
    given = found.input
    assert given.samples.shape == (12, 10_000)
    assert given.rate_hz == 1000
    assert given.leads == ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    assert set(given.units) == {"mV"}
    assert (given.samples.min(), given.samples.max()) == (-1.125, 1.9625)
    assert given.facts == {"modality": "ECG", "age_years": "42", "sex": "F"}
    assert any("averaged beats" in r for r in found.remarks)


def test_a_film_is_read_with_what_its_header_says():
    found = one(
        part10(
            film(
                PhotometricInterpretation="MONOCHROME1",
                PixelSpacing=[0.2, 0.3],
                RescaleSlope="2",
                RescaleIntercept="-100",
                WindowCenter=["300", "5"],
                WindowWidth=["800", "6"],
                ViewPosition="PA",
                PatientOrientation=["L", "F"],
                ImageLaterality="B",
                BodyPartExamined="CHEST",
                PatientAge="007M",
                PatientSex="F",
            )
        )
    )
    given = found.input
    assert given.monochrome1
    assert given.bits == 12
    assert given.spacing_mm == (0.2, 0.3)
    assert given.window == (200, 400)  # in stored values
    assert found.person == "4711"
    assert given.facts["acquired"] != "2020-02-29"
    assert {k: v for k, v in given.facts.items() if k != "acquired"} == {
        "modality": "CR",
        "view": "PA",
        "laterality": "B",
        "orientation": "L\\F",
        "body_part": "CHEST",
        "age_years": "0.58",
        "sex": "F",
        "rescale_slope": "2",
        "rescale_intercept": "-100",
    }


@pytest.mark.parametrize("orientation", ["L", "LF", ["Smith", "F"], ["LLL", "F"], ""])
def test_an_orientation_that_is_none_is_left_out(orientation):
    assert "orientation" not in image(part10(film(PatientOrientation=orientation))).facts


@pytest.mark.parametrize("spacing", [["0", "0"], ["0.1"], [], ["-1", "1"]])
def test_a_spacing_that_means_nothing_is_none(spacing):
    assert image(part10(film(PixelSpacing=spacing))).spacing_mm is None


def test_the_detector_spacing_stands_in():
    assert image(part10(film(ImagerPixelSpacing=[0.1, 0.1]))).spacing_mm == (0.1, 0.1)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_lossless_codes_give_the_same_values(syntax):
    plain = film()
    coded = film()
    coded.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(image(part10(coded)).pixels, image(part10(plain)).pixels)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_other_ways_of_writing_give_the_same_values(syntax):
    given = film(syntax and np.arange(48 * 40, dtype=np.uint16).reshape(48, 40))
    if syntax == ExplicitVRBigEndian:
        given.PixelData = np.frombuffer(given.PixelData, "<u2").astype(">u2").tobytes()
    given.file_meta.TransferSyntaxUID = syntax
    pixels = image(part10(given)).pixels
    assert pixels.dtype == np.dtype("<u2")
    np.testing.assert_array_equal(pixels, np.arange(48 * 40).reshape(48, 40))


def test_a_palette_becomes_colour():
    table = np.arange(256, dtype=np.uint16) * 256
    given = film(np.arange(256, dtype=np.uint8).reshape(16, 16), PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(given, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(given, f"{colour}PaletteColorLookupTableData", table.tobytes())
    pixels = image(part10(given)).pixels
    assert pixels.shape == (16, 16, 3)
    np.testing.assert_array_equal(pixels[..., 0].ravel(), table)


def test_several_frames_are_refused_as_a_stack():
    given = film(NumberOfFrames=3)
    given.PixelData = given.PixelData * 3
    assert "stack of 3 frames" in refused(part10(given))
    assert stored_pixels(part10(given)).shape == (3, 48, 40)


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ({"Rows": 65535, "Columns": 65535}, "The header claims 8,192 MB"),
        ({"NumberOfFrames": 2_000_000_000}, "The header claims"),
        ({"Rows": 0}, "Rows (0028,0010)"),
        ({"BitsAllocated": 0}, "BitsAllocated (0028,0100)"),
        ({"Rows": 96}, "holds 3,840 of the 7,680 bytes"),
        ({"SamplesPerPixel": 7}, "PixelData (7FE0,0010)"),
        ({"BitsAllocated": 24}, "PixelData (7FE0,0010)"),
        ({"PhotometricInterpretation": "NONSENSE"}, "PixelData (7FE0,0010)"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"}, "Encapsulated PDF"),
    ],
)
def test_a_header_that_cannot_be_true_is_refused_at_once(tags, says):
    start = time.perf_counter()
    assert says in refused(part10(film(**tags)))
    assert time.perf_counter() - start < 1


def test_a_code_that_is_not_read_is_named():
    given = film()
    given.PixelData = encapsulate([b"\xff\xd8 some stream \xff\xd9"])
    for syntax, name in ((JPEGExtended12Bit, "12-bit JPEG Extended"), ("1.2.840.10008.1.2.4.100", "MPEG2")):
        given.file_meta.TransferSyntaxUID = syntax
        given["PixelData"].VR = "OB"
        given["PixelData"].is_undefined_length = True
        assert name in refused(part10(given))


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_stream_cut_short_within_a_whole_file_is_no_picture(syntax, share):
    given = film(np.random.default_rng(1).integers(0, 4096, (64, 64), dtype=np.uint16))
    given.compress(syntax, generate_instance_uid=False)
    (stream,) = generate_frames(given.PixelData, number_of_frames=1)
    given.PixelData = encapsulate([stream[: int(len(stream) * share)]])
    assert "ends before its end mark" in refused(part10(given))


def test_a_deflated_bomb_is_refused_before_it_is_inflated(monkeypatch):
    monkeypatch.setattr("medcore.readers.base.MAX_DECODED", 2**24)
    given = film()
    given.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    content = part10(given)
    start = 144 + int.from_bytes(content[140:144], "little")
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(2**24)) for _i in range(2)) + packer.flush()
    assert "The header claims" in refused(content[:start] + bomb)


def test_values_behind_the_picture_are_cut_off():
    given = film()
    given.PixelData = given.PixelData + b"HIDDEN!!" * 8
    assert b"HIDDEN" not in one(part10(given)).files["image.dcm"]


def test_pictures_that_may_show_a_name_are_flagged():
    assert "Ultrasound" in one(part10(film(Modality="US"))).remarks[0]
    capture = film()
    capture.SOPClassUID = SECONDARY_CAPTURE
    assert "secondary capture" in one(part10(capture)).remarks[0]
    assert "photograph" in one(part10(film(Modality="XC"))).remarks[0]
    assert "burned into" in one(part10(film(BurnedInAnnotation="YES"))).remarks[0]
    assert one(part10(film())).remarks == ()
    assert one(part10(film(Modality="US", BurnedInAnnotation="NO"))).remarks == ()


def test_a_waveform_is_scaled_by_its_channels():
    given = signal(part10(ecg()))
    assert given.leads == ("I", "II")
    assert given.units == ("mV", "mV")
    assert given.rate_hz == 500
    np.testing.assert_allclose(given.samples[1, :3], np.array([1, 3, 5]) * 0.0025, rtol=1e-6)


def test_a_channel_that_is_no_lead_or_has_no_unit_is_not_taken_for_one():
    given = ecg(leads=("Mrs Smith", "Lead V2"), units="furlong")
    found = one(part10(given))
    assert found.input.leads == ("channel 1", "V2")
    assert found.input.units == ("?", "?")
    assert any("no unit" in r for r in found.remarks)


def test_padding_in_a_waveform_is_not_a_value():
    given = ecg()
    given.WaveformSequence[0].add_new("WaveformPaddingValue", "OW", (4).to_bytes(2, "little"))
    samples = signal(part10(given)).samples
    assert np.isnan(samples[0, 2])
    assert np.isnan(samples).sum() == 1


@pytest.mark.parametrize(
    ("keyword", "value", "says"),
    [
        ("NumberOfWaveformSamples", 2**32 - 1, "The header claims"),
        ("NumberOfWaveformSamples", 2000, "WaveformData (5400,1010) holds 4,000 of the 8,000 bytes"),
        ("SamplingFrequency", 0, "damaged"),
        ("WaveformSampleInterpretation", "MB", "companded"),
        ("MultiplexGroupLabel", "MEDIAN BEAT", "averaged beat"),
    ],
)
def test_a_waveform_that_cannot_be_read_is_refused(keyword, value, says):
    given = ecg()
    setattr(given.WaveformSequence[0], keyword, value)
    assert says in refused(part10(given))
