"""Files that are damaged, gapped or oddly placed, and disks that are full: nothing wrong is read or written in silence."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from itk_series import write_series
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.errors import DataError
from scipy.spatial.transform import Rotation

SHAPE = (20, 21, 22)


def noise(dtype: str = "int16") -> Volume:
    voxels = np.random.default_rng(0).integers(0, 255, SHAPE).astype(dtype)
    return Volume(voxels, Grid(SHAPE, np.diag([1.0, 1.5, 2.0, 1.0])))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("lost", [20, 3000])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str, lost: int) -> None:
    path = tmp_path / f"cut{suffix}"
    write_volume(path, noise())
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(DataError, match=rf"cut\{suffix} (is truncated|cannot be read)"):
        read_volume(path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("where", [0.4, 0.6, 0.9])
def test_a_flipped_byte_in_a_compressed_file_is_noticed(tmp_path: Path, suffix: str, where: float) -> None:
    path = tmp_path / f"flipped{suffix}"
    write_volume(path, noise())
    content = bytearray(path.read_bytes())
    content[int(len(content) * where)] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="flipped"):
        read_volume(path)


def test_a_file_compressed_in_blocks_with_padding_is_read(tmp_path: Path) -> None:
    write_volume(tmp_path / "plain.nii", noise())
    plain = (tmp_path / "plain.nii").read_bytes()
    blocks = [gzip.compress(plain[start : start + 4000]) for start in range(0, len(plain), 4000)]
    (tmp_path / "blocks.nii.gz").write_bytes(b"".join(blocks) + b"\0" * 512)
    assert np.array_equal(read_volume(tmp_path / "blocks.nii.gz").voxels, noise().voxels)


def test_a_big_endian_file_is_read(tmp_path: Path) -> None:
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(np.int16)
    nibabel.save(nibabel.Nifti1Image(noise().voxels, np.eye(4), header), tmp_path / "big.nii")
    assert np.array_equal(read_volume(tmp_path / "big.nii").voxels, noise().voxels)


def test_stored_scale_and_offset_are_applied(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(noise("float32").voxels, np.eye(4))
    image.header.set_data_dtype(np.int16)
    image.header.set_slope_inter(0.5, -7)
    nibabel.save(image, tmp_path / "scaled.nii")
    wanted = nibabel.load(tmp_path / "scaled.nii").get_fdata()
    assert not np.array_equal(wanted, noise().voxels)
    assert np.allclose(read_volume(tmp_path / "scaled.nii").voxels, wanted)


@pytest.mark.parametrize("suffix", [".xyz", "", ".gz", ".nhdr", ".mhd"])
def test_a_suffix_that_no_image_is_written_with_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(DataError, match="suffix"):
        write_volume(tmp_path / f"volume{suffix}", noise())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_full_disk_leaves_no_file_and_is_reported(tmp_path: Path, suffix: str) -> None:
    script = """
import resource, sys
from pathlib import Path
import numpy as np
from kdnet.data.volumes.io import write_volume
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.errors import KDNetError
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
voxels = np.random.default_rng(0).integers(0, 255, (60, 60, 60)).astype(np.uint8)
try:
    write_volume(Path(sys.argv[1]), Volume(voxels, Grid(voxels.shape, np.eye(4))))
except KDNetError as error:
    print(error)
"""
    answer = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / f"big{suffix}")], check=True, capture_output=True, encoding="utf-8"
    )
    assert "cannot be written" in answer.stdout
    assert not list(tmp_path.iterdir())


def placed(path: Path, *, qform: int, sform: int, agree: bool) -> None:
    """A NIfTI file with these codes; the two transforms agree, or one is turned by 15 degrees and shifted."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [10, 20, 30], degrees=True).as_matrix() * [1, 2, 3]
    affine[:3, 3] = (-30, 20, 10)
    image = nibabel.Nifti1Image(noise().voxels, affine)
    image.set_sform(affine, sform)
    reoriented = affine.copy()
    reoriented[:3, :3] = Rotation.from_euler("z", 15, degrees=True).as_matrix() @ affine[:3, :3]
    reoriented[:3, 3] += 7
    image.set_qform(affine if agree else reoriented, qform)
    nibabel.save(image, path)


