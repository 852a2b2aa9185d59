"""NIfTI: every voxel at its place, upright, cleaned of all text, and bounded by what its header may claim."""

import gzip
import time
import tracemalloc
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.loadsave import load
from nibabel.nifti1 import Nifti1Extension, Nifti1Header, Nifti1Image
from nibabel.nifti2 import Nifti2Image

from medcore.errors import Refused
from medcore.inputs import Volume, sha256
from medcore.readers import decode, read
from medcore.readers import nifti as reader
from tests.readers.make import nifti, one, packed, volume

VALUES = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
MARK = "ZQX7MARK"


def places(given: Volume) -> dict[int, tuple[float, ...]]:
    """Where each value of the first channel lies, in mm, x to the right and y to the front as NIfTI has it."""
    at = np.stack(np.meshgrid(*map(range, given.voxels.shape[1:]), indexing="ij"), -1).reshape(-1, 3)
    where = at @ given.affine[:3, :3].T + given.affine[:3, 3]
    where = np.round(where * [-1, -1, 1], 3) + 0.0
    return dict(zip(given.voxels[0].reshape(-1).tolist(), map(tuple, where.tolist()), strict=True))


def places_by_nibabel(values: np.ndarray, affine: np.ndarray) -> dict[int, tuple[float, ...]]:
    at = np.stack(np.meshgrid(*map(range, values.shape), indexing="ij"), -1).reshape(-1, 3)
    where = np.round(at @ affine[:3, :3].T + affine[:3, 3], 3) + 0.0
    return dict(zip(values.reshape(-1).tolist(), map(tuple, where.tolist()), strict=True))


@pytest.mark.data
def test_real_volumes_lie_where_nibabel_has_them(data):
    folder = data / "hippocampus" / "Task04_Hippocampus" / "imagesTr"
    for path in sorted(folder.iterdir())[:6]:
        theirs, ours = load(path), volume(path.read_bytes())
        values = np.asarray(theirs.dataobj)
        assert ours.voxels.shape == (1, values.shape[2], values.shape[1], values.shape[0])
        assert ours.voxels.dtype == values.dtype
        assert ours.spacing_real
        assert ours.placed
        rng = np.random.default_rng(0)
        for _i in range(50):
            s, r, c = (int(rng.integers(n)) for n in ours.voxels.shape[1:])
            where = np.diag([-1, -1, 1, 1]) @ ours.affine @ [s, r, c, 1]
            i, j, k = np.rint(np.linalg.inv(theirs.affine) @ where)[:3].astype(int)
            assert ours.voxels[0, s, r, c] == values[i, j, k]


@pytest.mark.parametrize("axes", list(permutations(range(3))))
@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    signs=st.tuples(*[st.sampled_from([-1, 1])] * 3),
    sizes=st.tuples(*[st.sampled_from([0.5, 1.0, 1.02, 4.0])] * 3),
    turn=st.floats(-0.3, 0.3),
)
def test_whatever_the_file_s_axes_every_voxel_keeps_its_place_and_is_upright(axes, signs, sizes, turn):
    turned = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turned @ np.eye(3)[:, list(axes)] @ np.diag(np.multiply(signs, sizes))
    affine[:3, 3] = [7, -20, 33]
    ours = volume(nifti(VALUES, affine))
    theirs = places_by_nibabel(VALUES, affine)
    assert ours.voxels.size == VALUES.size
    for value, where in places(ours).items():
        np.testing.assert_allclose(where, theirs[value], atol=2e-3)
    along, rows, columns = ours.affine[:3, :3].T
    assert np.cross(columns, rows) @ along > 0
    nearest = [int(np.abs(v).argmax()) for v in (rows, columns)]
    assert nearest[0] > nearest[1]
    assert rows[2] < 0 if nearest[0] == 2 else rows[nearest[0]] > 0
    assert columns[nearest[1]] > 0
    assert ours.spacing_mm[0] >= 0.9 * max(ours.spacing_mm)


def test_slices_are_the_thick_direction_else_they_are_axial():
    assert volume(nifti(VALUES, np.diag([4.0, 1, 1, 1]))).voxels.shape == (1, 3, 5, 4)  # sagittal
    assert volume(nifti(VALUES, np.diag([1.0, 4, 1, 1]))).voxels.shape == (1, 4, 5, 3)  # coronal
    assert volume(nifti(VALUES, np.diag([1.0, 1, 1, 1]))).voxels.shape == (1, 5, 4, 3)  # axial


