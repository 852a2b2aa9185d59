"""An explanation as one PNG: the input as the viewer shows it, the map over it, and under it what it is."""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from app.parts.theme import number
from medcore.i18n import _
from medcore.inputs import Image, Input, Record, RecordField, Signal
from medcore.tasks import Task

WIDTH, LINE, EDGE = 1200, 26, 20
INK, SOFT, GROUND, TRACK = "#D9DFE3", "#A3AEB6", "#0E1215", "#1E252A"
RAISES, LOWERS = "#F08A52", "#A7A4F7"
PAPER, MINOR, MAJOR = "#14110F", "#211A17", "#3D2F28"
HEAT = ["#3C1C5C", "#682080", "#972C78", "#C44062", "#E46240", "#F79C2F", "#F9DC5C"]
HEAT_FROM, HEAT_FULL, OPACITY = 0.22, 0.57, 0.55  # as in the viewer
PX_MM = 4.5  # 25 mm/s and 10 mm/mV
ROW_MM, SHOWN = 30, 12


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    try:
        return ImageFont.truetype(str(Path(__file__).parent.parent / "static" / "plex-sans.woff2"), size)
    except OSError:  # a Pillow without Brotli
        return ImageFont.load_default(size)


def _ramp(share: np.ndarray) -> np.ndarray:
    """(…, 4) colour and opacity of shares of the peak."""
    stops = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in HEAT], float)
    at = np.clip((share - HEAT_FROM) / (1 - HEAT_FROM), 0, 1)
    rgb = [np.interp(at, np.linspace(0, 1, len(HEAT)), stops[:, i]) for i in range(3)]
    alpha = np.clip((share - HEAT_FROM) / (HEAT_FULL - HEAT_FROM), 0, 1)
    return np.stack([*rgb, alpha], -1)


def _shares(values: np.ndarray) -> np.ndarray:
    positive = np.clip(np.nan_to_num(values), 0, None)
    return positive / (positive.max() or 1.0)


