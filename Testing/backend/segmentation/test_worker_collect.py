"""The worker adds corrected segmentations to a collection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kdnet.collection.store import Collection
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.errors import DataError
from kdnet.schema.collection import BrainMask, CollectedCase
from kdnet.schema.labels import brats_labels
from kdnet.schema.model_card import read_card
from kdnet.segmentation.worker_collect import collect_case
from kdnet.segmentation.worker_volumes import sent_array

SHAPE = (20, 22, 18)
AFFINE = np.diag([-2.0, -2.0, 2.0, 1.0])


def report(**_content: Any) -> None:
    return


def item(folder: Path, name: str, voxels: np.ndarray) -> dict[str, Any]:
    file = sent_array(folder / f"{name}.npy", Volume(voxels, Grid(SHAPE, AFFINE)))
    return {"name": name, "file": file, "affine": AFFINE.tolist()}


@pytest.fixture
def labels() -> np.ndarray:
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[5:12, 5:12, 5:12] = 2
    return voxels


@pytest.fixture
def request_for(tmp_path: Path, labels: np.ndarray) -> dict[str, Any]:
    scan = np.random.default_rng(0).integers(1, 900, SHAPE).astype(np.int16)
    return {
        "collection": str(tmp_path / "c"),
        "case": "",
        "scans": {"t1ce": item(tmp_path, "Doe", scan)},
        "corrected": item(tmp_path, "corrected", labels),
        "original": item(tmp_path, "original", np.zeros(SHAPE, np.uint8)),
        "brain": item(tmp_path, "brain", np.ones(SHAPE, np.uint8)),
        "brain_mask": "extracted",
        "labels": brats_labels().to_json(),
        "model": "",
        "patient": "Doe",
        "preparation": "The brain was extracted.",
        "no_tumor": False,
    }


def test_a_case_is_added_once_and_then_corrected_or_replaced(
    request_for: dict[str, Any], labels: np.ndarray, model_file: Path, tmp_path: Path
) -> None:
    case = CollectedCase.from_json(collect_case({**request_for, "model": str(model_file)}, report)["case"])
    assert case.name == "case-001"
    assert (case.model, case.brain_mask) == (read_card(model_file).name, BrainMask.EXTRACTED)
    assert case.changed_ml["Edema"] == pytest.approx(7**3 * 0.008, abs=1e-3)
    assert collect_case(request_for, report) == {"known": "case-001"}
    assert Collection(tmp_path / "c").content().cases == (case,)

    again = {
        **request_for,
        "case": "case-001",
        "corrected": item(tmp_path, "again", np.where(labels > 0, 3, 0).astype("u1")),
    }
    corrected = CollectedCase.from_json(collect_case({**again, "scans": {}}, report)["case"])
    assert corrected.changed_ml["Edema"] == 0
    assert corrected.changed_ml["TC"] == case.changed_ml["Edema"]
    assert corrected.model == case.model
    replaced = CollectedCase.from_json(collect_case(again, report)["case"])
    assert replaced.model == "", "as the request says"
    assert replaced.scans == case.scans


def test_a_case_without_anything_else(request_for: dict[str, Any], tmp_path: Path) -> None:
    bare = {**request_for, "original": None, "brain": None, "brain_mask": "none", "patient": ""}
    case = CollectedCase.from_json(collect_case(bare, report)["case"])
    assert (case.brain_mask, case.changed_ml) == (BrainMask.NONE, {})
    assert [path.name for path in sorted((tmp_path / "c" / "case-001").iterdir())] == [
        "case-001_seg.nii.gz",
        "case-001_t1ce.nii.gz",
        "case.json",
    ]


def test_what_cannot_be_trained_on_is_refused(request_for: dict[str, Any], tmp_path: Path) -> None:
    empty = item(tmp_path, "empty", np.zeros(SHAPE, np.uint8))
    with pytest.raises(DataError, match="is empty"):
        collect_case({**request_for, "corrected": empty}, report)
    assert not (tmp_path / "c").exists()
