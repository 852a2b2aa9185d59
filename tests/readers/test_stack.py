"""Stacks of slices as numbered colour pictures: read as one volume, and nothing else is."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from medcore.inputs import Image, Volume, sha256
from medcore.readers import read


def slices(n: int, end: str = "png", corner: int = 0, grey: bool = False) -> dict[str, bytes]:
    """Named so that an order by text would be wrong."""
    out = {}
    for i in range(1, n + 1):
        pixels = np.full((40, 40, 3), corner, np.uint8)
        pixels[5:35, 5:35] = (i, i, i) if grey else (i, 100 + i, 50)
        blob = io.BytesIO()
        Pillow.fromarray(pixels).save(blob, "TIFF" if end == "tif" else end)
        out[f"somebody/TCGA_CS_0001_{i}.{end}"] = blob.getvalue()
    return out


@pytest.mark.parametrize("end", ["png", "tif"])
def test_numbered_slices_are_one_volume_in_the_order_of_their_numbers(end: str) -> None:
    files = slices(12, end)
    mask = io.BytesIO()
    Pillow.fromarray(np.zeros((40, 40), np.uint8)).save(mask, "PNG")
    (found,) = read(dict(reversed(files.items())) | {"somebody/TCGA_CS_0001_3_mask.png": mask.getvalue()})
    assert isinstance(found.input, Volume)
    assert found.input.voxels.shape == (3, 12, 40, 40)
    assert found.input.voxels[0, :, 20, 20].tolist() == list(range(1, 13))
    assert found.input.channels == ("pre-contrast", "FLAIR", "post-contrast")
    assert not found.input.spacing_real and not found.input.placed and "sequences" in found.remarks[0]
    assert b"TCGA" not in b"".join(found.files.values()) and found.person is None
    (again,) = read(found.files)
    assert sha256(again.input) == sha256(found.input)


@pytest.mark.parametrize("files", [slices(4), slices(12, corner=90), slices(12, grey=True)])
def test_other_pictures_stay_pictures(files: dict[str, bytes]) -> None:
    found = read(files)
    assert len(found) == len(files) and all(isinstance(f.input, Image) for f in found)


@pytest.mark.data
def test_a_patient_of_the_set_is_what_it_was_trained_on(data: Path) -> None:
    from medcore.datasets.lgg import lgg

    folder = data / "lgg" / "kaggle_3m" / "TCGA_CS_4941"
    (found,) = read({f"x/{path.name}": path.read_bytes() for path in folder.iterdir()})
    (sample,) = (s for s in lgg(data / "lgg") if s.patient == folder.name)
    assert sha256(found.input) == sha256(sample.load()["mr"])
