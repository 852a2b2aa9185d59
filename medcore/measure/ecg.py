"""Rate, intervals and the average beat of an ECG.

R peaks, P waves and ends of T are NeuroKit2's (Makowski D et al., Behav Res Methods 2021;53:1689-1696), the last two by
its wavelet method. Its QRS bounds are not used: on our simulator they are about 100 ms too wide. The QRS is bounded
here on the average beat of all leads together, where the speed of the vector stays above 5 % of its highest, as
cardiographs do (Zywietz C, in: Comprehensive Electrocardiology, 2010). tests/measure/test_ecg.py has the errors.
"""

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from medcore.i18n import _
from medcore.inputs import Signal
from medcore.measure.leads import einthoven_mv, filled, look, millivolt_rows

PREFERRED = ("II", "V5", "I", "V6", "V4", "V2", "III", "aVF", "V3", "V1", "aVL", "aVR")
MIN_RATE_HZ = 100
DELINEATED_SECONDS = 30
BEFORE, AFTER = 0.35, 0.55  # s about R in the average beat
SPEED = 0.05  # of the highest: where the QRS begins and ends


@dataclass(frozen=True)
class Segment:
    """kind: "P", "QRS", "ST" or "T"; start, end: samples of the recording, end excluded."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Beat:
    """The average (median) beat. samples: (leads, n) in mV; r_index: sample of the R peak."""

    samples: np.ndarray
    leads: tuple[str, ...]
    rate_hz: float
    r_index: int


@dataclass(frozen=True)
class Measurement:
    """What was measured. None where it can't be, which `remarks` explain.

    lead: in which R peaks, P and T were found ("" where no lead could be used); the QRS is bounded in all leads
    rate_bpm: beats a minute by the mean RR interval; pr_ms, qrs_ms, qt_ms: medians over the beats, in ms
    qtc_bazett_ms: QT / RR^(1/2) (Bazett 1920); qtc_fridericia_ms: QT / RR^(1/3) (Fridericia 1920), RR in s
    r_peaks: samples; segments: where delineated, of the first 30 s; beat: None where no beat could be averaged
    einthoven_mv: root mean square of I + III - II; None where one of the three is missing
    """

    lead: str
    rate_bpm: float | None
    pr_ms: float | None
    qrs_ms: float | None
    qt_ms: float | None
    qtc_bazett_ms: float | None
    qtc_fridericia_ms: float | None
    r_peaks: tuple[int, ...]
    segments: tuple[Segment, ...]
    beat: Beat | None
    einthoven_mv: float | None
    remarks: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The fields by name; the average beat as `beat` (lead → mV), `beat_rate_hz` and `beat_r_index`."""
        beat = self.beat
        return {
            **{k: v for k, v in vars(self).items() if k not in ("segments", "beat")},
            "segments": [vars(s) for s in self.segments],
            "beat": beat
            and {n: y.round(4).tolist() for n, y in zip(beat.leads, beat.samples.astype(float), strict=True)},
            "beat_rate_hz": beat and beat.rate_hz,
            "beat_r_index": beat and beat.r_index,
        }


def measure(given: Signal) -> Measurement:
    """All that can be measured of a recording; never raises for what it holds."""
    lead = _lead(given)
    if lead is None:
        return _nothing(given, _("Nothing can be measured: no lead in mV is long, fast and steady enough."))
    rows = millivolt_rows(given)
    y = filled(given.samples[rows[lead]])
    cleaned, peaks = _peaks(y, given.rate_hz)
    if len(peaks) < 3:
        return _nothing(
            given, _("Nothing can be measured: fewer than three beats were found in lead {lead}.").format(lead=lead)
        )
    rr = _mean_rr(peaks, given, rows[lead])
    beat = _average(given, rows, peaks)
    qrs = _qrs(beat) if beat is not None else None
    waves = _waves(cleaned, peaks, given.rate_hz)
    p = _typical(waves, "P", peaks, given.rate_hz, 0.04)
    t = _typical(waves, "T", peaks, given.rate_hz, 0.06)
    pr = _milliseconds(qrs[0] - p[0], 60, 400) if qrs and p else None
    width = _milliseconds(qrs[1] - qrs[0], 40, 260) if qrs else None
    qt = _milliseconds(t[1] - qrs[0], 200, 700) if qrs and t else None
    remarks = []
    if pr is None:
        remarks.append(_("PR isn't measurable: there is no regular P wave in lead {lead}.").format(lead=lead))
    if width is None:
        remarks.append(_("QRS isn't measurable: the beats differ too much, or are too noisy."))
    if qt is None:
        remarks.append(_("QT isn't measurable: the end of T isn't steady in lead {lead}.").format(lead=lead))
    return Measurement(
        lead=lead,
        rate_bpm=60 / rr,
        pr_ms=pr,
        qrs_ms=width,
        qt_ms=qt,
        qtc_bazett_ms=None if qt is None else qt / math.sqrt(rr),
        qtc_fridericia_ms=None if qt is None else qt / rr ** (1 / 3),
        r_peaks=tuple(int(r) for r in peaks),
        segments=_segments(waves, peaks, qrs if width else None, pr is not None, given),
        beat=beat,
        einthoven_mv=einthoven_mv(given),
        remarks=tuple(remarks),
    )


