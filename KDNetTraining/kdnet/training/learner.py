"""The network in training, and one step of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from kdnet.losses.distillation_loss import LossTerms
from kdnet.networks.base import SegmentationNetwork
from kdnet.schema.interruption import Stop, StopMode
from kdnet.schema.networks import preset
from kdnet.schema.recipe import Precision
from kdnet.training.checkpoint import Checkpoint, optimizer_tensors, restore_optimizer
from kdnet.training.context import ComputeContext
from kdnet.training.distillation_module import DistillationModule
from kdnet.training.distributed import DistributedContext
from kdnet.training.initialization import initialize
from kdnet.training.job import TrainingJob
from kdnet.training.optimization import (
    PlateauState,
    learning_rate,
    make_optimizer,
    settled_precision,
    trained_parameters,
    update_average,
)
from kdnet.training.patches import Sample, collate, taught_samples

TRAINED, AVERAGE = "trainee", "average"
"""Groups of a checkpoint: the module in training, and the average of its network's weights."""


@dataclass(frozen=True)
class StepOutcome:
    """Outcome of a step, the same in all processes.

    Attributes:
        losses: mean of each loss term over the batch.
        finite: whether the step was applied; otherwise nothing changed.
        stop: request to stop after this step, if there is one.
    """

    losses: Mapping[str, float]
    finite: bool
    stop: Stop | None


class Learner:
    """Holds what a step changes: weights, their average, and optimizer.

    Args:
        job: what to train.
        device: compute device.
    """

    def __init__(self, job: TrainingJob, device: torch.device) -> None:
        self.recipe, self.device = job.recipe, device
        torch.manual_seed(job.seed)
        architecture = preset(job.preset_name)
        self.spec = architecture.spec(len(job.channels), job.labels.channels, self.recipe.deep_supervision)
        module = DistillationModule(self.spec, job.labels, job.channels, job.settings, job.teacher)
        initialize(module.network, job)
        layout = torch.channels_last_3d if self.recipe.channels_last else torch.preserve_format
        self.module = module.to(device, memory_format=layout)  # type: ignore[call-overload]
        if job.teacher is not None:
            job.teacher.network.to(device, memory_format=layout)  # type: ignore[call-overload]
        self.average = self.module.average() if self.recipe.ema_decay else None
        self.optimizer = make_optimizer(
            self.recipe, trained_parameters(self.module, self.module.network, self.recipe.trained_layers)
        )
        smallest = self.recipe.patch[0] // module.network.stride
        self.precision = settled_precision(self.recipe.precision, device, smallest)
        self._forward: nn.Module = self.module

    @property
    def evaluated(self) -> SegmentationNetwork:
        """The network that is validated and becomes the model: the averaged weights if the recipe averages."""
        network: SegmentationNetwork = self.module.network if self.average is None else self.average
        return network

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def join(self, processes: DistributedContext) -> None:
        """Compile the module if the recipe says so, and average its gradients over the processes from now on."""
        if self.recipe.compile:
            self._forward = torch.compile(self._forward)  # type: ignore[assignment]
        if processes.count > 1:
            self._forward = DistributedDataParallel(self._forward)

    def train_step(
        self, samples: Sequence[Sample], step: int, plateau: PlateauState, context: ComputeContext
    ) -> StepOutcome:
        """Do step number ``step`` (from 0) unless its loss or gradient is not finite in one of the processes."""
        terms, norm = self.backward(samples, step, plateau)
        total, size, *losses = torch.stack([terms.total.detach().float(), norm.float(), *_scalars(terms)]).tolist()
        outcome = _agree(losses, context, finite=math.isfinite(total) and math.isfinite(size))
        if outcome.finite:
            self.optimizer.step()
            if self.average is not None:
                update_average(self.average, self.module.network, self.recipe.ema_decay, step)
        return outcome

    def backward(self, samples: Sequence[Sample], step: int, plateau: PlateauState) -> tuple[LossTerms, torch.Tensor]:
        """Backpropagate a batch; return the loss terms and the gradient's norm."""
        self._forward.train()
        if self.recipe.freeze_statistics:
            _keep_statistics(self.module.network)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, step, plateau)
        image, target = collate(samples, self.device)
        with self._autocast():
            terms: LossTerms = self._forward(image, target, self._taught(samples))
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(terms.total)
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), self.recipe.gradient_clip or math.inf)
        return terms, norm

    def _taught(self, samples: Sequence[Sample]) -> torch.Tensor | None:
        teacher = self.module.teacher
        return None if teacher is None else taught_samples(samples, teacher.channels, self.device)

    def groups(self) -> dict[str, Mapping[str, torch.Tensor]]:
        """Return the state dicts for a checkpoint."""
        groups = {TRAINED: self.module.state_dict()}
        return groups if self.average is None else {**groups, AVERAGE: self.average.state_dict()}

    def checkpoint(self, values: Mapping[str, object], groups: Mapping[str, Mapping[str, torch.Tensor]]) -> Checkpoint:
        """Return the state of everything here, with further ``values`` and ``groups``."""
        return Checkpoint(values, {**self.groups(), **groups}, optimizer_tensors(self.optimizer))

    def restore(self, state: Checkpoint) -> None:
        """Continue from a checkpoint.

        Raises:
            KeyError, RuntimeError, ValueError: when it does not fit.
        """
        self.module.load_state_dict(state.groups[TRAINED])
        if self.average is not None:
            self.average.load_state_dict(state.groups[AVERAGE])
        restore_optimizer(self.optimizer, state.optimizer)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision is Precision.BFLOAT16)


def _keep_statistics(network: nn.Module) -> None:
    """Let batch normalization use the statistics that it has, instead of those of a batch of one or two patches."""
    for layer in network.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.eval()


def _agree(losses: Sequence[float], context: ComputeContext, *, finite: bool) -> StepOutcome:
    """Share among all processes how the step went in each, and whether the first one should stop."""
    processes, modes = context.processes, tuple(StopMode)
    stop = context.pending_stop() if processes.is_main else None
    code = 0 if stop is None else 1 + modes.index(stop.mode)
    bad, code, *sums = processes.total([float(not finite), code, *losses])  # type: ignore[assignment]
    means = {name: value / processes.count for name, value in zip(LossTerms._fields, sums, strict=True)}
    if stop is None and code:
        stop = Stop(modes[int(code) - 1])
    return StepOutcome(means, not bad, stop)


def _scalars(terms: LossTerms) -> list[torch.Tensor]:
    return [term.detach().float() for term in terms]
