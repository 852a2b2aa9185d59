"""What viewers fetch, checked byte by byte as a browser reads it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from medcore.i18n import _catalogue, language
from medcore.inputs import Image, Record, Signal, Volume
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


def boxed(voxels: np.ndarray, **more: object) -> Volume:
    affine = np.array([[0, 0, 0.8, -10], [0, 0.5, 0, -20], [2, 0, 0, 5], [0, 0, 0, 1]])
    return Volume(voxels, affine, tuple(f"c{i}" for i in range(len(voxels))), **more)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.float32])
def test_a_volume_gives_its_values(dtype: type) -> None:
    voxels = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5).astype(dtype)
    if dtype == np.uint16:
        voxels[0, 0, 0, :2] = 65000, 65535
    header, arrays = unpack(view_input(boxed(voxels)))
    assert arrays["voxels"].dtype == np.int16
    assert arrays["voxels"].shape == (2, 3, 4, 5)
    back = arrays["voxels"] * header["scale"] + header["offset"]
    np.testing.assert_allclose(back, voxels, atol=0 if np.issubdtype(dtype, np.integer) else 0.51 * header["scale"])
    assert header["scale"] <= 1


def test_a_volume_says_all_that_its_viewer_needs() -> None:
    voxels = np.tile(np.arange(100, dtype=np.int16), (1, 3, 4, 25))
    voxels[..., :20] = -3024
    facts = {"modality": "CT"}
    given = boxed(voxels, units="HU", window=(40.0, 400.0), padding=-3024.0, positions_mm=(5.0, 6.0, 9.0), facts=facts)
    header, _arrays = unpack(view_input(given, ["The slices are unevenly spaced."]))
    assert {k: header[k] for k in header if k not in ("range", "affine")} == {
        "kind": "volume",
        "channels": ["c0"],
        "units": "HU",
        "scale": 1.0,
        "offset": 0.0,
        "spacing_mm": [2.0, 0.5, 0.8],
        "spacing_real": True,
        "placed": True,
        "positions_mm": [5.0, 6.0, 9.0],
        "window": [40.0, 400.0],
        "padding": -3024.0,
        "facts": {"modality": "CT"},
        "remarks": ["The slices are unevenly spaced."],
    }
    np.testing.assert_array_equal(header["affine"], given.affine)
    ((low, high),) = header["range"]
    assert 0 <= low < 5  # without what fills the outside
    assert 95 < high < 100


def test_sequences_are_named_in_the_askers_language() -> None:
    given = replace(boxed(np.zeros((2, 3, 4, 5), np.int16)), channels=("pre-contrast", "FLAIR"))
    token = language.set("zh")
    try:
        title, name = unpack(view_input(given))[0]["channels"]
    finally:
        language.reset(token)
    assert title == _catalogue("zh")["pre-contrast"] != "pre-contrast" and name == "FLAIR"


def test_an_even_volume_counts_its_places_itself() -> None:
    header, _arrays = unpack(view_input(boxed(np.zeros((1, 3, 4, 5), np.float32))))
    np.testing.assert_allclose(header["positions_mm"], [5, 7, 9])
    assert header["range"] == [[0, 0]]
