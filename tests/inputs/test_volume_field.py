"""Volumes as a task takes them: by name, in any orientation and size, and back where they came from."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medcore.errors import Unasked
from medcore.inputs import Volume, VolumeField, parts_of, sha256
from medcore.simulate.head import head
from medcore.tasks import get

FIELD = VolumeField((("pre-contrast", "T1"), ("FLAIR",), ("post-contrast", "T1 post-contrast")), rows=80, columns=64)


@pytest.fixture(scope="module")
def made() -> tuple[Volume, np.ndarray]:
    return head(3, "left")


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def test_a_mask_comes_back_where_it_was(made: tuple[Volume, np.ndarray]) -> None:
    given, truth = made
    encoded = FIELD.encode_mask(truth, given)
    assert encoded.dtype == torch.uint8 and encoded.shape == (1, 20, 80, 64)
    back = FIELD.on_own_grid(encoded.numpy() / 255, given) > 0.5
    assert back.shape == truth.shape and dice(back, truth) > 0.93


@pytest.mark.parametrize("size", [128, 256])
def test_the_same_head_is_encoded_the_same_at_any_size(made: tuple[Volume, np.ndarray], size: int) -> None:
    given, _truth = made
    again = replace(given, voxels=given.voxels.repeat(size // 128, 2).repeat(size // 128, 3))
    x, mask = FIELD.encode(again)
    assert x.shape == (3, 20, 80, 64) and mask.shape == (3, 20, 1, 1) and mask.min() == 1
    assert np.corrcoef(x.ravel(), FIELD.encode(given)[0].ravel())[0, 1] > 0.98


def test_a_wider_frame_round_the_head_is_not_seen(made: tuple[Volume, np.ndarray]) -> None:
    given, _truth = made
    wide = replace(given, voxels=np.pad(given.voxels, ((0, 0), (0, 0), (40, 10), (5, 45))))
    assert np.corrcoef(FIELD.encode(wide)[0].ravel(), FIELD.encode(given)[0].ravel())[0, 1] > 0.97


def test_other_orientations_are_turned_and_turned_back(made: tuple[Volume, np.ndarray]) -> None:
    given, truth = made
    # Stored by columns from the left, slices from the head down: the affine says so.
    turned = replace(
        given,
        voxels=given.voxels.transpose(0, 3, 1, 2)[:, :, ::-1],
        affine=given.affine[:, [2, 0, 1, 3]] @ np.array([[1, 0, 0, 0], [0, -1, 0, 19], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
    )
    there = truth.transpose(0, 3, 1, 2)[:, :, ::-1]
    torch.testing.assert_close(FIELD.encode(turned)[0], FIELD.encode(given)[0])
    back = FIELD.on_own_grid(FIELD.encode_mask(there, turned).numpy() / 255, turned) > 0.5
    assert back.shape == there.shape and dice(back, there) > 0.93


def test_sequences_are_found_by_name_and_absent_ones_masked(made: tuple[Volume, np.ndarray]) -> None:
    given, _truth = made
    some = Volume(given.voxels[[1, 0]], given.affine, ("flair", "T1"))
    x, mask = FIELD.encode(some)
    assert FIELD.absent(some) == ["post-contrast"] and "post-contrast" in FIELD.check(some)[0]
    assert mask[:, 0, 0, 0].tolist() == [1, 1, 0] and x[2].abs().max() == 0
    torch.testing.assert_close(x[:2], FIELD.encode(given)[0][:2], atol=0.1, rtol=0.1)


def test_a_copy_of_flair_is_no_sequence(made: tuple[Volume, np.ndarray]) -> None:
    given, _truth = made
    noisy = given.voxels.copy()
    noisy[2] = noisy[1] + np.random.default_rng(0).integers(-3, 4, noisy[1].shape)  # as after JPEG
    assert FIELD.absent(replace(given, voxels=noisy)) == ["post-contrast"]
    assert FIELD.absent(given) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Volume(np.zeros((1, 40, 64, 64)), np.eye(4), ("",), "HU"), "none of the sequences"),
        (Volume(np.zeros((1, 40, 64, 64)), np.eye(4), ("T2",)), "none of the sequences"),
        (Volume(np.zeros((2, 20, 64, 64)), np.eye(4), ("T1", "T1 post-contrast")), "There is no FLAIR"),
        (Volume(np.zeros((1, 2, 64, 64)), np.eye(4), ("FLAIR",)), "2 slices"),
        (Volume(np.full((1, 20, 64, 64), 7), np.eye(4), ("FLAIR",)), "even grey"),
    ],
)
def test_volumes_that_the_question_is_not_asked_of(given: Volume, said: str) -> None:
    with pytest.raises(Unasked, match=said) as error:
        FIELD.check(given)
    assert error.value.remedy


def test_an_attribution_keeps_its_sum(made: tuple[Volume, np.ndarray]) -> None:
    given, _truth = made
    spot = np.zeros((3, 20, 80, 64), np.float32)
    spot[1, 8, 30:34, 20:24] = 1
    placed = FIELD.place(spot, given)
    assert placed.shape == given.voxels.shape[1:] and placed.sum() == pytest.approx(16, rel=0.05)
    assert placed[8].sum() == placed.sum()


def test_augmentation_moves_truth_along_and_depends_on_its_generator_alone(made: tuple[Volume, np.ndarray]) -> None:
    given, truth = made
    x, mask = (t[None].repeat(6, 1, 1, 1, 1) for t in FIELD.encode(given))
    y = (FIELD.encode_mask(truth, given)[None] / 255).repeat(6, 1, 1, 1, 1)
    a, b = (FIELD.augment_with(x, mask, y, torch.Generator().manual_seed(5)) for _ in range(2))
    assert a[0].shape == (6, 3, 4, 80, 64) and a[1].shape == (6, 3, 4, 1, 1) and a[2].shape == (6, 1, 4, 80, 64)
    for one, other in zip(a, b, strict=True):
        torch.testing.assert_close(one, other)
    # The lesion is the brightest thing on FLAIR, wherever it was moved to.
    flair, moved = a[0][:, 1][a[1][:, 1, 0, 0, 0] > 0], a[2][:, 0][a[1][:, 1, 0, 0, 0] > 0]
    held = moved.amax((1, 2, 3)) > 0.9
    assert held.any()
    for picture, place in zip(flair[held], moved[held], strict=True):
        assert picture[place > 0.9].mean() > picture[place < 0.1].mean() + 0.5


def test_series_on_one_grid_are_read_together(made: tuple[Volume, np.ndarray]) -> None:
    whole = made[0]
    series = [replace(whole, voxels=whole.voxels[i : i + 1], channels=(name,)) for i, name in enumerate(whole.channels)]
    elsewhere = replace(series[0], affine=whole.affine + np.eye(4)[:, [3]] * 9)
    (found,) = FIELD.joined([elsewhere, series[2], series[1], series[0]])
    assert found.channels == whole.channels and np.array_equal(found.voxels, whole.voxels)
    assert parts_of(found) == tuple(sha256(part) for part in series) and sha256(found) == sha256(whole)
    assert FIELD.joined(series[:1]) == [] and FIELD.joined([series[0], series[0]]) == []
    assert FIELD.joined([series[0], replace(series[1], channels=("DWI",))]) == [], "no sequence that is asked for"
    with pytest.raises(Unasked, match="There is no FLAIR"):
        get("brain_tumour_seg").take([series[0], series[2]])
    taken = get("brain_tumour_seg").take([elsewhere, *series])
    assert taken and sha256(taken[0]["mr"]) == sha256(whole)
