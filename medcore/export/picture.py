"""The input as its viewer shows it, with the map over it, as one picture."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter, ImageFont

from medcore.export.report import Report, caption
from medcore.i18n import _
from medcore.inputs import Field, Image, Input, Record, RecordField, Signal, Volume
from medcore.inputs.signal import LEADS
from medcore.numbers import number, span
from medcore.settings import REPO

WIDTH, HEIGHT, LINE, EDGE = 1200, 1000, 26, 20
HEAT_FROM, HEAT_FULL, OPACITY = 0.22, 0.57, 0.55  # as in the viewer
PX_MM = 4.5  # 25 mm/s and 10 mm/mV
LEFT_MM, ROW_MM, MOST_ROWS, SHOWN = 7, 30, 16, 14
BAR = 110  # width of the colour bar with its words


LABELS = ("#F08A52", "#56B4E9", "#E8CB6A", "#FFFFFF")  # as in the viewer
ON_FILM = LABELS[1:]  # the first is too near the heat, which a film shows at the same time
GREYS = ("#2E3A46", "#44525F", "#5A6A79", "#718394", "#8A9CAE", "#A5B7C8", "#C4D4E2")  # of a map that failed its checks
PLAIN = {0x2080 + i: str(i) for i in range(10)}  # our font has no lowered digits


@dataclass(frozen=True)
class Look:
    """Colours. heat: low to high; paper, minor, major, trace: of an ECG; raises, lowers: of a record's bars."""

    ground: str
    ink: str
    soft: str
    line: str
    paper: str
    minor: str
    major: str
    trace: str
    heat: tuple[str, ...]
    raises: str
    lowers: str


SCREEN = Look(
    *("#0E1215", "#D9DFE3", "#A3AEB6", "#2E373D", "#14110F", "#211A17", "#3D2F28", "#DDE4E8"),
    heat=("#3C1C5C", "#682080", "#972C78", "#C44062", "#E46240", "#F79C2F", "#F9DC5C"),
    raises="#F08A52",
    lowers="#A7A4F7",
)
PAPER = Look(
    *("#FFFFFF", "#182026", "#4A5862", "#D3DADE", "#FFFBF8", "#F7DDD3", "#E9AE9C", "#14181B"),
    heat=("#FFECCC", "#FDD69C", "#FAB76C", "#F29346", "#E46D2D", "#CD4C1E", "#B03416"),
    raises="#A93D0B",
    lowers="#5443C4",
)


def png(report: Report) -> bytes:
    """The picture with its caption. A film, a record or a trace without a map is drawn without one."""
    return encoded(captioned(report))


