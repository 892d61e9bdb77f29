"""Agreement of brain extractions with held-out masks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kdnet.data.volumes.io import read_volume
from kdnet.evaluation.metrics import score_region
from kdnet.inference.predictor import Predictor
from kdnet.model_file import Model
from kdnet.preparation.brain_mask import tidy_mask
from kdnet.study.brain_cases import BrainCase


@dataclass(frozen=True)
class BrainScore:
    """Scores of one test scan.

    Attributes:
        scan: file name.
        person: the subject.
        modality: of the scan.
        dice: agreement with the reference, 0 to 1.
        hd95: 95th percentile of the surface distance in mm.
        seconds: from the scan in memory to the mask.
        reference: brain volume in the reference in mL.
        found: brain volume in the mask in mL.
    """

    scan: str
    person: str
    modality: str
    dice: float
    hd95: float
    seconds: float
    reference: float
    found: float

    def row(self) -> tuple[object, ...]:
        """Return the values of a table row."""
        figures = (
            f"{self.dice:.4f}",
            f"{self.hd95:.2f}",
            f"{self.seconds:.2f}",
            f"{self.reference:.0f}",
            f"{self.found:.0f}",
        )
        return (self.scan, self.person, self.modality, *figures)


def score_brains(model: Model, cases: Sequence[BrainCase]) -> Iterator[BrainScore]:
    """Extract the brain of each case and compare it with the case's mask."""
    predictor = Predictor(model, torch.device("cpu"))
    for case in cases:
        volume, reference = read_volume(case.scan), read_volume(case.mask).voxels != 0
        started = time.perf_counter()
        mask = tidy_mask(predictor.predict([volume]).labelmap.voxels != 0)
        seconds = time.perf_counter() - started
        spacing = volume.grid.spacing
        score = score_region("Brain", mask, reference, spacing=spacing)
        voxel = float(np.prod(spacing)) / 1000
        name = case.scan.name.removesuffix(".gz").removesuffix(".nii")
        amounts = float(reference.sum()) * voxel, float(mask.sum()) * voxel
        yield BrainScore(name, case.person, case.modality, score.dice, score.hd95, seconds, *amounts)


def card_figures(scores: Sequence[BrainScore]) -> dict[str, object]:
    """Return the test figures for a model card: Dice by modality, the lowest Dice, and distance in mm."""
    by_modality = {
        modality: round(float(np.mean([score.dice for score in scores if score.modality == modality])), 4)
        for modality in sorted({score.modality for score in scores})
    }
    dice = [score.dice for score in scores]
    return {
        "dice": {"Brain": round(float(np.mean(dice)), 4)},
        "lowest_dice": {"Brain": round(min(dice), 4)},
        "modality_dice": by_modality,
        "mean_hd95_mm": round(float(np.mean([score.hd95 for score in scores])), 2),
        "test_cases": len(scores),
        "test_people": len({score.person for score in scores}),
    }


def summary(scores: Sequence[BrainScore]) -> dict[str, str]:
    """Format the figures over all scans and per modality as text."""
    if not scores:
        return {"scans": "0"}
    dice, hd95 = np.array([score.dice for score in scores]), np.array([score.hd95 for score in scores])
    worst = min(scores, key=lambda score: score.dice)
    people = len({score.person for score in scores})
    figures = {
        "scans": f"{len(scores)} of {people} people",
        "Dice": f"mean {dice.mean():.4f}, median {np.median(dice):.4f}, lowest {worst.dice:.4f} ({worst.scan})",
        "HD95": f"mean {hd95.mean():.2f} mm, largest {hd95.max():.2f} mm",
        "seconds": f"median {np.median([s.seconds for s in scores]):.2f}, largest {max(s.seconds for s in scores):.2f}",
    }
    for modality in sorted({score.modality for score in scores}):
        own = [score.dice for score in scores if score.modality == modality]
        figures[modality] = f"mean Dice {np.mean(own):.4f}, lowest {min(own):.4f}, {len(own)} scans"
    return figures
