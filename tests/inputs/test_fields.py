"""Fields: what they refuse, and that what comes back lies where it came from."""

import numpy as np
import pytest
import torch

from medcore.errors import Refused
from medcore.inputs import Column, Image, ImageField, Record, RecordField, Signal, SignalField, sha256
from medcore.inputs.signal import LEADS
from medcore.simulate.twelve_leads import twelve_leads

RECORD = RecordField((Column("age", "Age", "years", limits=(18, 100)), Column("sex", "Sex", choices=("f", "m"))))
FILM = ImageField(size=64, views=("PA", "AP"))
TWELVE = SignalField(leads=LEADS, rate_hz=100, min_seconds=5, max_seconds=61, crop_seconds=10)
ECG = SignalField(leads=("I",), rate_hz=100, min_seconds=9, max_seconds=61, crop_seconds=10)


def strip(rate: float = 300, seconds: float = 10, leads: tuple[str, ...] = ("I",), unit: str = "mV") -> Signal:
    t = np.arange(round(rate * seconds)) / rate
    y = np.stack([np.exp(-(((t % 0.8) - 0.4) ** 2) / 0.0004) * (i + 1) for i in range(len(leads))])
    return Signal(y.astype(np.float32), rate, leads, (unit,) * len(leads))


def test_record_encodes_missing_as_masked() -> None:
    x, mask = RECORD.encode(Record({"age": 50.0, "sex": None}))
    assert x.tolist() == [50, 0, 0] and mask.tolist() == [1, 0, 0]
    assert RECORD.absent(Record({"age": 50.0})) == ["sex"]


def test_implausible_values_are_asked_about_not_refused() -> None:
    assert "130" in RECORD.check(Record({"age": 130.0}))[0]


@pytest.mark.parametrize("values", [{}, {"age": None}, {"sex": "x"}, {"age": "old"}, {"age": float("nan")}])
def test_records_that_are_refused(values: dict[str, float | str | None]) -> None:
    with pytest.raises(Refused) as error:
        RECORD.check(Record(values))
    assert error.value.sentence and error.value.remedy


def test_record_attribution_sums_the_categories_of_a_column() -> None:
    assert RECORD.place(np.array([1.0, 2.0, 3.0]), Record({})).tolist() == [1, 5]


def test_monochrome1_is_read_bright_side_up() -> None:
    pixels = np.tile(np.arange(100, dtype=np.uint16), (100, 1))
    plain, inverted = FILM.encode(Image(pixels))[0], FILM.encode(Image(pixels[:, ::-1].copy(), monochrome1=True))[0]
    # Reversed values under reversed meaning look the same.
    flipped = FILM.encode(Image((99 - pixels), monochrome1=True))[0]
    torch.testing.assert_close(plain, flipped)
    torch.testing.assert_close(plain, inverted)


def test_film_shape_is_not_seen() -> None:
    wide = np.tile(np.arange(100, dtype=np.uint8), (50, 1))
    assert FILM.encode(Image(wide.repeat(2, 0)))[0].shape == FILM.encode(Image(wide.repeat(4, 0)))[0].shape


@pytest.mark.parametrize(
    ("pixels", "facts", "said"),
    [
        (np.random.default_rng(0).integers(0, 255, (100, 100, 3), np.uint8), {}, "colour"),
        (np.random.default_rng(0).integers(0, 255, (100, 100), np.uint8), {"view": "LL"}, "LL"),
        (np.full((100, 100), 7, np.uint8), {}, "even grey"),
        (np.random.default_rng(0).integers(0, 255, (20, 100), np.uint8), {}, "too small"),
    ],
)
def test_films_that_are_refused(pixels: np.ndarray, facts: dict[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        FILM.check(Image(pixels, facts=facts))


def test_grey_stored_as_colour_is_taken() -> None:
    grey = np.random.default_rng(0).integers(0, 255, (100, 100, 1), np.uint8).repeat(3, 2)
    assert FILM.check(Image(grey, facts={"view": "PA"})) == []


def test_signal_is_resampled_and_comes_back_on_its_own_grid() -> None:
    given = strip(rate=300)
    x, mask = ECG.encode(given)
    assert x.shape == (1, 1000) and mask.min() == 1
    spike = np.zeros((1, 1000), np.float32)
    spike[0, 250] = 1.0
    back = ECG.place(spike, given)
    assert back.shape == given.samples.shape
    assert abs(int(back[0].argmax()) / 300 - 2.5) < 0.01
    assert back.sum() == pytest.approx(1.0, rel=0.02)


def test_gaps_are_masked_not_zero_filled_signal() -> None:
    given = strip(seconds=20)
    given.samples[0, 600:1200] = np.nan
    x, mask = ECG.encode(given)
    assert mask[0, 250:350].max() == 0 and mask[0, :190].min() == 1
    assert torch.isfinite(x).all()


def test_one_lead_is_read_out_of_twelve_and_said() -> None:
    remarks = ECG.check(strip(leads=("II", "I", "V1")))
    assert any("I" in r for r in remarks)
    torch.testing.assert_close(ECG.encode(strip(leads=("II", "I")))[0][0] / 2, ECG.encode(strip())[0][0])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (strip(seconds=4), "4.0 s"),
        (strip(unit="mmHg"), "lacks the leads"),
        (Signal(np.zeros((1, 3000), np.float32), 300, ("I",), ("mV",)), "flat"),
        (Signal(strip().samples * 1000, 300, ("I",), ("mV",)), "µV"),
        (Signal(np.clip(np.sin(np.arange(3000.0))[None] * 5, -1, 1), 300, ("I",), ("mV",)), "saturated"),
    ],
)
def test_signals_that_are_refused(given: Signal, said: str) -> None:
    with pytest.raises(Refused, match=said):
        ECG.check(given)


