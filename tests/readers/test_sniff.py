"""Files are what is in them, whatever they are called; what isn't read is refused by its name."""

import gzip
import io
import pickle
import tarfile
import zipfile

import numpy as np
import pytest

from medcore.errors import Refused
from medcore.readers import read, read_each
from tests.readers.make import film, nifti, packed, part10, picture, wfdb, workbook

ANALYZE = (348).to_bytes(4, "little") + bytes(340)


def tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return out.getvalue()


def npz() -> bytes:
    out = io.BytesIO()
    np.savez(out, a=np.zeros(3))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.7 x", "a PDF document"),
        (b"0       X X X X".ljust(184) + b"768     EDF+C", "an EDF recording"),
        (b"\xffBIOSEMI" + bytes(300), "a BDF recording"),
        (bytes(16) + b"SCPECG" + bytes(40), "an SCP-ECG recording"),
        (b'<?xml version="1.0"?><AnnotatedECG xmlns="urn:hl7-org:v3"/>', "an HL7 annotated ECG (aECG)"),
        (b"<?xml version='1.0'?>\n<!DOCTYPE RestingECG>\n<RestingECG/>", "a GE MUSE ECG (XML)"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"<a/>", "an XML document"),
        (ANALYZE + b"ni1\0", "a NIfTI header without its values"),
        (ANALYZE + bytes(4), "a NIfTI or Analyze header without its values"),
        (b"NRRD0005\n", "an NRRD volume"),
        (gzip.compress(b"x"), "a gzip archive"),
        (b"II*\0" + bytes(99), "a TIFF picture or whole-slide scan"),
        (b"MM\0+" + bytes(99), "a TIFF picture or whole-slide scan"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"GIF89a" + bytes(9), "a GIF picture"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP picture"),
        (picture(np.zeros((8, 8), np.uint8), "BMP"), "a BMP picture"),
        (b"\0\0\0\x18ftypheic", "a HEIC photograph"),
        (b"\0\0\0\x18ftypmp42", "a video"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (b"MATLAB 5.0 MAT-file", "a MATLAB 5 file"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "an old or locked Office file"),
        (packed({"[Content_Types].xml": b"", "word/document.xml": b""}), "a Word or PowerPoint document"),
        (packed({"mimetype": b"", "content.xml": b""}), "an OpenDocument file"),
        (packed({"archive/data.pkl": b""}), "a pickle of PyTorch"),
        (pickle.dumps({"a": 1}), "a pickle of Python"),
        (npz(), "a NumPy archive"),
        (b'{"resourceType": "Patient"}', "a FHIR resource (JSON)"),
        (b"[1, 2]", "a JSON file"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(9), "a 7z archive"),
        (tar(), "a TAR archive"),
        (b"\x7fELF" + bytes(99), "a program"),
        (b"hello there\n", "plain text"),
    ],
)
def test_other_formats_are_refused_by_their_name(content, what):
    for name in ("a.dcm", "a.png", "a"):
        with pytest.raises(Refused) as caught:
            read({name: content})
        assert what in caught.value.sentence
        assert caught.value.remedy


@pytest.mark.parametrize("content", [bytes(50), bytes(range(256)) * 4, b"\x93\xfa\x88\x12" * 50])
def test_what_is_nothing_known_says_so(content):
    with pytest.raises(Refused, match="isn't of a kind that is known"):
        read({"a.dcm": content})


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (part10(film()), "image"),
        (picture(np.eye(64, dtype=np.uint8)), "image"),
        (b"a,b\n1,2\n", "record"),
        (workbook([["a", "b"], [1, 2]]), "record"),
        (packed(wfdb()), "signal"),
        (nifti(np.ones((4, 4, 4), np.uint8)), "volume"),
        (gzip.compress(nifti(np.ones((4, 4, 4), np.uint8))), "volume"),
    ],
)
def test_a_wrong_name_changes_nothing(content, kind):
    for name in ("a.png", "a.dcm", "a.csv", "a.hea", "a.zip", ""):
        assert read({name: content})[0].input.kind == kind


def test_one_bad_file_keeps_no_other_from_being_read():
    files = {"a.png": picture(np.eye(64, dtype=np.uint8)), "b": b"%PDF", "c.csv": b"a,b\n1,2\n", **wfdb()}
    reading = read_each(files)
    assert [f.input.kind for f in reading.found] == ["image", "record", "signal"]
    assert [r.name for r in reading.refused] == ["b"]
    with pytest.raises(Refused, match="PDF"):
        reading.all()


def test_a_signal_file_that_looks_like_text_is_no_table():
    files = wfdb()
    n = len(files["r1.dat"])
    files["r1.dat"] = (b"a,b\n1,2\n" * n)[:n]
    assert [f.input.kind for f in read(files)] == ["signal"]


def test_nothing_at_all_is_refused():
    with pytest.raises(Refused, match="Nothing was uploaded"):
        read({})


def test_a_file_beside_good_ones_in_a_zip_is_passed_over_but_a_damaged_one_is_not():
    good = picture(np.eye(64, dtype=np.uint8))
    assert len(read({"a.zip": packed({"README": b"read me", "a/b.png": good})})) == 1
    with pytest.raises(Refused, match="cut off"):
        read({"a.zip": packed({"x.png": good[:60], "a/b.png": good})})
    with pytest.raises(Refused, match="plain text"):
        read({"README": b"read me", "b.png": good})
    with pytest.raises(Refused, match="plain text"):
        read({"a.zip": packed({"README": b"read me"})})


def test_a_zip_in_disguise_is_still_a_zip():
    content = packed({"b.png": picture(np.eye(64, dtype=np.uint8))})
    assert zipfile.is_zipfile(io.BytesIO(content))
    assert read({"b.png": content})[0].case == "b"
