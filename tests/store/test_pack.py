"""What viewers fetch, checked byte by byte as a browser reads it."""

import json

import numpy as np
import pytest

from medcore.inputs import Image, Record, Signal
from medcore.store.pack import GAP, SIDE, pack, shrink, unpack, view_input


def test_arrays_start_on_multiples_of_eight_and_come_back() -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "a": rng.integers(0, 255, (3, 5), np.uint8),
        "b": rng.normal(size=(2, 3, 4)).astype(np.float32),
        "c": rng.integers(-9, 9, (7,), np.int16).astype(">i2"),
        "empty": np.zeros((0, 4), np.float32),
    }
    blob = pack({"label": "Zürich µV"}, arrays)
    start = 4 + int.from_bytes(blob[:4], "little")
    listed = json.loads(blob[4:start])["arrays"]
    assert start % 8 == 0
    assert all(a["offset"] % 8 == 0 for a in listed)
    assert [a["dtype"] for a in listed] == ["uint8", "float32", "int16", "float32"]
    header, back = unpack(blob)
    assert header == {"label": "Zürich µV"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32])
def test_a_film_gives_its_stored_values(dtype: type) -> None:
    pixels = np.array([[0, 5, 9], [100, 77, 3]]).astype(dtype)
    if np.issubdtype(dtype, np.signedinteger):
        pixels -= 50
    header, arrays = unpack(view_input(Image(pixels, monochrome1=True, spacing_mm=(0.2, 0.3), bits=12)))
    assert arrays["pixels"].dtype == np.uint16
    np.testing.assert_allclose(header["offset"] + header["step"] * arrays["pixels"], pixels)
    assert header["monochrome1"] is True
    assert header["spacing_mm"] == [0.2, 0.3]


def test_a_film_wider_than_16_bits_keeps_its_range() -> None:
    pixels = np.array([[-1e6, 0.0, 2e6]], np.float32)
    header, arrays = unpack(view_input(Image(pixels)))
    np.testing.assert_allclose(header["offset"] + header["step"] * arrays["pixels"], pixels, atol=header["step"])


def test_a_large_film_is_averaged_and_its_spacing_grows() -> None:
    pixels = np.zeros((2 * SIDE, SIDE), np.uint16)
    pixels[::2] = 1000
    header, arrays = unpack(view_input(Image(pixels, spacing_mm=(0.1, 0.1))))
    assert arrays["pixels"].shape == (SIDE, SIDE // 2)
    assert header["spacing_mm"] == [0.2, 0.2]
    np.testing.assert_allclose(header["offset"] + arrays["pixels"] * header["step"], 500, atol=1)


def test_colour_keeps_its_planes() -> None:
    _header, arrays = unpack(view_input(Image(np.zeros((3000, 100, 3), np.uint8))))
    assert arrays["pixels"].shape == (SIDE, round(100 * SIDE / 3000), 3)


def test_a_signal_is_in_microvolts_with_gaps() -> None:
    samples = np.array([[0.001, -1.5, np.nan], [40.0, -40.0, 0.0]], np.float32)
    header, arrays = unpack(view_input(Signal(samples, 500.0, ("I", "II"), ("mV", "mV"))))
    np.testing.assert_array_equal(arrays["samples"][0], [1, -1500, GAP])
    assert header["divisors"][0] == 1
    np.testing.assert_allclose(arrays["samples"][1] * header["divisors"][1] / 1000, samples[1], rtol=1e-4)
    assert (arrays["samples"][1] != GAP).all()


def test_a_signal_without_a_sample_is_all_gap() -> None:
    _header, arrays = unpack(view_input(Signal(np.full((1, 4), np.nan, np.float32), 100.0, ("I",), ("mV",))))
    np.testing.assert_array_equal(arrays["samples"], np.full((1, 4), GAP))


def test_a_record_is_its_values() -> None:
    header, arrays = unpack(view_input(Record({"age": 71.0, "sex": "female", "ph": None})))
    assert header == {"kind": "record", "values": {"age": 71.0, "sex": "female", "ph": None}}
    assert arrays == {}


def test_small_pictures_stay() -> None:
    picture = np.arange(6.0).reshape(2, 3)
    small, scale = shrink(picture, 256)
    assert scale == 1
    np.testing.assert_array_equal(small, picture)