def test_flat_leads_of_twelve_are_left_out_and_named() -> None:
    given = strip(leads=LEADS)
    given.samples[[2, 6]] = 0.5
    remarks = TWELVE.check(given)
    assert len(remarks) == 2 and all("flat" in r and "left out" in r for r in remarks)
    assert "III" in remarks[0] and "V1" in remarks[1]
    x, mask = TWELVE.encode(given)
    assert mask.amax(1).tolist() == [float(i not in (2, 6)) for i in range(12)]
    assert (x[[2, 6]] == 0).all()
    given.samples[:] = 0.5
    with pytest.raises(Refused, match="flat"):
        TWELVE.check(given)


def test_any_of_the_twelve_will_do_and_the_others_are_absent() -> None:
    given = strip(leads=("V2", "aVF"))
    assert TWELVE.check(given) == []
    assert TWELVE.absent(given) == [lead for lead in LEADS if lead not in ("V2", "aVF")]
    x, mask = TWELVE.encode(given)
    assert mask.amax(1).tolist() == [float(lead in ("V2", "aVF")) for lead in LEADS]
    back = TWELVE.place(x.numpy(), given)
    assert back.shape == given.samples.shape and (back.std(1) > 0).all()


def test_several_leads_keep_their_polarity_and_lose_some_but_never_all() -> None:
    x = torch.from_numpy(twelve_leads(3, rate_hz=100, noise_mv=0.01).samples)[None].expand(200, -1, -1).clone()
    y, mask = TWELVE.augment(x, torch.ones_like(x), torch.Generator().manual_seed(1))
    there = mask.amax(2)
    assert there.amax(1).min() == 1 and 0.15 < (there.amin(1) == 0).float().mean() < 0.35
    assert (y[there == 0] == 0).all()
    size = y.std(2)[there > 0] / x.std(2)[there > 0]
    assert 0.8 < size.median() < 1.3
    tops = [torch.quantile(t, q, dim=2) for t in (x, y) for q in (0.995, 0.005)]
    upright = (tops[0] + tops[1]).sign() == (tops[2] + tops[3]).sign()
    assert upright[there > 0].float().mean() > 0.85


@pytest.mark.parametrize("field", [RECORD, FILM, ECG], ids=lambda f: f.kind)
def test_augmentation_keeps_shape_and_depends_on_its_generator_alone(field: RecordField) -> None:
    x = torch.rand(4, *{"record": (3,), "image": (1, 64, 64), "signal": (1, 1000)}[field.kind])
    mask = torch.ones_like(x)
    a, b = (field.augment(x, mask, torch.Generator().manual_seed(5)) for _ in range(2))
    assert a[0].shape == x.shape
    torch.testing.assert_close(a[0], b[0])


def test_hash_is_of_what_is_seen_not_of_the_facts() -> None:
    pixels = np.arange(100, dtype=np.uint8).reshape(10, 10)
    assert sha256(Image(pixels)) == sha256(Image(pixels.copy(), facts={"age_years": "5"}))
    assert sha256(Image(pixels)) != sha256(Image(pixels, monochrome1=True))


def test_a_mask_is_brought_to_the_encoded_grid_and_back() -> None:
    mask = np.zeros((2, 300, 200), bool)
    mask[0, 30:180, 20:90] = True
    mask[1, 0, 0] = True
    given = Image(np.zeros((300, 200), np.uint16))
    encoded = FILM.encode_mask(mask, given)
    assert (encoded.shape, encoded.dtype) == ((2, 64, 64), torch.uint8)
    assert encoded[0].float().mean() / 255 == pytest.approx(mask[0].mean(), abs=0.002), "shares keep the area"
    assert encoded[0].max() == 255 and 0 < encoded[1].max() < 60
    own = FILM.on_own_grid(encoded.numpy() / 255, given)
    assert own.shape == mask.shape
    said = own[0] > 0.5
    assert 2 * (said & mask[0]).sum() / (said.sum() + mask[0].sum()) > 0.98
    whole = FILM.encode_mask(np.ones((1, 1), bool), given)
    assert whole.shape == (1, 64, 64) and whole.min() == 255, "one value stands for the whole film"


def test_truth_moves_along_with_the_film() -> None:
    x = torch.zeros(16, 1, 64, 64)
    x[:, :, 10:30, 8:24] = 1  # off the middle: a mirrored or turned one lies elsewhere
    truth = torch.cat([x, 1 - x], 1)
    field = ImageField(size=64)
    y, mask, moved = field.augment_with(x, torch.ones_like(x), truth, torch.Generator().manual_seed(3))
    assert moved.shape == truth.shape and mask.min() == 1
    torch.testing.assert_close(moved[:, :1], y)
    torch.testing.assert_close(moved.sum(1), torch.ones(16, 64, 64))
    assert (y - x).abs().amax((1, 2, 3)).min() > 0.5, "each was moved"
    contrasted = ImageField(size=64, contrast=1.0)
    z, _mask, kept = contrasted.augment_with(x, torch.ones_like(x), truth, torch.Generator().manual_seed(3))
    torch.testing.assert_close(kept, moved)
    assert (z - y).abs().mean() > 0.02, "grey values change, truth doesn't"