@pytest.mark.parametrize("kind", [Nifti1Image, Nifti2Image])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", ">i2", "u2", "i4", "u4", "i8", "f4", "f8"])
def test_versions_and_number_types(kind, dtype):
    values = VALUES.astype(dtype)
    ours = volume(nifti(values, kind=kind))
    assert places(ours).keys() == places_by_nibabel(VALUES, np.eye(4)).keys()
    kept = {"u4": "i4", "i8": "i4", "f8": "f4"}.get(dtype, dtype)
    assert ours.voxels.dtype == np.dtype(kept).newbyteorder("<")
    assert sha256(volume(gzip.compress(nifti(values, kind=kind)))) == sha256(ours)


def test_a_file_packed_in_pieces_is_whole():
    content = nifti(VALUES)
    pieces = gzip.compress(content[:360]) + gzip.compress(content[360:400]) + gzip.compress(content[400:])
    assert sha256(volume(pieces)) == sha256(volume(content))


def test_slope_and_intercept_are_applied():
    scaled = volume(nifti(VALUES, scl_slope=2, scl_inter=-1024))
    assert scaled.voxels.dtype == np.int16
    assert (scaled.voxels.min(), scaled.voxels.max()) == (-1024, 2 * 59 - 1024)
    assert volume(nifti(VALUES, scl_slope=0.5, scl_inter=0)).voxels.dtype == np.float32
    assert volume(nifti(VALUES, scl_slope=0, scl_inter=7)).voxels.max() == 59


def test_what_is_no_number_is_said():
    values = VALUES.astype(np.float32)
    values[0, 0, :2] = np.nan, np.inf
    found = one(nifti(values))
    assert found.remarks == ("2 voxels hold no number: 0 stands in.",)
    assert np.isfinite(found.input.voxels).all()
    with pytest.raises(Refused, match="too large"):
        read({"a": nifti(np.full((2, 2, 2), 1e300))})


def test_a_window_is_taken_along():
    assert volume(nifti(VALUES, cal_min=10, cal_max=50)).window == (30, 40)
    assert volume(nifti(VALUES)).window is None


def test_several_volumes_on_one_grid_are_channels_and_many_are_refused():
    several = np.stack([VALUES, VALUES + 100], -1)
    ours = volume(nifti(several))
    assert ours.channels == ("1", "2")
    np.testing.assert_array_equal(ours.voxels[1], ours.voxels[0] + 100)
    with pytest.raises(Refused, match="holds 9 volumes"):
        read({"a": nifti(np.stack([VALUES] * 9, -1))})
    with pytest.raises(Refused, match="holds 2 volumes"):
        read({"a": nifti(several[..., None, :])})


