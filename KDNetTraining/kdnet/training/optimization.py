"""Optimizer, learning rate, and moving average of the weights, as specified by a recipe."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from kdnet.device import computes_bfloat16
from kdnet.errors import SettingsError
from kdnet.networks.base import SegmentationNetwork
from kdnet.schema.recipe import Optimizer, Precision, Recipe, Schedule, TrainedLayers


def make_optimizer(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return the recipe's optimizer for ``parameters``."""
    match recipe.optimizer:
        case Optimizer.ADAM:
            return torch.optim.Adam(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        case Optimizer.ADAMW:
            return torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        case Optimizer.SGD:
            return torch.optim.SGD(
                parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, momentum=0.99, nesterov=True
            )


def settled_precision(wanted: Precision, device: torch.device, smallest: int) -> Precision:
    """Resolve ``wanted`` for ``device``: automatic becomes bfloat16 only where that is faster than float32, and correct.

    On CPUs, PyTorch 2.13 computes a wrong weight gradient of a bfloat16 convolution whose input has two voxels along the
    first axis: it contains uninitialized memory, often NaN.

    Args:
        wanted: precision of the recipe.
        device: compute device.
        smallest: voxels of the bottleneck along the first axis. Finer levels have a power of two times as many.

    Raises:
        SettingsError: if the recipe demands bfloat16 where its gradients are wrong.
    """
    correct = device.type != "cpu" or smallest > 2
    if wanted is Precision.BFLOAT16 and not correct:
        raise SettingsError(
            f"The precision is bfloat16, but along the first axis the patch has only {smallest} of the network's coarsest "
            "voxels, for which PyTorch computes wrong gradients on a CPU: set precision=auto, or enlarge the patch."
        )
    if wanted is not Precision.AUTO:
        return wanted
    return Precision.BFLOAT16 if correct and computes_bfloat16(device) else Precision.FLOAT32


def trained_parameters(module: nn.Module, network: SegmentationNetwork, layers: TrainedLayers) -> list[nn.Parameter]:
    """Return the parameters of ``module`` to train; the other ones of ``network`` get no gradient from now on."""
    frozen: list[nn.Parameter] = []
    if layers is TrainedLayers.DECODER:
        frozen = [value for part in network.encoder() for value in part.parameters()]
    if layers is TrainedLayers.OUTPUT:
        outputs = {id(value) for layer in network.output_layers() for value in layer.parameters()}
        frozen = [value for value in network.parameters() if id(value) not in outputs]
    for value in frozen:
        value.requires_grad_(False)
    return [value for value in module.parameters() if value.requires_grad]


@dataclass(frozen=True)
class PlateauState:
    """State of the plateau schedule between validations."""

    factor: float = 1.0
    lowest_loss: float = math.inf
    bad_validations: int = 0

    def after(self, loss: float, recipe: Recipe) -> PlateauState:
        """Return the state after a validation with ``loss``."""
        if loss < self.lowest_loss:
            return PlateauState(self.factor, loss, 0)
        bad = self.bad_validations + 1
        if bad > recipe.plateau_patience:
            return PlateauState(self.factor * recipe.plateau_factor, self.lowest_loss, 0)
        return PlateauState(self.factor, self.lowest_loss, bad)


def learning_rate(recipe: Recipe, step: int, plateau: PlateauState) -> float:
    """Return the learning rate of ``step`` (0 to steps - 1); pure, so that a resumed training continues exactly."""
    warmup = min(1.0, (step + 1) / (recipe.lr_warmup_steps + 1))
    progress = min(1.0, step / recipe.steps)  # there may be more trial steps than the recipe has
    match recipe.schedule:
        case Schedule.POLYNOMIAL:
            decay = (1 - progress) ** 0.9
        case Schedule.PLATEAU:
            decay = plateau.factor
    return float(recipe.learning_rate * warmup * decay)


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights toward the current ones.

    The decay starts smaller, (1 + step) / (10 + step); otherwise the random start would linger in a short training.
    """
    weight = 1 - min(decay, (1 + step) / (10 + step))
    for slow, fast in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if slow.is_floating_point():
            slow.lerp_(fast, weight)
        else:
            slow.copy_(fast)
