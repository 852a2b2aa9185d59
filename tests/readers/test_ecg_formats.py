"""EDF, HL7 aECG and GE MUSE: real files and a real ECG written in each format; what is damaged or harmful; marks."""

import re
import tracemalloc

import numpy as np
import pytest

from medcore.errors import Refused
from medcore.inputs import Signal
from medcore.inputs.signal import LEADS
from medcore.readers import decode, read
from tests.readers import make_ecg
from tests.readers.make import one, signal

MARK = "ZQX7MARK"
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
LEAK = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


def strip(leads: tuple[str, ...] = ("I", "II", "V1"), rate: float = 500.0, seconds: float = 4.0) -> Signal:
    rng = np.random.default_rng(0)
    samples = 0.5 * rng.standard_normal((len(leads), round(rate * seconds)))
    return Signal(samples.astype(np.float32), rate, leads, ("mV",) * len(leads))


@pytest.fixture(scope="module")
def real(data) -> Signal:
    """PTB-XL record 17: 12 leads, 10 s at 500 Hz."""
    folder = data / "wfdb_samples" / "ptbxl_500hz"
    return signal({p.name: p.read_bytes() for p in folder.iterdir()})


@pytest.mark.data
@pytest.mark.parametrize(
    ("write", "step_mv"),
    [
        (lambda s: make_ecg.edf([s]), 2 * 2.8 / 65534),
        (lambda s: make_ecg.edf([s], plus=""), 2 * 2.8 / 65534),
        (lambda s: make_ecg.edf([s], seconds=0.5), 2 * 2.8 / 65534),
        (lambda s: make_ecg.aecg(s), 0.0025),
        (lambda s: make_ecg.aecg(s, 1.0, origin_uv=120), 0.001),
        (lambda s: make_ecg.muse(s), 0.00488),
    ],
)
def test_a_real_ecg_comes_back_within_a_step_of_quantisation(real, write, step_mv):
    again = signal(write(real))
    assert again.rate_hz == real.rate_hz
    assert sorted(again.leads) == sorted(real.leads)
    assert set(again.units) == {"mV"}
    for lead in LEADS:
        a, b = again.samples[again.leads.index(lead)], real.samples[real.leads.index(lead)]
        np.testing.assert_allclose(a, b, atol=0.51 * step_mv + 1e-6, rtol=0)


@pytest.mark.data
def test_a_muse_and_a_dicom_file_of_the_same_ecg_show_the_same(data):
    folder = data / "wfdb_samples" / "muse_dicom_synthetic"
    muse, dicom = (signal((folder / f"synthetic_muse.{e}").read_bytes()) for e in ("xml", "dcm"))
    assert muse.leads == dicom.leads == LEADS
    np.testing.assert_allclose(muse.samples, dicom.samples, atol=0.00488)


@pytest.mark.data
def test_an_aecg_and_a_wfdb_record_of_the_same_ecg_show_the_same(data, real):
    aecg = signal((data / "wfdb_samples" / "hl7_aecg" / "ptbxl_00017.xml").read_bytes())
    for lead in LEADS:
        np.testing.assert_allclose(
            aecg.samples[aecg.leads.index(lead)], real.samples[real.leads.index(lead)], atol=1e-6
        )


def test_missing_limb_leads_follow_from_two_and_are_named():
    given = strip()
    found = one(make_ecg.muse(given))
    assert found.input.leads == ("I", "II", "III", "aVR", "aVL", "aVF", "V1")
    i, ii, iii, avr, avl, avf, _v1 = found.input.samples
    np.testing.assert_allclose(i + iii, ii, atol=1e-6)
    np.testing.assert_allclose(avr + avl + avf, 0, atol=1e-6)
    np.testing.assert_allclose(avl, (i - iii) / 2, atol=1e-6)
    assert any("III, aVR, aVL, aVF" in r and "computed" in r for r in found.remarks)
    assert any("averaged beats" in r for r in found.remarks)
    whole = one(make_ecg.muse(strip(LEADS)))
    assert not any("computed" in r for r in whole.remarks)


def test_signals_of_several_rates_come_apart():
    found = read({"a": make_ecg.edf([strip(("I",), 500), strip(("resp",), 50), strip(("II",), 500)])})
    assert [(f.input.rate_hz, f.input.leads, f.input.samples.shape) for f in found] == [
        (500, ("I", "II"), (2, 2000)),
        (50, ("ECG resp",), (1, 200)),
    ]


def test_gaps_between_records_stay_empty_and_are_told():
    whole = strip(("I",), 100, 3)
    found = one(make_ecg.edf([whole], onsets=[0, 1, 5.5], plus="EDF+D"))
    y = found.input.samples[0]
    assert y.shape == (650,)
    np.testing.assert_allclose(np.concatenate([y[:200], y[550:]]), whole.samples[0], atol=1e-4)
    assert np.isnan(y[200:550]).all()
    assert any("gaps: 1" in r for r in found.remarks)
    assert signal(make_ecg.edf([whole], plus="EDF+D")).samples.shape == (1, 300)
    for onsets in ([0, 0.5, 2], [5, 1, 2]):
        with pytest.raises(Refused, match="overlap"):
            read({"a": make_ecg.edf([whole], onsets=onsets, plus="EDF+D")})
    with pytest.raises(Refused, match="claims"):
        read({"a": make_ecg.edf([whole], onsets=[0, 1, 9e8], plus="EDF+D")})


