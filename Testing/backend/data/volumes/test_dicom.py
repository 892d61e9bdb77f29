"""DICOM series: one regular stack of whole slices is read exactly, everything else is refused with its reason."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from itk_series import write_series
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError
from made_images import SHAPE, dicom_slice, series, slices
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)
from scipy.spatial.transform import Rotation

Edit = Callable[[Dataset, int], object]
COUNT = SHAPE[2]


def put(**values: object) -> Edit:
    """An edit of every slice."""
    return lambda slice_, _k: [setattr(slice_, name, value) for name, value in values.items()]


def drop(name: str, only: int | None = None) -> Edit:
    return lambda slice_, k: delattr(slice_, name) if only in (None, k) else None


def at(position: Callable[[int], tuple[float, float, float]]) -> Edit:
    return lambda slice_, k: setattr(slice_, "ImagePositionPatient", list(position(k)))


def half(**values: object) -> Edit:
    """An edit of the second half of the slices."""
    return lambda slice_, k: [setattr(slice_, name, value) for name, value in values.items()] if k >= COUNT // 2 else None


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_volume(folder)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_a_plain_series_is_read_where_it_lies(tmp_path: Path) -> None:
    volume = read_volume(series(tmp_path / "plain"))
    assert np.array_equal(volume.voxels, slices().T)
    assert np.allclose(volume.grid.affine, [[-2, 0, 0, 0], [0, -2, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]])
    assert not volume.warnings


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    spacing=st.tuples(*[st.floats(0.3, 6)] * 3),
    origin=st.tuples(*[st.floats(-200, 200)] * 3),
    reverse=st.booleans(),
)
def test_lengths_angles_and_place_of_any_stack_are_right(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
    reverse: bool,
) -> None:
    random = np.random.default_rng(seed)
    axes = Rotation.random(random_state=random).as_matrix()
    names = random.permutation(COUNT)

    def place(slice_: Dataset, k: int) -> None:
        slice_.ImageOrientationPatient = [f"{value:.9f}" for value in axes[:, :2].T.ravel()]
        slice_.ImagePositionPatient = [f"{value:.9f}" for value in origin + axes[:, 2] * spacing[2] * k]
        slice_.PixelSpacing = [f"{spacing[1]:.9f}", f"{spacing[0]:.9f}"]
        slice_.SpacingBetweenSlices = f"{spacing[2]:.9f}"
        slice_.InstanceNumber = COUNT - k if reverse else int(names[k])

    folder = series(tmp_path_factory.mktemp("stack") / "series", place)
    for k, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"x{names[k]:03d}")
    wanted = np.eye(4)
    wanted[:3, :3] = np.diag([-1, -1, 1]) @ axes * spacing
    wanted[:3, 3] = np.multiply(origin, (-1, -1, 1))
    volume = read_volume(folder)
    assert np.allclose(volume.grid.affine, wanted, atol=1e-5)
    assert np.array_equal(volume.voxels, slices().T)
    itk = sitk.ImageSeriesReader()
    itk.SetFileNames(itk.GetGDCMSeriesFileNames(str(folder)))
    corner = np.array(itk.Execute().TransformIndexToPhysicalPoint((3, 4, 5))) * [-1, -1, 1]
    assert np.allclose(corner, (volume.grid.affine @ [3, 4, 5, 1])[:3], atol=1e-3)


@pytest.mark.parametrize("name", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
@pytest.mark.parametrize("only", [None, 4])
def test_a_place_that_is_not_given_is_not_made_up(tmp_path: Path, name: str, only: int | None) -> None:
    assert "its position is unknown" in refusal(series(tmp_path / "lost", drop(name, only)))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"PixelSpacing": [0, 2]}, "Pixel Spacing"),
        ({"PixelSpacing": [-2, 2]}, "Pixel Spacing"),
        ({"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]}, "invalid Image Orientation"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "invalid Image Orientation"),
        ({"ImageOrientationPatient": [1, 0, 0, 0.1, 1, 0]}, "invalid Image Orientation"),
        ({"ImageOrientationPatient": [2, 0, 0, 0, 1, 0]}, "invalid Image Orientation"),
        ({"NumberOfFrames": 12}, "multi-frame"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.1"}, "multi-frame"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, "mosaic"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "color"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "color"),
        ({"BitsAllocated": 12}, "matrix size or bit depth"),
        ({"HighBit": 40}, "high bit"),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "slope of 0"),
    ],
)
def test_a_slice_that_cannot_be_placed_or_read_is_refused(tmp_path: Path, values: dict[str, object], told: str) -> None:
    assert told in refusal(series(tmp_path / "odd", put(**values)))


@pytest.mark.parametrize(
    ("position", "told"),
    [
        (lambda k: (0, 1.0 * k, 3 * k), "sheared"),
        (lambda k: (0.05 * k, 0, 3 * k), "sheared"),
        (lambda k: (0, 0, 3 * k + (3 if k > 4 else 0)), "missing slices"),
        (lambda k: (0, 0, 3 * k + (30 if k > 4 else 0)), "missing slices"),
        (lambda k: (0, 0, 3 * k + 0.2 * k * k), "unevenly spaced"),
        (lambda k: (1.0 if k == 4 else 0, 0, 3 * k), "unevenly"),
        (lambda k: (0, 0, 0 * k), "10 volumes"),
        (lambda k: (0, 0, 3 * (k // 2)), "2 volumes"),
        (lambda k: (0, 0, 3 * (k % 5)), "2 volumes"),
        (lambda k: (0, 0, 3 * max(k, 1)), "duplicate or missing slices"),
    ],
)
def test_slices_that_are_not_one_regular_stack_are_refused(
    tmp_path: Path, position: Callable[[int], tuple[float, float, float]], told: str
) -> None:
    assert told in refusal(series(tmp_path / "stack", at(position)))


def test_slices_that_are_shifted_by_less_than_half_a_degree_keep_their_places(tmp_path: Path) -> None:
    volume = read_volume(series(tmp_path / "tilted", at(lambda k: (0, 0.02 * k, 3 * k))))
    assert np.allclose((volume.grid.affine @ [0, 0, 9, 1])[:3], (0, -0.18, 27), atol=1e-6)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, "orientations"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0.9998, 0.02]}, "orientations"),
        ({"PixelSpacing": [1, 1]}, "pixel spacings"),
        ({"PixelSpacing": [2, 2.01]}, "pixel spacings"),
        ({"EchoTime": 90}, "echo times"),
        ({"EchoNumbers": 2}, "echoes"),
        ({"TemporalPositionIdentifier": 2}, "time points"),
        ({"FrameOfReferenceUID": "1.2.3.4"}, "frames of reference"),
        ({"PatientID": "2"}, "patients"),
        ({"SeriesInstanceUID": "1.2.3.4"}, "2 DICOM series"),
    ],
)
def test_slices_that_differ_in_what_a_volume_has_once_are_refused(
    tmp_path: Path, values: dict[str, object], told: str
) -> None:
    assert told in refusal(series(tmp_path / "mixed", half(**values)))


def test_slices_of_another_size_are_refused(tmp_path: Path) -> None:
    def smaller(slice_: Dataset, k: int) -> None:
        if k == 3:
            slice_.Rows -= 1
            slice_.PixelData = slice_.PixelData[: slice_.Rows * slice_.Columns * 2]

    assert "different sizes" in refusal(series(tmp_path / "sizes", smaller))


@pytest.mark.parametrize("time", [{"EchoTime": 90}, {"TemporalPositionIdentifier": 2}, {}])
def test_two_volumes_in_one_series_are_counted(tmp_path: Path, time: dict[str, object]) -> None:
    folder = series(tmp_path / "first")
    uid = dcmread(min(folder.iterdir())).SeriesInstanceUID
    for path in series(tmp_path / "second", put(SeriesInstanceUID=uid, **time)).iterdir():
        shutil.copy(path, folder / f"more-{path.name}")
    assert "2 volumes" in refusal(folder)


@pytest.mark.parametrize("cut", [0, 100, SHAPE[0] * SHAPE[1] * 2 - 2])
def test_pixel_data_that_ends_early_is_refused(tmp_path: Path, cut: int) -> None:
    def short(slice_: Dataset, k: int) -> None:
        if k == 4:
            slice_.PixelData = slice_.PixelData[:cut]

    assert "truncated" in refusal(series(tmp_path / "short", short))


@pytest.mark.parametrize("cut", [0, 2, 50, 200])
def test_a_run_length_frame_that_ends_early_is_refused(tmp_path: Path, cut: int) -> None:
    folder = series(tmp_path / "packed")
    for k, path in enumerate(sorted(folder.iterdir())):
        slice_ = dcmread(path)
        slice_.compress(RLELossless, generate_instance_uid=False)
        if k == 4 and cut:
            frame = next(generate_frames(slice_.PixelData, number_of_frames=1))
            slice_.PixelData = encapsulate([frame[:-cut]])
        slice_.save_as(path)
    if cut:
        assert "004.dcm is truncated" in refusal(folder)
    else:
        assert np.array_equal(read_volume(folder).voxels, slices().T)


@pytest.mark.parametrize("cut", [0, 2, 20, 100])
def test_a_jpeg_2000_frame_that_ends_early_is_refused(tmp_path: Path, cut: int) -> None:
    plane = (np.add.outer(np.arange(64), np.arange(64)) * 7).astype(np.uint16)
    write_series(tmp_path, np.stack([plane.T + k for k in range(4)], axis=2), compressor="JPEG2000")
    if cut:
        slice_ = dcmread(tmp_path / "002.dcm")
        frame = next(generate_frames(slice_.PixelData, number_of_frames=1)).rstrip(b"\0")
        slice_.PixelData = encapsulate([frame[:-cut]])
        slice_.save_as(tmp_path / "002.dcm")
        assert "002.dcm is truncated" in refusal(tmp_path)
    else:
        assert np.array_equal(read_volume(tmp_path).voxels[:, :, 1], plane.T + 1)


@pytest.mark.parametrize("left", [0, 100, 200, 600, -1, -100])
def test_a_file_that_ends_early_is_refused(tmp_path: Path, left: int) -> None:
    folder = series(tmp_path / "cut")
    path = folder / "004.dcm"
    path.write_bytes(path.read_bytes()[:left])
    assert "004.dcm" in refusal(folder)


@pytest.mark.parametrize("tail", [b"garbage" * 20, bytes(100) + b"x", b"\x10\0\x10\0PN\x02\0ab"])
def test_bytes_behind_the_pixels_that_mean_nothing_are_refused(tmp_path: Path, tail: bytes) -> None:
    folder = series(tmp_path / "tail")
    (folder / "004.dcm").write_bytes((folder / "004.dcm").read_bytes() + tail)
    assert "004.dcm is truncated or damaged" in refusal(folder)


@pytest.mark.parametrize("tail", [bytes(3), bytes(1000), b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0" + bytes(4)])
def test_padding_behind_the_pixels_is_passed_over(tmp_path: Path, tail: bytes) -> None:
    folder = series(tmp_path / "tail")
    (folder / "004.dcm").write_bytes((folder / "004.dcm").read_bytes() + tail)
    assert np.array_equal(read_volume(folder).voxels, slices().T)


def test_a_slice_without_pixels_is_refused(tmp_path: Path) -> None:
    assert "no pixel data" in refusal(series(tmp_path / "empty", drop("PixelData", 4)))


@pytest.mark.parametrize(
    ("slope", "intercept"),
    [
        ([1] + [100] * 9, [0] * 10),
        ([0.5, 1.25] * 5, [0] * 10),
        ([1] * 10, [-1000 * (k % 2) for k in range(10)]),
        ([1e-4 * (k + 1) for k in range(10)], [3.5] * 10),
        ([-1] * 10, [0] * 10),
    ],
)
def test_each_slice_has_its_own_rescale_slope(tmp_path: Path, slope: list[float], intercept: list[float]) -> None:
    def scale(slice_: Dataset, k: int) -> None:
        slice_.RescaleSlope, slice_.RescaleIntercept = f"{slope[k]:g}", f"{intercept[k]:g}"

    wanted = slices() * np.array(slope)[:, None, None] + np.array(intercept)[:, None, None]
    assert np.allclose(read_volume(series(tmp_path / "scaled", scale)).voxels, wanted.T, rtol=1e-5)


def test_slices_of_signed_and_unsigned_numbers_are_read_together(tmp_path: Path) -> None:
    def sign(slice_: Dataset, k: int) -> None:
        if k % 2:
            slice_.PixelRepresentation = 1
            slice_.PixelData = (-slices()[k].astype(np.int16)).tobytes()

    wanted = slices().astype(int) * np.array([1, -1] * 5)[:, None, None]
    assert np.array_equal(read_volume(series(tmp_path / "signs", sign)).voxels, wanted.T)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless]
)
def test_every_encoding_is_read_with_sequences_before_the_pixels(tmp_path: Path, syntax: str) -> None:
    folder = series(tmp_path / "encoded")
    for k, path in enumerate(sorted(folder.iterdir())):
        slice_ = dcmread(path)
        inner = Dataset()
        inner.CodeValue, inner.Rows = "1", 7
        outer = Dataset()
        outer.PurposeOfReferenceCodeSequence = Sequence([inner])
        slice_.ReferencedImageSequence = Sequence([outer, outer])
        slice_["ReferencedImageSequence"].is_undefined_length = k % 2 == 0
        slice_.file_meta.TransferSyntaxUID = syntax
        if syntax == RLELossless:
            slice_.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
            slice_.compress(RLELossless, generate_instance_uid=False)
        if syntax == ExplicitVRBigEndian:
            slice_.PixelData = slices()[k].astype(">u2").tobytes()
        little = syntax != ExplicitVRBigEndian
        fresh = Dataset()  # one that was read keeps its encoding
        fresh.file_meta = slice_.file_meta
        for element in slice_:
            fresh.add(element)
        fresh.save_as(path, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=little, enforce_file_format=True)
    assert np.array_equal(read_volume(folder).voxels, slices().T)


def test_files_of_other_kinds_are_passed_over(tmp_path: Path) -> None:
    folder = series(tmp_path / "mixed")
    report = dicom_slice(slices()[0], (0, 0, 0), 1, generate_uid())
    for name in ("Rows", "Columns", "PixelData", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(report, name)
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    report.save_as(folder / "report", enforce_file_format=True)
    (folder / "note.txt").write_text("nothing")
    (folder / "empty").touch()
    (folder / "previews").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
    assert np.array_equal(read_volume(folder).voxels, slices().T)


def test_one_slice_and_none_are_refused(tmp_path: Path) -> None:
    assert "a single slice" in refusal(series(tmp_path / "one", count=1))
    (tmp_path / "none").mkdir()
    assert "does not contain a DICOM series" in refusal(tmp_path / "none")


def test_a_distance_that_contradicts_the_positions_is_remarked_on(tmp_path: Path) -> None:
    for told, thickness, doubts in ((3, 3, 0), (1, 2, 0), (1.5, 1, 1), (6, 3, 1), (3.1, 3, 1)):
        folder = series(tmp_path / f"{told}", put(SpacingBetweenSlices=told, SliceThickness=thickness))
        warnings = read_volume(folder).warnings
        assert len(warnings) == doubts
        assert all("no slice is missing" in warning for warning in warnings)


def test_signed_numbers_of_twelve_bits_keep_their_signs(tmp_path: Path) -> None:
    wanted = slices().astype(np.int16) - 450

    def sign(slice_: Dataset, k: int) -> None:
        slice_.PixelRepresentation, slice_.BitsStored, slice_.HighBit = 1, 12, 11
        slice_.PixelData = (wanted[k] & 0x0FFF).astype(np.uint16).tobytes()  # the sign is in bit 11

    assert np.array_equal(read_volume(series(tmp_path / "signed", sign)).voxels, wanted.T)


def test_private_elements_are_passed_over(tmp_path: Path) -> None:
    def private(slice_: Dataset, k: int) -> None:
        block = slice_.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x10, "OB", bytes(range(256)) * 40)
        block.add_new(0x11, "UN", b"\xfe\xff\x00\xe0" * (k + 1))
        inner = Dataset()
        inner.Rows, inner.PixelSpacing = 9, [7, 7]
        slice_.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "SQ", Sequence([inner]))
        slice_[0x2005, 0x100E].is_undefined_length = k % 2 == 0

    volume = read_volume(series(tmp_path / "private", private))
    assert np.array_equal(volume.voxels, slices().T)
    assert np.allclose(volume.grid.spacing, (2, 2, 3))
