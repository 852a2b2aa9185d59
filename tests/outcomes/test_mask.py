"""Masks: tallies against voxels, Dice by hand, and what is measured in millimetres."""

import numpy as np
import pytest
import torch

from medcore.inputs import Image, Volume
from medcore.inputs.base import spread
from medcore.outcomes import Label, Mask
from medcore.outcomes.base import uncalibrated
from medcore.outcomes.wording import mask_words

OUTCOME = Mask((Label("tumour", "Tumour", "had a tumour"),), Label("none", "None", "had none"), on="mr")
PLAIN = uncalibrated(1)


def ball(n: int = 24, radius: float = 7, at: float = 12) -> np.ndarray:
    """(1, n, n, n) bool."""
    grid = np.stack(np.meshgrid(*[np.arange(n) + 0.5] * 3, indexing="ij"))
    return (((grid - at) ** 2).sum(0) < radius**2)[None]


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def test_dice_from_a_tally_is_that_of_the_voxels() -> None:
    truth, rng = ball(), np.random.default_rng(0)
    logits = np.where(ball(at=13), 3.0, -4.0) + rng.normal(0, 2, truth.shape)
    rows = OUTCOME.probabilities(OUTCOME.keep(logits, truth)[None], PLAIN)
    counts = truth.reshape(1, -1).sum(1, keepdims=True).astype(float)
    found = OUTCOME.metrics(rows, counts)
    said = logits >= np.log(0.4 / 0.6)
    assert found["dice"] == pytest.approx(dice(said, truth), abs=0.005) and found["dice_median"] == found["dice"]
    assert found["precision"] == pytest.approx((said & truth).sum() / said.sum(), abs=0.005)
    assert found["recall"] == pytest.approx((said & truth).sum() / truth.sum(), abs=0.005)
    row, mask = OUTCOME.marked(logits)
    np.testing.assert_array_equal(mask, said)
    assert row[0] == pytest.approx(rows[0, 0])


def test_nothing_marked_where_nothing_is_counts_one_and_a_missed_one_nothing() -> None:
    empty, full = np.zeros((1, 24, 24, 24), bool), ball()
    silent = np.full(full.shape, -5.0)
    rows = OUTCOME.probabilities(np.stack([OUTCOME.keep(silent, t) for t in (empty, full)]), PLAIN)
    assert OUTCOME.metrics(rows, np.array([[0.0], [full.sum()]]))["dice"] == 0.5


def test_a_speck_is_no_finding() -> None:
    logits = np.full((1, 20, 100, 100), -6.0)
    logits[0, 3, 10, 10:14] = 6  # of 200,000 voxels the smallest finding has 20
    row, mask = OUTCOME.marked(logits)
    assert row[0] < 0.5 and not mask.any() and OUTCOME.choose(row, [0.5]) == "none"
    logits[0, 3, 10:15, 10:16] = 6
    row, mask = OUTCOME.marked(logits)
    assert row[0] > 0.5 and mask.sum() == 30 and OUTCOME.choose(row, [0.5]) == "tumour"


def test_voxels_are_calibrated() -> None:
    rng = np.random.default_rng(1)
    honest = rng.normal(-1, 2, (3, 1, 10, 40, 40))
    truth = rng.random(honest.shape) < 1 / (1 + np.exp(-honest))
    tallies = np.stack([OUTCOME.keep(2 * z - 1, t) for z, t in zip(honest, truth, strict=True)])
    fitted = OUTCOME.calibrate(tallies, np.zeros((3, 1)))
    assert fitted["slope"][0] == pytest.approx(0.5, abs=0.02) and fitted["shift"][0] == pytest.approx(0.5, abs=0.05)
    p = OUTCOME.voxels(2 * honest[:1, 0] - 1, fitted)
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-honest[:1, 0])), atol=0.02)
    as_torch = OUTCOME.voxels(torch.from_numpy(2 * honest[:1, 0] - 1), fitted)
    np.testing.assert_allclose(as_torch.numpy(), p, atol=1e-9)


