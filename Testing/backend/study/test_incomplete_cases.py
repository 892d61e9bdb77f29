"""A case that lacks a modality trains the networks that do not need it, and tests none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from kdnet.cli import main
from kdnet.data.formats.detect import read_dataset
from kdnet.data.preprocessing.case_cache import CaseCache
from kdnet.losses import DistillationLoss, DistillationSettings
from kdnet.model_file import load_model
from kdnet.networks.base import NetworkOutput
from kdnet.runs.events import EventKind
from kdnet.schema.labels import LabelMode
from kdnet.schema.preprocessing import Preprocessing
from made_runs import events, study

QUICK = ("--set", "steps=6", "--set", "validation_every=6")


@pytest.fixture(scope="module")
def data(phantom: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six cases; one has only T1ce, another one no T1ce."""
    folder = tmp_path_factory.mktemp("data") / "incomplete"
    shutil.copytree(phantom, folder)
    for name in ("t1", "t2", "flair"):
        (folder / "Phantom_005" / f"Phantom_005_{name}.nii.gz").unlink()
    (folder / "Phantom_004" / "Phantom_004_t1ce.nii.gz").unlink()
    return folder


def test_an_incomplete_case_trains_baseline_and_student(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main(study(data, run, *QUICK, "--fold-count", "2")) == 0
    splits = json.loads((run / "splits.json").read_text(encoding="utf-8"))["fold0"]
    assert "Phantom_005" in splits["train"]
    assert "Phantom_005" not in (*splits["validation"], *splits["test"])
    assert [event.values["case"] for event in events(run, EventKind.EXCLUDED)] == ["Phantom_004"]
    told = [event.values["text"] for event in events(run, EventKind.WARNING)]
    assert any("1 case lacks a modality, for example Phantom_005" in text for text in told)
    assert "1 case lacks a modality" in (run / "report" / "results.md").read_text(encoding="utf-8")
    student = load_model(run / "fold0/seed0/student-t1ce/model.safetensors")
    teacher = load_model(run / "fold0/seed0/teacher/model.safetensors")
    assert student.card.training_data["cases"] == teacher.card.training_data["cases"] + 1


def test_channels_keep_their_places(data: Path, tmp_path: Path) -> None:
    dataset = read_dataset(data)
    assert dataset.incomplete == {"Phantom_004", "Phantom_005"}
    case = next(case for case in dataset.cases if case.name == "Phantom_005")
    preprocessing = Preprocessing((6.0, 6.0, 6.0))
    prepared = CaseCache(tmp_path, preprocessing, dataset.labels, dataset.modalities).get(case)
    alone = CaseCache(tmp_path, preprocessing, dataset.labels).get(case)
    channel = dataset.modalities.index("t1ce")
    assert prepared.lacking == {0, 1, 2, 3} - {channel}
    np.testing.assert_array_equal(prepared.image[channel], alone.image[0])
    assert not np.delete(prepared.image, channel, axis=0).any()


def output(batch: int, seed: int) -> NetworkOutput:
    random = torch.Generator().manual_seed(seed)
    return NetworkOutput(torch.randn(batch, 3, 8, 8, 8, generator=random), torch.randn(batch, 4, 2, 2, 2, generator=random))


def test_a_teacher_without_its_modalities_teaches_nothing() -> None:
    loss = DistillationLoss(LabelMode.REGIONS, DistillationSettings(0.5, gamma=1.0))
    student, teacher, target = output(2, 0), output(2, 1), (output(2, 2).logits > 0).float()
    both = loss(student, target, teacher)
    torch.testing.assert_close(loss(student, target, teacher, with_teacher=torch.tensor([True, True])).total, both.total)
    none = loss(student, target, teacher, with_teacher=torch.tensor([False, False]))
    torch.testing.assert_close(none.total, 0.5 * none.segmentation)
    changed = NetworkOutput(teacher.logits.clone(), teacher.bottleneck.clone())
    changed.logits[1] = 9
    changed.bottleneck[1] = 9
    first = torch.tensor([True, False])
    torch.testing.assert_close(
        loss(student, target, teacher, with_teacher=first).total, loss(student, target, changed, with_teacher=first).total
    )
