"""Bytes changed, cut out and put in: a reader gives an input or refuses, and never anything else."""

import gzip

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nibabel.nifti2 import Nifti2Image

from medcore.errors import Refused
from medcore.inputs import Volume, sha256
from medcore.readers import again as reopened
from medcore.readers import decode, read, sniff, table, wfdb
from medcore.readers import nifti as nifti_reader
from medcore.readers.dicom import read as read_dicom
from tests.readers.make import ecg, files, film, frames, nifti, packed, part10, picture, stack, workbook
from tests.readers.make import wfdb as record

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

KINDS = {"dicom", "nifti", "raster", "wfdb", "own", "excel", "zip", "csv"}
PIXELS = np.random.default_rng(0).integers(0, 4096, (40, 40), dtype=np.uint16)


def coded(syntax: str) -> bytes:
    out = film(PIXELS)
    out.compress(syntax, generate_instance_uid=False)
    return part10(out)


PLAIN = {
    "film": part10(film(PIXELS, PatientAge="061Y")),
    "rle": coded("1.2.840.10008.1.2.5"),
    "ecg": part10(ecg(n=200)),
    "png": picture(PIXELS),
    "jpeg": picture((PIXELS // 16).astype(np.uint8), "JPEG"),
    "wfdb": packed(record("# age: 61\n", n=300)),
    "csv": b'patient,age,"sex",crea\n1,61,f,1.5\n2,,m,"1,7"\n',
    "xlsx": workbook([["age", "crea"], [61, 1.5], [None, 2]]),
    "series": packed(files(stack())),
    "frames": part10(frames(stack())),
    "nifti": nifti(PIXELS.reshape(16, 10, 10), descrip="x"),
    "nifti.gz": gzip.compress(nifti(PIXELS.reshape(16, 10, 10).astype(np.float32), kind=Nifti2Image)),
}
NATIVE = {"j2k": coded("1.2.840.10008.1.2.4.90"), "jpegls": coded("1.2.840.10008.1.2.4.80")}

bounded = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
change = st.tuples(
    st.integers(0, 2**31), st.sampled_from(["set", "cut", "put", "end"]), st.binary(min_size=1, max_size=6)
)


def mutated(content: bytes, changes: list[tuple[int, str, bytes]]) -> bytes:
    for place, how, new in changes:
        at = place % max(1, len(content))
        if how == "end":
            content = content[:at]
        else:
            skip = {"set": len(new), "cut": len(new), "put": 0}[how]
            content = content[:at] + (b"" if how == "cut" else new) + content[at + skip :]
    return content


def outcome(do):
    """What it gives, or the refusal; anything else that is raised fails the test."""
    try:
        return do()
    except Refused as error:
        return error


def assert_told(given) -> None:
    if isinstance(given, Refused):
        assert given.sentence
        assert given.remedy


def check(reader, content: bytes) -> None:
    found = outcome(lambda: reader({"upload": content}, b"key"))
    assert_told(found)
    for f in [] if isinstance(found, Refused) else found:
        again = reader(f.files, b"key")
        (same,) = (a for a in again if sha256(a.input) == sha256(f.input))
        assert same.input.facts == f.input.facts
        if isinstance(f.input, Volume):
            assert sha256(f.input) in map(sha256, reopened(f.files))


@pytest.mark.parametrize("kind", PLAIN)
@bounded
@given(changes=st.lists(change, min_size=1, max_size=4))
def test_changed_bytes_are_read_or_refused(kind, changes):
    check(read, mutated(PLAIN[kind], changes))


@pytest.mark.parametrize("kind", NATIVE)
@settings(bounded, max_examples=30)
@given(changes=st.lists(change, min_size=1, max_size=4))
def test_changed_streams_are_read_or_refused_by_the_child(kind, changes):
    check(decode, mutated(NATIVE[kind], changes))


# Without the net that `read` spreads below the readers: they know themselves what can be wrong.


@bounded
@given(content=st.binary(max_size=400))
def test_any_bytes_have_a_kind_or_are_foreign(content):
    given = outcome(lambda: sniff.kind(content))
    assert_told(given)
    assert isinstance(given, sniff.Foreign) or given in KINDS


@bounded
@given(text=st.text(alphabet="ab1,;\t\n\"' .-@é", max_size=200))
def test_any_text_is_a_table_or_refused(text):
    assert_told(outcome(lambda: table.records(table.read_csv(text.encode()))))


@bounded
@given(changes=st.lists(change, min_size=1, max_size=3))
def test_a_changed_wfdb_header_is_followed_or_refused(changes):
    files = record("# age: 61\n", n=300)
    assert_told(outcome(lambda: wfdb.read(mutated(files["r1.hea"], changes), files)))


@bounded
@given(at=st.integers(132, 1200), new=st.binary(min_size=1, max_size=4))
def test_a_changed_dicom_header_is_followed_or_refused(at, new):
    content = PLAIN["film"]
    assert_told(outcome(lambda: read_dicom(content[:at] + new + content[at + len(new) :])))


@bounded
@given(at=st.integers(0, 351), new=st.binary(min_size=1, max_size=4))
def test_a_changed_nifti_header_is_followed_or_refused(at, new):
    content = PLAIN["nifti"]
    assert_told(outcome(lambda: nifti_reader.read({"a": content[:at] + new + content[at + len(new) :]})))
