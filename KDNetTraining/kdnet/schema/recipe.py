"""A recipe: all settings that train a network (docs/method.md section 2)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from kdnet.errors import SettingsError
from kdnet.json_schema import parse_dataclass
from kdnet.schema.augmentation_settings import Augmentation
from kdnet.schema.bounds import check_names
from kdnet.schema.distillation_settings import DistillationSettings
from kdnet.schema.former_names import REMOVED_VALUES, current_recipe, removed_values
from kdnet.schema.model_header import LARGEST_NUMBER
from kdnet.schema.networks import preset
from kdnet.text import one_line


class Optimizer(StrEnum):
    """Optimizers available to a recipe."""

    ADAM = "adam"
    ADAMW = "adamw"
    SGD = "sgd"  # Nesterov momentum 0.99, as in nnU-Net


class Schedule(StrEnum):
    """Learning rate schedules."""

    POLYNOMIAL = "polynomial"  # (1 - step / steps) ** 0.9
    PLATEAU = "plateau"  # times plateau_factor after plateau_patience validations without a lower loss


class Precision(StrEnum):
    """Number format of the forward pass; weights stay float32."""

    AUTO = "auto"  # bfloat16 if the device supports it natively and its gradients are correct, else float32
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class TrainedLayers(StrEnum):
    """Layers whose weights are trained; the others keep those that the network starts from."""

    ALL = "all"
    DECODER = "decoder"  # all, where an architecture does not separate encoder and decoder
    OUTPUT = "output"


MOST = {"batch": 10_000, "steps": 10**9, "validation_every": 10**9, "lr_warmup_steps": 10**9, "workers": 256}
"""Largest values that make sense; beyond them arithmetic or memory fails long after the start."""


@dataclass(frozen=True)
class Recipe:
    """Training settings of teacher, baseline and student.

    Attributes:
        name: name of the recipe.
        network: network preset.
        student_network: preset of baseline and student; empty for that of the teacher.
        spacing: spacing of the training grid in mm along the axes closest to right, anterior, superior.
        patch: training patch size in voxels of that grid.
        batch: patches per step, summed over all processes.
        steps: optimization steps per network.
        foreground_oversampling: probability that a patch is centered on a labeled voxel.
        optimizer, learning_rate, weight_decay: optimizer settings.
        schedule, plateau_factor, plateau_patience: see :class:`Schedule`.
        lr_warmup_steps: number of steps of linear learning rate warm-up.
        gradient_clip: maximum gradient norm, 0 for no limit.
        ema_decay: decay of the exponential moving average of the weights, 0 for none.
        deep_supervision: number of additional, coarser decoder levels that are supervised.
        init_bias_from_prior: whether the last layer's bias starts at the frequency of each label, so that the network does
            not have to unlearn predicting tumor with probability one half everywhere.
        init_from_teacher: whether the student starts from its teacher's weights where shapes match.
        trained_layers: see :class:`TrainedLayers`.
        freeze_statistics: whether batch normalization uses the statistics that the network starts with; instance
            normalization has none.
        precision: see :class:`Precision`.
        validation_every: steps between validations.
        checkpoint_seconds: time between checkpoints for resuming.
        validation_share: fraction of the training cases held out to choose the checkpoint.
        decoding_cases: cases to learn the sizes of debris from once a network is trained, validation cases first; 0 for the
            default sizes.
        sliding_window_size: edge length of the inference windows, a multiple of 32; 0 for whole heads.
        workers: processes that prepare patches during training, 0 for none.
        channels_last: whether convolutions use the channels-last memory layout.
        compile: whether to use torch.compile.
        augmentation: random augmentations of the patches.
        distillation: distillation settings of the student.
    """

    name: str
    network: str
    spacing: tuple[float, float, float]
    patch: tuple[int, int, int]
    batch: int
    steps: int
    learning_rate: float
    student_network: str = ""
    foreground_oversampling: float = 0.5
    optimizer: Optimizer = Optimizer.ADAMW
    weight_decay: float = 0.0
    schedule: Schedule = Schedule.POLYNOMIAL
    plateau_factor: float = 0.2
    plateau_patience: int = 50
    lr_warmup_steps: int = 0
    gradient_clip: float = 0.0
    ema_decay: float = 0.0
    deep_supervision: int = 0
    init_bias_from_prior: bool = True
    init_from_teacher: bool = False
    trained_layers: TrainedLayers = TrainedLayers.ALL
    freeze_statistics: bool = False
    precision: Precision = Precision.FLOAT32
    validation_every: int = 100
    checkpoint_seconds: float = 60.0
    validation_share: float = 0.15
    decoding_cases: int = 12
    sliding_window_size: int = 0
    workers: int = 0
    channels_last: bool = False
    compile: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)
    distillation: DistillationSettings = field(default_factory=DistillationSettings)

    def __post_init__(self) -> None:
        check_names([self.name], "recipe", 1)
        if re.search(r"[/\\:]", self.name):  # it becomes part of the run folder's name
            raise SettingsError(f'the recipe name "{self.name}" holds a slash or colon: rename it.')
        _check_numbers(asdict(self))
        for name in (self.network, self.student_network or self.network):
            preset(name)
        positive = ("batch", "steps", "learning_rate", "validation_every")
        not_negative = (
            *("lr_warmup_steps", "gradient_clip", "deep_supervision", "workers", "checkpoint_seconds", "weight_decay"),
            *("plateau_patience", "decoding_cases"),
        )
        _check(self, positive, lambda value: value > 0, "a positive number")
        _check(self, not_negative, lambda value: value >= 0, "0 or a positive number")
        for name, most in MOST.items():
            _check_most(self, name, most)
        _check(self, ("sliding_window_size",), lambda value: value >= 0 and value % 32 == 0, "0 or a multiple of 32")
        _check(self, ("plateau_factor",), lambda value: 0 < value <= 1, "a number above 0 and at most 1")
        _check(self, ("foreground_oversampling",), lambda value: 0 <= value <= 1, "a number from 0 to 1")
        _check(self, ("ema_decay",), lambda value: 0 <= value < 1, "a number from 0 to below 1")
        _check(self, ("validation_share",), lambda value: 0 < value < 1, "a number between 0 and 1")
        _check(self, ("patch",), lambda value: min(value) >= 8, "three sizes of at least 8 voxels")
        _check(self, ("spacing",), lambda value: min(value) >= 0.1 and max(value) <= 20, "three sizes from 0.1 to 20 mm")

    @property
    def trained_student_network(self) -> str:
        """The preset of baseline and student."""
        return self.student_network or self.network

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as plain JSON values."""
        content: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a recipe from :meth:`to_json` output, also that of older versions; omitted values take their defaults.

        Raises:
            SettingsError: naming an unknown, missing, removed or invalid value.
        """
        if not isinstance(content, Mapping):
            return parse_dataclass(cls, content)
        recipe = current_recipe(content)
        for name, value in removed_values(recipe).items():
            raise SettingsError(f'{name} "{value}" no longer exists: give "{REMOVED_VALUES[name][value]}".')
        return parse_dataclass(cls, recipe)


def _check_most(recipe: Recipe, name: str, most: int) -> None:
    _check(recipe, (name,), lambda value: value <= most, f"at most {most}")


def _check_numbers(values: Mapping[str, Any], prefix: str = "") -> None:
    """Reject numbers that a model card cannot hold, before training rather than after it."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            _check_numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not abs(value) < LARGEST_NUMBER:
            raise SettingsError(f"{prefix}{name} is {one_line(str(value), 40)}: give a number below {LARGEST_NUMBER:g}.")


def _check(recipe: Recipe, names: Sequence[str], holds: Callable[[Any], bool], wanted: str) -> None:
    for name in names:
        value = getattr(recipe, name)
        if not holds(value):
            raise SettingsError(f"{name} is {value} in recipe {recipe.name}: give {wanted}.")
