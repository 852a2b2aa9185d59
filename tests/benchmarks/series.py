"""A stored series from the request to the bytes that its viewer draws, over the bare decoding of its files' pixels."""

import io
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pydicom

from medcore.clinic import Clinic
from medcore.settings import Settings, settings
from tests.benchmarks.measure import Row, interleaved

ROUNDS = 15
BAR = 3.0
SERIES = "dicom_series/series/mr_t1_brain"


def rows() -> list[Row]:
    """Opened for the first time in a process, and again; nothing where the public data sets aren't there."""
    if settings().data is None:
        return []
    files = {p.name: p.read_bytes() for p in sorted((Path(settings().data or "") / SERIES).iterdir())}
    with tempfile.TemporaryDirectory() as home:
        url = f"sqlite:///{Path(home) / 'medcore.sqlite'}"
        own = replace(settings(), home=Path(home), database_url=url, models=Path(home) / "none", admin_password="")
        return _rows(own, files)


def _rows(own: Settings, files: dict[str, bytes]) -> list[Row]:
    desk = Clinic(own)
    user = desk.sign_in("reader")
    (case,) = desk.admit(user, files).cases
    fresh = [Clinic(own) for _round in range(ROUNDS + 1)]
    for clinic in fresh:  # a page is open, but none of the inputs has been read
        clinic.worklist(user)

    def opened(clinic: Clinic) -> bytes:
        (given,) = clinic.open_case(user, case).inputs
        return clinic.input_bytes(user, given.id)

    first, again, bare = interleaved(
        [
            lambda turn: opened(fresh[turn]),
            lambda _turn: opened(desk),
            lambda _turn: [pydicom.dcmread(io.BytesIO(data)).pixel_array for data in files.values()],
        ],
        ROUNDS,
        time.process_time,
    )
    for clinic in (desk, *fresh):
        clinic.database.engine.dispose()
    note = f"{len(files)} slices, {sum(map(len, files.values())) / 1e6:.1f} MB"
    return [
        Row("series: stored files to the viewer's bytes", first, bare, first / bare, BAR, note=note),
        Row("series: opened again", again, bare, again / bare, 1.0, note="decoded before"),
    ]
