"""The average beat of an ECG, as cardiographs take it before they measure: differentiable in the samples.

Where the beats are is found without a gradient, and from the shape of the recording alone: all of its values times ten
give the same places. So the average is linear in the samples on the straight way from a flat line to the recording,
and integrated gradients add up.
"""

import torch
from torch.nn import functional as F

from medcore.inputs.signal import LIMBS

BEFORE, AFTER = 0.35, 0.55  # s round the middle of the QRS
ALIKE = 0.15  # beats whose cosine with the average is this far below the best one's are left out: extrasystoles


def with_limb_leads(x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """`x`, `mask` (n, leads, samples) whose first six leads are those of LIMBS: where two are there, all six are."""
    weights = x.new_tensor(list(LIMBS.values()))  # (6, 2): each lead of I and II
    there = mask[:, :6].amax(2)
    from_limbs = weights @ torch.linalg.pinv(weights * there[..., None])  # (n, 6, 6)
    enough = (mask[:, :6].sum(1, keepdim=True) > 1).to(x)
    limbs, known = x[:, :6], mask[:, :6]
    limbs = known * limbs + (1 - known) * enough * (from_limbs @ limbs)
    return torch.cat([limbs, x[:, 6:]], 1), torch.cat([torch.maximum(known, enough.expand_as(known)), mask[:, 6:]], 1)


def band(x: torch.Tensor, rate_hz: float, low: float, high: float) -> torch.Tensor:
    """(…, samples) through a zero-phase band-pass with soft edges at `low` and `high` Hz."""
    n = x.shape[-1]
    hertz = torch.fft.rfftfreq(n, 1 / rate_hz, device=x.device)
    gain = hertz**4 / (hertz**4 + low**4) / (1 + (hertz / high) ** 8)
    out: torch.Tensor = torch.fft.irfft(torch.fft.rfft(x.float()) * gain, n)
    return out


def cut(x: torch.Tensor, which: torch.Tensor, first: torch.Tensor, length: int) -> torch.Tensor:
    """(beats, leads, length) stretches of `x` (n, leads, samples) that begin at samples `first`; 0 beyond the ends."""
    # By places and not by `unfold`, whose gradient is as large as all stretches that there could be.
    at = (first + length)[:, None, None] + torch.arange(length, device=x.device)
    lead = torch.arange(x.shape[1], device=x.device)[:, None]
    return F.pad(x, (length, length))[which[:, None, None], lead, at]


def summed(values: torch.Tensor, which: torch.Tensor, n: int) -> torch.Tensor:
    """(n, …): the values (beats, …) of each recording added up."""
    return values.new_zeros(n, *values.shape[1:]).index_add(0, which, values)


def find(x: torch.Tensor, mask: torch.Tensor, rate_hz: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Which recording of `x`, `mask` (n, leads, samples) each beat is of, and the sample at the middle of its QRS:
    peaks of the energy between 5 and 20 Hz, 0.25 s apart at least (after Pan and Tompkins, IEEE TBME 1985)."""
    width, reach = 2 * round(0.05 * rate_hz) + 1, round(0.25 * rate_hz)
    energy = F.avg_pool1d(band(x, rate_hz, 5, 20).square().sum(1, keepdim=True), width, 1, width // 2)
    there = mask.amax(1, keepdim=True) > 0
    high = energy.masked_fill(~there, torch.nan).nanquantile(0.97, dim=2, keepdim=True)
    top = (energy == F.max_pool1d(energy, 2 * reach + 1, 1, reach)) & (energy > 0.16 * high) & there
    which, at = top[:, 0].nonzero(as_tuple=True)
    return which, at


@torch.no_grad()
def beats(x: torch.Tensor, mask: torch.Tensor, rate_hz: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Recording, first sample and weight (1 or, for one unlike the others, 0) of each beat; all (beats,).

    Beats are moved by up to 0.03 s to lie best on the average of their recording.
    """
    n = len(x)
    before, length = round(BEFORE * rate_hz), round((BEFORE + AFTER) * rate_hz)
    near, reach = round(0.12 * rate_hz), round(0.03 * rate_hz)
    y = band(x, rate_hz, 2, 40)
    which, at = find(x, mask, rate_hz)
    for _again in range(2):
        mean = summed(cut(y, which, at - near, 2 * near), which, n)[which]
        wide = cut(y, which, at - near - reach, 2 * (near + reach)).unfold(2, 2 * near, 1)
        at = at + torch.einsum("blsk,blk->bs", wide, mean).argmax(1) - reach
    each = cut(y, which, at - before, length).flatten(1)
    cosine = F.cosine_similarity(each, summed(each, which, n)[which])
    whole = ((at >= before) & (at - before + length <= x.shape[2])).to(x)
    cosine = cosine - 2 * (1 - whole)  # a beat that is cut off counts only where there is no whole one
    best = cosine.new_full((n,), -4).scatter_reduce(0, which, cosine, "amax")
    return which, at - before, (cosine > best[which] - ALIKE).to(x)


def average_beat(x: torch.Tensor, mask: torch.Tensor, rate_hz: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, leads, (BEFORE + AFTER) · rate) average beat in mV of `x`, `mask` (n, leads, samples), each lead from its own
    mean, and (n, leads) whether the lead was there. All 0 where no beat was found."""
    which, first, weight = beats(x, mask, rate_hz)
    length, n = round((BEFORE + AFTER) * rate_hz), len(x)
    there = cut(mask, which, first, length) * weight[:, None, None]
    total = summed(cut(band(x, rate_hz, 0.5, 40), which, first, length) * there, which, n)
    mean = total / summed(there, which, n).clamp(min=1)
    known = mask.amax(2)
    return (mean - mean.mean(2, keepdim=True)) * known[..., None], known