def encoded(picture: Pillow.Image) -> bytes:
    """As PNG."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def captioned(report: Report, look: Look = SCREEN) -> Pillow.Image:
    """The picture, and under it what it is, the first line in ink."""
    body, lines = draw(report, look), caption(report)
    out = Pillow.new("RGB", (WIDTH, body.height + LINE * len(lines) + 2 * EDGE), look.ground)
    out.paste(body, (0, 0))
    pen = ImageDraw.Draw(out)
    for n, text in enumerate(lines):
        _text(pen, (EDGE, body.height + EDGE + n * LINE), text, look.ink if n == 0 else look.soft)
    return out


def draw(report: Report, look: Look) -> Pillow.Image:
    """The first input that the task takes, WIDTH pixels wide."""
    field, given = next(iter(report.inputs.items()))
    why = report.why
    values = why.values[field] if why else None
    heat = GREYS if report.doubt else SCREEN.heat
    if isinstance(given, Volume):
        return draw_slice(given, values, report.mask, heat)
    if report.doubt:
        look = replace(look, heat=GREYS, raises=GREYS[3], lowers=GREYS[3])
    return draw_input(report.task.fields[field], given, values, look, report.mask, heat)


def draw_input(
    spec: Field,
    given: Input,
    values: np.ndarray | None,
    look: Look,
    mask: np.ndarray | None = None,
    heat: Sequence[str] = SCREEN.heat,
) -> Pillow.Image:
    """values: the map on the input's own grid, or coarser for a film; mask: of a film, (labels, rows, columns); heat:
    colours over a film, low to high."""
    if isinstance(given, Image):
        return _film(given, values, mask, heat)
    if isinstance(given, Signal):
        return _trace(given, values, look)
    assert isinstance(given, Record)
    assert isinstance(spec, RecordField)
    return _table(given, spec, values, look)


@cache
def _font(size: int, wide: bool) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """wide: of Chinese text, which our own font lacks."""
    path = "NotoSansCJK-Regular.ttc" if wide else str(REPO / "app" / "static" / "plex-sans.woff2")
    try:
        return ImageFont.truetype(path, size)
    except OSError:  # a Pillow without Brotli, a machine without that font
        return ImageFont.load_default(size)


def _text(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, ink: str, size: int = 18, anchor: str = "la"
) -> None:
    text = text.translate(PLAIN)
    pen.text(at, text, ink, _font(size, any(ord(c) > 0x2E7F for c in text)), anchor=anchor)


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], float)


def _ramp(share: np.ndarray, heat: Sequence[str]) -> np.ndarray:
    """(…, 4) colour and opacity of shares of the peak."""
    stops = np.stack([_rgb(c) for c in heat])
    at = np.clip((share - HEAT_FROM) / (1 - HEAT_FROM), 0, 1)
    rgb = [np.interp(at, np.linspace(0, 1, len(heat)), stops[:, i]) for i in range(3)]
    alpha = np.clip((share - HEAT_FROM) / (HEAT_FULL - HEAT_FROM), 0, 1)
    return np.stack([*rgb, alpha], -1)


def _shares(values: np.ndarray) -> np.ndarray:
    positive = np.clip(np.nan_to_num(values), 0, None)
    return np.asarray(positive / (positive.max() or 1.0))


# films


def _film(given: Image, values: np.ndarray | None, mask: np.ndarray | None, heat: Sequence[str]) -> Pillow.Image:
    """On black, hung in the middle, true to its pixels' shape; the colour bar at the right. Over a map a mask is a
    contour alone: its fill would hide it."""
    base = _grey(given)
    down, across = given.spacing_mm or (1.0, 1.0)
    high, wide = base.height * down, base.width * across
    scale = min((WIDTH - 2 * BAR) / wide, HEIGHT / high)
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    base = base.resize(size, Pillow.Resampling.LANCZOS)
    out = Pillow.new("RGB", (WIDTH, size[1]), "black")
    if values is not None:
        base = _heated(base, _shares(values), heat)
        _colour_bar(out, heat)
    if mask is not None:
        base = _outlined(base, mask, ON_FILM, fill=0.0 if values is not None else 0.2)
    out.paste(base, ((WIDTH - size[0]) // 2, 0))
    return out


def _heated(base: Pillow.Image, share: np.ndarray, colours: Sequence[str]) -> Pillow.Image:
    """The picture with the map over it, share (rows, columns) of the peak."""
    heat = Pillow.fromarray(share.astype(np.float32)).resize(base.size, Pillow.Resampling.BILINEAR)
    over = _ramp(np.asarray(heat), colours)
    alpha = OPACITY * over[..., 3:]
    mixed = np.asarray(base, float) * (1 - alpha) + over[..., :3] * alpha
    return Pillow.fromarray(mixed.astype(np.uint8))


def _grey(given: Image) -> Pillow.Image:
    """As it is hung: through the file's window, MONOCHROME1 turned round."""
    pixels = np.asarray(given.pixels, np.float32)
    if given.window:
        low, high = given.window[0] - given.window[1] / 2, given.window[0] + given.window[1] / 2
    else:
        low, high = (float(v) for v in np.percentile(pixels, [0.5, 99.5]))
    grey = np.clip((pixels - low) / max(high - low, 1e-6), 0, 1)
    grey = 1 - grey if given.monochrome1 else grey
    colour = np.repeat(grey[..., None], 3, -1) if grey.ndim == 2 else grey[..., :3]
    return Pillow.fromarray((255 * colour).astype(np.uint8))


def _colour_bar(out: Pillow.Image, heat: Sequence[str]) -> None:
    """From where the map begins to be seen, to its peak."""
    length, left = min(300, out.height - 80), WIDTH - 80
    top = (out.height - length) // 2
    over = _ramp(np.linspace(1, HEAT_FROM, length), heat)[:, None, :3].repeat(16, 1)
    out.paste(Pillow.fromarray(over.astype(np.uint8)), (left, top))
    pen = ImageDraw.Draw(out)
    for at, share in ((top, 1.0), (top + length, HEAT_FROM)):
        _text(pen, (left + 22, at), f"{share * 100:.0f} %", SCREEN.soft, 15, "lm")
    _text(pen, (left, top - 34), _("of peak"), SCREEN.soft, 15)


# volumes