def _nothing(given: Signal, remark: str) -> Measurement:
    return Measurement("", None, None, None, None, None, None, (), (), None, einthoven_mv(given), (remark,))


def _lead(given: Signal) -> str | None:
    """The first lead of `PREFERRED`, then any in mV, that is there, moves and isn't noisy; else the least bad."""
    if given.rate_hz < MIN_RATE_HZ or given.seconds < 3:
        return None
    rows = millivolt_rows(given)
    looks = {n: look(given.samples[rows[n]], given.rate_hz) for n in sorted(rows, key=_preference)}
    usable = [n for n, trace in looks.items() if not trace.flat and trace.recorded > 0.5 and trace.off_seconds < 2]
    return next((n for n in usable if not looks[n].noisy), usable[0] if usable else None)


def _preference(name: str) -> int:
    return PREFERRED.index(name) if name in PREFERRED else len(PREFERRED)


@contextmanager
def _neurokit() -> Iterator[Any]:
    """NeuroKit2, its warnings about pandas 3 and scipy put aside: release 0.2.12 works with both all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import neurokit2

        yield neurokit2


def _peaks(y: np.ndarray, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """The lead as NeuroKit2 cleans it, and its R peaks in samples."""
    rate = round(rate_hz)
    with _neurokit() as neurokit2:
        cleaned = np.asarray(neurokit2.ecg_clean(y, sampling_rate=rate))
        try:
            found = neurokit2.ecg_peaks(cleaned, sampling_rate=rate)[1]["ECG_R_Peaks"]
        except Exception:  # it fails in many ways where it finds no beat
            found = []
    return cleaned, np.asarray(found, dtype=np.int64)


def _mean_rr(peaks: np.ndarray, given: Signal, row: int) -> float:
    """Mean RR interval in s, over those that hold no gap of the recording."""
    missing = np.concatenate([[0], np.cumsum(~np.isfinite(given.samples[row]))])
    whole = missing[peaks[1:]] == missing[peaks[:-1]]
    rr = np.diff(peaks) / given.rate_hz
    return float(rr[whole].mean() if whole.any() else np.median(rr))


def _average(given: Signal, rows: Mapping[str, int], peaks: np.ndarray) -> Beat | None:
    """Median of the beats that lie whole within the recording and resemble the others, in all leads in mV."""
    before, after = round(BEFORE * given.rate_hz), round(AFTER * given.rate_hz)
    n = given.samples.shape[1]
    inside = peaks[(peaks >= before) & (peaks + after <= n)]
    if len(inside) < 2:
        return None
    at = inside[:, None] + np.arange(-before, after)
    beats = given.samples[list(rows.values())][:, at].astype(np.float64)  # (leads, beats, samples)
    beats -= np.nanmedian(np.where(np.isfinite(beats), beats, 0), axis=2, keepdims=True)
    average = np.nan_to_num(np.median(beats, axis=1))
    like = [_correlation(beats[:, k], average) for k in range(len(inside))]
    kept = beats[:, np.array(like) > 0.8]
    if kept.shape[1] < 2:
        return None
    leads = [i for i, lead in enumerate(kept) if np.isfinite(lead).all() and np.ptp(lead) > 0]
    names = list(rows)
    median = np.median(kept[leads], axis=1)
    return Beat(median.astype(np.float32), tuple(names[i] for i in leads), given.rate_hz, before)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Of two beats over all leads; 0 where one has a gap."""
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if np.isfinite(size) and size > 0 else 0.0


