"""Validation of a network in training on whole cases, on the prepared grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.inference.decoding import decode
from kdnet.inference.precision import bfloat16_agreement
from kdnet.inference.sliding_window import forward
from kdnet.losses.ground_truth import SegmentationLoss
from kdnet.monai_part import monai_part
from kdnet.networks.base import SegmentationNetwork
from kdnet.training.context import ComputeContext
from kdnet.training.interruption import raise_if_stop_requested
from kdnet.training.job import TrainingJob

compute_dice = monai_part("monai.metrics.meandice", "compute_dice")

AGREEMENT_CASES = 5  # enough voxels for three digits of Dice, at two passes each


@dataclass(frozen=True)
class Validation:
    """Means over the validation cases.

    Attributes:
        loss: L_GT.
        dice: region to mean Dice; a region absent from both prediction and reference counts as 1.
    """

    loss: float
    dice: dict[str, float]

    @property
    def score(self) -> float:
        """Mean Dice over regions, used to select the checkpoint."""
        return float(np.mean(list(self.dice.values())))


def validate(network: SegmentationNetwork, job: TrainingJob, context: ComputeContext) -> Validation:
    """Validate ``network`` on the validation cases of ``job``, distributed over the processes.

    Raises:
        Interrupted: on request, between two cases.
    """
    own = []
    processes = context.processes
    for index in range(0, len(job.validation), processes.count):  # equally often in all processes
        raise_if_stop_requested(context)
        for case in job.validation[index : index + processes.count][processes.rank :][:1]:
            own.append(validate_case(network, case, job, context.device))
    return mean_validation([item for part in processes.gather(own) for item in part])


@torch.inference_mode()
def validate_case(
    network: SegmentationNetwork,
    case: PreparedCase,
    job: TrainingJob,
    device: torch.device,
) -> Validation:
    """Segment one prepared case and compare it with its reference."""
    labels = job.labels
    image = torch.from_numpy(np.array(case.image[list(job.channels)], dtype=np.float32))[None].to(device)
    logits = forward(network, image, labels.mode, window=job.recipe.sliding_window_size)
    target = torch.from_numpy(labels.encode(np.asarray(case.labelmap)))[None].to(device)
    labelmap = decode(logits[0], job.recipe.spacing, labels, job.decoding)
    reference = np.asarray(case.labelmap)
    if (ignored := labels.ignored(reference)) is not None:
        labelmap[ignored] = 0
    masks = [
        torch.from_numpy(np.stack([np.isin(m, r.values) for r in labels.regions]))[None] for m in (labelmap, reference)
    ]
    dice = compute_dice(masks[0], masks[1], include_background=True, ignore_empty=False)[0]
    loss = SegmentationLoss(labels.mode)(logits.float(), target.float())
    return Validation(float(loss), {region.name: float(value) for region, value in zip(labels.regions, dice, strict=True)})


def validated_agreement(network: SegmentationNetwork, job: TrainingJob) -> float:
    """Return the Dice between labels in bfloat16 and in float32 on the first validation cases, on the CPU."""
    cases = job.validation[:AGREEMENT_CASES]
    images = (torch.from_numpy(np.array(case.image[list(job.channels)], dtype=np.float32))[None] for case in cases)
    return round(bfloat16_agreement(network, images, job.labels, job.recipe.sliding_window_size), 5)


def mean_validation(cases: Sequence[Validation]) -> Validation:
    """Return the mean over cases."""
    regions = cases[0].dice
    return Validation(
        float(np.mean([case.loss for case in cases])),
        {region: float(np.mean([case.dice[region] for case in cases])) for region in regions},
    )
