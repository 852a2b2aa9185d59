import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

from medcore.errors import Refused
from medcore.readers import read
from tests.readers.make import image, one, picture

GREY = np.random.default_rng(0).integers(0, 256, (70, 90), dtype=np.uint8)


@pytest.mark.data
def test_a_real_film_has_the_size_that_its_table_states(data):
    import csv

    with (data / "cxr_pneumonia" / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))[::200]
    for row in rows:
        path = data / "cxr_pneumonia" / row["file"]
        path = path if path.exists() else data / "cxr_pneumonia" / "images" / row["file"]
        assert image(path.read_bytes()).pixels.shape == (int(row["height"]), int(row["width"]))


def test_eight_bits():
    given = image(picture(GREY))
    np.testing.assert_array_equal(given.pixels, GREY)
    assert (given.pixels.dtype, given.bits) == (np.uint8, 8)


def test_sixteen_bits_stay_sixteen():
    deep = np.random.default_rng(0).integers(0, 65536, (70, 90), dtype=np.uint16)
    given = image(picture(deep))
    np.testing.assert_array_equal(given.pixels, deep)
    assert (given.pixels.dtype, given.bits) == (np.dtype("<u2"), 16)


def test_colour_stays_and_transparency_goes():
    colour = np.random.default_rng(0).integers(0, 256, (70, 90, 4), dtype=np.uint8)
    np.testing.assert_array_equal(image(picture(colour)).pixels, colour[..., :3])
    np.testing.assert_array_equal(image(picture(colour[..., :3])).pixels, colour[..., :3])


def test_a_palette_is_expanded():
    out = io.BytesIO()
    Pillow.fromarray(GREY // 8).convert("RGB").quantize(32).save(out, "PNG", transparency=0)
    pixels = image(out.getvalue()).pixels
    assert pixels.shape == (70, 90, 3)
    np.testing.assert_array_equal(pixels[..., 0], GREY // 8)


def test_black_and_white_becomes_grey():
    assert set(np.unique(image(picture(GREY > 100)).pixels)) == {0, 255}


def test_a_jpeg_keeps_the_values_that_it_decodes_to():
    content = picture(GREY, "JPEG", quality=90)
    assert np.abs(image(content).pixels.astype(int) - GREY).mean() < 8


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "YCbCr"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 4}, {"subsampling": 0}])
def test_a_jpeg_is_kept_as_it_is_coded(mode, options):
    out = io.BytesIO()
    Pillow.fromarray(GREY).convert(mode).save(out, "JPEG", exif=b"Exif\0\0" + bytes(60), comment=b"hello", **options)
    found = one(out.getvalue())
    assert list(found.files) == ["image.jpg"]
    assert b"hello" not in found.files["image.jpg"]
    assert b"Exif" not in found.files["image.jpg"]
    expected = Pillow.open(io.BytesIO(out.getvalue())).convert("L" if mode == "L" else "RGB")
    np.testing.assert_array_equal(found.input.pixels, np.asarray(expected))


def test_a_photograph_is_turned_upright():
    exif = Pillow.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    found = one(picture(GREY, "JPEG", exif=exif))
    assert found.input.pixels.shape == (90, 70)
    assert "photograph" in found.remarks[0]


def jpeg_frame(marker: int, bits: int = 8) -> bytes:
    return b"\xff\xd8\xff" + bytes([marker]) + b"\0\x0b" + bytes([bits]) + b"\0\x40\0\x40\1\1\x11\0" + bytes(64)


def claiming(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return picture(GREY)[:12] + header + struct.pack(">I", zlib.crc32(header)) + picture(GREY)[33:]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (picture(GREY)[:2000], "cut off"),
        (picture(GREY, "JPEG")[:1500], "cut off"),
        (picture(GREY)[:100] + b"\0" * 400, "cut off"),
        (jpeg_frame(0xC1, 12), "12-bit JPEG"),
        (jpeg_frame(0xC3), "lossless JPEG"),
        (jpeg_frame(0xC9), "arithmetic JPEG"),
        (claiming(65536, 65536), "The header claims"),
        (picture(GREY, save_all=True, append_images=[Pillow.fromarray(GREY[::-1])]), "moves: it holds 2 pictures"),
    ],
)
def test_a_picture_that_cannot_be_read_is_refused(content, says):
    with pytest.raises(Refused) as caught:
        read({"a.png": content})
    assert says in caught.value.sentence
    assert caught.value.remedy
