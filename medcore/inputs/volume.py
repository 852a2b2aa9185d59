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
    """

    voxels: np.ndarray
    affine: np.ndarray
    channels: tuple[str, ...] = ("",)
    units: str = ""
    spacing_real: bool = True
    facts: Mapping[str, str] = field(default_factory=dict)
    kind: ClassVar[str] = "volume"

    def content(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        about = {"channels": self.channels, "units": self.units, "spacing_real": self.spacing_real}
        return about, [self.voxels, self.affine]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring slices, rows and columns in mm."""
        slices, rows, columns = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(slices), float(rows), float(columns)