def _qrs(beat: Beat) -> tuple[float, float] | None:
    """Begin and end of the QRS in s from the R peak, by the speed of all leads together."""
    from scipy.signal import resample_poly

    if not len(beat.samples):
        return None
    factor = max(1, math.ceil(500 / beat.rate_hz))
    rate = beat.rate_hz * factor
    fine = resample_poly(beat.samples.astype(np.float64), factor, 1, axis=1, padtype="line")
    width = max(1, round(0.012 * rate))
    smooth = np.array([np.convolve(y, np.ones(width) / width, "same") for y in fine])
    speed = np.sqrt((np.gradient(smooth, axis=1) ** 2).sum(0))
    r = beat.r_index * factor
    near = slice(r - round(0.06 * rate), r + round(0.06 * rate))
    top = near.start + int(np.argmax(speed[near]))
    first, last = r - round(0.12 * rate), r + round(0.18 * rate)
    fast = np.flatnonzero(speed[first:last] >= SPEED * speed[top]) + first
    runs = np.split(fast, np.flatnonzero(np.diff(fast) > 0.016 * rate) + 1)
    run = next(x for x in runs if x[0] <= top <= x[-1])
    if run[0] == first or run[-1] == last - 1:
        return None
    return float(run[0] - r) / rate, float(run[-1] - r) / rate


def _waves(cleaned: np.ndarray, peaks: np.ndarray, rate_hz: float) -> dict[str, np.ndarray]:
    """Begin and end of P and T of each beat of the first 30 s, in samples, NaN where not found."""
    first = peaks[peaks < DELINEATED_SECONDS * rate_hz]
    part = cleaned[: int((DELINEATED_SECONDS + 2) * rate_hz)]
    names = {(wave, side): f"ECG_{wave}_{side}s" for wave in "PT" for side in ("Onset", "Offset")}
    with _neurokit() as neurokit2:
        try:
            found = neurokit2.ecg_delineate(part, first, sampling_rate=round(rate_hz), method="dwt")[1]
        except Exception:
            found = {}
    out = {}
    for (wave, side), name in names.items():
        values = np.asarray(found.get(name, []), dtype=np.float64)
        out[f"{wave}{side}"] = values if len(values) == len(first) else np.full(len(first), np.nan)
    return out


def _typical(
    waves: Mapping[str, np.ndarray], wave: str, peaks: np.ndarray, rate_hz: float, most: float
) -> tuple[float, float] | None:
    """Median begin and end of a wave in s from R; None where fewer than half of the beats have it, or where the side
    that counts (begin of P, end of T) scatters by more than `most` s between its quartiles."""
    begin, end = (
        (waves[f"{wave}{side}"] - peaks[: len(waves[f"{wave}{side}"])]) / rate_hz for side in ("Onset", "Offset")
    )
    there = np.isfinite(begin) & np.isfinite(end)
    if there.sum() < max(2, len(begin) / 2):
        return None
    counts = (begin if wave == "P" else end)[there]
    low, high = np.percentile(counts, [25, 75])
    if high - low > most:
        return None
    return float(np.median(begin[there])), float(np.median(end[there]))


def _milliseconds(seconds: float, low: float, high: float) -> float | None:
    """In ms; None outside of what a heart can do."""
    return 1000 * seconds if low <= 1000 * seconds <= high else None


def _segments(
    waves: Mapping[str, np.ndarray], peaks: np.ndarray, qrs: tuple[float, float] | None, p: bool, given: Signal
) -> tuple[Segment, ...]:
    """Those of each beat of the first 30 s, in order of time, within the recording."""
    out = []
    for i in range(len(waves["POnset"])):
        p_on, p_off, t_on, t_off = (float(waves[k][i]) for k in ("POnset", "POffset", "TOnset", "TOffset"))
        parts = [("P", p_on, p_off)] if p else []
        if qrs is not None:
            start, end = (float(peaks[i]) + s * given.rate_hz for s in qrs)
            parts += [("QRS", start, end), ("ST", end, t_on)]
        parts.append(("T", t_on, t_off))
        for kind, a, b in parts:
            if math.isfinite(a) and math.isfinite(b) and 0 <= round(a) < round(b) <= given.samples.shape[1]:
                out.append(Segment(kind, round(a), round(b)))
    return tuple(out)
