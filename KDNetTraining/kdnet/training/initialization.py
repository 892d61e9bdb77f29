"""Initial weights: label priors, and the teacher's weights for its student."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import nn

from kdnet.errors import SettingsError
from kdnet.networks.base import SegmentationNetwork
from kdnet.schema.labels import IGNORED, LabelTable
from kdnet.training.job import TrainingJob
from kdnet.training.starting_point import StartingPoint
from kdnet.training.teacher import Teacher


def initialize(network: SegmentationNetwork, job: TrainingJob) -> None:
    """Set the initial weights of ``network`` as the recipe of ``job`` says.

    Raises:
        SettingsError: when it should start from a teacher whose architecture differs too much.
    """
    if job.recipe.init_bias_from_prior:
        start_from_prior(network, _mean_frequency(job), job.labels)
    if job.start is not None:
        start_from_network(network, job.start, job.labels, job.channels)
    elif job.recipe.init_from_teacher and job.role.needs_teacher and job.teacher is not None:
        start_from_teacher(network, job.teacher, job.channels)


def start_from_network(
    network: SegmentationNetwork, start: StartingPoint, labels: LabelTable, channels: Sequence[int]
) -> None:
    """Copy the weights of a trained network of the same architecture.

    Output channels that stand for the same region or label are copied; others, and the heads of deep supervision, keep
    their weights. The input layer takes the channels that both have.

    Args:
        network: network to initialize.
        start: the trained network.
        labels: what the output channels of ``network`` stand for.
        channels: input channels of ``network`` in the full image stack.

    Raises:
        SettingsError: when the architectures differ.
    """
    outputs, first = _parameter_names(network, network.output_layers()), _parameter_names(network, [network.input_layer()])
    own = network.state_dict()
    shared = {
        name: value
        for name, value in start.network.state_dict().items()
        if name in own and own[name].shape == value.shape and name not in outputs
    }
    if own.keys() - outputs - first - shared.keys():
        raise SettingsError("the network differs from the one that it starts from: choose a recipe with the same network.")
    network.load_state_dict({**own, **shared})
    _copy_inputs(network.input_layer(), start, channels)
    _copy_outputs(network.output_layers()[0], start, labels)


def _copy_inputs(layer: nn.Conv3d, start: StartingPoint, channels: Sequence[int]) -> None:
    source, known = start.network.input_layer(), list(start.channels)
    with torch.no_grad():
        for position, channel in enumerate(channels):
            if channel in known:
                layer.weight[:, position] = source.weight[:, known.index(channel)]
        if layer.bias is not None and source.bias is not None:
            layer.bias.copy_(source.bias)


def _copy_outputs(layer: nn.Module, start: StartingPoint, labels: LabelTable) -> None:
    """Copy the weights of the output channels that both networks have."""
    source = start.network.output_layers()[0]
    if labels.mode is not start.labels.mode or not isinstance(layer, nn.Conv3d) or not isinstance(source, nn.Conv3d):
        return
    known = start.labels.channel_names
    with torch.no_grad():
        for channel, name in enumerate(labels.channel_names):
            if name in known:
                for value, other in zip(layer.parameters(), source.parameters(), strict=True):
                    value[channel] = other[known.index(name)]


def _parameter_names(network: nn.Module, layers: Iterable[nn.Module]) -> set[str]:
    wanted = {id(value) for layer in layers for value in layer.parameters()}
    return {name for name, value in network.named_parameters() if id(value) in wanted}


def start_from_prior(network: SegmentationNetwork, frequency: torch.Tensor, labels: LabelTable) -> None:
    """Set the bias of every output layer to the logit of each channel's ``frequency`` (0 to 1) in the training data.

    Lin et al., Focal loss, ICCV 2017, section 4.1: otherwise the first few hundred steps only learn that tumor is rare.
    """
    frequency = frequency.clamp(1e-4, 1 - 1e-4)
    bias = frequency.logit() if labels.mode.value == "regions" else frequency.log()
    with torch.no_grad():
        for layer in network.output_layers():
            if isinstance(layer, nn.Conv3d) and layer.bias is not None:
                layer.bias.copy_(bias)


def start_from_teacher(network: SegmentationNetwork, teacher: Teacher, channels: Sequence[int]) -> None:
    """Copy the teacher's weights wherever shapes match; from its input layer, take the student's input channels.

    Raises:
        SettingsError: when the networks have no weights in common.
    """
    shared = shared_weights(network, teacher.network)
    if not shared:
        raise SettingsError(
            "the student's architecture differs too much from its teacher's to initialize from it: turn "
            "init_from_teacher off."
        )
    network.load_state_dict({**network.state_dict(), **shared})
    if teacher.network.output_order:
        _order_outputs(network, teacher.network.output_order)
    positions = [teacher.channels.index(channel) for channel in channels if channel in teacher.channels]
    with torch.no_grad():
        network.input_layer().weight.copy_(teacher.network.input_layer().weight[:, positions])


def _order_outputs(network: SegmentationNetwork, order: Sequence[int]) -> None:
    """Reorder the channels of output layers from the bundle's order to that of the label table."""
    with torch.no_grad():
        for layer in network.output_layers():
            for value in layer.parameters():
                value.copy_(value[list(order)].clone())


def shared_weights(network: SegmentationNetwork, teacher: SegmentationNetwork) -> dict[str, torch.Tensor]:
    """Return the teacher's weights that match ``network`` by name and shape; none if fewer than half match."""
    own = network.state_dict()
    weights: Mapping[str, torch.Tensor] = teacher.state_dict()
    shared = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    return shared if len(shared) >= len(own) // 2 else {}


def _mean_frequency(job: TrainingJob) -> torch.Tensor:
    """Return each channel's mean share of the labeled voxels of a training case."""
    targets = (torch.from_numpy(job.labels.encode(case.labelmap)) for case in job.training)
    return torch.stack([_frequency(target) for target in targets]).mean(dim=0)


def _frequency(target: torch.Tensor) -> torch.Tensor:
    """Return each channel's share of the labeled voxels of ``target`` ``[channel, i, j, k]``."""
    flat = target.flatten(start_dim=1)
    known = flat[:, flat[0] != IGNORED]
    return known.float().mean(dim=1) if known.shape[1] else torch.zeros(len(flat))
