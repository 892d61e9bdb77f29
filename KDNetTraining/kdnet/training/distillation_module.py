"""The network in training together with its teacher, projection, average, and loss."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn

from kdnet.errors import SettingsError
from kdnet.losses.distillation_loss import DistillationLoss, LossTerms
from kdnet.losses.latent_kl import LatentProjection
from kdnet.networks.base import NetworkOutput, SegmentationNetwork
from kdnet.networks.factory import build_network
from kdnet.schema.distillation_settings import DistillationSettings
from kdnet.schema.labels import LabelTable
from kdnet.schema.networks import NetworkSpec
from kdnet.training.teacher import Teacher


class DistillationModule(nn.Module):
    """Maps a batch to loss terms, so that DistributedDataParallel wraps one module with one forward.

    Args:
        spec: the network to train.
        labels: label table of the data set.
        channels: channels of the full image stack that the network takes as input.
        settings: distillation settings; with lambda = gamma = 0 no teacher is needed.
        teacher: for a student.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        labels: LabelTable,
        channels: Sequence[int],
        settings: DistillationSettings,
        teacher: Teacher | None = None,
    ) -> None:
        super().__init__()
        self.network = build_network(spec)
        self.channels = list(channels)
        self.loss = DistillationLoss(labels.mode, settings)
        self.projection: LatentProjection | None = None
        # hidden in a tuple: a teacher registered as a submodule would be trained, averaged and saved
        self._teacher = (teacher,) if settings.needs_teacher else (None,)
        if teacher is not None and settings.gamma > 0:
            check_latents(self.network, teacher.network)
            if teacher.network.bottleneck_features != self.network.bottleneck_features:
                self.projection = LatentProjection(self.network.bottleneck_features, teacher.network.bottleneck_features)

    @property
    def teacher(self) -> Teacher | None:
        """The frozen teacher; None if no loss term needs one."""
        return self._teacher[0]

    def forward(self, image: torch.Tensor, target: torch.Tensor, with_teacher: torch.Tensor | None = None) -> LossTerms:
        """Compute the loss terms.

        Args:
            image: ``[batch, all modalities, i, j, k]``.
            target: ``[batch, channel, i, j, k]``.
            with_teacher: which samples have all modalities of the teacher, bool ``[batch]``; None if all have.
        """
        output = self.network(image[:, self.channels])
        bottleneck = self.projection(output.bottleneck) if self.projection else output.bottleneck
        teacher, teacher_output = self.teacher, None
        if teacher is not None:
            with torch.no_grad():
                teacher_output = _float32(teacher.network(image[:, teacher.channels]))
        # summing a patch in half precision would lose the differences between steps
        with torch.autocast(image.device.type, enabled=False):
            terms: LossTerms = self.loss(_float32(output), target.float(), teacher_output, bottleneck.float(), with_teacher)
        return terms

    def average(self) -> SegmentationNetwork:
        """Return a copy of the network for the moving average of its weights."""
        return copy.deepcopy(self.network).eval().requires_grad_(False)


def _float32(output: NetworkOutput) -> NetworkOutput:
    return NetworkOutput(output.logits.float(), output.bottleneck.float(), tuple(item.float() for item in output.auxiliary))


def check_latents(student: SegmentationNetwork, teacher: SegmentationNetwork) -> None:
    """Check that the bottlenecks of two networks can be compared.

    Raises:
        SettingsError: when they cannot; names both.
    """
    if student.stride != teacher.stride:
        raise SettingsError(
            f"the student halves its grid to 1/{student.stride} and the teacher to 1/{teacher.stride}, so their "
            "bottlenecks differ: choose networks with the same number of levels, or set gamma to 0."
        )
