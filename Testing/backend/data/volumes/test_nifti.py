"""NIfTI: what a header may say, which file's voxels are read, and where a volume lies."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
from kdnet.data.volumes.integrity import MOST_TRAILING
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError
from made_images import SHAPE, nifti, noise, patch
from scipy.spatial.transform import Rotation

NAN, INF = float("nan"), float("inf")
DIM, DATATYPE, PIXDIM, OFFSET, SLOPE, UNITS, QFORM, SFORM = 40, 70, 76, 108, 112, 123, 252, 280


def reoriented(degrees: float, axis: str = "z") -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler(axis, degrees, degrees=True).as_matrix() * [2.0, 2.0, 3.0]
    return affine


def two_forms(path: Path, qform: np.ndarray, sform: np.ndarray, codes: tuple[int, int] = (1, 1)) -> Path:
    image = nibabel.Nifti1Image(noise(), sform)
    image.set_sform(sform, codes[1])
    image.set_qform(qform, codes[0])
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "SCAN.NII", "SCAN.NII.GZ"])
@pytest.mark.parametrize("version", [1, 2])
def test_both_versions_are_read_whatever_the_case_of_the_suffix(tmp_path: Path, name: str, version: int) -> None:
    nifti(tmp_path / name.lower(), version=version).rename(tmp_path / name)
    assert np.array_equal(read_volume(tmp_path / name).voxels, noise())
    assert read_volume(tmp_path / name).grid.spacing == pytest.approx((2, 2, 3))


@pytest.mark.parametrize(
    "kind", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_type_is_read_in_either_byte_order(tmp_path: Path, kind: str, order: str) -> None:
    voxels = noise(kind=kind)
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(kind)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4), header, dtype=kind), tmp_path / "scan.nii.gz")
    read = read_volume(tmp_path / "scan.nii.gz").voxels
    assert np.array_equal(read, voxels)
    assert read.dtype == np.dtype(kind)


@pytest.mark.parametrize("asked", ["scan.nii", "scan.nii.gz"])
def test_the_voxels_are_of_the_file_that_was_named(tmp_path: Path, asked: str) -> None:
    for value, name in enumerate(("scan.nii", "scan.nii.gz", "scan.hdr", "scan.img"), start=1):
        if name.startswith("scan.nii"):
            nibabel.save(nibabel.Nifti1Image(np.full(SHAPE, value, np.int16), np.eye(4)), tmp_path / name)
        else:
            (tmp_path / name).write_bytes(b"foreign")
    wanted = 1 if asked == "scan.nii" else 2
    assert (read_volume(tmp_path / asked).voxels == wanted).all()


@pytest.mark.parametrize(
    ("offset", "layout", "values"),
    [
        (OFFSET, "<f", (0,)),
        (OFFSET, "<f", (348,)),
        (OFFSET, "<f", (-352,)),
        (OFFSET, "<f", (352.5,)),
        (OFFSET, "<f", (NAN,)),
        (OFFSET, "<f", (INF,)),
        (OFFSET, "<f", (1e30,)),
        (DIM, "<8h", (3, 12, -14, 10, 1, 1, 1, 1)),
        (DIM, "<8h", (3, 12, 0, 10, 1, 1, 1, 1)),
        (DIM, "<h", (0,)),
        (DIM, "<h", (8,)),
        (DIM, "<h", (-1,)),
        (DIM, "<8h", (7, 32767, 32767, 32767, 32767, 32767, 32767, 32767)),
        (DIM, "<8h", (3, 13, 14, 10, 1, 1, 1, 1)),
        (DATATYPE, "<h", (0,)),
        (DATATYPE, "<h", (1,)),
        (DATATYPE, "<h", (1536,)),
        (DATATYPE, "<h", (9999,)),
        (PIXDIM + 4, "<f", (NAN,)),
        (PIXDIM + 4, "<f", (INF,)),
        (PIXDIM + 4, "<f", (0,)),
        (PIXDIM + 4, "<f", (-2,)),
        (PIXDIM + 4, "<f", (2.03,)),
        (SLOPE, "<2f", (1, INF)),
        (SLOPE, "<2f", (1, NAN)),
        (SLOPE, "<2f", (INF, 0)),
        (SFORM, "<f", (NAN,)),
        (SFORM, "<f", (-INF,)),
        (SFORM, "<f", (1e38,)),
        (SFORM + 12, "<f", (NAN,)),
        (SFORM + 12, "<f", (3e38,)),
        (SFORM, "<f", (0,)),
        (QFORM + 4, "<f", (NAN,)),
        (QFORM + 4, "<f", (7,)),
        (QFORM + 16, "<f", (INF,)),
        (344, "<i", (0,)),
        (0, "<i", (-348,)),
    ],
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_an_impossible_header_is_refused_in_a_sentence(
    tmp_path: Path, offset: int, layout: str, values: tuple[float, ...], suffix: str
) -> None:
    path = patch(nifti(tmp_path / "scan.nii"), offset, layout, *values)
    if suffix == ".nii.gz":
        packed = gzip.compress(path.read_bytes())
        path = tmp_path / "scan.nii.gz"
        path.write_bytes(packed)
    with pytest.raises(DataError, match=r"scan\.nii.*: .*\.$"):
        read_volume(path)


@pytest.mark.parametrize("step", [1.0, 1.9, 2.03, -1.0, 200.0])
def test_a_spacing_that_contradicts_the_sform_is_refused(tmp_path: Path, step: float) -> None:
    path = patch(nifti(tmp_path / "scan.nii", qform=0), PIXDIM + 4, "<f", step)
    with pytest.raises(DataError, match="specifies contradictory spacings"):
        read_volume(path)


@pytest.mark.parametrize("step", [-2.0, 0.0, 2.01, 1.99])
def test_a_sign_or_rounding_in_pixdim_does_not_move_a_volume_with_an_sform(tmp_path: Path, step: float) -> None:
    path = patch(nifti(tmp_path / "scan.nii", qform=0), PIXDIM + 4, "<f", step)
    assert np.allclose(read_volume(path).grid.affine, np.diag([2.0, 2, 3, 1]))


@pytest.mark.parametrize("codes", [(1, 1), (1, 2), (1, 4), (2, 1), (3, 3)])
@pytest.mark.parametrize(
    "change",
    [
        np.diag([-1.0, 1, 1, 1]),
        np.diag([1.0, -1, 1, 1]),
        np.diag([1.0, 1, -1, 1]),
        np.diag([-1.0, -1, 1, 1]),
        np.linalg.inv(reoriented(0)) @ reoriented(90),
    ],
)
def test_forms_that_disagree_about_the_axes_are_refused(tmp_path: Path, codes: tuple[int, int], change: np.ndarray) -> None:
    affine = np.diag([2.0, 2, 3, 1])
    path = two_forms(tmp_path / "scan.nii", change @ affine, affine, codes)
    with pytest.raises(DataError, match=r"left and right|spacing"):
        read_volume(path)


def test_forms_that_put_a_volume_at_different_places_are_remarked_on(tmp_path: Path) -> None:
    path = two_forms(tmp_path / "scan.nii", reoriented(0), reoriented(10))
    (warning,) = read_volume(path).warnings
    assert "differ by up to" in warning
    near = two_forms(tmp_path / "near.nii", reoriented(0), reoriented(0.5))
    assert not read_volume(near).warnings


@pytest.mark.parametrize(("unit", "factor"), [(0, 1), (1, 1000), (2, 1), (3, 0.001)])
@pytest.mark.parametrize("forms", [(1, 1), (0, 1), (1, 0), (0, 0)])
def test_the_unit_of_length_is_applied(tmp_path: Path, unit: int, factor: float, forms: tuple[int, int]) -> None:
    path = nifti(tmp_path / "scan.nii", qform=forms[0], sform=forms[1])
    patch(path, UNITS, "<B", unit)
    assert read_volume(path).grid.spacing == pytest.approx((2 * factor, 2 * factor, 3 * factor))


@pytest.mark.parametrize(("slope", "intercept"), [(0, 5), (NAN, NAN), (NAN, 3), (1, 0)])
def test_a_slope_that_is_not_set_leaves_voxels_as_they_are(tmp_path: Path, slope: float, intercept: float) -> None:
    path = patch(nifti(tmp_path / "scan.nii"), SLOPE, "<2f", slope, intercept)
    assert np.array_equal(read_volume(path).voxels, noise())


def test_voxels_at_an_odd_offset_behind_extensions_are_read(tmp_path: Path) -> None:
    path = nifti(tmp_path / "scan.nii")
    content = path.read_bytes()
    path.write_bytes(content[:352] + b"\x07" * 33 + content[352:])
    patch(path, OFFSET, "<f", 385)
    voxels = read_volume(path).voxels
    assert np.array_equal(voxels, noise())
    assert voxels.flags.aligned


@pytest.mark.parametrize("shape", [(*SHAPE, 1), (*SHAPE, 1, 1)])
def test_one_volume_with_more_axes_is_read(tmp_path: Path, shape: tuple[int, ...]) -> None:
    nibabel.save(nibabel.Nifti1Image(noise().reshape(shape), np.eye(4)), tmp_path / "scan.nii")
    assert np.array_equal(read_volume(tmp_path / "scan.nii").voxels, noise())
    with pytest.raises(DataError, match="not have channel 1"):
        read_volume(tmp_path / "scan.nii", 1)


def test_a_pair_of_files_and_a_wrong_suffix_are_explained(tmp_path: Path) -> None:
    patch(nifti(tmp_path / "pair.nii"), 344, "<4s", b"ni1\0")
    with pytest.raises(DataError, match="another file"):
        read_volume(tmp_path / "pair.nii")
    (tmp_path / "packed.nii").write_bytes(gzip.compress(nifti(tmp_path / "plain.nii").read_bytes()))
    with pytest.raises(DataError, match=r"\.nii\.gz"):
        read_volume(tmp_path / "packed.nii")


def test_no_more_is_decompressed_than_the_header_promises(tmp_path: Path) -> None:
    whole = gzip.compress(nifti(tmp_path / "scan.nii").read_bytes())
    zeros = gzip.compress(bytes(1 << 24), 9)
    (tmp_path / "members.nii.gz").write_bytes(whole + zeros * 2000)
    assert np.array_equal(read_volume(tmp_path / "members.nii.gz").voxels, noise())
    content = (tmp_path / "scan.nii").read_bytes() + bytes(4 * MOST_TRAILING)
    (tmp_path / "one.nii.gz").write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match="more data than its header declares"):
        read_volume(tmp_path / "one.nii.gz")


def test_a_header_that_promises_more_than_a_head_scan_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    path = patch(nifti(tmp_path / "scan.nii"), DIM, "<8h", 3, 1100, 1100, 1100, 1, 1, 1, 1)
    for name in ("big.nii", "big.nii.gz"):
        (tmp_path / name).write_bytes(gzip.compress(path.read_bytes()) if name.endswith("gz") else path.read_bytes())
        with pytest.raises(DataError, match="more than any head scan"):
            read_volume(tmp_path / name)
