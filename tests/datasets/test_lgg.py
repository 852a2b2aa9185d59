"""The glioma set: its layout in each of its forms, and what its README says of it."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medcore.datasets.lgg import lgg
from medcore.errors import Refused
from medcore.tasks import get

FIELD = get("brain_tumour_seg").fields["mr"]


def write(folder: Path, patient: str, numbers: tuple[int, ...], end: str, mask_end: str, date: str = "") -> None:
    place = folder / f"{patient}{date}"
    place.mkdir(parents=True)
    for n in numbers:
        picture = np.full((32, 32, 3), n, np.uint8)
        Image.fromarray(picture).save(place / f"{patient}{date}_{n}{end}")
        mask = np.zeros((32, 32), np.uint8)
        mask[:n, :2] = 255
        Image.fromarray(mask).save(place / f"{patient}{date}_{n}_mask{mask_end}")


def test_slices_are_ordered_by_number_in_every_form_of_the_layout(tmp_path: Path) -> None:
    write(tmp_path / "kaggle_3m", "TCGA_CS_0001", (10, 9, 11), ".png", ".png")
    write(tmp_path / "kaggle_3m", "TCGA_DU_0002", (1, 2), ".tif", ".tif", "_19990101")
    (tmp_path / "kaggle_3m" / "data.csv").write_text("Patient\n")
    for folder in (tmp_path, tmp_path / "kaggle_3m"):
        first, second = lgg(folder)
        assert (first.patient, first.source, second.patient, second.source) == (
            "TCGA_CS_0001", "CS", "TCGA_DU_0002", "DU",
        )  # fmt: skip
        volume, mask = first.load()["mr"], first.target()
        assert volume.voxels[0, :, 0, 0].tolist() == [9, 10, 11] and not volume.spacing_real
        assert mask.shape == (1, 3, 32, 32) and mask[0].sum((1, 2)).tolist() == [18, 20, 22]
        assert second.target()[0].sum((1, 2)).tolist() == [2, 4]


def test_a_folder_without_slices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no slices"):
        lgg(tmp_path)


@pytest.mark.data
def test_the_set_is_as_its_readme_says(data: Path) -> None:
    samples = lgg(data / "lgg")
    assert len(samples) == 88 and len({s.patient for s in samples}) == 88
    assert Counter(s.source for s in samples) == {"DU": 36, "HT": 27, "CS": 13, "FG": 11, "EZ": 1}
    absent = {s.patient[5:]: FIELD.absent(s.load()["mr"]) for s in samples}
    both = {"DU_7013", "FG_A60K", "HT_7877", "HT_8105", "HT_A616", "HT_A61B"}
    assert {p for p, names in absent.items() if "pre-contrast" in names} == both
    assert {p for p, names in absent.items() if "post-contrast" in names} == both | {"DU_6407", "DU_7301", "DU_8165"}
    assert not any("FLAIR" in names for names in absent.values())


@pytest.mark.data
def test_lossless_slices_agree_with_the_jpegs(data: Path) -> None:
    (lossless,) = lgg(data / "lgg" / "native_tif_sample")
    (jpeg,) = (s for s in lgg(data / "lgg") if s.patient == lossless.patient)
    volume, whole = lossless.load()["mr"].voxels, jpeg.load()["mr"].voxels
    assert volume.shape[1] == 10 and lossless.target().shape[1] == 10
    apart = [np.abs(volume[:, :1].astype(int) - whole[:, i : i + 1]).mean() for i in range(whole.shape[1])]
    assert min(apart) < 4
