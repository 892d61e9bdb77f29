"""Enhanced MR and other multi-frame DICOM: frames are read like single slices, wherever the file says where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from itk_series import write_series
from kdnet.curation.dicom_candidates import dicom_candidates
from kdnet.curation.raw_case import Source
from kdnet.data.volumes.dicom_facts import series_facts
from kdnet.data.volumes.dicom_seg import Algorithm, write_dicom_seg
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError
from kdnet.schema.labels import brats_labels
from kdnet.segmentation.grouping import Input
from kdnet.segmentation.scan_facts import scan_of
from made_enhanced import enhanced, item
from made_series import dicom_series
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from scipy.spatial.transform import Rotation

SHAPE = (24, 20, 12)


def scan() -> Volume:
    affine = np.eye(4)
    turned = Rotation.from_euler("xyz", (11, -6, 4), degrees=True).as_matrix()
    affine[:3, :3] = turned @ np.diag([-0.9, -0.9, 5.5])
    affine[:3, 3] = (17.0, 16.0, -30.0)
    return Volume(np.random.default_rng(0).integers(0, 60_000, SHAPE).astype(np.uint16), Grid(SHAPE, affine))


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_volume(folder)
    return str(caught.value)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("undefined", [False, True])
def test_frames_in_any_order_are_the_volume_that_single_slices_are(tmp_path: Path, syntax: str, undefined: bool) -> None:
    order = np.random.default_rng(1).permutation(SHAPE[2]).tolist()
    volume = read_volume(enhanced(tmp_path / "enhanced/IM_0001", scan(), order, syntax=syntax, undefined=undefined))
    single = read_volume(dicom_series(tmp_path / "single", scan()))
    assert np.array_equal(volume.voxels, scan().voxels)
    assert np.allclose(volume.grid.affine, single.grid.affine, atol=1e-6)
    assert np.allclose(volume.grid.affine, scan().grid.affine, atol=1e-6)
    assert not volume.warnings


def test_each_frame_has_its_own_rescale_slope(tmp_path: Path) -> None:
    def scale(frame: Dataset, k: int) -> None:
        frame.PixelValueTransformationSequence = item(RescaleSlope=f"{0.5 * (k + 1):g}", RescaleIntercept=str(-k))

    wanted = scan().voxels * (0.5 * (np.arange(SHAPE[2]) + 1)) - np.arange(SHAPE[2])
    assert np.allclose(read_volume(enhanced(tmp_path / "e/a", scan(), edit=scale)).voxels, wanted, rtol=1e-5)


def test_twelve_bits_of_which_the_highest_are_an_overlay_are_masked(tmp_path: Path) -> None:
    folder = enhanced(tmp_path / "e/a", scan(), BitsStored=12, HighBit=11)
    assert np.array_equal(read_volume(folder).voxels, scan().voxels & 0xFFF)


@pytest.mark.parametrize("count", [SHAPE[2], SHAPE[2] - 1])
@pytest.mark.parametrize("compressor", ["JPEG2000", "JPEGLS", "RLE"])
def test_compressed_frames_are_decoded(tmp_path: Path, compressor: str, count: int) -> None:
    slices = write_series(
        tmp_path / "slices", scan().voxels[:, :, :count], compressor=compressor if compressor != "RLE" else ""
    )
    frames, syntax = [], RLELossless
    for path in sorted(slices.iterdir()):
        slice_ = dcmread(path)
        if compressor == "RLE":
            slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            slice_.compress(RLELossless, generate_instance_uid=False)
        syntax = slice_.file_meta.TransferSyntaxUID
        frames.append(next(generate_frames(slice_.PixelData, number_of_frames=1)))
    if syntax == ExplicitVRLittleEndian:
        pytest.skip(f"this ITK writes no {compressor}")
    folder = enhanced(tmp_path / "e/a", scan(), range(count), syntax=syntax, compressed=frames)
    assert np.array_equal(read_volume(folder).voxels, scan().voxels[:, :, :count])


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda frame, k: setattr(frame, "MREchoSequence", item(EffectiveEchoTime=20.0 if k >= SHAPE[2] else 9.0)),
            "echo times",
        ),
        (
            lambda frame, k: frame.FrameContentSequence[0].__setattr__("TemporalPositionIndex", 1 + k // SHAPE[2]),
            "time points",
        ),
        (
            lambda frame, k: setattr(
                frame,
                "MRImageFrameTypeSequence",
                item(FrameType=["ORIGINAL", "PRIMARY", "P" if k >= SHAPE[2] else "M", "M"]),
            ),
            "image types",
        ),
        (
            lambda frame, k: setattr(frame, "MRDiffusionSequence", item(DiffusionBValue=1000.0 if k >= SHAPE[2] else 0.0)),
            "diffusion weightings",
        ),
    ],
)
def test_several_volumes_in_a_file_are_refused_with_what_tells_them_apart(tmp_path: Path, edit: object, words: str) -> None:
    folder = enhanced(tmp_path / "e/a", scan(), [*range(SHAPE[2]), *range(SHAPE[2])], edit)  # type: ignore[arg-type]
    assert f"2 volumes of different {words} in one series" in refusal(folder)


def test_a_sheared_or_incomplete_stack_is_refused_as_that_of_single_slices(tmp_path: Path) -> None:
    assert "missing slices" in refusal(enhanced(tmp_path / "gap/a", scan(), [k for k in range(SHAPE[2]) if k != 5]))

    def tilt(frame: Dataset, k: int) -> None:
        place = frame.PlanePositionSequence[0]
        place.ImagePositionPatient = [
            place.ImagePositionPatient[0],
            f"{float(place.ImagePositionPatient[1]) + 2 * k:.6f}",
            *place.ImagePositionPatient[2:],
        ]

    assert "sheared stack" in refusal(enhanced(tmp_path / "tilt/a", scan(), edit=tilt))


def test_frames_that_are_not_described_or_not_there_are_refused(tmp_path: Path) -> None:
    folder = enhanced(tmp_path / "frames/a", scan(), NumberOfFrames=11)
    assert "does not describe each of its frames" in refusal(folder)
    folder = enhanced(tmp_path / "place/a", scan(), edit=lambda frame, _k: delattr(frame, "PlanePositionSequence"))
    assert "no Image Position (Patient)" in refusal(folder)
    folder = enhanced(tmp_path / "deflated/a", scan(), syntax=DeflatedExplicitVRLittleEndian)
    assert "deflated multi-frame" in refusal(folder)
    folder = enhanced(tmp_path / "short/a", scan())
    file = dcmread(folder / "a")
    file.PixelData = file.PixelData[: len(file.PixelData) // 2]
    file.save_as(folder / "a", enforce_file_format=True)
    assert "truncated" in refusal(folder)


@pytest.mark.parametrize("left", [0.2, 0.5, 0.9])
def test_a_file_that_ends_early_is_refused(tmp_path: Path, left: float) -> None:
    folder = enhanced(tmp_path / "e/a.dcm", scan(), undefined=left == 0.5)
    content = (folder / "a.dcm").read_bytes()
    (folder / "a.dcm").write_bytes(content[: int(len(content) * left)])
    assert "truncated" in refusal(folder)


def test_the_header_names_patient_contrast_and_modality(tmp_path: Path) -> None:
    agent = item(CodeValue="C-B03FA", CodingSchemeDesignator="SRT", CodeMeaning="Gadolinium")
    folder = enhanced(tmp_path / "e/IM_0001", scan(), SeriesDescription="W 501", ContrastBolusAgentSequence=agent)
    patient, facts = series_facts(folder)
    assert patient["Patient"] == "Größer, Änne"
    assert facts["Contrast agent"] == "Gadolinium"
    case = Input("P1", (folder,), ".nii.gz")
    assert scan_of(case, 0, scan(), "t1ce", single=True).modality == "t1ce"
    (found,) = dicom_candidates(Source("P1/e", tuple(folder.iterdir()), dicom=True))
    assert (found.modality, found.why_not) == ("t1ce", "")
    assert np.array_equal(found.load().voxels, scan().voxels)


def test_preparing_takes_echoes_of_one_file_apart(tmp_path: Path) -> None:
    def echo(frame: Dataset, k: int) -> None:
        frame.MREchoSequence = item(EffectiveEchoTime=20.0 if k >= SHAPE[2] else 9.0)

    folder = enhanced(tmp_path / "e/a", scan(), [*range(SHAPE[2]), *range(SHAPE[2])], echo)
    found = dicom_candidates(Source("P1/e", tuple(folder.iterdir()), dicom=True))
    assert len(found) == 2
    assert all(np.array_equal(candidate.load().voxels, scan().voxels) for candidate in found)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_segmentation_refers_to_the_file_and_lies_where_its_frames_do(tmp_path: Path, reverse: bool) -> None:
    highdicom = pytest.importorskip("highdicom")
    order = range(SHAPE[2])[:: -1 if reverse else 1]
    folder = enhanced(tmp_path / "e/IM_0001", scan(), order, ContentQualification="RESEARCH")
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[4:9, 3:15, 2:7] = 2
    voxels[6:8, 5:9, 3:5] = 3
    write_dicom_seg(
        tmp_path / "seg.dcm", Volume(voxels, read_volume(folder).grid), folder, brats_labels().labels, Algorithm("m")
    )
    made = dcmread(tmp_path / "seg.dcm")
    (reference,) = made.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert reference.ReferencedSOPInstanceUID == dcmread(folder / "IM_0001").SOPInstanceUID
    volume = highdicom.seg.segread(tmp_path / "seg.dcm").get_volume(combine_segments=True)
    places = np.argwhere(volume.array) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    wanted = np.argwhere(voxels) @ scan().grid.affine[:3, :3].T + scan().grid.affine[:3, 3]
    wanted = wanted * (-1, -1, 1)
    distances = np.linalg.norm(places[:, None] - wanted[None], axis=2)
    assert len(places) == len(wanted)
    assert distances.min(axis=1).max() < 1e-3
    nearest = distances.argmin(axis=1)
    values = np.array([0, 2, 3])[volume.array[volume.array > 0]]
    assert np.array_equal(values, voxels[voxels > 0][nearest])
