"""The average beat is the beat that was put in, whatever the noise, extrasystoles or missing limb leads."""

import numpy as np
import pytest
import torch

from medcore.inputs.signal import LEADS
from medcore.nets.average_beat import BEFORE, average_beat, beats, with_limb_leads
from medcore.nets.beat_net import BeatNet
from medcore.simulate.ecg import ecg
from medcore.simulate.twelve_leads import twelve_leads

RATE = 100


def tensors(*given: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.from_numpy(np.stack(given).astype(np.float32))
    return x, torch.ones_like(x)


def simulated(seed: int, noise_mv: float, bpm: float = 70) -> np.ndarray:
    return twelve_leads(seed, rate_hz=RATE, bpm=bpm, noise_mv=noise_mv).samples


def test_noise_is_averaged_away() -> None:
    (clean, noisy), known = average_beat(*tensors(simulated(3, 0.0), simulated(3, 0.08)), RATE)
    assert (known == 1).all()
    assert clean.abs().max() > 0.5
    assert (noisy - clean).std() < 0.03, "0.08 mV of noise, and 10 beats or so"
    middle = round(BEFORE * RATE)
    assert abs(int(clean.square().sum(0).argmax()) - middle) <= 4, "the QRS is in its place"


def test_each_beat_is_found_and_an_early_one_left_out() -> None:
    found = 0
    for seed in range(12):
        given = ecg(seed, "other", rate_hz=RATE, seconds=10, noise_mv=0.01, leads=LEADS)
        which, _first, weight = beats(*tensors(given.samples), RATE)
        assert (which == 0).all()
        assert weight.sum() >= 2
        found += int((weight == 0).sum() > 2)
    assert found >= 2, "some of these have ventricular beats among them"
    which, _first, weight = beats(*tensors(simulated(5, 0.01, bpm=60)), RATE)
    assert len(which) == pytest.approx(10, abs=1)


def test_a_recording_ten_times_as_high_has_the_same_beats_ten_times_as_high() -> None:
    x, mask = tensors(simulated(4, 0.05))
    one, ten = average_beat(x, mask, RATE)[0], average_beat(10 * x, mask, RATE)[0]
    assert torch.allclose(10 * one, ten, atol=1e-4)


def test_two_limb_leads_give_all_six_and_one_gives_none() -> None:
    x, mask = tensors(simulated(6, 0.02))
    x = x - x.mean(2, keepdim=True)
    for kept in ([0, 1], [3, 5], [2, 4]):
        some = torch.zeros_like(mask)
        some[:, [*kept, 6, 7]] = 1
        full, known = with_limb_leads(x * some, some)
        assert torch.allclose(full[:, :6], x[:, :6], atol=1e-4)
        assert known[0].amax(1).tolist() == [1] * 8 + [0] * 4
    some = torch.zeros_like(mask)
    some[:, 1] = 1
    full, known = with_limb_leads(x * some, some)
    assert known[0].amax(1).tolist() == [0, 1] + [0] * 10
    assert (full[0, 2:] == 0).all()


def test_padding_changes_little_and_silence_is_no_beat() -> None:
    net = BeatNet(RATE, 5).eval()
    x, mask = tensors(simulated(7, 0.02), np.zeros((12, 1000)))
    longer, longer_mask = (torch.nn.functional.pad(t, (0, 700)) for t in (x, mask))
    with torch.no_grad():
        a, b = net(x, mask), net(longer, longer_mask)
    assert torch.allclose(a, b, atol=0.05)
    assert torch.isfinite(a).all()
    assert len(beats(x[1:], mask[1:], RATE)[0]) == 0


def test_gradients_along_the_way_from_a_flat_line_add_up() -> None:
    torch.manual_seed(0)
    net = BeatNet(RATE, 5).eval()
    x, mask = tensors(simulated(8, 0.02))
    total, steps = torch.zeros(()), 64
    for i in range(steps):
        at = ((i + 0.5) / steps * x).requires_grad_()
        (gradient,) = torch.autograd.grad(net(at, mask)[0, 1], at)
        total += (gradient * x).sum() / steps
    with torch.no_grad():
        change = (net(x, mask) - net(torch.zeros_like(x), mask))[0, 1]
    assert float(total) == pytest.approx(float(change), abs=0.02)
