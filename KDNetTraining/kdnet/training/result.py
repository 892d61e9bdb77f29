"""The result of a training."""

from __future__ import annotations

from dataclasses import dataclass

from kdnet.networks.base import SegmentationNetwork
from kdnet.schema.networks import NetworkSpec
from kdnet.training.elapsed_time import ElapsedTime
from kdnet.training.validation import Validation


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A finished training.

    Attributes:
        network: with the selected weights, in evaluation mode, on the CPU.
        spec: the network that was built.
        step: the step that produced these weights.
        validation: their validation result.
        elapsed: time spent over all sessions.
    """

    network: SegmentationNetwork
    spec: NetworkSpec
    step: int
    validation: Validation
    elapsed: ElapsedTime