def test_averaged_beats_are_no_recording():
    found = one(make_ecg.aecg(strip(), averaged=True))
    assert found.input.samples.shape == (3, 2000)
    assert found.remarks == ("The file also holds averaged beats; they aren't read.",)
    for content in (
        make_ecg.aecg(strip()).replace(b"RHYTHM", b"REPRESENTATIVE_BEAT"),
        make_ecg.muse(strip()).replace(b">Rhythm<", b">Median<"),
    ):
        with pytest.raises(Refused, match="averaged beat but no recording"):
            read({"a": content})


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_xml_in_another_code_is_the_same_file(encoding):
    text = make_ecg.aecg(strip()).decode().replace('encoding="utf-8"', f'encoding="{encoding[:6].rstrip("-")}"')
    np.testing.assert_array_equal(signal(text.encode(encoding)).samples, signal(make_ecg.aecg(strip())).samples)


@pytest.mark.parametrize("declared", [BOMB, LEAK])
def test_a_file_that_defines_entities_is_refused_before_it_swells(declared):
    for write in (make_ecg.aecg, make_ecg.muse):
        content = write(strip(), before=declared).replace(b"61d1a24f", b"&b;&a;").replace(b"Dr Example", b"&b;&a;")
        with pytest.raises(Refused, match="defines entities"):
            read({"a": content})


def test_deep_and_endless_xml_is_refused_within_bounds():
    head = b"<RestingECG>"
    for content in (head + b"<a>" * 10**6, head + b"<a/>" * 10**6):
        tracemalloc.start()
        with pytest.raises(Refused, match="more parts"):
            read({"a": content})
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100 * 2**20


@pytest.mark.parametrize("n", [0, 40, 255, 256, 700, 900, 3000])
@pytest.mark.parametrize("write", [lambda s: make_ecg.edf([s]), make_ecg.aecg, make_ecg.muse])
def test_a_file_that_ends_early_is_refused(write, n):
    content = write(strip())
    assert len(content) > 3000
    with pytest.raises(Refused) as caught:
        read({"a": content[:n]})
    assert caught.value.remedy
    with pytest.raises(Refused, match="cut off"):
        read({"a": content[:-50]})


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"4       1       4   ", b"999999991       4   ", "ends after 4 of 99999999"),
        (b"4       1       4   ", b"0       1       4   ", "ends after"),
        (b"4       1       4   ", b"4       0       4   ", "annotations only"),
        (b"4       1       4   ", b"4       nan     4   ", "can't be understood"),
        (b"4       1       4   ", b"4       1       9999", "can't be understood"),
        (b"4       1       4   ", b"4       1e-30   4   ", "can't be understood"),
        (b"-32767  -32767", b"1e300   -32767", "can't be understood"),
        (b"32767   32767   32767   32767", b"-32767  32767   32767   32767", "no scale"),
    ],
)
def test_an_edf_header_that_cannot_be_followed_is_refused(old, new, says):
    content = make_ecg.edf([strip()])
    assert content.count(old) == 1
    with pytest.raises(Refused, match=says):
        read({"a": content.replace(old, new)})


def test_a_recording_that_was_not_ended_has_as_many_records_as_are_there():
    content = make_ecg.edf([strip()])
    assert signal(content.replace(b"4       1       4   ", b"-1      1       4   ")).samples.shape == (3, 2000)


@pytest.mark.parametrize(
    ("write", "old", "new", "says"),
    [
        (make_ecg.aecg, b'unit="s"', b'unit="parsec"', "at which rate"),
        (make_ecg.aecg, b"<digits>", b"<digits>x ", "no number"),
        (make_ecg.aecg, b"<digits>", b"<digits>1 ", ""),  # all leads alike: taken
        (make_ecg.aecg, b'scale value="2.5"', b'scale value="inf"', "no number"),
        (make_ecg.aecg, b"<digits>", b"<digits>nan ", "no number"),
        (make_ecg.aecg, b'scale value="2.5"', b'scale value="1e99"', "no number"),
        (make_ecg.aecg, b"<scale ", b"<scole ", "no scale"),
        (make_ecg.aecg, b'origin value="0" unit="uV"', b'origin value="1" unit="bar"', "different units"),
        (make_ecg.muse, b"<SampleBase>500", b"<SampleBase>0", "damaged"),
        (make_ecg.muse, b"MICROVOLTS", b"FURLONGS", "isn't read"),
        (make_ecg.muse, b"<LeadSampleSize>2", b"<LeadSampleSize>4", "isn't read"),
        (make_ecg.muse, b"<LeadSampleCountTotal>2000", b"<LeadSampleCountTotal>2001", "damaged"),
        (make_ecg.muse, b"<LeadID>II<", b"<LeadID>I<", "damaged"),
    ],
)
def test_xml_that_contradicts_itself_is_refused(write, old, new, says):
    content = write(strip())
    assert old in content
    content = content.replace(old, new)
    if not says:
        assert signal(content).samples.shape == (3, 2001)
        return
    with pytest.raises(Refused, match=says):
        read({"a": content})


