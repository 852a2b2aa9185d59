"""The set of outlined lungs: its layout, its masks, and what is left out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medcore.datasets.cxr_lungs import cxr_lungs
from medcore.errors import Refused

TABLE = """file,mask,patient,label
one.png,one_mask.png,P1,normal
two.png,two_mask.png,P2,pneumonia
no_film.png,one_mask.png,P3,normal
one.png,no_mask.png,P4,normal
"""


def write(folder: Path, film: str, mask: str, n: int) -> None:
    """A film and its mask, of which the first n rows are marked, by soft grey values."""
    for name in (film, mask):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((80, 60), 40 * n, np.uint8)).save(folder / film)
    marked = np.full((80, 60), 120, np.uint8)
    marked[:n] = 255
    Image.fromarray(marked).save(folder / mask)


def test_films_and_masks_are_found_in_the_folder_or_in_their_own(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(TABLE)
    write(tmp_path, "one.png", "one_mask.png", 1)
    write(tmp_path, "images/two.png", "masks/two_mask.png", 2)
    first, second = cxr_lungs(tmp_path)
    assert [(s.patient, s.case, s.source) for s in (first, second)] == [
        ("P1", "one.png", "normal"), ("P2", "two.png", "pneumonia"),
    ]  # fmt: skip
    for n, sample in ((1, first), (2, second)):
        film, mask = sample.load()["film"], sample.target()
        assert film.pixels.shape == (80, 60) and film.pixels.max() == 40 * n
        assert (mask.shape, mask.dtype, int(mask.sum())) == ((1, 80, 60), bool, 60 * n)
        assert mask[0, :n].all()


def test_a_label_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,mask,patient\none.png,one_mask.png,P1\n")
    write(tmp_path, "one.png", "one_mask.png", 3)
    (sample,) = cxr_lungs(tmp_path)
    assert sample.source == ""


@pytest.mark.parametrize(
    ("table", "said"), [(None, "no labels.csv"), ("file,patient\na.png,P\n", "column mask"), ("", "column file")]
)
def test_a_folder_of_another_layout_is_refused(tmp_path: Path, table: str | None, said: str) -> None:
    if table is not None:
        (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(Refused, match=said):
        cxr_lungs(tmp_path)


@pytest.mark.data
def test_the_set_lies_as_it_should(data: Path) -> None:
    if not (data / "cxr_lungs").is_dir():
        pytest.skip("the set isn't here")
    samples = cxr_lungs(data / "cxr_lungs")
    assert len({s.case for s in samples}) == len(samples) > 100
    for sample in samples[::50]:
        mask = sample.target()
        assert mask.shape[1:] == sample.load()["film"].pixels.shape[:2] and 0.1 < mask.mean() < 0.6
