"""Series and frames become volumes: in their true order, at their true places, and what is odd is said."""

import csv
from pathlib import Path

import numpy as np
import pytest

from medcore.errors import Refused
from medcore.inputs import Image, Volume, sha256
from medcore.readers import decode, read, read_each
from medcore.readers.dicom import stored_pixels
from medcore.readers.dicom_file import parse
from tests.readers.make import files, frames, one, part10, slice_of, stack, volume

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, of the odd files here

HEAD, BRAIN, LIVER = "series/ct_head_ge", "series/mr_t1_brain", "series/ct_liver_seg/ct"
NOISE = [f"series/mr_4slices_noise/{code}" for code in ("j2k", "jpeg", "jpegls", "rle")]


def folder(data: Path, name: str) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((data / "dicom_series" / name).iterdir())}


def stated(data: Path, name: str) -> list[dict[str, str]]:
    """Rows of expected.csv of a series, by position along the normal of its first file."""
    with (data / "dicom_series" / "expected.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["file"].startswith(f"{name}/")]
    header = parse((data / "dicom_series" / rows[0]["file"]).read_bytes())
    axes = np.array(header.ImageOrientationPatient, float).reshape(2, 3)
    return sorted(rows, key=lambda r: float(np.cross(*axes) @ [float(v) for v in r["position"].split("\\")]))


@pytest.mark.data
@pytest.mark.parametrize("name", [HEAD, BRAIN, LIVER, *NOISE])
def test_a_real_series_is_the_stored_slices_in_their_order_at_their_places(data, name):
    rows, given = stated(data, name), volume(folder(data, name))
    assert given.voxels.shape == (1, len(rows), int(rows[0]["rows"]), int(rows[0]["cols"]))
    offset = float(rows[0]["intercept"] or 0) if given.units == "HU" else 0
    for row, picture in zip(rows, given.voxels[0], strict=True):
        stored = stored_pixels((data / "dicom_series" / row["file"]).read_bytes())
        np.testing.assert_array_equal(picture, stored + offset)
    ends = [[float(v) for v in row["position"].split("\\")] for row in (rows[0], rows[-1])]
    np.testing.assert_allclose(given.affine @ [0, 0, 0, 1], [*ends[0], 1], atol=0.01)
    np.testing.assert_allclose(given.affine @ [len(rows) - 1, 0, 0, 1], [*ends[1], 1], atol=0.01)
    spacing = [float(v) for v in rows[0]["spacing"].split("\\")]
    np.testing.assert_allclose(given.spacing_mm[1:], spacing, rtol=1e-6)
    assert given.spacing_real
    assert given.placed
    if rows[0]["hu_min"]:
        assert given.units == "HU"
        assert (given.voxels.min(), given.voxels.max()) == (
            min(float(r["hu_min"]) for r in rows),
            max(float(r["hu_max"]) for r in rows),
        )


@pytest.mark.data
def test_the_real_head_says_that_it_is_tilted_uneven_and_padded(data):
    found = one(folder(data, HEAD))
    assert found.remarks == (
        "The slices lean by 18.5° against the direction in which they are stacked (gantry tilt).",
        "The slices are unevenly spaced, 1.1 to 7.0 mm apart.",
        "Outside the scan the files hold -1500 as a filling, which is no tissue.",
    )
    assert found.input.padding == -1500
    assert found.input.window == (35, 85)
    steps = np.diff(found.input.along_mm)
    np.testing.assert_allclose(steps[:13], 4.0, atol=0.01)
    np.testing.assert_allclose([steps[13], *steps[14:]], [1.08, *[7.0] * 13], atol=0.01)
    # Sheared, not turned: each slice is 1/cos of the tilt further along the table than along the normal.
    np.testing.assert_allclose(found.input.affine[:3, 0], [0, 0, (157.7760586 - 5.8360586) / 27], atol=1e-6)


@pytest.mark.data
def test_the_real_brain_is_even_oblique_and_of_pixels_that_are_not_square(data):
    found = one(folder(data, BRAIN))
    assert found.remarks == ()
    np.testing.assert_allclose(found.input.spacing_mm, (2.0, 0.666667, 0.699988), atol=1e-5)
    assert found.input.positions_mm is None
    assert found.input.channels == ("T1",)
    assert found.input.facts["sequence"] == "T1"
    assert (found.input.voxels.min(), found.input.voxels.max(), found.input.units) == (0, 238, "")


@pytest.mark.data
def test_four_codings_of_one_series_are_one_volume(data):
    alone = [volume(folder(data, name)) for name in NOISE]
    assert len({sha256(v) for v in alone}) == 1
    together = {f"{name}/{k}": v for name in NOISE for k, v in folder(data, name).items()}
    found = one(together)
    assert sha256(found.input) == sha256(alone[0])
    assert found.remarks == ("Left out as copies of other pictures in the series: 12.",)


@pytest.mark.data
def test_real_files_of_several_frames(data, subtests):
    root = data / "dicom_series" / "multiframe"
    for name, shape, spacing, word in [
        ("ect_2frames", (1, 2, 512, 512), (10, 0.388672, 0.388672), ""),
        ("mr_enhanced_philips_8frames_noise", (1, 8, 256, 256), (1.2, 1, 1), "T1"),
        ("mr_hyperfine_8frames_noise", (1, 8, 138, 112), (5, 1.61, 1.59), "FLAIR"),
    ]:
        with subtests.test(name):
            content = (root / f"{name}.dcm").read_bytes()
            given = volume(content)
            assert given.voxels.shape == shape
            assert given.channels == (word,)
            np.testing.assert_allclose(given.spacing_mm, spacing, rtol=1e-4)
            frame = {"ect_2frames": [0, 1], "mr_hyperfine_8frames_noise": range(8)}.get(name, range(7, -1, -1))
            normal = np.cross(given.affine[:3, 2], given.affine[:3, 1])
            order = list(frame) if normal @ given.affine[:3, 0] > 0 else list(frame)[::-1]
            stored = stored_pixels(content)
            assert any(np.array_equal(given.voxels[0], stored[o]) for o in (order, order[::-1]))
    for name in ("emri_10frames", "emri_10frames_jpegls", "emri_10frames_rle"):
        found = one((root / f"{name}.dcm").read_bytes())
        np.testing.assert_array_equal(found.input.voxels[0], stored_pixels((root / f"{name}.dcm").read_bytes()))
        assert not found.input.placed
        assert not found.input.spacing_real
        assert "no sides are named" in " ".join(found.remarks)


def test_slices_go_by_position_whatever_their_names_and_numbers_say():
    given = stack((4, 0, 6, 2))
    found = one(files(given))
    assert [int(p.min()) // 100 for p in found.input.voxels[0]] == [1, 3, 0, 2]
    np.testing.assert_allclose(
        found.input.affine, [[0, 0, 0.8, -10], [0, 0.5, 0, -20], [2, 0, 0, 0], [0, 0, 0, 1]], atol=1e-9
    )
    assert found.remarks == ()
    assert list(found.files) == ["slice_0001.dcm", "slice_0002.dcm", "slice_0003.dcm", "slice_0004.dcm"]
    assert found.person == "4711"


def test_slices_of_one_file_go_by_position_too():
    found = one(part10(frames(stack((4, 0, 6, 2)))))
    assert [int(p.min()) // 100 for p in found.input.voxels[0]] == [1, 3, 0, 2]
    assert list(found.files) == ["volume.dcm"]
    np.testing.assert_allclose(found.input.spacing_mm, (2, 0.5, 0.8))


def test_any_direction_gives_the_place_of_every_voxel():
    turned, _r = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    rows, columns, normal = turned.T * [1, 1, np.linalg.det(turned)]
    corner = np.array([7.0, -30.0, 12.0])
    given = stack(range(5), change=lambda n: {
        "ImageOrientationPatient": [f"{v:.10f}" for v in (*rows, *columns)],
        "ImagePositionPatient": [f"{v:.8f}" for v in corner - n * 3 * np.cross(rows, columns)],
    })  # fmt: skip
    affine = volume(files(given)).affine
    lowest = corner - 12 * np.cross(rows, columns)
    for s, r, c in [(0, 0, 0), (2, 5, 3), (4, 11, 9)]:
        where = lowest + s * 3 * np.cross(rows, columns) + r * 0.5 * columns + c * 0.8 * rows
        np.testing.assert_allclose((affine @ [s, r, c, 1])[:3], where, atol=1e-5)
    assert np.isclose(abs(normal @ np.cross(rows, columns)), 1)


@pytest.mark.parametrize(
    ("heights", "says"),
    [
        ((0, 2, 4, 6.05), ""),
        ((0, 2, 4, 8, 10, 12, 18), "Slices are missing: 3 by the distance of their neighbours, which is up to 6.0 mm."),
        ((0, 2, 3, 7), "The slices are unevenly spaced, 1.0 to 4.0 mm apart."),
    ],
)
def test_distances_that_differ_are_said_and_kept(heights, says):
    found = one(files(stack(heights)))
    assert " ".join(found.remarks) == says
    np.testing.assert_allclose(found.input.along_mm, heights, atol=0.06)
    assert (found.input.positions_mm is None) == (says == "")


def test_a_tilt_shears_the_volume_and_is_said():
    found = one(files(stack(change=lambda n: {"ImagePositionPatient": [-10, -20 + n, 2 * n]})))
    assert found.remarks == ("The slices lean by 26.6° against the direction in which they are stacked (gantry tilt).",)
    np.testing.assert_allclose(found.input.affine[:3, 0], [0, 1, 2])
    np.testing.assert_allclose(found.input.along_mm, [0, 2, 4, 6])


def test_slices_shifted_sideways_are_refused():
    with pytest.raises(Refused, match=r"shifted sideways by up to 10\.0 mm"):
        read(files(stack(change=lambda n: {"ImagePositionPatient": [-10 + 10 * (n == 1), -20, 2 * n]})))


def test_pictures_beside_each_other_are_no_stack():
    with pytest.raises(Refused, match="not as a stack"):
        read(files(stack(change=lambda n: {"ImagePositionPatient": [30 * n, 0, 0]})))


@pytest.mark.parametrize(
    ("tags", "says", "spacing", "real"),
    [
        (lambda n: {"SliceLocation": -3 * n}, "ordered by SliceLocation", (3, 0.5, 0.8), True),
        (lambda n: {"SpacingBetweenSlices": 5}, "ordered by their numbers, and", (5, 0.5, 0.8), True),
        (lambda n: {}, "1 mm stands for their distance", (1, 0.5, 0.8), False),
    ],
)
def test_without_positions_something_else_orders_and_it_is_said(tags, says, spacing, real):
    found = one(files(stack(change=lambda n: {"ImagePositionPatient": None, **tags(n)})))
    assert len(found.remarks) == 1
    assert says in found.remarks[0]
    assert [int(p.min()) // 100 for p in found.input.voxels[0]] == ([3, 2, 1, 0] if "Loc" in says else [0, 1, 2, 3])
    np.testing.assert_allclose(found.input.spacing_mm, spacing)
    assert found.input.spacing_real == real
    assert not found.input.placed


def test_without_directions_no_sides_are_named():
    found = one(files(stack(change=lambda n: {"ImageOrientationPatient": None})))
    assert found.remarks == ("The files don't say how the slices are turned: no sides are named.",)
    assert not found.input.placed


def test_without_pixel_distances_nothing_is_measured():
    found = one(files(stack(change=lambda n: {"PixelSpacing": None})))
    assert "nothing is measured in mm" in found.remarks[0]
    assert not found.input.spacing_real
    np.testing.assert_allclose(found.input.spacing_mm, (2, 1, 1))


def test_other_sizes_and_directions_in_a_series_are_shown_by_themselves():
    scout = slice_of(np.ones((20, 20), np.uint16), 0, 9, ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    small = [slice_of(np.full((6, 5), n, np.uint16), n, 20 + n) for n in range(3)]
    found = read(files([scout, *stack(), *small]))
    assert sorted(f.input.content()[1][0].shape for f in found) == [(1, 3, 6, 5), (1, 4, 12, 10), (20, 20)]
    for f in found:
        if isinstance(f.input, Volume):
            assert "several sizes or directions" in f.remarks[-1]


def test_each_series_of_a_study_is_a_volume_and_persons_are_not_mixed():
    def other(uid: str, person: str) -> dict[str, object]:
        return {"SeriesInstanceUID": uid, "PatientID": person, "SOPInstanceUID": f"{uid}.{person}"}

    several = [*stack(), *stack(change=lambda n: other("1.9", "4711") | {"SOPInstanceUID": f"1.9.{n}"})]
    assert [f.input.voxels.shape[1] for f in read(files(several))] == [4, 4]
    two = [
        *stack((0, 2, 4)),
        *stack((6, 8), change=lambda n: other("1.2.826.0.1.3", "12") | {"SOPInstanceUID": f"8.{n}"}),
    ]
    assert sorted((f.person, f.input.voxels.shape[1]) for f in read(files(two))) == [("12", 2), ("4711", 3)]


def test_echoes_of_one_series_come_apart():
    echoes = [
        s for te in (10, 90) for s in stack(change=lambda n, te=te: {"EchoTime": te, "SOPInstanceUID": f"1.{te}.{n}"})
    ]
    found = read(files(echoes), b"k")
    assert [f.input.voxels.shape[1] for f in found] == [4, 4]
    for f in found:
        assert f.remarks == ()
        (again,) = read(f.files)
        assert sha256(again.input) == sha256(f.input)


def test_pictures_of_one_place_that_nothing_tells_apart():
    twice = [
        s
        for t in (1, 2)
        for s in stack(change=lambda n, t=t: {"InstanceNumber": 10 * t + n, "SOPInstanceUID": f"1.{t}.{n}"})
    ]
    found = read(files(twice))
    assert len(found) == 2
    assert all("2 pictures lie at each place" in f.remarks[0] for f in found)
    with pytest.raises(Refused, match="at the same place"):
        read(files(twice[:-1]))


def test_a_broken_slice_is_refused_by_its_name_and_its_gap_is_said():
    given = files(stack((0, 2, 4, 6, 8)))
    names = list(given)
    given[names[2]] = given[names[2]][:-100]
    reading = read_each(given)
    assert [r.name for r in reading.refused] == [names[2]]
    assert "PixelData (7FE0,0010) holds" in reading.refused[0].error.sentence
    assert reading.found[0].remarks == (
        "Slices are missing: 1 by the distance of their neighbours, which is up to 4.0 mm.",
    )


def test_one_slice_stays_a_picture_and_films_of_one_series_stay_films():
    assert isinstance(read(files(stack((0,))))[0].input, Image)
    films = stack(change=lambda n: {"Modality": "CR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1"})
    assert [type(f.input) for f in read(files(films))] == [Image] * 4


def test_copies_of_one_slice_are_one_picture_and_slices_without_neighbours_are_pictures():
    found = one({"a": part10(stack()[0]), "b": part10(stack()[0])})
    assert isinstance(found.input, Image)
    assert found.remarks == ("Left out as copies of other pictures in the series: 1.",)
    times = stack(change=lambda n: {"ImagePositionPatient": [0, 0, 5], "TemporalPositionIdentifier": n})
    assert [type(f.input) for f in read(files(times))] == [Image] * 4
    lone = slice_of(np.ones((12, 10), np.uint16), 4, 9, EchoTime=90)
    found = read(files([lone, *stack(change=lambda n: {"EchoTime": 10})]))
    assert [f.input.content()[1][0].shape for f in found] == [(1, 4, 12, 10), (12, 10)]


def test_a_ct_comes_in_hounsfield_units_and_says_what_is_filling():
    tags = {
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "PixelPaddingValue": 63536,
        "WindowCenter": 40,
        "WindowWidth": 400,
    }

    def change(n: int) -> dict[str, object]:
        return dict(tags)

    given = stack(modality="CT", change=change)
    pixels = np.frombuffer(given[0].PixelData, np.uint16).copy()
    pixels[:3] = 63536
    given[0].PixelData = pixels.tobytes()
    found = one(files(given))
    assert found.input.units == "HU"
    assert found.input.voxels.dtype == np.int32  # 62512 doesn't fit 16 bits
    assert (
        int(found.input.voxels[0, 1].min())
        == 100 + int(np.frombuffer(given[1].PixelData, np.uint16).min()) - 100 - 1024
    )
    assert found.input.padding == 62512
    assert found.input.window == (40, 400)
    assert found.remarks == ("Outside the scan the files hold 62512 as a filling, which is no tissue.",)


def test_a_ct_below_air_is_filled_there_though_nothing_says_so():
    given = stack(modality="CT", change=lambda n: {"RescaleSlope": 1, "RescaleIntercept": -2000})
    found = one(files(given))
    assert found.input.padding == found.input.voxels.min() < -1024
    assert found.input.voxels.dtype == np.int16


def test_a_ct_without_a_scale_is_in_no_unit():
    assert volume(files(stack(modality="CT"))).units == ""


def test_fractional_scales_give_floating_point():
    given = volume(files(stack(modality="CT", change=lambda n: {"RescaleSlope": 0.5, "RescaleIntercept": -10})))
    assert given.voxels.dtype == np.float32
    assert float(given.voxels[0, 0, 0, 0]) % 0.5 == 0


def test_mr_keeps_its_stored_values_unless_each_slice_has_its_scale():
    same = one(
        files(
            stack(change=lambda n: {"RescaleSlope": 3, "RescaleIntercept": 0, "WindowCenter": 300, "WindowWidth": 90})
        )
    )
    assert same.input.voxels.dtype == np.uint16
    assert same.input.window == (100, 30)
    assert same.remarks == ()
    own = one(files(stack(change=lambda n: {"RescaleSlope": n + 1, "RescaleIntercept": 0})))
    np.testing.assert_array_equal(own.input.voxels[0, 2], 3 * same.input.voxels[0, 2].astype(int))
    assert "scale of its own" in own.remarks[0]


def test_values_are_read_the_same_by_the_child():
    given = files(stack()) | {"frames.dcm": part10(frames(stack()))}
    here, there = read(given, b"key"), decode(given, b"key")
    for a, b in zip(here, there, strict=True):
        assert sha256(a.input) == sha256(b.input)
        assert (a.files, a.person, a.remarks, a.input.facts) == (b.files, b.person, b.remarks, b.input.facts)
        np.testing.assert_array_equal(a.input.affine, b.input.affine)


def test_a_series_larger_than_the_limit_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr("medcore.readers.base.MAX_DECODED", 600)
    with pytest.raises(Refused, match="The header claims"):
        read(files(stack()))


def test_frames_that_lie_nowhere_are_refused_but_for_sections_of_the_body():
    given = frames(stack())
    del given.PerFrameFunctionalGroupsSequence
    found = one(part10(given))
    assert "ordered by their numbers" in " ".join(found.remarks)
    given.Modality, given.SOPClassUID = "US", "1.2.840.10008.5.1.4.1.1.3.1"
    with pytest.raises(Refused, match="stack of 4 frames that don't say where they lie"):
        read({"a": part10(given)})


def test_frames_in_different_directions_are_refused():
    given = frames(stack())
    turned = type(given)()
    turned.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    given.PerFrameFunctionalGroupsSequence[2].PlaneOrientationSequence = [turned]
    with pytest.raises(Refused, match="different directions"):
        read({"a": part10(given)})
