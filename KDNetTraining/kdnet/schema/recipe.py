"""The named settings of docs/method.md section 2."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any, Self

from kdnet.errors import RunFolderError, SettingsError
from kdnet.foreign import parse_json, read_json, reading
from kdnet.json_schema import parse_dataclass
from kdnet.schema.bounds import check_names
from kdnet.schema.model_header import LARGEST_NUMBER
from kdnet.schema.networks import preset
from kdnet.text import one_line


class LatentMethod(StrEnum):
    """How the bottlenecks of student and teacher are compared."""

    DIVERGENCE = "divergence"  # L_KL of KD-Net
    PROTOTYPES = "prototypes"  # after ProtoKD
    CONTRAST = "contrast"  # in the manner of PMKL


class LatentSoftmax(StrEnum):
    """Over what the softmax of the latent loss runs."""

    CHANNELS = "channels"  # a distribution over features at each latent voxel
    FLATTENED = "flattened"  # one distribution over all features and voxels


class LatentReduction(StrEnum):
    """What the latent loss averages, which decides what gamma means."""

    DISTRIBUTION = "distribution"  # the divergence of one distribution: summed within it, averaged over all of them
    ELEMENT = "element"  # averaged over all elements, as PyTorch's plain mean


@dataclass(frozen=True)
class DistillationSettings:
    """Weights and choices of L = lambda * L_KD + (1 - lambda) * L_GT + gamma * L_KL.

    Attributes:
        lambda_: weight of the soft targets against the reference, 0 to 1.
        gamma: weight of the latent loss, 0 or more.
        temperature: T > 0, divides the teacher's logits.
        student_temperature: whether the student's logits are divided by T too in L_KD (Hinton et al. 2015) or not
            (generalized distillation, Lopez-Paz et al. 2016).
        latent_method: see :class:`LatentMethod`; the two settings below belong to the divergence.
        latent_softmax: over channels at each latent voxel, or over the flattened latent.
        latent_reduction: see :class:`LatentReduction`.

    Raises:
        SettingsError: for a value out of its range.
    """

    lambda_: float = 0.75
    gamma: float = 10.0
    temperature: float = 5.0
    student_temperature: bool = False
    latent_method: LatentMethod = LatentMethod.DIVERGENCE
    latent_softmax: LatentSoftmax = LatentSoftmax.CHANNELS
    latent_reduction: LatentReduction = LatentReduction.ELEMENT

    def __post_init__(self) -> None:
        if not 0 <= self.lambda_ <= 1:
            raise SettingsError(f"lambda is {self.lambda_}: give a number from 0 to 1.")
        if not 0 <= self.gamma < float("inf"):
            raise SettingsError(f"gamma is {self.gamma}: give 0 or a positive number.")
        if not 0 < self.temperature < float("inf"):
            raise SettingsError(f"the temperature T is {self.temperature}: give a positive number.")

    @property
    def needs_teacher(self) -> bool:
        """Whether any term looks at the teacher; without one this is the baseline."""
        return self.lambda_ > 0 or self.gamma > 0


class Optimizer(StrEnum):
    """Optimizers that a recipe can name."""

    ADAM = "adam"
    ADAMW = "adamw"
    SGD = "sgd"  # Nesterov momentum 0.99, as nnU-Net


class Schedule(StrEnum):
    """How the learning rate falls."""

    POLYNOMIAL = "polynomial"  # (1 - step / steps) ** 0.9
    COSINE = "cosine"
    PLATEAU = "plateau"  # times plateau_factor when the validation loss has not fallen for plateau_patience validations


class Precision(StrEnum):
    """Number format of the forward pass; weights stay float32."""

    AUTO = "auto"  # bfloat16 where the device computes with it natively, else float32
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class Checkpoint(StrEnum):
    """Which weights become the model."""

    BEST = "best"  # highest mean Dice on the validation cases
    LAST = "last"


MOST = {"batch": 10_000, "steps": 10**9, "validation_every": 10**9, "warm_up": 10**9, "workers": 256}
"""Largest values that make sense; beyond them arithmetic or memory fails long after the start."""


def read_recipe(name_or_file: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe that ships with kdnet (``paper``, ``fast``, ``gpu``, ``demo``) or a JSON file.

    Args:
        name_or_file: name or path.
        overrides: ``"name=value"`` with dots for nested values, as in ``"distillation.gamma=0.1"``.

    Raises:
        SettingsError: naming the recipe or value that is wrong.
    """
    content = _recipe_content(name_or_file)
    for override in overrides:
        name, separator, value = override.partition("=")
        if not separator:
            raise SettingsError(f'"{override}" is not a setting: write it as name=value.')
        target = content
        *groups, last = name.split(".")
        for group in groups:
            target = target.setdefault(group, {})
            if not isinstance(target, dict):
                raise SettingsError(f'the recipe has no value "{name}".')
        target[last] = _literal(value)
    return Recipe.from_json(content)


