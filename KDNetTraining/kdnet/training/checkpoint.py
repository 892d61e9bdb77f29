"""Training state between two steps, in one safetensors file: tensors, and the rest as JSON in its header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from kdnet.errors import RunFolderError
from kdnet.files import atomic_write
from kdnet.foreign import reading
from kdnet.networks.fill import first_not_finite
from kdnet.schema.former_names import CHECKPOINT_GROUPS
from kdnet.tensor_file import load_tensors, save_tensors, weights_hash

REMEDY = "delete it to train this network again"


@dataclass(frozen=True)
class Checkpoint:
    """Everything the next step depends on.

    Attributes:
        values: plain JSON values.
        groups: name (``"network"``, ``"best"``, ...) to state dict.
        optimizer: parameter index to its tensors, such as the moments of Adam.
    """

    values: Mapping[str, Any]
    groups: Mapping[str, Mapping[str, torch.Tensor]]
    optimizer: Mapping[int, Mapping[str, torch.Tensor]] = field(default_factory=dict)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[int, dict[str, torch.Tensor]]:
    """Return the tensors of an optimizer's state by parameter index."""
    state = optimizer.state_dict()["state"]
    return {int(index): {name: torch.as_tensor(value) for name, value in values.items()} for index, values in state.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[int, Mapping[str, torch.Tensor]]) -> None:
    """Restore the state from :func:`optimizer_tensors`; settings such as the learning rate are unchanged.

    Raises:
        ValueError: when a tensor does not match any parameter.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for index, values in tensors.items():
        shapes = ((), (1,), tuple(parameters[index].shape)) if 0 <= index < len(parameters) else ()
        for name, value in values.items():
            if tuple(value.shape) not in shapes:
                raise ValueError(f"{name} of parameter {index} does not fit the optimizer")
    state = optimizer.state_dict()
    state["state"] = {index: dict(values) for index, values in tensors.items()}
    optimizer.load_state_dict(state)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically.

    Raises:
        KDNetError: when the disk is full; the previous state is kept.
    """
    tensors = {f"{group}/{name}": value for group, state in checkpoint.groups.items() for name, value in state.items()}
    for index, state in checkpoint.optimizer.items():
        tensors |= {f"optimizer/{index}/{name}": value for name, value in state.items()}
    # clone: averaged and best weights may share memory with others, which safetensors rejects
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    values = json.dumps(dict(checkpoint.values))
    with atomic_write(path) as temporary:
        save_tensors(temporary, tensors, {"kdnet": values, "sha256": _digest(values, tensors)})


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a file from :func:`write_checkpoint` to the CPU; the file may be replaced afterward.

    Raises:
        RunFolderError: when the file is damaged or its weights are not finite.
    """
    groups: dict[str, dict[str, torch.Tensor]] = {}
    optimizer: dict[int, dict[str, torch.Tensor]] = {}
    with reading(path, REMEDY, RunFolderError):
        tensors, metadata = load_tensors(path)
        values = json.loads(metadata["kdnet"])
        if "sha256" in metadata and metadata["sha256"] != _digest(metadata["kdnet"], tensors):  # older versions wrote none
            raise RunFolderError(f"{path} is damaged (its content does not match its hash): {REMEDY}.")
        if not isinstance(values, dict):
            raise ValueError("it holds no values")
        for key, value in tensors.items():
            group, name = key.split("/", 1)
            group = CHECKPOINT_GROUPS.get(group, group)
            if group == "optimizer":
                index, name = name.split("/", 1)
                optimizer.setdefault(int(index), {})[name] = value
            else:
                groups.setdefault(group, {})[name] = value
    for state in groups.values():
        if first_not_finite(state):
            raise RunFolderError(
                f"{path} holds weights that are not finite, so its training diverged: "
                "start a new run with a lower learning_rate or a gradient_clip."
            )
    return Checkpoint(values, groups, optimizer)


def _digest(values: str, tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the SHA-256 of an entire state: a single flipped bit would silently lead to a different model."""
    return hashlib.sha256(f"{values}\n{weights_hash(tensors)}".encode()).hexdigest()