def draw_slice(
    given: Volume, values: np.ndarray | None, mask: np.ndarray | None, heat: Sequence[str] = SCREEN.heat
) -> Pillow.Image:
    """The slice that shows most of the mask, else of the map, else the middle one; its channels side by side.

    values: (slices, rows, columns), or coarser within a slice; mask: (labels, slices, rows, columns)
    """
    at = _slice(given, values, mask)
    shown = min(3, len(given.channels))
    _apart, down, across = given.spacing_mm
    _channels, slices, rows, columns = given.voxels.shape
    scale = min(WIDTH / shown / (columns * across), HEIGHT / (rows * down))
    size = (max(1, round(columns * across * scale)), max(1, round(rows * down * scale)))
    out = Pillow.new("RGB", (WIDTH, size[1]), "black")
    pen = ImageDraw.Draw(out)
    left = (WIDTH - shown * size[0]) // 2
    for n in range(shown):
        base = _grey(Image(given.voxels[n, at].astype(np.float32)))
        base = base.resize(size, Pillow.Resampling.BICUBIC)
        if mask is not None:
            base = _outlined(base, mask[:, at], LABELS)
        elif values is not None:
            base = _heated(base, _shares(values)[at], heat)
        out.paste(base, (left + n * size[0], 0))
        words = _("{name}, slice {n} of {total}").format(name=given.channels[n], n=at + 1, total=slices)
        _text(pen, (left + n * size[0] + 8, 6), words.removeprefix(", "), SCREEN.ink, 16)
    return out


def _slice(given: Volume, values: np.ndarray | None, mask: np.ndarray | None) -> int:
    if mask is not None and mask.any():
        return int(np.argmax(mask.sum((0, 2, 3))))
    if values is not None and (values > 0).any():
        return int(np.argmax(np.clip(values, 0, None).sum((1, 2))))
    return len(given.voxels[0]) // 2


def _outlined(base: Pillow.Image, mask: np.ndarray, colours: Sequence[str], fill: float = 0.3) -> Pillow.Image:
    """Labels (labels, rows, columns) as fill, of that opacity, and contour."""
    pixels = np.asarray(base, float)
    for marked, colour in zip(mask, colours, strict=False):
        whole = Pillow.fromarray((255 * marked.astype(bool)).astype(np.uint8)).resize(
            base.size, Pillow.Resampling.NEAREST
        )
        inner = whole.filter(ImageFilter.MinFilter(5))
        inside, edge = np.asarray(inner) > 0, (np.asarray(whole) > 0) & (np.asarray(inner) == 0)
        pixels = np.where(inside[..., None], (1 - fill) * pixels + fill * _rgb(colour), pixels)
        pixels = np.where(edge[..., None], _rgb(colour), pixels)
    return Pillow.fromarray(pixels.astype(np.uint8))


# ECGs


@dataclass(frozen=True)
class Piece:
    """A stretch of a lead on the paper. start, stop: samples; at_mm: from the left edge of the traces."""

    lead: int
    start: int
    stop: int
    at_mm: float


def _layout(given: Signal, values: np.ndarray | None) -> list[list[Piece]]:
    """Rows: three by four and a rhythm strip for twelve leads, else ten seconds of a lead each."""
    step, length = round(10 * given.rate_hz), given.samples.shape[1]
    if not set(LEADS) <= set(given.leads):
        starts = range(0, length if len(given.leads) == 1 else 1, step)
        rows = [[Piece(i, at, min(at + step, length), 0.0)] for i in range(len(given.leads)) for at in starts]
        return rows[:MOST_ROWS]
    place = {name: given.leads.index(name) for name in LEADS}
    quarter = min(step, length) // 4
    wide = quarter / given.rate_hz * 25
    rows = [
        [Piece(place[LEADS[3 * c + r]], c * quarter, (c + 1) * quarter, c * wide) for c in range(4)] for r in range(3)
    ]
    # The strip is the lead that counted most, so that the map is seen whole; without a map it is II.
    strip = place["II"] if values is None else int(np.argmax(np.abs(values).sum(1)))
    return [*rows, [Piece(strip, 0, min(step, length), 0.0)]]


def _trace(given: Signal, values: np.ndarray | None, look: Look) -> Pillow.Image:
    """ECG paper, one row under the other, the map as a broad stroke beneath the trace."""
    rows = _layout(given, values)
    high = ROW_MM * PX_MM
    out = Pillow.new("RGB", (WIDTH, round(high * len(rows))), look.paper)
    pen = ImageDraw.Draw(out)
    for major in (False, True):
        for i in range(0, 1 + round(max(out.size) / PX_MM), 5 if major else 1):
            at, colour = round(i * PX_MM), look.major if major else look.minor
            pen.line([(at, 0), (at, out.height)], colour)
            pen.line([(0, at), (WIDTH, at)], colour)
    share = None if values is None else _smooth(_shares(np.abs(values)), given.rate_hz)
    for n, row in enumerate(rows):
        middle = (n + 0.5) * high
        pulse = [(0.5, 0), (1.5, 0), (1.5, -10), (5.5, -10), (5.5, 0), (6.5, 0)]
        pen.line([(x * PX_MM, middle + y * PX_MM) for x, y in pulse], look.trace, 2)
        for piece in row:
            _draw_piece(pen, given, piece, middle, None if share is None else share[piece.lead], look)
    return out


