import io
import stat
import zipfile

import numpy as np
import pytest

from medcore.errors import Refused
from medcore.readers import read
from tests.readers.make import packed, picture

PICTURE = picture(np.eye(64, dtype=np.uint8))


def with_entry(info: zipfile.ZipInfo, content: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.png", PICTURE)
        archive.writestr(info, content)
    return out.getvalue()


def link() -> bytes:
    info = zipfile.ZipInfo("b.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return with_entry(info, b"/etc/passwd")


def locked() -> bytes:
    content = bytearray(packed({"a.png": PICTURE}))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes(content)


def lying() -> bytes:
    """Its directory states 100 bytes of what is really 30 MB of zeros."""
    content = bytearray(packed({"a.dcm": bytes(30 * 2**20)}))
    for mark, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        start = content.index(mark) + at
        content[start : start + 4] = (100).to_bytes(4, "little")
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (with_entry(zipfile.ZipInfo("../a.png")), "leads out of its own folder"),
        (with_entry(zipfile.ZipInfo("x/../../a.png")), "leads out of its own folder"),
        (with_entry(zipfile.ZipInfo("/etc/a.png")), "leads out of its own folder"),
        (with_entry(zipfile.ZipInfo("C:\\a.png")), "leads out of its own folder"),
        (with_entry(zipfile.ZipInfo("..\\a.png")), "leads out of its own folder"),
        (link(), "a link to another file"),
        (locked(), "locked by a password"),
        (packed({"inner.zip": packed({"a.png": PICTURE})}), "another ZIP"),
        (packed({"a.dcm": bytes(30 * 2**20)}), "would unpack to 30 MB"),
        (lying(), "cut off or damaged"),
        (packed({f"{i}.txt": b"" for i in range(20_001)}), "more than 20,000 files"),
        (packed({"a.png": PICTURE})[:-30], "cut off or damaged"),
        (packed({"a.png": PICTURE})[:40], "cut off or damaged"),
        (packed({}), "no files"),
        (packed({"__MACOSX/a.png": PICTURE, ".DS_Store": b"x"}), "no files"),
    ],
)
def test_a_zip_that_may_do_harm_is_refused(content, says):
    with pytest.raises(Refused) as caught:
        read({"a.zip": content})
    assert says in caught.value.sentence
    assert caught.value.remedy


def test_a_zip_in_a_zip_is_refused_whatever_its_name():
    with pytest.raises(Refused, match="another ZIP"):
        read({"a.zip": packed({"b.png": packed({"a.png": PICTURE})})})


def test_what_the_systems_add_is_passed_over():
    junk = {"__MACOSX/._a.png": b"x", ".DS_Store": b"x", "b/Thumbs.db": b"x", "b/._c.png": b"x", "b/desktop.ini": b"x"}
    (found,) = read({"a.zip": packed({**junk, "b/c.png": PICTURE})})
    assert found.case == "c"