@pytest.mark.parametrize(
    ("qform", "sform", "agree"), [(0, 1, True), (1, 0, True), (1, 4, True), (0, 0, True), (1, 2, False)]
)
def test_a_labelmap_keeps_both_nifti_transforms_and_their_codes(
    tmp_path: Path, qform: int, sform: int, agree: bool
) -> None:
    scan, labelmap = tmp_path / "scan.nii.gz", tmp_path / "labelmap.nii.gz"
    placed(scan, qform=qform, sform=sform, agree=agree)
    volume = read_volume(scan)
    write_volume(labelmap, Volume(np.ones(SHAPE, np.uint8), volume.grid), like=scan)
    first, second = nibabel.load(scan), nibabel.load(labelmap)
    for form in ("qform", "sform"):
        assert second.header[f"{form}_code"] == first.header[f"{form}_code"]
        assert np.array_equal(getattr(second.header, f"get_{form}")(), getattr(first.header, f"get_{form}")())
    assert np.array_equal(second.affine, first.affine)
    seen = [sitk.ReadImage(str(path)) for path in (scan, labelmap)]
    for figure in ("GetOrigin", "GetSpacing", "GetDirection"):
        assert getattr(seen[0], figure)() == getattr(seen[1], figure)()
    assert read_volume(labelmap).grid.matches(volume.grid, tolerance_mm=0)


@pytest.mark.parametrize(("qform", "sform", "doubts"), [(0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 0)])
def test_a_file_that_does_not_say_how_the_patient_lies_is_read_with_a_warning(
    tmp_path: Path, qform: int, sform: int, doubts: int
) -> None:
    placed(tmp_path / "scan.nii", qform=qform, sform=sform, agree=True)
    warnings = read_volume(tmp_path / "scan.nii").warnings
    assert len(warnings) == doubts
    assert all("left and right" in warning for warning in warnings)


def test_a_labelmap_of_another_format_takes_the_place_that_itk_sees(tmp_path: Path) -> None:
    placed(tmp_path / "scan.nii.gz", qform=1, sform=2, agree=False)
    volume = read_volume(tmp_path / "scan.nii.gz")
    write_volume(tmp_path / "labelmap.nrrd", volume, like=tmp_path / "scan.nii.gz")
    assert read_volume(tmp_path / "labelmap.nrrd").grid.matches(volume.grid, tolerance_mm=1e-5)


def test_a_channel_of_a_slightly_skewed_4d_file_is_read(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[0, 1] = 2e-3
    voxels = np.random.default_rng(0).normal(size=(*SHAPE, 3)).astype(np.float32)
    image = nibabel.Nifti1Image(voxels, affine)
    image.set_qform(None, code=0)
    nibabel.save(image, tmp_path / "skewed.nii")
    volume = read_volume(tmp_path / "skewed.nii", 1)
    assert np.array_equal(volume.voxels, voxels[..., 1])
    assert volume.grid.matches(Grid(SHAPE, affine), tolerance_mm=0.1)
    with pytest.raises(DataError, match="4D with 3 volumes"):
        read_volume(tmp_path / "skewed.nii")


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.ones(SHAPE, np.complex64), np.eye(4)), tmp_path / "raw.nii")
    with pytest.raises(DataError, match="complex"):
        read_volume(tmp_path / "raw.nii")


def test_a_dicom_series_is_read_with_the_distance_of_its_slices(tmp_path: Path) -> None:
    write_series(tmp_path, noise().voxels)
    volume = read_volume(tmp_path)
    assert np.array_equal(volume.voxels, noise().voxels)
    assert volume.grid.spacing == pytest.approx((1, 1, 2))


def test_a_dicom_series_without_a_slice_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path, noise().voxels, without=[9])
    with pytest.raises(DataError, match="missing slices"):
        read_volume(tmp_path)


def test_two_dicom_series_and_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "note.txt").touch()
    with pytest.raises(DataError, match="does not contain a DICOM series"):
        read_volume(tmp_path)
