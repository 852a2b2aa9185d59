"""Maps of many cases together: shares that can be worked out by hand, groups, ranges, and average pictures."""

import numpy as np
import pytest

from medcore.explain.whole import AFTER, BEAT_HZ, BEFORE, FEWEST, SHOWN, SIDE, Told, picture_of, whole
from medcore.inputs import Image, Signal
from medcore.measure.ecg import measure
from medcore.simulate.ecg import ecg


def told(i: int, outcome: str, age: float, pressure: float) -> Told:
    parts = [("Age", age), ("Pressure", pressure)]
    picture = {"": np.full((SIDE, SIDE), 1.0 if outcome == "right" else 3.0)}
    return Told(f"patient {i}", {"outcome": outcome, "sex": "F" if i % 2 else "M"}, parts, picture)


CASES = [told(i, "right", 0.75, -0.25) for i in range(6)] + [told(6 + i, "wrong", 0.2, 0.8) for i in range(6)]


def test_shares_are_means_whatever_their_sign_with_a_range_over_patients() -> None:
    found = whole(CASES)
    assert found["n"] == 12 and found["parts"] == ["Pressure", "Age"]
    every = found["importance"][""]
    assert every["n"] == 12
    share = every["share"]["Pressure"]
    assert share["value"] == pytest.approx(0.525) and share["low"] < 0.525 < share["high"]
    assert every["signed"] == pytest.approx({"Pressure": 0.275, "Age": 0.475})


def test_groups_are_told_apart_and_small_ones_left_out() -> None:
    found = whole([*CASES, told(99, "right", 1.0, 0.0), Told("x", {"age": "65-79"}, [("Age", 1.0)], {})])
    assert set(found["importance"]) == {"", "outcome:right", "outcome:wrong", "sex:F", "sex:M"}
    wrong = found["importance"]["outcome:wrong"]
    assert wrong["share"]["Age"]["value"] == pytest.approx(0.2) and wrong["signed"]["Pressure"] == pytest.approx(0.8)
    assert wrong["share"]["Age"]["low"] == pytest.approx(0.2), "all alike: no spread"


def test_pictures_are_averaged_for_right_and_for_wrong_answers() -> None:
    pictures = whole(CASES)["pictures"]
    assert {end: of[""]["mean"][0][0] for end, of in pictures.items()} == {"": 2.0, "right": 1.0, "wrong": 3.0}
    assert pictures["wrong"][""]["n"] == 6
    assert whole(CASES[: FEWEST - 1])["pictures"] == {}


def test_of_nothing_there_is_nothing() -> None:
    found = whole([])
    assert found["n"] == 0 and found["parts"] == [] and found["importance"] == {}


def test_no_more_parts_than_can_be_read() -> None:
    many = [Told(str(i), {}, [(f"part {k}", 1 / (k + 1)) for k in range(40)], {}) for i in range(6)]
    assert whole(many)["parts"] == [f"part {k}" for k in range(SHOWN)]


def test_a_films_map_keeps_its_place_and_adds_up_to_one() -> None:
    values = -np.ones((300, 200))
    values[150:, :50] = 2.0
    picture = picture_of({"film": Image(np.zeros((300, 200), np.uint8))}, {"film": values})[""]
    assert picture.sum() == pytest.approx(1) and picture[SIDE // 2 :, : SIDE // 4].sum() == pytest.approx(1)


def test_an_ecgs_map_is_averaged_over_its_beats() -> None:
    given = ecg(4, leads=("I", "II"))
    values = np.zeros(given.samples.shape, np.float32)
    wide = round(0.04 * given.rate_hz)
    for r in measure(given).r_peaks:
        values[1, r - wide : r + wide] = 1.0
    found = picture_of({"ecg": given}, {"ecg": values})
    assert set(found) == {"I", "II"}
    beat, mapped = found["II"]
    assert len(beat) == len(mapped) == round((BEFORE + AFTER) * BEAT_HZ)
    at_r = round(BEFORE * BEAT_HZ)
    assert mapped[at_r] == pytest.approx(1, abs=0.05) and mapped[: at_r - 10].max() == mapped[at_r + 10 :].max() == 0
    assert abs(int(np.abs(beat).argmax()) - at_r) <= 2
    assert found["I"][1].max() == 0
    flat = Signal(np.zeros((1, 3000), np.float32), 300.0, ("I",), ("mV",))
    assert picture_of({"ecg": flat}, {"ecg": np.ones((1, 3000))}) == {}


@pytest.mark.parametrize("names", [("i", "II", "ii"), ("MDC_ECG_LEAD_I", "II", "II"), ("I", "II", "II")])
def test_a_beat_and_its_map_are_of_one_row_whatever_the_file_calls_it(names: tuple[str, ...]) -> None:
    clean = ecg(4, leads=("I", "II"))
    samples = np.vstack([clean.samples, -clean.samples[1:]])
    given = Signal(samples, clean.rate_hz, names, ("mV",) * 3)
    values = np.stack([np.full(samples.shape[1], v, np.float32) for v in (0.25, 1.0, 0.5)])
    found = picture_of({"ecg": given}, {"ecg": values})
    assert set(found) == {"I", "II"}
    middle = round(BEFORE * BEAT_HZ)  # the recording's ends are smoothed
    assert (found["I"][1][middle], found["II"][1][middle]) == pytest.approx((0.25, 1.0), abs=0.01)
    upright = picture_of({"ecg": clean}, {"ecg": values[:2]})
    assert found["II"][0] == pytest.approx(upright["II"][0], abs=0.05), (
        "of the first row of that name, as the field reads"
    )