def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that ship with kdnet."""
    folder = resources.files("kdnet.schema") / "recipes"
    return tuple(sorted(item.name.removesuffix(".json") for item in folder.iterdir() if item.name.endswith(".json")))


def read_settled_recipe(path: Path) -> Recipe:
    """The recipe of a run, with its number of steps settled.

    Raises:
        RunFolderError: naming the file, when it is damaged.
    """
    remedy = "restore it, or begin a new run"
    with reading(path, remedy, RunFolderError):
        content = read_json(path, remedy, RunFolderError)
        try:
            return Recipe.from_json(content)
        except SettingsError as error:
            raise RunFolderError(f"{path} is damaged ({str(error).rstrip('.')}): {remedy}.") from error


def _recipe_content(name_or_file: str) -> dict[str, Any]:
    if name_or_file in recipe_names():
        file = resources.files("kdnet.schema") / "recipes" / f"{name_or_file}.json"
        shipped: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return shipped
    path = Path(name_or_file)
    if not path.is_file():
        known = ", ".join(recipe_names())
        raise SettingsError(f'recipe "{name_or_file}" is neither one of {known} nor a file: correct its name.')
    return read_json(path, "correct the recipe", SettingsError)


def _literal(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        return text


def _check_most(recipe: Recipe, name: str, most: int) -> None:
    _check(recipe, (name,), lambda value: value <= most, f"at most {most}")


def _check_numbers(values: Mapping[str, Any], prefix: str = "") -> None:
    """Refuse numbers that the card of a model cannot hold, now and not when the network has been trained."""
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


@dataclass(frozen=True)
class Augmentation:
    """Random changes of a patch; 0 turns one off.

    Attributes:
        flip: probability of mirroring, for each axis on its own.
        scale: intensities are multiplied by 1 - scale to 1 + scale, per modality.
        shift: intensities are raised by -shift to shift (in standard deviations), per modality.
        noise: largest standard deviation of added Gaussian noise, per modality in 3 of 10 patches.
        contrast: gamma is drawn from 1 - contrast to 1 + contrast, per modality in 3 of 10 patches.
        smooth: largest standard deviation of a Gaussian blur in voxels, per modality in 2 of 10 patches.
        shading: largest coefficient of a smooth field by whose exponential a scan is multiplied, as the coils of a
            scanner do, per modality in 3 of 10 patches; 0.2 is about 0.7 to 1.7 across the head.
        thickness: largest slice thickness in voxels that is simulated along one axis, as 2D sequences have it, per modality
            in 3 of 10 patches; 0 or above 1.
        rotate: largest angle about each axis in degrees, in 3 of 10 patches.
        zoom: sizes are multiplied by 1 - zoom to 1 + zoom along each axis, in the same patches as ``rotate``.
    """

    flip: float = 0.5
    scale: float = 0.1
    shift: float = 0.1
    noise: float = 0.0
    contrast: float = 0.0
    smooth: float = 0.0
    shading: float = 0.0
    thickness: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0

    def __post_init__(self) -> None:
        limits = {"flip": 1.0, "scale": 1.0, "contrast": 0.99, "rotate": 180.0, "zoom": 0.9}
        for name in self.__dataclass_fields__:
            value, limit = getattr(self, name), limits.get(name, 10.0)
            if not 0 <= value <= limit:
                raise SettingsError(f"augmentation.{name} is {value:g}: give a number from 0 to {limit:g}.")

    @property
    def deforms(self) -> bool:
        """Whether patches are ever rotated or zoomed."""
        return self.rotate > 0 or self.zoom > 0

    def reach(self, patch: tuple[int, int, int]) -> tuple[int, int, int]:
        """Voxels to add on either side of a patch, so that hardly a rotated corner looks beyond what was cut."""
        angle = math.radians(min(self.rotate, 45.0))
        longest = max(patch)
        i, j, k = (
            math.ceil(((1 + self.zoom) * (size * math.cos(angle) + longest * math.sin(angle)) - size) / 2) for size in patch
        )
        return max(0, i), max(0, j), max(0, k)


@dataclass(frozen=True)
class Recipe:
    """How teacher, baseline and student are trained.

    Attributes:
        name: of the recipe.
        network: preset of the networks.
        student_network: preset of baseline and student, empty for the same as the teacher's.
        spacing: of the training grid, mm along the axes closest to right, anterior, superior.
        patch: size of a training patch in voxels of that grid.
        batch: patches per step, over all processes together.
        steps: optimization steps of each network.
        foreground: probability that a patch is centered on a labeled voxel.
        optimizer, learning_rate, weight_decay: of the optimizer.
        schedule, plateau_factor, plateau_patience: see :class:`Schedule`.
        warm_up: steps in which the learning rate rises linearly.
        gradient_clip: largest norm of the gradient, 0 for no limit.
        average: decay of the exponential moving average of the weights, 0 for none.
        deep_supervision: number of coarser decoder levels that are supervised too.
        prior_bias: whether the last layer starts with the frequency of each label, so that an untrained network does
            not have to unlearn one half of everything being tumor.
        warm_start: whether the student starts from its teacher's weights where their shapes agree.
        precision: see :class:`Precision`.
        checkpoint: see :class:`Checkpoint`.
        validation_every: steps between two validations.
        checkpoint_seconds: time between two written states for resuming.
        validation_share: share of the training cases that is held out to choose the checkpoint.
        window: edge of the windows in which finished networks segment, a multiple of 32; 0 for whole heads.
        workers: processes that prepare patches beside the training, 0 for none.
        channels_last: memory layout of convolutions.
        compile: whether to use torch.compile.
        augmentation: random changes of the patches.
        distillation: of the student.
    """

    name: str
    network: str
    spacing: tuple[float, float, float]
    patch: tuple[int, int, int]
    batch: int
    steps: int
    learning_rate: float
    student_network: str = ""
    foreground: float = 0.5
    optimiser: Optimizer = Optimizer.ADAMW
    weight_decay: float = 0.0
    schedule: Schedule = Schedule.POLYNOMIAL
    plateau_factor: float = 0.2
    plateau_patience: int = 50
    warm_up: int = 0
    gradient_clip: float = 0.0
    average: float = 0.0
    deep_supervision: int = 0
    prior_bias: bool = True
    warm_start: bool = False
    precision: Precision = Precision.FLOAT32
    checkpoint: Checkpoint = Checkpoint.BEST
    validation_every: int = 100
    checkpoint_seconds: float = 60.0
    validation_share: float = 0.15
    window: int = 0
    workers: int = 0
    channels_last: bool = False
    compile: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)
    distillation: DistillationSettings = field(default_factory=DistillationSettings)

    def __post_init__(self) -> None:
        check_names([self.name], "recipe", 1)
        if re.search(r"[/\\:]", self.name):  # it becomes part of the name of the run folder
            raise SettingsError(f'the recipe name "{self.name}" holds a slash or colon: rename it.')
        _check_numbers(asdict(self))
        for name in (self.network, self.student_network or self.network):
            preset(name)
        positive = ("batch", "steps", "learning_rate", "validation_every")
        not_negative = (
            *("warm_up", "gradient_clip", "deep_supervision", "workers", "checkpoint_seconds", "weight_decay"),
            "plateau_patience",
        )
        _check(self, positive, lambda value: value > 0, "a positive number")
        _check(self, not_negative, lambda value: value >= 0, "0 or a positive number")
        for name, most in MOST.items():
            _check_most(self, name, most)
        _check(self, ("window",), lambda value: value >= 0 and value % 32 == 0, "0 or a multiple of 32")
        _check(self, ("plateau_factor",), lambda value: 0 < value <= 1, "a number above 0 and at most 1")
        _check(self, ("foreground",), lambda value: 0 <= value <= 1, "a number from 0 to 1")
        _check(self, ("average",), lambda value: 0 <= value < 1, "a number from 0 to below 1")
        _check(self, ("validation_share",), lambda value: 0 < value < 1, "a number between 0 and 1")
        _check(self, ("patch",), lambda value: min(value) >= 8, "three sizes of at least 8 voxels")
        _check(self, ("spacing",), lambda value: min(value) >= 0.1 and max(value) <= 20, "three sizes from 0.1 to 20 mm")

    @property
    def trained_student_network(self) -> str:
        """Preset of baseline and student."""
        return self.student_network or self.network

    def to_json(self) -> dict[str, Any]:
        """The recipe as plain JSON values."""
        content: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; values left out take their defaults.

        Raises:
            SettingsError: naming an unknown, missing or unfit value.
        """
        return parse_dataclass(cls, content)
