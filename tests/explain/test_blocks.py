"""Parts of a volume: the patient's where the file says how the slices lie, whichever way round they are stored."""

import numpy as np
import pytest

from medcore.explain.blocks import blocks
from medcore.inputs import Volume


def volume(affine: np.ndarray, placed: bool = True) -> Volume:
    voxels = np.zeros((1, 8, 20, 20), np.float32)
    voxels[:, 1:7, 4:16, 4:16] = 5.0
    return Volume(voxels, affine, placed=placed)


def axial(x: float = 1.0, y: float = 1.0, z: float = 3.0) -> np.ndarray:
    """Slices to the head, rows to the back, columns to the left; or the other way round where negative."""
    out = np.eye(4)
    out[:3, :3] = [[0, 0, x], [0, y, 0], [z, 0, 0]]
    return out


def marked(where: tuple[int, int, int]) -> np.ndarray:
    values = -np.ones((8, 20, 20))
    values[where] = 2.0
    return values


@pytest.mark.parametrize(
    ("affine", "title"),
    [
        (axial(), "Left, front, upper part"),
        (axial(x=-1), "Right, front, upper part"),
        (axial(y=-1), "Left, back, upper part"),
        (axial(z=-3), "Left, front, lower part"),
        (np.array([[3.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]]), "Left, back, upper part"),  # sagittal
    ],
)
def test_a_part_is_named_by_the_patients_sides(affine: np.ndarray, title: str) -> None:
    found = dict(blocks(volume(affine), marked((5, 6, 14))))
    assert found[title] == 1.0 and len(found) == 8 and sum(found.values()) == 1.0


def test_without_sides_the_stack_is_named() -> None:
    found = dict(blocks(volume(axial(), placed=False), marked((5, 6, 14))))
    assert found["Last third of the slices, top right"] == 1.0 and len(found) == 12


def test_halves_are_of_what_was_scanned() -> None:
    given = volume(axial(), placed=False)
    given.voxels[...] = 0
    given.voxels[:, 6:8, 10:20] = 5.0
    assert dict(blocks(given, marked((6, 12, 14))))["First third of the slices, top right"] == 1.0
    assert dict(blocks(given, marked((0, 0, 0))))["First third of the slices, top left"] == 1.0, "goes with the edge"


def test_nothing_marked_has_no_share_and_an_empty_scan_is_taken_whole() -> None:
    empty = Volume(np.zeros((1, 6, 8, 8), np.float32), axial())
    assert sum(share for _title, share in blocks(empty, -np.ones((6, 8, 8)))) == 0
    assert sum(share for _title, share in blocks(empty, np.ones((6, 8, 8)))) == pytest.approx(1)
