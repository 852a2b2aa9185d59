"""Benchmarks that choose their tasks by what these are still find them."""

import pytest

from medcore.tasks import all_tasks


def test_volumes_are_segmented_and_pictures_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    segmenting = pytest.importorskip("tests.benchmarks.segmenting", reason="MONAI is not installed")
    monkeypatch.setattr(segmenting, "SLICES", 16)
    monkeypatch.setattr(segmenting, "ROUNDS", 1)
    titles = [row.name for row in segmenting.rows()]
    of_volumes = [name for name, task in all_tasks().items() if {f.kind for f in task.fields.values()} == {"volume"}]
    assert of_volumes and {title.partition(":")[0] for title in titles} == {*of_volumes}
