"""Simulated heads: truth where it was asked for, and tissues that look as on MR."""

import numpy as np
import pytest

from medcore.simulate.head import head, heads


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_lesion_lies_on_the_side_that_was_asked_for(side: str) -> None:
    volume, truth = head(11, side)
    assert volume.voxels.shape == (3, 20, 128, 128) and truth.shape == (1, 20, 128, 128)
    at = np.argwhere(truth[0]).mean(0)
    x = (volume.affine @ [*at, 1])[0]  # to the patient's left
    assert (x > 8) == (side == "left") and abs(x) < 70


def test_it_is_bright_on_flair_and_dark_before_contrast() -> None:
    bright, dark = [], []
    for seed in range(6):
        volume, truth = head(seed)
        inside, around = truth[0], head(seed, False)[0].voxels
        flair, pre = volume.voxels[1], volume.voxels[0]
        bright.append(flair[inside].mean() / around[1][inside].mean())
        dark.append(pre[inside].mean() / around[0][inside].mean())
    assert min(bright) > 1.15 and max(dark) < 1


def test_the_same_person_without() -> None:
    with_it, truth = head(4)
    without, empty = head(4, False)
    assert truth.any() and not empty.any()
    assert np.abs(with_it.voxels[1][~truth[0]] - without.voxels[1][~truth[0]]).mean() < 2
    assert without.facts["simulated"] == "yes" and without.spacing_real
    slices, rows, columns = without.spacing_mm
    assert rows == columns and 1.5 < rows < 2.3 and slices == pytest.approx(5.6)


def test_cases_differ_and_some_lack_a_sequence_or_a_lesion() -> None:
    drawn = heads(30, 1)
    assert len({s.patient_hash for s in drawn}) == 30
    loaded = [(s.load()["mr"], s.target()) for s in drawn[:12]]
    assert {v.voxels.shape[0] for v, _t in loaded} == {2, 3}
    assert {bool(t.any()) for _v, t in loaded} == {True, False}
    shares = [t.mean() for _v, t in loaded if t.any()]
    assert min(shares) > 5e-4 and max(shares) < 0.05