def test_colours_are_refused():
    colour = np.zeros((3, 4, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(Refused, match="no plain numbers"):
        read({"a": nifti(colour)})


def test_a_file_that_does_not_say_how_it_lies_says_so():
    found = one(nifti(VALUES, sform_code=0, qform_code=0))
    assert found.remarks == ("The file doesn't say how the volume lies in the patient: no sides are named.",)
    assert not found.input.placed
    assert found.input.spacing_real
    assert sorted(found.input.spacing_mm) == [2, 3, 4]
    bare = nifti(VALUES, sform_code=0, qform_code=0, pixdim=np.zeros(8))
    found = one(bare)
    assert not found.input.spacing_real
    assert found.input.spacing_mm == (1, 1, 1)
    assert "nothing is measured in mm" in found.remarks[1]


def test_an_affine_that_is_flat_stands_for_nothing():
    found = one(nifti(VALUES, srow_x=[0, 0, 0, 0], qform_code=0))
    assert not found.input.placed
    assert sorted(found.input.spacing_mm) == [2, 3, 4]


@pytest.mark.parametrize(("unit", "factor"), [(0, 1), (1, 1000), (2, 1), (3, 0.001)])
def test_distances_come_in_mm(unit, factor):
    affine = np.diag([2 / factor, 3 / factor, 4 / factor, 1])
    np.testing.assert_allclose(volume(nifti(VALUES, affine, xyzt_units=unit)).spacing_mm, (4, 3, 2), rtol=1e-5)


def test_no_text_of_the_header_no_extension_and_nothing_behind_comes_out():
    image = Nifti1Image(VALUES, np.eye(4))
    for name in ("descrip", "aux_file", "intent_name"):
        image.header[name] = MARK
    image.header["db_name"] = MARK
    image.header.extensions.append(Nifti1Extension(2, MARK.encode() * 20))
    image.header.extensions.append(Nifti1Extension("comment", f"{MARK} was here".encode()))
    content = image.to_bytes() + MARK.encode() * 9
    assert content.count(MARK.encode()) > 30
    for upload in (content, gzip.compress(content)):
        found = one({f"{MARK}_T1w.nii.gz": upload})
        assert list(found.files) == ["T1.nii"]
        for cleaned in found.files.values():
            assert MARK.encode() not in cleaned
            header = Nifti1Header(cleaned[:348])
            for name in ("descrip", "aux_file", "intent_name", "db_name"):
                assert header[name] == b""
        assert MARK not in repr(found) + str(found.input.facts) + str(found.remarks)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_header_that_claims_gigabytes_is_refused_at_once(pack):
    header = Nifti1Header()
    header.set_data_shape((1290, 1290, 650))
    header.set_data_dtype(np.int16)
    assert np.prod([1290, 1290, 650]) * 2 > 2 * 2**30
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(Refused, match=r"The header claims 2,0\d\d MB"):
        read({"a.nii": pack(header.binaryblock + bytes(4))})
    assert time.perf_counter() - start < 2
    assert tracemalloc.get_traced_memory()[1] < 30 * 2**20
    tracemalloc.stop()


def test_a_bomb_is_unpacked_no_further_than_its_header_says():
    bomb = gzip.compress(nifti(VALUES) + bytes(200 * 2**20), 1)
    tracemalloc.start()
    assert len(reader.read({"a.nii": bomb})[0].files["volume.nii"]) == 352 + VALUES.nbytes
    assert tracemalloc.get_traced_memory()[1] < 30 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_cut_short_says_by_how_much(pack):
    content = nifti(VALUES)
    with pytest.raises(Refused, match="holds 462 of the 472 bytes"):
        read({"a": pack(content[:-10])})
    with pytest.raises(Refused, match="cut off"):
        read({"a": gzip.compress(content)[:-60]})


def test_sequences_of_one_patient_on_one_grid_are_one_volume():
    upload = {
        f"BraTS_7/BraTS_7_{w}.nii.gz": gzip.compress(nifti(VALUES + i)) for i, w in enumerate(["flair", "t1ce", "t1"])
    }
    for files in (upload, {"all.zip": packed(upload)}):
        found = one(files)
        assert found.input.channels == ("T1", "T1 post-contrast", "FLAIR")
        assert found.input.facts == {"sequence": "T1, T1 post-contrast, FLAIR"}
        assert [int(c.min()) for c in found.input.voxels] == [2, 1, 0]
        assert sorted(found.files) == ["FLAIR.nii", "T1 post-contrast.nii", "T1.nii"]


def test_other_patients_other_grids_and_equal_sequences_stay_apart():
    two = {f"{p}_{w}.nii": nifti(VALUES + i) for i, (p, w) in enumerate([("a", "t1"), ("b", "t1"), ("a", "t2")])}
    assert sorted(f.input.channels for f in read(two)) == [("T1",), ("T1", "T2")]
    other = {"a_t1.nii": nifti(VALUES), "a_t2.nii": nifti(VALUES[:2])}
    assert sorted(f.input.channels for f in read(other)) == [("T1",), ("T2",)]
    equal = {"a/t1.nii": nifti(VALUES), "a/t1w.nii": nifti(VALUES + 1)}
    assert [f.input.channels for f in read(equal)] == [("T1",), ("T1",)]
    plain = {"a.nii": nifti(VALUES), "b.nii": nifti(VALUES + 1)}
    assert [f.input.channels for f in read(plain)] == [("",), ("",)]


def test_the_child_gives_the_same():
    given = {"a_t1.nii": nifti(VALUES), "a_flair.nii": nifti(VALUES), "b.nii.gz": gzip.compress(nifti(VALUES / 7))}
    for a, b in zip(read(given), decode(given), strict=True):
        assert sha256(a.input) == sha256(b.input)
        assert (a.files, a.remarks, a.input.facts) == (b.files, b.remarks, b.input.facts)
