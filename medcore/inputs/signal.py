"""Signals: leads × samples at one rate, an ECG above all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from medcore.errors import Refused
from medcore.i18n import _

if TYPE_CHECKING:
    import torch

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
# what each limb lead is made of I and II (Einthoven, Goldberger)
LIMBS = {
    "I": (1.0, 0.0),
    "II": (0.0, 1.0),
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}
# mV that a dipole of 1 mV to the patient's left, to the feet, to the back gives (Dower GE et al., J Electrocardiol
# 1980;13:27-31)
DOWER = {
    "I": (0.632, -0.235, 0.059),
    "II": (0.235, 1.066, -0.132),
    "V1": (-0.515, 0.157, -0.917),
    "V2": (0.044, 0.164, -1.387),
    "V3": (0.882, 0.098, -1.277),
    "V4": (1.213, 0.127, -0.601),
    "V5": (1.125, 0.127, -0.086),
    "V6": (0.831, 0.076, 0.230),
}


def seen_by(lead: str) -> np.ndarray:
    """(3,) what one of LEADS shows of a dipole, by Dower."""
    if lead in DOWER:
        return np.array(DOWER[lead])
    return np.asarray(np.array(LIMBS[lead]) @ np.array([DOWER["I"], DOWER["II"]]))


def lead_name(name: str) -> str:
    """A lead's usual spelling: AVR, avr and MDC_ECG_LEAD_AVR become aVR; other names stay."""
    short = name.strip().removeprefix("MDC_ECG_LEAD_").removeprefix("Lead ").strip()
    return {lead.lower(): lead for lead in LEADS}.get(short.lower(), short)