def test_several_calibrations_at_once_are_each_by_itself() -> None:
    tally = OUTCOME.keep(np.random.default_rng(2).normal(0, 2, (1, 10, 20, 20)))[None]
    every = {"slope": np.array([[1.0], [0.5]]), "shift": np.array([[0.0], [-1.0]])}
    both = OUTCOME.probabilities(tally.repeat(2, 0), every)  # type: ignore[arg-type]
    for row, slope, shift in zip(both, (1.0, 0.5), (0.0, -1.0), strict=True):
        np.testing.assert_allclose(row, OUTCOME.probabilities(tally, {"slope": [slope], "shift": [shift]})[0])


def test_the_mean_of_nets_is_taken_voxel_by_voxel() -> None:
    a, b = (torch.randn(1, 1, 3, 4, 4, generator=torch.Generator().manual_seed(i)) for i in range(2))
    z = OUTCOME.together([(a, PLAIN), (b, {"slope": [2.0], "shift": [1.0]})])
    torch.testing.assert_close(z.sigmoid(), (a.sigmoid() + (2 * b + 1).sigmoid()) / 2)


def test_loss_falls_towards_the_truth_and_the_tally_tells_the_same() -> None:
    truth = torch.from_numpy(ball()).float()[None]
    far, near = (truth * 2 - 1) * 0.5, (truth * 2 - 1) * 5
    weights = torch.ones(1)
    assert OUTCOME.loss(near, truth, weights) < 0.05 < OUTCOME.loss(far, truth, weights)
    tally = OUTCOME.keep(far[0].numpy(), truth[0].numpy() > 0.5)[None]
    same = OUTCOME.validation_loss(tally, np.zeros((1, 1)), weights)
    assert same == pytest.approx(float(OUTCOME.loss(far, truth, weights)), abs=0.01)


def test_choices() -> None:
    assert OUTCOME.choice_of(ball()) == "tumour" and OUTCOME.choice_of(OUTCOME.nothing) == "none"
    assert OUTCOME.choice_of(OUTCOME.truth_of("tumour")) == "tumour"
    assert OUTCOME.choice_of(OUTCOME.truth_of("none")) == "none"


def test_volume_and_diameter_only_where_distances_are_real() -> None:
    mask = np.zeros((1, 4, 20, 20), bool)
    mask[0, 1:3, 5:8, 5:15] = True  # 2 slices of 3 × 10 pixels
    affine = np.diag([0, 0, 0, 1.0])
    affine[2, 0], affine[1, 1], affine[0, 2] = 5, 0.5, 0.8
    given = Volume(np.zeros((1, 4, 20, 20)), affine)
    about = OUTCOME.measures(mask, given)["tumour"]
    assert about["voxels"] == 60 and about["volume_ml"] == pytest.approx(60 * 5 * 0.5 * 0.8 / 1000)
    assert about["diameter_mm"] == pytest.approx(np.hypot(3 * 0.5, 10 * 0.8))
    unknown = Volume(given.voxels, affine, spacing_real=False)
    assert OUTCOME.measures(mask, unknown)["tumour"] == {"voxels": 60, "volume_ml": None, "diameter_mm": None}
    assert OUTCOME.measures(mask & False, given)["tumour"]["diameter_mm"] == 0


def stack(lean: float = 0.0, positions: tuple[float, ...] | None = None) -> Volume:
    """4 slices of 20 × 20 pixels of 1 mm, 4 mm apart along their normal, each `lean` mm further back than the last; or
    at these positions."""
    affine = np.diag([0, 0, 0, 1.0])
    affine[1:3, 0], affine[1, 1], affine[0, 2] = (lean, 4), 1, 1
    if positions:
        affine[2, 0] = (positions[-1] - positions[0]) / 3
    return Volume(np.zeros((1, 4, 20, 20)), affine, positions_mm=positions)


def volume_ml(given: Volume, *slices: int) -> float:
    """Of 200 pixels in each of these slices."""
    mask = np.zeros((1, 4, 20, 20), bool)
    mask[0, slices, :10] = True
    return float(OUTCOME.measures(mask, given)["tumour"]["volume_ml"])


