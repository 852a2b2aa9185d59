"""Signals: what the length alone tells, and what the beats' timing and, of several leads, the median beat do."""

import numpy as np

from medcore.checks.answered import Answered, Row, Section, change, leading, value, without
from medcore.checks.pairs import equal_pairs
from medcore.checks.plain import Plain, beside, beside_plain_models, best
from medcore.i18n import _
from medcore.inputs import SignalField
from medcore.inputs.signal import LEADS
from medcore.learn.card import metric_title


def beats(samples: np.ndarray, rate_hz: float) -> np.ndarray:
    """Seconds at which leads (samples,) or (leads, samples) in mV have their R waves, whichever way they point: peaks
    of the energy between 5 and 20 Hz (after Pan & Tompkins, IEEE TBME 1985), at least 0.25 s apart."""
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import butter, find_peaks, sosfiltfilt

    band = sosfiltfilt(butter(2, [5, 20], "bandpass", fs=rate_hz, output="sos"), np.atleast_2d(samples))
    energy = np.sqrt(uniform_filter1d(np.square(band).sum(0), max(1, round(0.1 * rate_hz))))
    at, _found = find_peaks(energy, height=0.4 * np.percentile(energy, 97), distance=max(1, round(0.25 * rate_hz)))
    return np.asarray(at / rate_hz, float)


def median_beat(leads: np.ndarray, rate_hz: float) -> np.ndarray:
    """(leads, 45) in mV: the median of the beats of (leads, samples), 0.35 s before to 0.55 s after R at 50 Hz, each
    lead from its own middle. NaN where no beat lies whole in the recording."""
    from scipy.signal import butter, sosfiltfilt

    clean = sosfiltfilt(butter(2, [0.5, min(40, 0.45 * rate_hz)], "bandpass", fs=rate_hz, output="sos"), leads)
    grid = np.arange(-0.35, 0.545, 0.02)
    whole = [t for t in beats(leads, rate_hz) if t + grid[0] >= 0 and t + grid[-1] < leads.shape[1] / rate_hz]
    if not whole:
        return np.full((len(leads), len(grid)), np.nan)
    at = np.rint((np.array(whole)[:, None] + grid) * rate_hz).astype(int).clip(0, leads.shape[1] - 1)
    beat = np.median(clean[:, at], axis=1)
    return np.asarray(beat - np.median(beat, axis=1, keepdims=True))


def timing(samples: np.ndarray, rate_hz: float) -> list[float]:
    """What the distances between beats (RR, s) of one lead or several are like: their spread, quantiles and changes.
    NaN with under 4 beats.

    Nothing here grows with the length of the recording.
    """
    rr = np.diff(beats(samples, rate_hz))
    if len(rr) < 3:
        return [np.nan] * 14
    step = np.diff(rr)
    shares, _edges = np.histogram(step / rr.mean(), bins=12, range=(-0.6, 0.6))
    known = shares[shares > 0] / len(step)
    turns = np.mean(step[1:] * step[:-1] < 0)
    return [
        *(float(v) for v in np.quantile(rr, [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1])),
        float(rr.mean()),
        float(rr.std()),
        float(rr.std() / rr.mean()),
        float(np.sqrt(np.mean(step**2)) / rr.mean()),
        float(np.mean(np.abs(step) > 0.05)),
        float(-(known * np.log(known)).sum()),
        float(turns),
    ]


LIMB, CHEST = LEADS[:6], LEADS[6:]


def fewer_leads(answered: Answered, name: str, field: SignalField) -> Section:
    """What becomes of answers when only some leads were recorded, of the recordings that have them all."""
    at = 2 * list(answered.package.task.fields).index(name)
    whole = np.array([bool(answered.encoded.items[i][at + 1].amax(-1).min() > 0) for i in answered.index])
    index = answered.index[whole]
    sets = {
        _("Limb leads only"): LIMB,
        _("V1 to V6 only"): CHEST,
        _("Lead I only"): ("I",),
        _("Lead II only"): ("II",),
    }
    out = {
        title: without(answered, name, [i for i, lead in enumerate(field.leads) if lead not in kept], index)
        for title, kept in sets.items()
        if set(kept) < set(field.leads)
    }
    found = answered.beside(out, index)
    metric = leading(found[""])
    rows = [Row(_("All leads"), len(index), found[""])]
    rows += [Row(t, len(index), {**found[t], "change": change(found[t][f"lead_{metric}"])}) for t in out]
    worst = min(rows[1:], key=lambda row: value(row, metric))
    return Section(
        "fewer_leads",
        _("With fewer leads"),
        _("{metric} {figure:.3f} with all; least, {least:.3f}: {which}.").format(
            metric=metric_title(metric),
            figure=value(rows[0], metric),
            least=value(worst, metric),
            which=worst.title[:1].lower() + worst.title[1:],
        ),
        _("The same nets on the same left-out patients, with leads masked out that these recordings have."),
        {m: metric_title(m) for m in found[""] if m.startswith("auroc") or m == metric} | {"change": _("Change")},
        rows,
    )


def check(answered: Answered, name: str, field: SignalField) -> list[Section]:
    """Timing of the beats as a plain model, of several leads the median beat too; with fewer leads; where recordings
    differ in length, the length as a shortcut, and pairs of one length."""
    at = 2 * list(answered.package.task.fields).index(name)
    leads = [item[at].numpy() for item in answered.encoded.items]
    seconds = np.array([lead.shape[-1] / field.rate_hz for lead in leads])
    rr = np.array([timing(lead.astype(float), field.rate_hz) for lead in leads])
    plains = [Plain("beat_timing", _("Gradient boosting on the distances between beats"), rr, "boosting")]
    if len(field.leads) > 1:
        shape = np.array([median_beat(lead.astype(float), field.rate_hz).ravel() for lead in leads])
        both = np.concatenate([shape, rr], 1)
        plains.append(Plain("median_beat", _("Random forest on the median beat and those distances"), both, "forest"))
    parts = [fewer_leads(answered, name, field)] if set(LIMB) < set(field.leads) else []
    if np.ptp(seconds) == 0:
        return [beside_plain_models(answered, plains), *parts]
    length = [Plain("length_only", _("Length of the recording alone"), seconds[:, None], "boosting")]
    rows = beside(answered, length, level=True)
    shown = [m for m in rows[0].figures if m.startswith(("auroc", "mae")) or (m.startswith("f1_") and m != "f1_macro")]
    return [
        beside_plain_models(answered, plains),
        *parts,
        Section(
            "shortcuts",
            _("What the length alone tells"),
            best(rows, leading(rows[0].figures)),
            _(
                "Gradient boosting that was told only how many seconds a recording lasts, trained and tested on the "
                "same folds. AUROC 0.5 is chance. Where it is above, the length goes with the label in these data."
            ),
            {metric: metric_title(metric) for metric in shown},
            rows,
        ),
        *equal_pairs(
            answered,
            "equal_length",
            _("On pairs of equal length"),
            _(
                "Each recording with the label is compared only with recordings without it that last as long, within "
                "2 %; n counts pairs. A package that went by the length would fall here."
            ),
            seconds,
        ),
    ]