@dataclass(frozen=True)
class Signal:
    """Leads recorded together.

    samples: (leads, samples) float32 in `units`; NaN where nothing was recorded
    rate_hz: samples per second; leads: their names; units: one per lead ("mV", "mmHg" …)
    """

    samples: np.ndarray
    rate_hz: float
    leads: tuple[str, ...]
    units: tuple[str, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    kind: ClassVar[str] = "signal"

    def content(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        return {"rate_hz": self.rate_hz, "leads": self.leads, "units": self.units}, [self.samples]

    @property
    def seconds(self) -> float:
        return float(self.samples.shape[1] / self.rate_hz)


@dataclass(frozen=True)
class SignalField:
    """Takes an ECG in mV by the leads named, resampled to `rate_hz`.

    leads: names in the order that the net wants; with one lead, any single-lead recording fits, and of several
        leads the one named is read. Encoded: (leads, samples) in mV with the median taken off, 0 where not recorded.
    """

    leads: tuple[str, ...]
    rate_hz: float
    min_seconds: float
    max_seconds: float
    kind: str = "signal"
    crop_seconds: float | None = None

    def _rows(self, given: Signal) -> list[int | None]:
        names = [lead_name(n) for n in given.leads]
        found = [names.index(lead) if lead in names else None for lead in self.leads]
        millivolt = [i for i, unit in enumerate(given.units) if unit == "mV"]
        if len(self.leads) == 1 and found == [None] and len(millivolt) == 1:
            return [millivolt[0]]
        return [i if i in millivolt else None for i in found]

    def check(self, given: Signal) -> list[str]:
        rows = self._rows(given)
        if all(r is None for r in rows):
            have = ", ".join(f"{lead} ({unit})" for lead, unit in zip(given.leads, given.units, strict=True))
            raise Refused(
                _("This recording lacks the leads that the question needs in mV: {leads}.").format(
                    leads=", ".join(self.leads)
                ),
                _("It has {leads}. Upload an ECG with its leads and units named.").format(leads=have or _("no leads")),
            )
        if not self.min_seconds <= given.seconds <= self.max_seconds:
            raise Refused(
                _("The recording lasts {s:.1f} s; the question needs {low:g} to {high:g} s.").format(
                    s=given.seconds, low=self.min_seconds, high=self.max_seconds
                ),
                _("Upload a longer strip.") if given.seconds < self.min_seconds else _("Cut it to a shorter strip."),
            )
        there = [r for r in rows if r is not None]
        troubles = [trouble for r in there if (trouble := self._trouble(given, r))]
        if len(troubles) == len(there):
            raise troubles[0]
        remarks = [_("{sentence} It is left out.").format(sentence=trouble.sentence) for trouble in troubles]
        if len(self.leads) == 1 and len(given.leads) > 1:
            remarks.append(_("Only lead {lead} is read.").format(lead=given.leads[there[0]]))
        return remarks

    def _trouble(self, given: Signal, row: int) -> Refused | None:
        """Why a lead can't be read: too little of it, flat, in another unit than it says, saturated."""
        y, label, rate = given.samples[row], given.leads[row], given.rate_hz
        good = y[np.isfinite(y)]
        if len(good) < self.min_seconds * rate:
            return Refused(
                _("Lead {lead} has less than {s:g} s that were recorded.").format(lead=label, s=self.min_seconds),
                _("Upload a recording without such gaps."),
            )
        low, high = np.percentile(good, [1, 99])
        if high - low < 0.01:
            return Refused(
                _("Lead {lead} is flat: it moves by less than 0.01 mV.").format(lead=label),
                _("Check the electrode and the units, and upload another strip."),
            )
        if high - low > 50:
            return Refused(
                _("Lead {lead} spans {mv:.0f} mV; a heart gives 1 to 5.").format(lead=label, mv=high - low),
                _("The values are probably µV marked as mV. Correct the unit in the file."),
            )
        # A quiet baseline may sit at its lowest value; an amplifier at its rail sits away from the middle.
        middle = float(np.median(good))
        ends = [end for end in (good.max(), good.min()) if abs(end - middle) > (high - low) / 10]
        edge = max((float(np.mean(good == end)) for end in ends), default=0.0)
        if edge > 0.2:
            return Refused(
                _("Lead {lead} is saturated: {p:.0f} % of it sits at one extreme value.").format(
                    lead=label, p=100 * edge
                ),
                _("Record it again with a lower gain."),
            )
        return None

    def encode(self, given: Signal) -> "tuple[torch.Tensor, torch.Tensor]":
        import torch
        from scipy.signal import resample_poly

        ratio = Fraction(self.rate_hz / given.rate_hz).limit_denominator(1000)
        n = round(given.samples.shape[1] * self.rate_hz / given.rate_hz)
        x = np.zeros((len(self.leads), n), np.float32)
        mask = np.zeros_like(x)
        for i, r in enumerate(self._rows(given)):
            if r is None or (len(self.leads) > 1 and self._trouble(given, r)):
                continue
            y = given.samples[r].astype(np.float64)
            there = np.isfinite(y)
            if not there.any():
                continue
            y = np.where(there, y - np.median(y[there]), 0.0)
            z = resample_poly(y, ratio.numerator, ratio.denominator) if ratio != 1 else y
            m = min(n, len(z))
            keep = np.interp((np.arange(m) + 0.5) / self.rate_hz, (np.arange(len(y)) + 0.5) / given.rate_hz, there)
            mask[i, :m] = keep > 0.5
            x[i, :m] = z[:m] * mask[i, :m]
        return torch.from_numpy(x), torch.from_numpy(mask)

    def augment(
        self, x: "torch.Tensor", mask: "torch.Tensor", generator: "torch.Generator"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """Crops to `crop_seconds`, changes the tempo, scales, adds wander and noise, blanks a stretch.

        One lead is of a handheld device: held either way round, of any size and at a tempo of up to 10 % more or less.
        Several are of a cardiograph, where polarity, size and width are findings: see `_moved`.
        """
        import torch

        n, leads, length = x.shape

        def between(low: float, high: float) -> "torch.Tensor":
            return low + (high - low) * torch.rand(n, 1, 1, generator=generator)

        if self.crop_seconds:
            length = min(length, round(self.crop_seconds * self.rate_hz))
        valid = mask.amax(1, keepdim=True).sum(2, keepdim=True)
        change = 0.1 if leads == 1 else 0.03
        tempo = torch.exp(between(-change, change))
        at = between(0, 1) * (valid - tempo * length).clamp(min=0) + tempo * torch.arange(length)
        low = at.long().clamp(max=x.shape[2] - 2).expand(-1, leads, -1)
        x = torch.lerp(x.gather(2, low), x.gather(2, low + 1), (at - low).clamp(max=1))
        mask = mask.gather(2, low) * (at < valid)

        if leads == 1:
            sign = 1 - 2 * (torch.rand(n, 1, 1, generator=generator) < 0.2).float()
        else:
            x, mask = self._moved(x, mask, generator)
        t = torch.arange(length) / self.rate_hz
        wander = between(0, 0.15) * torch.sin(2 * torch.pi * (between(0.05, 0.5) * t + between(0, 1)))
        noise = between(0, 0.03) * torch.randn(x.shape, generator=generator)
        start, width = between(0, 1) * length, between(0, 0.1) * length
        keep = 1 - ((torch.arange(length) >= start) & (torch.arange(length) < start + width)).float()
        mask = mask * keep
        if leads == 1:
            x = x * sign * torch.exp(between(-0.4, 0.4))
        else:
            wander = wander * torch.randn(n, leads, 1, generator=generator)
        return (x + wander + noise) * mask, mask

    def _moved(
        self, x: "torch.Tensor", mask: "torch.Tensor", generator: "torch.Generator"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """As if heart and electrodes lay a little differently: the dipole turned by about 10°, all leads 10 % and each
        one 7 % higher or lower; and in three recordings of ten some leads taken away, one at least kept."""
        import torch

        n, leads, _length = x.shape
        seen = torch.tensor(np.array([seen_by(lead) for lead in self.leads]), dtype=x.dtype)
        turn = 0.15 * torch.randn(n, 3, 3, generator=generator)
        turned = torch.matrix_exp((turn - turn.transpose(1, 2)) / 2**0.5) - torch.eye(3)
        x = x + (seen @ turned @ torch.linalg.pinv(seen)) @ x
        gain = 0.1 * torch.randn(n, 1, 1, generator=generator) + 0.07 * torch.randn(n, leads, 1, generator=generator)
        often = torch.rand(n, 1, 1, generator=generator) * (torch.rand(n, 1, 1, generator=generator) < 0.3)
        gone = torch.rand(n, leads, 1, generator=generator) < often
        mask = mask * ~(gone & ~gone.all(1, keepdim=True))
        return x * torch.exp(gain) * mask, mask

    def place(self, attribution: np.ndarray, given: Signal) -> np.ndarray:
        """(leads, samples) of the recording: each sample takes its share of the encoded one; 0 for unread leads."""
        n = given.samples.shape[1]
        at = (np.arange(n) + 0.5) / given.rate_hz * self.rate_hz - 0.5
        out = np.zeros(given.samples.shape, np.float32)
        for row, r in zip(attribution, self._rows(given), strict=True):
            if r is not None:
                out[r] = np.interp(at, np.arange(len(row)), row) * (self.rate_hz / given.rate_hz)
        return out

    def absent(self, given: Signal) -> list[str]:
        return [lead for lead, r in zip(self.leads, self._rows(given), strict=True) if r is None]
