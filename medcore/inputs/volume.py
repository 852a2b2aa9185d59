"""Volumes: a stack of slices in space, of one sequence or several on one grid."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True)
class Volume:
    """Slices that lie in one space.

    voxels: (channels, slices, rows, columns) in `units`; NaN-free; padding outside the scan as the file stores it
    affine: (4, 4) float64, from (slice, row, column) of a voxel's middle to mm in the patient's space as DICOM has it:
        x to the patient's left, y to the back, z to the head
    channels: a name for each, ("FLAIR",) or ("pre-contrast", "FLAIR", "post-contrast"); CT has ("",)
    units: "HU" for CT that is rescaled to it, else "" (stored values)
    spacing_real: False where the file gives no distances and 1 mm stands in: then nothing is measured in mm
    placed: False where the file doesn't say how the slices lie in the patient: then no sides are named
    positions_mm: where each slice lies along the normal of the slices, ascending, if they are unevenly spaced; the
        affine then has their mean distance and is exact for the first slice and the last. None where it is exact
    made_of: SHA-256 of the volumes that it joins, in order; () for one as it was read
    window: (centre, width) in `units` where the file suggests one
    padding: the value that fills what was not scanned, in `units`, where there is such
    """

    voxels: np.ndarray
    affine: np.ndarray
    channels: tuple[str, ...] = ("",)
    units: str = ""
    spacing_real: bool = True
    placed: bool = True
    positions_mm: tuple[float, ...] | None = None
    window: tuple[float, float] | None = None
    padding: float | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    made_of: tuple[str, ...] = ()
    kind: ClassVar[str] = "volume"

    def content(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        about: dict[str, Any] = {"channels": self.channels, "units": self.units, "spacing_real": self.spacing_real}
        if self.positions_mm is not None:
            about["positions_mm"] = self.positions_mm
        return about, [self.voxels, self.affine]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring slices, rows and columns in mm."""
        slices, rows, columns = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(slices), float(rows), float(columns)

    @property
    def along_mm(self) -> tuple[float, ...]:
        """Where each slice lies along the normal of the slices, in mm."""
        if self.positions_mm is not None:
            return self.positions_mm
        normal = np.cross(self.affine[:3, 2], self.affine[:3, 1])
        normal /= np.linalg.norm(normal) or 1.0
        start, step = (float(normal @ self.affine[:3, i]) for i in (3, 0))
        return tuple(start + i * step for i in range(self.voxels.shape[1]))

    @property
    def corners_mm(self) -> np.ndarray:
        """(slices, 3): where the middle of each slice's first voxel lies, in mm of the patient's space."""
        along = np.array(self.along_mm) - self.along_mm[0]
        share = along / (along[-1] or 1.0)
        return np.asarray(self.affine[:3, 3] + share[:, None] * (len(along) - 1) * self.affine[:3, 0])
