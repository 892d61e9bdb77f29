"""Tasks of the worker about a segmentation that exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError, KDNetError
from kdnet.preparation import registration
from kdnet.preparation.registration import Alignment
from kdnet.schema.labels import brats_labels
from kdnet.schema.lesions import LesionTable
from kdnet.schema.visits import VisitComparison
from kdnet.segmentation.worker_results import compare_segmentations, measure_lesions, report_scan, write_seg
from kdnet.segmentation.worker_volumes import sent_array
from made_series import dicom_series
from scipy.spatial.transform import Rotation

LABELS = brats_labels().to_json()
AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


def report(**_content: Any) -> None:
    return


def item(folder: Path, name: str, voxels: np.ndarray, affine: np.ndarray = AFFINE) -> dict[str, Any]:
    shape = tuple(int(size) for size in voxels.shape)
    file = sent_array(folder / f"{name}.npy", Volume(voxels, Grid(shape, affine)))
    return {"name": name, "file": file, "affine": affine.tolist()}


def tumor(*, shift: int = 0, grown: int = 0) -> np.ndarray:
    voxels = np.zeros((60, 50, 20), np.uint8)
    voxels[10 + shift : 30 + shift + grown, 10:26, 4:12] = 2
    voxels[14 + shift : 24 + shift + grown, 13:22, 6:10] = 3
    voxels[45:50, 40:44, 14:16] = 2
    voxels[55, 5, 1] = 2  # less than what is listed
    return voxels


def test_lesions_come_with_their_numbers_by_voxel(tmp_path: Path) -> None:
    voxels = tumor()
    answer = measure_lesions(
        {"labelmap": item(tmp_path, "labelmap", voxels), "labels": LABELS, "folder": str(tmp_path)}, report
    )
    table = LesionTable.from_json(answer["lesions"])
    assert [lesion.number for lesion in table.lesions] == [1, 2]
    assert [size.name for size in table.lesions[0].sizes] == ["WT", "ET", "TC"]
    numbers = np.load(answer["numbers"])
    corner = answer["corner"]
    whole = np.zeros(voxels.T.shape, np.uint16)
    whole[tuple(slice(start, start + size) for start, size in zip(corner, numbers.shape, strict=True))] = numbers
    assert np.array_equal(whole.T > 0, (voxels > 0) & (np.indices(voxels.shape)[0] < 55))
    assert set(np.unique(whole.T[45:50, 40:44, 14:16])) == {2}


def test_an_empty_segmentation_has_no_lesions(tmp_path: Path) -> None:
    empty = np.zeros((8, 7, 6), np.uint8)
    answer = measure_lesions(
        {"labelmap": item(tmp_path, "labelmap", empty), "labels": LABELS, "folder": str(tmp_path)}, report
    )
    assert answer["lesions"]["lesions"] == ()
    assert not np.load(answer["numbers"]).any()


def head(rotation: Rotation | None = None, shift: np.ndarray | None = None) -> np.ndarray:
    """An asymmetric head of 2 mm voxels, rotated about its center."""
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in (70, 80, 64)), indexing="ij"), axis=-1).astype(float)
    points = (grid - (35, 40, 32)) * 2.0
    if rotation is not None:
        points = rotation.apply(points.reshape(-1, 3)).reshape(points.shape)
    if shift is not None:
        points = points - shift
    inside = np.linalg.norm(points / (58, 70, 54), axis=-1)
    voxels = np.where(inside < 1, 300 + 80 * np.cos(points[..., 0] / 13) * np.cos(points[..., 1] / 17 + 1), 0)
    for center, radius, value in (((20, 15, 10), 16, 700), ((-25, -30, 5), 11, 120), ((10, 40, -20), 9, 900)):
        voxels[np.linalg.norm(points - np.array(center), axis=-1) < radius] = value
    return voxels.astype(np.float32)


def test_visits_are_registered_and_compared_side_by_side(tmp_path: Path) -> None:
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    turned = Rotation.from_euler("xyz", (4, -3, 8), degrees=True)
    scans = [head(), head(turned, np.array([6.0, -4.0, 3.0]))]
    labelmaps = [np.where(scan == 700, 3, 0).astype(np.uint8) for scan in scans]
    request = {
        "earlier": item(tmp_path, "May", labelmaps[0], affine),
        "later": item(tmp_path, "June", labelmaps[1], affine),
        "labels": LABELS,
        "scans": [item(tmp_path, f"scan{index}", scan, affine) for index, scan in enumerate(scans)],
    }
    result = VisitComparison.from_json(compare_segmentations(request, report)["visits"])
    assert (result.earlier, result.later) == ("May", "June")
    assert "registered rigidly" in result.registered
    enhancing = next(region for region in result.regions if region.name == "ET")
    assert enhancing.milliliters.percent == pytest.approx(0, abs=2)
    assert enhancing.new_lesions == 0
    assert enhancing.by_volume == "stable disease"
    request["scans"] = []
    assert "without registration" in compare_segmentations(request, report)["visits"]["registered"]


def test_scans_that_cannot_be_registered_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "align", lambda *_scans: Alignment(None, 0.2, 0.01, 1.0, 5.0))
    noise = np.random.default_rng(0).normal(100, 10, (40, 40, 40)).astype(np.float32)
    request = {
        "earlier": item(tmp_path, "May", np.ones((40, 40, 40), np.uint8), np.diag([4.0, 4.0, 4.0, 1.0])),
        "later": item(tmp_path, "June", np.ones((70, 80, 64), np.uint8), np.diag([2.0, 2.0, 2.0, 1.0])),
        "labels": LABELS,
        "scans": [
            item(tmp_path, "noise", noise, np.diag([4.0, 4.0, 4.0, 1.0])),
            item(tmp_path, "head", head(), np.diag([2.0, 2.0, 2.0, 1.0])),
        ],
    }
    with pytest.raises(DataError, match="head could not be registered to noise"):
        compare_segmentations(request, report)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 900, (40, 36, 14))
    return dicom_series(tmp_path / "series", Volume(noise, Grid((40, 36, 14), np.diag([-0.9, -0.9, 5.5, 1.0]))))


def flipped(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """The voxels of a volume with two axes in the other direction, as another program may load them."""
    turn = np.eye(4)
    turn[0, 0], turn[0, 3] = -1, volume.grid.shape[0] - 1
    turn[2, 2], turn[2, 3] = -1, volume.grid.shape[2] - 1
    return np.ascontiguousarray(np.asarray(volume.voxels)[::-1, :, ::-1]), volume.grid.affine @ turn


def test_a_seg_refers_to_its_series_also_beside_other_files_and_with_turned_axes(series: Path, tmp_path: Path) -> None:
    highdicom = pytest.importorskip("highdicom")
    files = sorted(series.iterdir())
    (series / "other.dcm").write_bytes(b"not DICOM")  # a folder may hold several series
    scan = read_volume_of(files, tmp_path)
    labels = np.zeros(scan.grid.shape, np.uint8)
    labels[5:20, 8:15, 2:6] = 2
    voxels, affine = flipped(Volume(labels, scan.grid))
    request = {
        "labelmap": item(tmp_path, "labelmap", voxels, affine),
        "labels": LABELS,
        "files": [str(file) for file in files],
        "path": str(tmp_path / "seg.dcm"),
    }
    write_seg(request, report)
    found = highdicom.seg.segread(tmp_path / "seg.dcm").get_volume(combine_segments=True)
    places = np.argwhere(found.array) @ found.affine[:3, :3].T + found.affine[:3, 3]
    expected = np.argwhere(labels) @ scan.grid.affine[:3, :3].T + scan.grid.affine[:3, 3]
    expected[:, :2] *= -1  # LPS
    assert np.allclose(sorted(map(tuple, np.round(places, 3))), sorted(map(tuple, np.round(expected, 3))))
    with pytest.raises(DataError, match="not loaded from DICOM"):
        write_seg({**request, "files": []}, report)


def read_volume_of(files: list[Path], folder: Path) -> Volume:
    alone = folder / "alone"
    alone.mkdir()
    for file in files:
        (alone / file.name).write_bytes(file.read_bytes())
    return read_volume(alone)


@pytest.mark.parametrize("suffix", [".html", ".pdf"])
def test_a_report_shows_patient_model_and_what_was_done(
    series: Path, tmp_path: Path, model_file: Path, suffix: str
) -> None:
    scan = read_volume(series)
    labels = np.zeros(scan.grid.shape, np.uint8)
    labels[5:20, 8:15, 2:6] = 2
    request = {
        "volume": item(tmp_path, "AX T1 post", np.asarray(scan.voxels), scan.grid.affine),
        "labelmap": item(tmp_path, "labelmap", labels, scan.grid.affine),
        "labels": LABELS,
        "model": str(model_file),
        "files": [str(file) for file in sorted(series.iterdir())],
        "preparation": ["The brain (1400 mL) was extracted before segmentation."],
        "warnings": ["AX T1 post has thick slices."],
        "path": str(tmp_path / f"report{suffix}"),
    }
    report_scan(request, report)
    content = Path(request["path"]).read_bytes()
    if suffix == ".pdf":
        assert content.startswith(b"%PDF")
        return
    for text in ("AX T1 post", "Tiny", "1400 mL", "thick slices", "Patient ID", "research use only"):
        assert text in content.decode()


def test_a_folder_that_is_missing_is_reported(tmp_path: Path) -> None:
    voxels = tumor()
    request = {
        "volume": item(tmp_path, "scan", voxels.astype(np.float32)),
        "labelmap": item(tmp_path, "labelmap", voxels),
        "labels": LABELS,
        "preparation": [],
        "warnings": [],
        "path": str(tmp_path / "missing" / "report.html"),
    }
    with pytest.raises(KDNetError, match="cannot be written"):
        report_scan(request, report)
