"""DICOM SEG, read back with highdicom and compared with the series as SimpleITK places it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from kdnet.data.volumes.dicom import series_stack
from kdnet.data.volumes.dicom_seg import Algorithm, write_dicom_seg
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError, PackageError
from kdnet.schema.labels import LabelTable, brats_labels, exclusive_labels
from made_images import series
from made_series import CLINICAL, dicom_series
from pydicom import dcmread
from scipy.spatial.transform import Rotation

SHAPE = (40, 36, 14)


def oblique(spacing: tuple[float, float, float] = (0.9, 0.9, 5.5)) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = (
        Rotation.from_euler("xyz", (11, -6, 4), degrees=True).as_matrix() @ np.diag(spacing) @ np.diag([-1, -1, 1])
    )
    affine[:3, 3] = (17.0, 16.0, -30.0)
    return affine


def labels_on(grid: Grid) -> Volume:
    voxels = np.zeros(grid.shape, np.uint8)
    voxels[8:30, 10:25, 3:9] = 2
    voxels[12:24, 12:20, 4:8] = 3
    voxels[15:18, 14:17, 5:7] = 1
    return Volume(voxels, grid)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 900, SHAPE)
    return dicom_series(tmp_path / "series", Volume(noise, Grid(SHAPE, oblique())))


def as_itk_places_it(folder: Path) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(header.path) for header in series_stack(folder).headers])
    return reader.Execute()


def require_same_voxels(file: Path, labelmap: Volume, folder: Path, values: tuple[int, ...]) -> None:
    """Compare each labeled voxel by its place in mm, with both readers."""
    highdicom = pytest.importorskip("highdicom")
    volume = highdicom.seg.segread(file).get_volume(combine_segments=True)
    found = np.argwhere(volume.array)
    places = found @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    image = as_itk_places_it(folder)
    expected = np.argwhere(np.asarray(labelmap.voxels))
    assert len(found) == len(expected)
    itk_places = np.array([image.TransformIndexToPhysicalPoint([int(part) for part in index]) for index in expected])
    for index, place in zip(found[::7], places[::7], strict=True):
        distances = np.linalg.norm(itk_places - place, axis=1)
        nearest = int(distances.argmin())
        assert distances[nearest] < 1e-3
        assert values[volume.array[tuple(index)] - 1] == labelmap.voxels[tuple(expected[nearest])]


def test_a_segmentation_is_read_back_at_its_place_and_with_its_codes(scan: Path, tmp_path: Path) -> None:
    highdicom = pytest.importorskip("highdicom")
    labelmap = labels_on(read_volume(scan).grid)
    write_dicom_seg(tmp_path / "seg.dcm", labelmap, scan, brats_labels().labels, Algorithm("T1ce student", "0.2.0"))
    require_same_voxels(tmp_path / "seg.dcm", labelmap, scan, (1, 2, 3))
    read = highdicom.seg.segread(tmp_path / "seg.dcm")
    segments = [read.get_segment_description(number) for number in read.segment_numbers]
    table = brats_labels().labels
    assert [segment.segment_label for segment in segments] == [label.name for label in table]
    for segment, label in zip(segments, table, strict=True):
        assert label.terminology is not None
        assert segment.segmented_property_type.value == label.terminology.type.value
        assert segment.segmented_property_category.value == label.terminology.category.value
        assert segment.AnatomicRegionSequence[0].CodeMeaning == "Brain"
        assert segment.algorithm_identification.name == "T1ce student"
        assert segment.algorithm_identification.version == "0.2.0"


def test_it_belongs_to_the_patient_and_study_and_refers_to_every_slice_it_covers(scan: Path, tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    write_dicom_seg(tmp_path / "seg.dcm", labels_on(read_volume(scan).grid), scan, brats_labels().labels, Algorithm("m"))
    made, slices = dcmread(tmp_path / "seg.dcm"), [dcmread(path) for path in sorted(scan.iterdir())]
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyDate"):
        assert str(made[name].value) == str(CLINICAL[name])
    assert made.StudyInstanceUID == slices[0].StudyInstanceUID
    assert made.FrameOfReferenceUID == slices[0].FrameOfReferenceUID
    assert made.SeriesInstanceUID != slices[0].SeriesInstanceUID
    assert (made.Modality, made.ContentLabel) == ("SEG", "TUMOR")
    referenced = {item.ReferencedSOPInstanceUID for item in made.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert referenced == {slice_.SOPInstanceUID for slice_ in slices}
    for frame in made.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        position = next(slice_.ImagePositionPatient for slice_ in slices if slice_.SOPInstanceUID == source)
        assert np.allclose(frame.PlanePositionSequence[0].ImagePositionPatient, position, atol=1e-3)


def test_rounded_positions_and_a_gap_for_the_distance_still_make_a_volume(tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    folder = dicom_series(tmp_path / "series", Volume(np.ones(SHAPE), Grid(SHAPE, oblique((0.9, 0.9, 7.0)))))
    for path in folder.iterdir():
        slice_ = dcmread(path)
        slice_.ImagePositionPatient = [round(float(value), 1) for value in slice_.ImagePositionPatient]
        slice_.SpacingBetweenSlices, slice_.SliceThickness = 2, 5
        slice_.save_as(path)
    labelmap = labels_on(read_volume(folder).grid)
    write_dicom_seg(tmp_path / "seg.dcm", labelmap, folder, brats_labels().labels, Algorithm("m"))
    require_same_voxels(tmp_path / "seg.dcm", labelmap, folder, (1, 2, 3))


@pytest.mark.parametrize("table", [brats_labels(), exclusive_labels({2: "Cyst", 3: "Vessel"})])
def test_labels_that_do_not_occur_are_no_segments_and_labels_without_codes_are_lesions(
    table: LabelTable, scan: Path, tmp_path: Path
) -> None:
    highdicom = pytest.importorskip("highdicom")
    labelmap = labels_on(read_volume(scan).grid)
    labelmap = Volume(np.where(labelmap.voxels == 1, 3, labelmap.voxels), labelmap.grid)
    write_dicom_seg(tmp_path / "seg.dcm", labelmap, scan, table.labels, Algorithm("m"))
    require_same_voxels(tmp_path / "seg.dcm", labelmap, scan, (2, 3))
    read = highdicom.seg.segread(tmp_path / "seg.dcm")
    names = [label.name for label in table.labels if label.value != 1]
    assert [read.get_segment_description(number).segment_label for number in read.segment_numbers] == names


def test_an_empty_labelmap_is_a_segmentation_without_voxels(scan: Path, tmp_path: Path) -> None:
    highdicom = pytest.importorskip("highdicom")
    grid = read_volume(scan).grid
    write_dicom_seg(
        tmp_path / "s.dcm", Volume(np.zeros(SHAPE, np.uint8), grid), scan, brats_labels().labels, Algorithm("m")
    )
    assert not highdicom.seg.segread(tmp_path / "s.dcm").get_volume(combine_segments=True).array.any()


def test_a_header_without_personal_data_is_enough(tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    bare = dict.fromkeys([*CLINICAL, "PatientID"])
    folder = dicom_series(tmp_path / "series", Volume(np.ones(SHAPE), Grid(SHAPE, oblique())), **bare)
    write_dicom_seg(tmp_path / "s.dcm", labels_on(read_volume(folder).grid), folder, brats_labels().labels, Algorithm("m"))
    assert dcmread(tmp_path / "s.dcm").PatientName in (None, "")


def test_what_cannot_be_written_is_said_in_one_sentence(
    scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("highdicom")
    labelmap, table = labels_on(read_volume(scan).grid), brats_labels().labels
    target = tmp_path / "seg.dcm"
    (tmp_path / "scan.nii.gz").touch()
    with pytest.raises(DataError, match="not a DICOM series"):
        write_dicom_seg(target, labelmap, tmp_path / "scan.nii.gz", table, Algorithm("m"))
    with pytest.raises(DataError, match="different geometry"):
        write_dicom_seg(target, Volume(labelmap.voxels, Grid(SHAPE, np.eye(4))), scan, table, Algorithm("m"))
    plain = series(tmp_path / "no frame of reference")
    grid = read_volume(plain).grid
    with pytest.raises(DataError, match="has no FrameOfReferenceUID"):
        write_dicom_seg(target, Volume(np.ones(grid.shape, np.uint8), grid), plain, table, Algorithm("m"))
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(PackageError, match="pip install highdicom"):
        write_dicom_seg(target, labelmap, scan, table, Algorithm("m"))
    assert not target.exists()
