"""The challenge's strips in the layouts that are about: a file of its own for each record, or packed together."""

import struct
from pathlib import Path

import numpy as np
import pytest

from medcore.datasets.cinc2017 import SOURCE_WEIGHTS, cinc2017
from medcore.errors import Refused


def strip(seconds: float, rate: int, seed: int = 0) -> np.ndarray:
    """Thousandths of a mV."""
    return np.random.default_rng(seed).integers(-900, 900, round(seconds * rate)).astype("<i2")


def as_mat(folder: Path, name: str, samples: np.ndarray, rate: int) -> None:
    """As the challenge gives them: a level 4 MAT-file of one row named val (20 bytes of header, 4 of name)."""
    head = struct.pack("<5i", 30, 1, len(samples), 0, 4) + b"val\0"
    (folder / f"{name}.mat").write_bytes(head + samples.tobytes())
    line = f"{name}.mat 16+24 1000/mV 16 0 {samples[0]} 0 0 ECG"
    (folder / f"{name}.hea").write_text(f"{name} 1 {rate} {len(samples)}\n{line}\n")


def test_a_file_a_record_and_records_in_one_file(tmp_path: Path) -> None:
    """Other rates and lengths than the set's, and other shares of its classes."""
    long, short, first, second = strip(61, 300), strip(9.5, 150, 1), strip(20, 250, 2), strip(30, 250, 3)
    as_mat(tmp_path, "A00001", long, 300)
    as_mat(tmp_path, "A00002", short, 150)
    (tmp_path / "pack.dat").write_bytes(first.tobytes() + second.tobytes())
    for name, samples, offset in (("B1", first, 0), ("B2", second, 2 * len(first))):
        at = f"16+{offset}" if offset else "16"
        line = f"pack.dat {at} 1000/mV 16 0 {samples[0]} 0 0 ECG"
        (tmp_path / f"{name}.hea").write_text(f"{name} 1 250 {len(samples)}\n{line}\n")
    (tmp_path / "REFERENCE.csv").write_text("A00001,A\nA00002,~\nB1,A\nB2,O\nB3,N\n")
    samples = cinc2017(tmp_path)
    assert [(s.case, s.patient, s.target) for s in samples] == [
        ("A00001", "A00001", 1), ("A00002", "A00002", 3), ("B1", "B1", 1), ("B2", "B2", 2),
    ]  # fmt: skip
    for sample, samples_, rate in zip(samples, (long, short, first, second), (300, 150, 250, 250), strict=True):
        ecg = sample.load()["ecg"]
        assert (ecg.samples.shape, ecg.rate_hz) == ((1, len(samples_)), rate)
        assert np.allclose(ecg.samples[0], samples_ / 1000, atol=1e-6)


def test_the_corrected_labels_come_first_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    for name in ("A1", "A2", "A3", "A4"):
        as_mat(tmp_path, name, strip(10, 300), 300)
    (tmp_path / "REFERENCE.csv").write_text("A1,A\nA2,A\n")
    (tmp_path / "REFERENCE-v3.csv").write_text("\ufeffA1,N\nA2,O\nA3,\nA4,NA\nA5,N\n", encoding="utf-8")
    samples = cinc2017(tmp_path)
    assert [(s.case, s.target) for s in samples] == [("A1", 0), ("A2", 2)]
    assert [s.weight for s in samples] == [SOURCE_WEIGHTS[0], 1.0]


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"no REFERENCE\.csv"):
        cinc2017(tmp_path)
