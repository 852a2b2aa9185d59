"""What is seen on the picture that goes into reports."""

import numpy as np
import pytest

from medcore.export.picture import HEIGHT, LABELS, ON_FILM, PAPER, SCREEN, WIDTH, Look, draw_input, draw_slice
from medcore.inputs import Field, Image, Input, Volume
from medcore.simulate.ecg import ecg
from medcore.simulate.record import record
from medcore.tasks import all_tasks


def field(kind: str) -> Field:
    return next(f for t in all_tasks().values() for f in t.fields.values() if f.kind == kind)


def drawn(given: Input, values: np.ndarray | None, look: Look = SCREEN) -> np.ndarray:
    return np.asarray(draw_input(field(given.kind), given, values, look), float)


def test_a_film_is_tinted_where_the_map_is_hot_and_nowhere_else() -> None:
    given = Image(np.full((400, 400), 100, np.uint16) + np.arange(400, dtype=np.uint16), bits=12)
    heat = np.zeros((40, 40))
    heat[4:10, 30:36] = 1
    found = drawn(given, heat)
    side = min(WIDTH - 220, HEIGHT)
    left = (WIDTH - side) // 2
    film = found[:, left : left + side]
    colour = film.max(-1) - film.min(-1)
    hot = slice(round(0.125 * side), round(0.225 * side)), slice(round(0.775 * side), round(0.875 * side))
    assert colour[hot].mean() > 40
    assert colour[side // 2 :, : side // 2].max() < 3
    bar = found[:, left + side :]
    assert (bar.max(-1) - bar.min(-1)).max() > 100
    assert found[:, -8:].max() == 0  # no word runs out of the picture
    plain = drawn(given, None)
    assert (plain.max(-1) - plain.min(-1)).max() < 3


def test_a_mask_on_a_film_is_filled_and_outlined_and_over_a_map_outlined_alone() -> None:
    given = Image(np.full((100, 100), 2000, np.uint16) + np.arange(100, dtype=np.uint16), bits=12)
    mask = np.zeros((1, 100, 100), np.uint8)
    mask[0, 20:60, 10:40] = 1
    side = min(WIDTH - 220, HEIGHT)
    ink = np.array([int(ON_FILM[0][i : i + 2], 16) for i in (1, 3, 5)])

    def film(values: np.ndarray | None, marks: np.ndarray | None) -> np.ndarray:
        found = np.asarray(draw_input(field("image"), given, values, SCREEN, marks), float)
        return found[:, (WIDTH - side) // 2 :][:, :side]

    plain, marked = film(None, None), film(None, mask)
    rows, columns = np.nonzero(np.abs(marked - ink).max(-1) < 2)
    expected = [round(v * side / 100) for v in (20, 60, 10, 40)]
    assert [rows.min(), rows.max() + 1, columns.min(), columns.max() + 1] == pytest.approx(expected, abs=1)
    inside = slice(round(0.3 * side), round(0.5 * side)), slice(round(0.2 * side), round(0.3 * side))
    np.testing.assert_allclose(marked[inside], 0.8 * plain[inside] + 0.2 * ink, atol=2)
    assert np.abs(marked - plain)[round(0.62 * side) :].max() == 0
    heat = np.zeros((100, 100))
    heat[80:, 80:] = 1
    both, warm = film(heat, mask), film(heat, None)
    np.testing.assert_array_equal(both[inside], warm[inside])
    assert (np.abs(both - ink).max(-1) < 2).sum() == pytest.approx(len(rows), rel=0.01)


def test_a_film_keeps_the_shape_of_its_pixels_and_monochrome1_is_turned() -> None:
    ramp = np.tile(np.arange(100, dtype=np.uint8), (100, 1))
    wide = drawn(Image(ramp, spacing_mm=(1.0, 2.0)), None)
    assert wide.shape[0] == round((WIDTH - 220) / 2)
    turned = drawn(Image(ramp, monochrome1=True), None)
    middle = turned[len(turned) // 2, :, 0]
    assert middle[200] > 200 > 60 > middle[1000]


def test_a_strip_is_marked_where_it_counted() -> None:
    strip = ecg(3)
    heat = np.zeros(strip.samples.shape, np.float32)
    heat[:, : strip.samples.shape[1] // 3] = 1
    for look in (SCREEN, PAPER):
        marked, plain = drawn(strip, heat, look), drawn(strip, None, look)
        assert marked.shape == plain.shape
        apart = np.abs(marked - plain).max(-1) > 60
        assert apart[:, : WIDTH // 4].sum() > 1000
        assert apart[135:, WIDTH // 2 :].sum() == 0


def test_twelve_leads_are_three_by_four_and_a_strip() -> None:
    from medcore.clinic.demo import real_files
    from medcore.readers import read

    (found,) = read({"a.dcm": real_files()["waveform_ecg.dcm"]})
    picture = drawn(found.input, None, PAPER)
    assert picture.shape == (540, WIDTH, 3)  # four rows of 30 mm
    dark = picture.max(-1) < 60
    assert dark[:, :30].any(1).reshape(4, 135).any(1).all()  # a calibration pulse in each row
    # 1 mV is 10 mm high: from its foot to its head.
    rows = np.flatnonzero(dark[:135, 4:28].any(1))
    assert np.ptp(rows) == pytest.approx(45, abs=3)


def test_the_bars_of_a_record_are_as_long_as_their_share() -> None:
    columns = field("record").columns  # type: ignore[attr-defined]
    values = np.zeros(len(columns))
    values[0], values[1] = 0.1, -0.05
    found = drawn(record(1)[0], values)
    for top, colour, wide in ((42, SCREEN.raises, 150), (76, SCREEN.lowers, 75)):
        ink = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
        assert (np.abs(found[top + 17] - ink).max(-1) < 3).sum() == pytest.approx(wide, abs=3)


def test_of_a_volume_the_slice_with_most_of_the_mask_is_drawn() -> None:
    voxels = np.zeros((2, 5, 40, 30), np.int16)
    voxels[:, 3] = 100 * np.indices((40, 30)).sum(0)
    mask = np.zeros((1, 5, 40, 30), np.uint8)
    mask[0, 3, 10:20, 5:15] = 1
    mask[0, 1, 0, 0] = 1
    affine = np.diag([5.0, 1.0, 2.0, 1.0])
    found = np.asarray(draw_slice(Volume(voxels, affine, ("T1", "FLAIR")), None, mask), float)
    assert found.shape == (400, WIDTH, 3)  # 40 mm by 60 mm, twice beside each other
    ink = np.array([int(LABELS[0][i : i + 2], 16) for i in (1, 3, 5)])
    for left in (0, WIDTH // 2):
        rows, columns = np.nonzero(np.abs(found[:, left : left + WIDTH // 2] - ink).max(-1) < 2)
        assert (rows.min(), rows.max()) == (100, 199)
        assert (columns.min(), columns.max()) == (100, 299)
    heat = np.zeros((5, 8, 6))
    heat[2, 4:, 3:] = 1
    warm = np.asarray(draw_slice(Volume(voxels, affine), heat, None), float)
    colour = warm.max(-1) - warm.min(-1)
    assert colour[700:, 900:].mean() > 40 and colour[40:200, :300].max() < 3
