"""Parts of a volume, by which its map is told in words: of the patient where the file says how the slices lie, else of
the stack."""

import itertools

import numpy as np

from medcore.i18n import N_, _
from medcore.inputs import Volume

# By the patient's axes as DICOM has them: x to the left, y to the back, z to the head.
PATIENT = {
    (0, 0, 0): N_("Right, front, lower part"),
    (1, 0, 0): N_("Left, front, lower part"),
    (0, 1, 0): N_("Right, back, lower part"),
    (1, 1, 0): N_("Left, back, lower part"),
    (0, 0, 1): N_("Right, front, upper part"),
    (1, 0, 1): N_("Left, front, upper part"),
    (0, 1, 1): N_("Right, back, upper part"),
    (1, 1, 1): N_("Left, back, upper part"),
}
# By thirds of the slices, halves of the rows and of the columns.
STACK = {
    (0, 0, 0): N_("First third of the slices, top left"),
    (0, 0, 1): N_("First third of the slices, top right"),
    (0, 1, 0): N_("First third of the slices, bottom left"),
    (0, 1, 1): N_("First third of the slices, bottom right"),
    (1, 0, 0): N_("Middle third of the slices, top left"),
    (1, 0, 1): N_("Middle third of the slices, top right"),
    (1, 1, 0): N_("Middle third of the slices, bottom left"),
    (1, 1, 1): N_("Middle third of the slices, bottom right"),
    (2, 0, 0): N_("Last third of the slices, top left"),
    (2, 0, 1): N_("Last third of the slices, top right"),
    (2, 1, 0): N_("Last third of the slices, bottom left"),
    (2, 1, 1): N_("Last third of the slices, bottom right"),
}


def blocks(given: Volume, v: np.ndarray) -> list[tuple[str, float]]:
    """(what, share) of a map's positive values v (slices, rows, columns) in each part of what was scanned: of the box
    round all values that are not the lowest, so that air round a head makes no difference."""
    positive = np.clip(v, 0, None)
    total = float(positive.sum()) or 1.0
    scanned = (given.voxels > given.voxels.min()).any(0)
    if not scanned.any():
        scanned = np.ones(scanned.shape, bool)
    spans = [np.flatnonzero(scanned.any(tuple(k for k in range(3) if k != axis))) for axis in range(3)]
    turned = np.abs(given.affine[:3, :3]).argmax(0)  # the patient's axis that each axis of the stack mostly runs along
    placed = given.placed and len(set(turned)) == 3
    cuts = [2, 2, 2] if placed else [3, 2, 2]
    # Which part each slice, row and column belongs to; what lies outside the box goes with its edge.
    parts = [
        np.clip((np.arange(n) - span[0]) * cut // (span[-1] + 1 - span[0]), 0, cut - 1)
        for n, span, cut in zip(v.shape, spans, cuts, strict=True)
    ]
    out = []
    for key in itertools.product(*(range(cut) for cut in cuts)):
        share = float(positive[np.ix_(*(p == k for p, k in zip(parts, key, strict=True)))].sum()) / total
        if placed:
            ends = [0, 0, 0]
            for i, (axis, k) in enumerate(zip(turned, key, strict=True)):
                ends[axis] = k if given.affine[axis, i] > 0 else 1 - k
            out.append((_(PATIENT[tuple(ends)]), share))  # type: ignore[index]
        else:
            out.append((_(STACK[key]), share))  # type: ignore[index]
    return out
