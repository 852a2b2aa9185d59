"""Chest films in a folder of that layout, of whatever size, number and share."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from medcore.clinic.demo import real_files
from medcore.datasets.cxr_pneumonia import cxr_pneumonia
from medcore.errors import Refused

TABLE = """patient,file,label,source,view,age,label_quality
P1,tall.png,pneumonia,a,PA,61,disputed
P1,wide.jpeg,normal,b,,,
P2,film.dcm,pneumonia,b,AP,,
P3,missing.png,normal,a,,,
P4,tall.png,unsure,a,,,
"""


def folder(place: Path, table: str) -> Path:
    """Films of three formats and sizes, in the folder itself and in its `images/`."""
    rng = np.random.default_rng(0)
    (place / "images").mkdir()
    Image.fromarray(rng.integers(0, 65536, (300, 200), np.uint16)).save(place / "tall.png")
    Image.fromarray(rng.integers(0, 256, (120, 400), np.uint8)).save(place / "images" / "wide.jpeg")
    (film,) = (data for data in real_files().values() if dcmread(io.BytesIO(data)).get("Rows"))
    (place / "images" / "film.dcm").write_bytes(film)
    (place / "labels.csv").write_text(table)
    return place


def test_films_of_any_size_and_format_with_what_is_known_of_them(tmp_path: Path) -> None:
    samples = cxr_pneumonia(folder(tmp_path, TABLE))
    assert [(s.patient, s.case, s.target, s.source) for s in samples] == [
        ("P1", "tall.png", 1, "a"), ("P1", "wide.jpeg", 0, "b"), ("P2", "film.dcm", 1, "b"),
    ]  # fmt: skip
    assert [dict(s.facts) for s in samples] == [
        {"label_quality": "disputed", "view": "PA", "age": "61"}, {}, {"view": "AP"},
    ]  # fmt: skip
    tall, wide, dicom = (s.load()["film"].pixels for s in samples)
    assert (tall.shape, wide.shape) == ((300, 200), (120, 400)) and tall.max() > 60_000 and min(dicom.shape) > 500
    assert all(s.place is None for s in samples)


def test_boxes_are_pixels_from_the_top_left_cut_at_the_films_edge(tmp_path: Path) -> None:
    place = folder(tmp_path, TABLE)
    (place / "boxes.csv").write_text("file,x,y,width,height\ntall.png,10,20,30,40\ntall.png,190,290,50,50\n")
    first, *others = cxr_pneumonia(place)
    assert first.place is not None and all(s.place is None for s in others)
    marked = first.place(first.load()["film"])
    expected = np.zeros((300, 200), bool)
    expected[20:60, 10:40] = expected[290:, 190:] = True
    assert np.array_equal(marked, expected)


def test_only_three_columns_are_needed(tmp_path: Path) -> None:
    table = "file,patient,label\n" + "".join(f"tall.png,P{i},{'pneumonia' if i else 'normal'}\n" for i in range(5))
    samples = cxr_pneumonia(folder(tmp_path, table))
    assert [s.target for s in samples] == [0, 1, 1, 1, 1] and {s.source for s in samples} == {""}


@pytest.mark.parametrize(
    ("table", "said"), [("file,patient\na.png,P\n", "lacks the column label"), ("", "lacks the column file")]
)
def test_a_table_of_another_layout_is_refused(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        cxr_pneumonia(folder(tmp_path, table))
