"""Scans in memory: lesions are looked for once, and what is doubtful about them is decided in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.inference.predictor import Prediction
from kdnet.measurement import confidence, lesions
from kdnet.measurement.lesions import find_lesions
from kdnet.measurement.parts import Part, connected_parts
from kdnet.preparation.brain import BrainChoice, BrainExtractor, BrainMethod
from kdnet.preparation.case import PreparationChoice
from kdnet.schema.labels import Region
from kdnet.schema.lesion_confidence import LesionConfidence
from kdnet.schema.model_card import ModelCard, read_card
from kdnet.schema.segmentation import SegmentationOptions
from kdnet.segmentation.segment_volumes import SegmentedVolumes, segment_volumes

CPU = torch.device("cpu")
SHAPE = (24, 26, 22)


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Region of each search for connected parts."""
    found: list[str] = []

    def search(voxels: np.ndarray, region: Region, voxel_ml: float) -> tuple[Part, ...]:
        found.append(region.name)
        return connected_parts(voxels, region, voxel_ml)

    for module in (confidence, lesions):
        monkeypatch.setattr(module, "connected_parts", search)
    return found


class Known:
    """A predictor that has found a sure lesion and a doubtful one."""

    def __init__(self, card: ModelCard) -> None:
        self.model = SimpleNamespace(card=card)

    def predict(self, volumes: Sequence[Volume], **_options: object) -> Prediction:
        labels, percent = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
        labels[2:8, 2:8, 2:8], percent[2:8, 2:8, 2:8] = 2, 90
        labels[4:6, 4:6, 4:6] = 3
        labels[14:20, 14:20, 14:20], percent[14:20, 14:20, 14:20] = 1, 60
        return Prediction(Volume(labels, volumes[0].grid), {"WT": Volume(percent, volumes[0].grid)})


def segmented(model_file: Path, *, keep_doubtful: bool = False) -> tuple[SegmentedVolumes, ModelCard]:
    card = replace(read_card(model_file), lesion_confidence=LesionConfidence("WT", {"WT": 1.0}, 0.0, 0.8))
    scan = Volume(np.ones(SHAPE, np.int16), Grid(SHAPE, np.diag([2.0, 2.0, 2.0, 1.0])))
    choice = PreparationChoice(BrainChoice(BrainMethod.NONE))
    options, extractor = SegmentationOptions(keep_doubtful=keep_doubtful), BrainExtractor(CPU)
    found = segment_volumes(Known(card), extractor, [scan], ["scan"], choice, options, lambda _: None, lesions=True)
    return found, card


@pytest.mark.parametrize("doubtful", [False, True])
def test_lesions_are_searched_once_and_are_those_of_the_labelmap(
    model_file: Path, searches: list[str], doubtful: bool
) -> None:
    found, card = segmented(model_file)
    measured = found.lesions(card, doubtful=doubtful)
    assert searches == ["WT"]
    assert [lesion.doubtful for lesion in measured.table.lesions] == ([False, True] if doubtful else [False])
    labelmap = found.everything if doubtful else found.labelmap
    expected = find_lesions(labelmap, card.labels, found.probabilities, confidence=card.lesion_confidence)
    assert measured.table == expected.table
    assert np.array_equal(measured.numbers, expected.numbers)


def test_doubtful_lesions_stay_on_request(model_file: Path) -> None:
    found, card = segmented(model_file, keep_doubtful=True)
    assert found.judged is None
    assert found.labelmap is found.everything
    assert [lesion.doubtful for lesion in found.lesions(card).table.lesions] == [False, True]