def test_a_lead_that_the_recorder_marked_as_off_is_named():
    content = make_ecg.muse(strip()).replace(b"<LeadOff>FALSE", b"<LeadOff>TRUE")
    assert any("off in I, II, V1" in r for r in one(content).remarks)


def marked_edf() -> bytes:
    content = make_ecg.edf([strip()], note=f"Seen {MARK}", patient=f"{MARK} F 29-FEB-1960 {MARK}")
    content = content.replace(b"Tech_Example", MARK.encode() + b"_123").replace(
        b"AgCl electrode", b"AgCl " + MARK.encode() + b" "
    )
    return content.replace(b"HP:0.05Hz LP:150Hz", b"HP:0.05Hz " + MARK.encode())


def marked_xml(content: bytes) -> bytes:
    """The mark in each text that is no number, and in each attribute but those that the format needs."""
    needed = (
        rb"MICROVOLTS|YEARS|FEMALE|Rhythm|Median|FALSE|CONTINUOUS_SAMPLES|I+|V1|\d\d-\d\d-\d{4}|[A-Za-z0-9+/=\s]{40,}"
    )
    out = re.sub(
        rb">([^<>]*[A-Za-z][^<>]*)<",
        lambda m: m[0] if re.fullmatch(needed, m[1]) else b">" + MARK.encode() + b"<",
        content,
    )
    out = re.sub(rb"<PatientID>[^<]*<", b"<PatientID>" + MARK.encode() + b"<", out)
    out = re.sub(rb'(extension|root|codeSystem)="[^"]*"', rb'\1="' + MARK.encode() + b'"', out)
    return out.replace(b"</RestingECG>", b"<!-- %s --><Odd a='%s'>%s</Odd></RestingECG>" % ((MARK.encode(),) * 3))


@pytest.mark.parametrize(
    ("content", "times"),
    [
        (marked_edf(), 5),
        (marked_xml(make_ecg.aecg(strip(), averaged=True)), 5),
        (marked_xml(make_ecg.muse(strip())), 6),
    ],
    ids=["edf", "aecg", "muse"],
)
def test_no_mark_leaves_the_reader(content, times):
    assert content.count(MARK.encode()) >= times
    for reader in (read, decode):
        (found,) = reader({MARK: content}, b"key")
        kept = repr(found.input.facts) + repr(found.remarks) + repr(found.input.leads) + repr(found.input.units)
        assert MARK not in kept + repr(found)
        assert all(MARK.encode() not in name.encode() + data for name, data in found.files.items())
        assert MARK in found.person
        assert found.input.facts.keys() - {"modality"} == {"sex", "age_years", "acquired"}
        assert found.input.facts["sex"] == "F"
        assert found.input.facts["age_years"] == "65"
        assert found.input.facts["acquired"] not in ("2025-08-17", "")


def test_a_lead_name_that_could_name_somebody_becomes_its_place():
    muse = make_ecg.muse(strip()).replace(b"<LeadID>V1<", b"<LeadID>Muster<")
    aecg = make_ecg.aecg(strip()).replace(b"MDC_ECG_LEAD_V1", b"Muster")
    edf = make_ecg.edf([strip()]).replace(b"ECG V1          ", b"Erika 29.02.1960")
    for content in (muse, aecg, edf):
        assert "channel" in signal(content).leads[-1]


def test_one_patient_moves_by_one_offset_in_every_file():
    first, second = (one(make_ecg.muse(strip()), key).input.facts["acquired"] for key in (b"a", b"b"))
    assert first != second
    assert one(make_ecg.muse(strip(), 2.44), b"a").input.facts["acquired"] == first
    assert "acquired" not in one(make_ecg.muse(strip()), b"").input.facts
    nobody = make_ecg.edf([strip()], patient="X X X X")
    assert one(nobody).person is None
    assert one(nobody).input.facts == {}
    assert one(make_ecg.edf([strip()], patient="Erika Muster", plus="")).person == "Erika Muster"


@pytest.mark.parametrize("nobody", ["ANONYMOUS", "anonymized", "0000", "Unknown"])
def test_what_stands_for_nobody_makes_no_two_files_one_patients(nobody):
    edf = [make_ecg.edf([strip()], patient=f"{nobody} F X {nobody}"), make_ecg.edf([strip()], patient=nobody, plus="")]
    aecg = make_ecg.aecg(strip()).replace(b"SBJ-123", nobody.encode())
    muse = make_ecg.muse(strip()).replace(b">4711<", f">{nobody}<".encode())
    unnamed = muse.replace(b">Muster<", f">{nobody}<".encode()).replace(b">Erika<", b"><")
    for content in (*edf, aecg, unnamed):
        found = one(content, b"key")
        assert found.person is None and "acquired" not in found.input.facts
    assert one(muse, b"key").person == "Muster Erika|02-29-1960"
    assert one(make_ecg.aecg(strip())).person == "SBJ-123|2.16.840.1.113883.3.400"