def test_the_volume_of_a_leaning_stack_is_that_of_the_room_it_fills() -> None:
    leaning = stack(lean=2)  # 26.6°
    assert volume_ml(leaning, 1, 2) == pytest.approx(1.6)
    assert volume_ml(leaning, 1, 2) == pytest.approx(400 * abs(np.linalg.det(leaning.affine[:3, :3])) / 1000)


def test_a_slice_stands_for_half_of_the_way_to_its_neighbours() -> None:
    uneven = stack(positions=(0, 4, 8, 20))
    assert volume_ml(uneven, 0) == pytest.approx(0.2 * 4)  # as much outwards as inwards
    assert volume_ml(uneven, 0, 1) == pytest.approx(0.2 * (4 + 4))
    assert volume_ml(uneven, 2) == pytest.approx(0.2 * (2 + 6))
    assert volume_ml(uneven, 0, 1, 2, 3) == pytest.approx(0.2 * (4 + 4 + 8 + 12))


# pictures

LUNGS = Mask((Label("lungs", "Lungs", "showed lungs", finding=False),), Label("none", "None", "none"), "film", cut=0.5)


def test_of_a_picture_pixels_and_their_share_are_told_and_no_size() -> None:
    mask = np.zeros((1, 40, 50), bool)
    mask[0, 5:15, 10:40] = True
    film = Image(np.zeros((40, 50), np.uint16), spacing_mm=(0.2, 0.2))
    assert LUNGS.measures(mask, film) == {"lungs": {"voxels": 300, "share": 0.15}}
    assert LUNGS.measures(mask & False, film) == {"lungs": {"voxels": 0, "share": 0.0}}


def test_a_picture_is_marked_where_it_reaches_the_cut_unless_all_of_it_is_a_speck() -> None:
    logits = np.full((1, 200, 300), -4.0)
    logits[0, 20:120, 30:130] = 2
    logits[0, 150, 200] = 0.1  # just over the cut
    row, mask = LUNGS.marked(logits)
    assert mask.shape == logits.shape and mask.sum() == 100 * 100 + 1
    assert row[0] == pytest.approx(1 / (1 + np.exp(-2)), abs=0.01) and row[1] == mask.sum()
    logits[0, 20:120, 30:130] = -4
    row, mask = LUNGS.marked(logits)
    assert row[0] < 0.5 and not mask.any(), "one pixel of the six that count"


@pytest.mark.parametrize("shape", [(7, 9), (3, 7, 9)])
def test_nothing_stands_for_the_whole_of_any_grid(shape: tuple[int, ...]) -> None:
    nothing = LUNGS.nothing()
    assert spread(nothing, shape).shape == (1, *shape) and not spread(nothing, shape).any()
    logits = np.zeros((1, *shape))
    np.testing.assert_array_equal(LUNGS.keep(logits, nothing), LUNGS.keep(logits))
    assert LUNGS.choice_of(nothing) == "none" and LUNGS.truth_row(nothing, None).tolist() == [0]


def test_a_mask_is_told_in_words_that_fit_what_it_lies_on() -> None:
    (lungs,), (tumour,) = LUNGS.labels, OUTCOME.labels
    words = mask_words(lungs, {"voxels": 300, "share": 0.312}, 0.904, 0.99)
    assert words.endswith("Marked: 31\u00a0% of the picture.") and "likeliest pixels" in words
    assert " Range 90 to 99. " in words
    assert " Range: over 99\u00a0%. " in mask_words(lungs, {"voxels": 300, "share": 0.312}, 0.996, 0.999)
    for other in ("voxel", "slice", "suspicious", "volume"):
        assert other not in words
    assert mask_words(lungs, {"voxels": 0, "share": 0.0}, 0, 0.1).endswith("Nothing is marked.")
    unknown = mask_words(tumour, {"voxels": 12345, "volume_ml": None, "diameter_mm": None}, 0.5, 1)
    assert "suspicious voxels" in unknown and "12\u202f345 voxels" in unknown and "picture" not in unknown
    known = mask_words(tumour, {"voxels": 60, "volume_ml": 0.12, "diameter_mm": 8.1}, 0.5, 1)
    assert known.endswith("Marked: 0.1 ml, at most 8 mm across in a slice.")
