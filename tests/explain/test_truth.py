"""Maps held against what is known: by hand, and for a net that looks at a watermark."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from medcore.__main__ import main
from medcore.checks.maps import report
from medcore.errors import Refused
from medcore.explain import METHODS
from medcore.explain.attribution import Question
from medcore.explain.truth import control_maps, scores, share_outside
from medcore.learn.batches import collate, encode_inputs
from medcore.packages import load
from medcore.settings import settings
from medcore.simulate.thorax import film_with_lungs
from medcore.tasks import get


def test_scores_by_hand() -> None:
    values, place = np.zeros((4, 5)), np.zeros((4, 5), bool)
    place[1, 1:4] = True
    values[1, 1], values[1, 2], values[3, 3], values[0, 0] = 4.0, 1.0, 5.0, -9.0
    found = scores(values, place)
    assert found == {"pointing": 0.0, "inside": 0.5, "iou": pytest.approx(2 / 4)}
    assert scores(np.where(place, 1.0, 0.0), place) == {"pointing": 1.0, "inside": 1.0, "iou": 1.0}
    assert scores(np.zeros((4, 5)), place) == {"pointing": 0.0, "inside": 0.0, "iou": 0.0}
    assert share_outside(values, place) == 0.5 and share_outside(np.zeros((4, 5)), place) is None


def test_control_maps_are_what_they_are_called() -> None:
    maps = control_maps((3, 40, 60), seed=1)
    assert np.unravel_index(int(maps["centre"][0].argmax()), (40, 60)) in [(19, 29), (19, 30), (20, 29), (20, 30)]
    assert 0.45 < maps["random"].mean() < 0.55 and maps["random"].shape == maps["centre"].shape == (3, 40, 60)


class Marked(nn.Module):
    """Has learnt that the sick are filmed at a place that stamps its films: it looks at the stamp's corner alone."""

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return (x[..., 2:14, 2:40] - 0.5).flatten(1).mean(1, keepdim=True)


def test_a_net_that_looks_at_a_watermark_is_caught() -> None:
    task = get("cxr_pneumonia")
    shown, finding, lungs = film_with_lungs(3, "right_lower")
    shown.pixels[6:36, 8:100] = shown.pixels.max()
    (x, mask) = collate([encode_inputs(task, {"film": shown})])
    (found,) = METHODS["integrated_gradients"].attribute(
        Question(task, Marked(), [Marked()], (x,), (mask,), (torch.full_like(x, 0.5),), 0)
    )
    values = task.fields["film"].place(found.detach().numpy(), shown)
    said = scores(values, finding)
    assert said["pointing"] == 0.0 and said["inside"] < 0.05
    assert said["inside"] < scores(control_maps(finding.shape, 0)["random"], finding)["inside"]
    outside = share_outside(values, lungs)
    assert outside is not None and outside > 0.9


def test_the_report_has_each_method_beside_noise_and_the_middle() -> None:
    if not (settings().models / "cxr_pneumonia").is_dir():
        pytest.skip("no package of cxr_pneumonia is shipped here")
    task = get("cxr_pneumonia")
    found = report(load(settings().models / task.name), task.simulate(4, 3), "cpu")
    assert {"random", "centre", *task.explain} <= set(found["methods"])
    for figures in found["methods"].values():
        assert figures["n"] == 2 and set(figures) == {"pointing", "inside", "iou", "n"}
        assert 0 <= figures["inside"]["low"] <= figures["inside"]["value"] <= figures["inside"]["high"] <= 1
    with pytest.raises(Refused, match="where something is"):
        report(load(settings().models / task.name), [s for s in task.simulate(2, 3) if not s.place], "cpu")


def test_maps_of_simulated_records_find_what_their_rule_goes_by(capsys: pytest.CaptureFixture[str]) -> None:
    """By the shipped package, which learnt from people: what makes a simulated patient die is what kills people."""
    assert main(["explain-report", "mortality", "--simulated", "12", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"task", "package", "methods"} and {"random", "centre"} < set(found["methods"])
    inside = {name: scored["inside"] for name, scored in found["methods"].items()}
    assert inside["integrated_gradients"]["low"] > inside["random"]["high"]
    assert all(scored["n"] == 12 for scored in found["methods"].values())


def test_of_very_many_marked_cases_a_few_patients_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (settings().models / "mortality").is_dir():
        pytest.skip("no package of mortality is shipped here")
    monkeypatch.setattr("medcore.checks.maps.MOST", 6)
    monkeypatch.setattr("medcore.checks.maps.CASES", 4)
    package = load(settings().models / "mortality")
    for given, counted in ((6, 6), (7, 4)):
        found = report(package, get("mortality").simulate(given, 3), "cpu")
        assert {scored["n"] for scored in found["methods"].values()} == {counted}