def _film(given: Image, values: np.ndarray) -> Pillow.Image:
    pixels = np.asarray(given.pixels, np.float32)
    if given.window:
        low, high = given.window[0] - given.window[1] / 2, given.window[0] + given.window[1] / 2
    else:
        low, high = (float(v) for v in np.percentile(pixels, [0.5, 99.5]))
    grey = np.clip((pixels - low) / max(high - low, 1e-6), 0, 1)
    grey = 1 - grey if given.monochrome1 else grey
    colour = np.repeat(grey[..., None], 3, -1) if grey.ndim == 2 else grey[..., :3]
    base = Pillow.fromarray((255 * colour).astype(np.uint8))
    scale = min(WIDTH / base.width, 1000 / base.height)
    base = base.resize((round(base.width * scale), round(base.height * scale)), Pillow.Resampling.LANCZOS)
    heat = Pillow.fromarray(_shares(values).astype(np.float32)).resize(base.size, Pillow.Resampling.BILINEAR)
    over = _ramp(np.asarray(heat))
    alpha = OPACITY * over[..., 3:]
    mixed = np.asarray(base, float) * (1 - alpha) + over[..., :3] * alpha
    out = Pillow.new("RGB", (WIDTH, base.height), "black")
    out.paste(Pillow.fromarray(mixed.astype(np.uint8)), ((WIDTH - base.width) // 2, 0))
    return out


def _rows(given: Signal) -> list[tuple[int, int, int]]:
    """(lead, first sample, last sample) of each row: ten seconds of one lead."""
    step = round(10 * given.rate_hz)
    length = given.samples.shape[1]
    leads = range(len(given.leads))
    return [(i, at, min(at + step, length)) for i in leads for at in range(0, length if len(leads) == 1 else 1, step)]


def _trace(given: Signal, values: np.ndarray) -> Pillow.Image:
    rows = _rows(given)[:16]
    high = round(ROW_MM * PX_MM)
    out = Pillow.new("RGB", (WIDTH, high * len(rows)), PAPER)
    draw = ImageDraw.Draw(out)
    for i in range(1 + max(WIDTH, out.height)):
        at, colour = round(i * PX_MM), MAJOR if i % 5 == 0 else MINOR
        if at > max(WIDTH, out.height):
            break
        draw.line([(at, 0), (at, out.height)], colour)
        draw.line([(0, at), (WIDTH, at)], colour)
    share = _shares(np.abs(values))
    window = max(1, round(0.04 * given.rate_hz))
    for n, (lead, start, stop) in enumerate(rows):
        y = given.samples[lead, start:stop].astype(float)
        x = 30 + np.arange(len(y)) / given.rate_hz * 25 * PX_MM
        middle = n * high + high / 2
        where = middle - (y - np.nanmedian(y)) * 10 * PX_MM
        smooth = np.convolve(share[lead, start:stop], np.ones(window) / window, "same")
        _stroke(draw, x, where, _ramp(smooth / (smooth.max() or 1.0) if share.max() else smooth))
        draw.text((6, n * high + 4), f"{given.leads[lead]}  {start / given.rate_hz:.0f} s", INK, _font(16))
    return out


def _stroke(draw: ImageDraw.ImageDraw, x: np.ndarray, y: np.ndarray, colours: np.ndarray) -> None:
    """A trace with its heat beneath; gaps stay empty."""
    points = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    good = np.isfinite(y)
    for i in range(1, len(points)):
        r, g, b, alpha = colours[i]
        if good[i] and good[i - 1] and alpha > 0.05:
            tint = tuple(round(c * alpha + p * (1 - alpha)) for c, p in zip((r, g, b), (20, 17, 15), strict=True))
            draw.line([points[i - 1], points[i]], tint, 8)
    for i in range(1, len(points)):
        if good[i] and good[i - 1]:
            draw.line([points[i - 1], points[i]], "#DDE4E8", 2)


def _bars(given: Record, spec: RecordField, values: np.ndarray) -> Pillow.Image:
    order = np.argsort(-np.abs(values))[:SHOWN]
    out = Pillow.new("RGB", (WIDTH, 34 * len(order) + 20), GROUND)
    draw, most = ImageDraw.Draw(out), float(np.abs(values).max()) or 1.0
    for n, i in enumerate(order):
        column, v, top = spec.columns[i], float(values[i]), 10 + 34 * n
        held = given.values.get(column.name)
        shown = (
            _("not measured") if held is None else held if isinstance(held, str) else f"{number(held)} {column.unit}"
        )
        draw.text((EDGE, top + 4), _(column.title), INK, _font(18))
        draw.text((560, top + 4), shown, SOFT, _font(18), anchor="ra")
        end = 850 + 220 * v / most
        draw.rectangle([min(850, end), top + 8, max(850, end), top + 24], RAISES if v > 0 else LOWERS)
        draw.line([(850, top), (850, top + 34)], SOFT)
        draw.text((WIDTH - EDGE, top + 4), number(100 * v, 1, signed=True), INK, _font(18), anchor="ra")
    return out


def png(task: Task, field: str, given: Input, values: np.ndarray, lines: Sequence[str]) -> bytes:
    """The picture. values: the map of that field; lines: what stands under it, the first in bold ink."""
    if isinstance(given, Image):
        body = _film(given, values)
    elif isinstance(given, Signal):
        body = _trace(given, values)
    else:
        spec = task.fields[field]
        assert isinstance(given, Record)
        assert isinstance(spec, RecordField)
        body = _bars(given, spec, values)
    every = [*lines, _("Research use only. Not a diagnosis.")]
    out = Pillow.new("RGB", (WIDTH, body.height + LINE * len(every) + 2 * EDGE), GROUND)
    out.paste(body, (0, 0))
    draw = ImageDraw.Draw(out)
    for n, line in enumerate(every):
        draw.text((EDGE, body.height + EDGE + n * LINE), line, INK if n == 0 else SOFT, _font(18))
    buffer = io.BytesIO()
    out.save(buffer, "PNG")
    return buffer.getvalue()
