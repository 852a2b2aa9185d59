"""Outlines: what a file marks on the slices of a volume."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from medcore.inputs.volume import Volume

NEAR_MM = 0.1
OWN = "99MEDCORE"  # coding scheme of this program's own labels
CODE = re.compile(rf"(SCT:\d{{4,18}}|{OWN}:[a-z][a-z_]{{0,31}})?")
DRAWN = frozenset(["MANUAL", "SEMIAUTOMATIC", "AUTOMATIC", ""])
MOST = 6  # segments: a viewer has eight bits a voxel, and what a task marks takes some


@dataclass(frozen=True)
class Outlines:
    """Segments drawn on slices of a volume. No task takes them: they are shown over the volume that they lie on.

    bits: (slices, rows, columns) uint8; a voxel of segment i has bit i
    corners_mm: (slices, 3) where the middle of each slice's first pixel lies, in mm of the patient's space as DICOM has
        it; steps_mm: (3, 2) from row to row and from column to column
    names: of each segment its code as CODE has it, "scheme:value"; "" where none is known
    drawn: how each segment was, MANUAL, SEMIAUTOMATIC or AUTOMATIC; "" unknown
    study: the StudyInstanceUID that the stored files of its volume have
    """

    bits: np.ndarray
    corners_mm: np.ndarray
    steps_mm: np.ndarray
    names: tuple[str, ...]
    drawn: tuple[str, ...]
    study: str
    facts: Mapping[str, str] = field(default_factory=dict)
    kind: ClassVar[str] = "outlines"

    def content(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        about = {"names": self.names, "drawn": self.drawn, "study": self.study}
        return about, [self.bits, self.corners_mm, self.steps_mm]

    def on(self, volume: Volume) -> np.ndarray | None:
        """The bits on that volume's grid, 0 in slices that nothing is said of; None where they don't lie on it."""
        if self.bits.shape[1:] != volume.voxels.shape[2:]:
            return None
        if not np.allclose(self.steps_mm, volume.affine[:3, 1:3], atol=NEAR_MM / max(self.bits.shape[1:])):
            return None
        apart = np.linalg.norm(self.corners_mm[:, None] - volume.corners_mm[None], axis=2)
        if apart.min(1).max() > NEAR_MM:
            return None
        out = np.zeros(volume.voxels.shape[1:], np.uint8)
        np.bitwise_or.at(out, apart.argmin(1), self.bits)
        return out
