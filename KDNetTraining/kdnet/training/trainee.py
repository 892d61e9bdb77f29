"""The network in training with all that accompanies it: teacher, projection, average, loss."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from kdnet.data.sampling import Sample
from kdnet.distillation import DistillationLoss, DistillationSettings, LatentProjection, LossTerms
from kdnet.errors import SettingsError
from kdnet.labels import LabelTable
from kdnet.networks import NetworkOutput, NetworkSpec, SegmentationNetwork, build_network


class Teacher:
    """A frozen network in evaluation mode, without gradients (METHOD section 2).

    Args:
        network: the trained teacher.
        channels: which channels of the full image stack it sees, in its order.
    """

    def __init__(self, network: SegmentationNetwork, channels: Sequence[int]) -> None:
        self.network = network.eval().requires_grad_(False)
        self.channels = list(channels)


class Trainee(nn.Module):
    """Maps a batch to loss terms, so that DistributedDataParallel sees one module with one forward.

    Args:
        spec: the network to train.
        labels: of the data set.
        channels: which channels of the full image stack the network sees.
        settings: of the distillation; with lambda = gamma = 0 no teacher is needed.
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

    def forward(self, image: torch.Tensor, target: torch.Tensor) -> LossTerms:
        """The loss terms of a batch: image ``[batch, all modalities, i, j, k]``, target ``[batch, channel, i, j, k]``."""
        output = self.network(image[:, self.channels])
        bottleneck = self.projection(output.bottleneck) if self.projection else output.bottleneck
        teacher, taught = self._teacher[0], None
        if teacher is not None:
            with torch.no_grad():
                taught = _float32(teacher.network(image[:, teacher.channels]))
        # sums over a patch of half-precision numbers would lose what distinguishes one step from the next
        with torch.autocast(image.device.type, enabled=False):
            terms: LossTerms = self.loss(_float32(output), target.float(), taught, bottleneck.float())
        return terms

    def average(self) -> SegmentationNetwork:
        """A copy of the network to hold the moving average of its weights."""
        return copy.deepcopy(self.network).eval().requires_grad_(False)


def _float32(output: NetworkOutput) -> NetworkOutput:
    return NetworkOutput(output.logits.float(), output.bottleneck.float(), tuple(item.float() for item in output.auxiliary))


def start_from_prior(network: SegmentationNetwork, frequency: torch.Tensor, labels: LabelTable) -> None:
    """Set the bias of every output layer to the logit of each channel's ``frequency`` (0 to 1) in the training data.

    Lin et al., Focal loss, ICCV 2017, section 4.1: otherwise the first hundreds of steps only learn that tumour is rare.
    """
    frequency = frequency.clamp(1e-4, 1 - 1e-4)
    bias = frequency.logit() if labels.mode.value == "regions" else frequency.log()
    with torch.no_grad():
        for layer in network.output_layers():
            if isinstance(layer, nn.Conv3d) and layer.bias is not None:
                layer.bias.copy_(bias)


def start_from_teacher(network: SegmentationNetwork, teacher: Teacher, channels: Sequence[int]) -> None:
    """Copy the teacher's weights wherever shapes agree; of its input layer take the channels that the student sees.

    Raises:
        SettingsError: when the networks have no weights in common.
    """
    shared = shared_weights(network, teacher.network)
    if not shared:
        raise SettingsError("the student's network is too unlike its teacher's to start from it: turn warm_start off.")
    network.load_state_dict({**network.state_dict(), **shared})
    if teacher.network.output_order:
        _order_outputs(network, teacher.network.output_order)
    positions = [teacher.channels.index(channel) for channel in channels if channel in teacher.channels]
    with torch.no_grad():
        network.input_layer().weight.copy_(teacher.network.input_layer().weight[:, positions])


def _order_outputs(network: SegmentationNetwork, order: Sequence[int]) -> None:
    """Bring the channels of output layers, as a bundle has them, into the order of the label table."""
    with torch.no_grad():
        for layer in network.output_layers():
            for value in layer.parameters():
                value.copy_(value[list(order)].clone())


def shared_weights(network: SegmentationNetwork, teacher: SegmentationNetwork) -> dict[str, torch.Tensor]:
    """The teacher's weights that fit ``network`` by name and shape; none when that is less than half of them."""
    own = network.state_dict()
    weights: Mapping[str, torch.Tensor] = teacher.state_dict()
    shared = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    return shared if len(shared) >= len(own) // 2 else {}


def collate(samples: Sequence[Sample], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack samples into image and target batches on ``device``."""
    image = torch.stack([sample.image for sample in samples])
    target = torch.stack([sample.target for sample in samples])
    return image.to(device, non_blocking=True), target.to(device, torch.float32, non_blocking=True)


def check_latents(student: SegmentationNetwork, teacher: SegmentationNetwork) -> None:
    """Refuse networks whose bottlenecks cannot be compared.

    Raises:
        SettingsError: naming both.
    """
    if student.stride != teacher.stride:
        raise SettingsError(
            f"the student halves its grid to 1/{student.stride} and the teacher to 1/{teacher.stride}, so their "
            "bottlenecks differ: choose networks with equally many levels, or gamma = 0."
        )