def _smooth(share: np.ndarray, rate_hz: float) -> np.ndarray:
    """Averaged over 40 ms, as shares of the peak."""
    window = max(1, round(0.04 * rate_hz))
    smooth = np.stack([np.convolve(row, np.ones(window) / window, "same") for row in share])
    return np.asarray(smooth / (smooth.max() or 1.0))


def _draw_piece(
    pen: ImageDraw.ImageDraw, given: Signal, piece: Piece, middle: float, share: np.ndarray | None, look: Look
) -> None:
    y = given.samples[piece.lead, piece.start : piece.stop].astype(float)
    left = (LEFT_MM + piece.at_mm) * PX_MM
    at = left + np.arange(len(y)) / given.rate_hz * 25 * PX_MM
    there = np.isfinite(y)
    height = middle - (y - (np.median(y[there]) if there.any() else 0.0)) * 10 * PX_MM
    points = list(zip(at.tolist(), height.tolist(), strict=True))
    if share is not None:
        step = max(1, round(given.rate_hz / 50))
        tints = _ramp(share[piece.start : piece.stop], look.heat)
        for a in range(0, len(points) - 1, step):
            colour, alpha = tints[a, :3], tints[a, 3]
            if alpha > 0.05 and there[a : a + step + 1].all():
                tint = tuple(int(v) for v in colour * alpha + _rgb(look.paper) * (1 - alpha))
                pen.line(points[a : a + step + 1], tint, 8)
    for a, b in _runs(there):
        pen.line(points[a:b], look.trace, 2)
    _text(pen, (left + 4, middle - ROW_MM / 2 * PX_MM + 4), given.leads[piece.lead], look.ink, 16)
    if piece.at_mm == 0 and piece.start:
        _text(pen, (left + 60, middle - ROW_MM / 2 * PX_MM + 4), f"{piece.start / given.rate_hz:.0f} s", look.soft, 16)


def _runs(there: np.ndarray) -> Iterator[tuple[int, int]]:
    """(start, stop) of the stretches without a gap."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], there.astype(int), [0]])))
    return ((int(a), int(b)) for a, b in list(pairwise(edges))[::2] if b - a > 1)


# records


def _table(given: Record, spec: RecordField, values: np.ndarray | None, look: Look) -> Pillow.Image:
    """Value, usual range and how far it moved the answer, the farthest first; without a map what is known."""
    if values is None:
        order = [i for i, c in enumerate(spec.columns) if given.values.get(c.name) is not None][:SHOWN]
    else:
        order = [int(i) for i in np.argsort(-np.abs(values))[:SHOWN]]
    out = Pillow.new("RGB", (WIDTH, 34 * (1 + len(order)) + 16), look.ground)
    pen = ImageDraw.Draw(out)
    heads = [(EDGE, _("Value"), "la"), (560, _("Measured"), "ra"), (740, _("Usual"), "ra")]
    heads += [(WIDTH - EDGE, _("Points of 100"), "ra")] if values is not None else []
    for x, text, anchor in heads:
        _text(pen, (x, 12), text, look.soft, 16, anchor)
    most = 1.0 if values is None else float(np.abs(values).max()) or 1.0
    for n, i in enumerate(order, 1):
        column, top = spec.columns[i], 8 + 34 * n
        pen.line([(EDGE, top), (WIDTH - EDGE, top)], look.line)
        _text(pen, (EDGE, top + 6), _(column.title), look.ink)
        _text(pen, (560, top + 6), _held(given, column.name, column.unit), look.ink, anchor="ra")
        _text(pen, (740, top + 6), span(*column.usual) if column.usual else "", look.soft, anchor="ra")
        if values is not None:
            v = float(values[i])
            end = 930 + 150 * v / most
            pen.rectangle([min(930, end), top + 9, max(930, end), top + 25], look.raises if v > 0 else look.lowers)
            pen.line([(930, top), (930, top + 34)], look.soft)
            _text(pen, (WIDTH - EDGE, top + 6), number(100 * v, 1, signed=True), look.ink, anchor="ra")
    return out


def _held(given: Record, name: str, unit: str) -> str:
    held = given.values.get(name)
    if held is None:
        return _("not measured")
    return held if isinstance(held, str) else f"{number(held)} {unit}".strip()
