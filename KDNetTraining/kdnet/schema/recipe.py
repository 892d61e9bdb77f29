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
from kdnet.schema.former_names import RECIPE, REMOVED_VALUES, current_recipe, readable_recipe, removed_values
from kdnet.schema.model_header import LARGEST_NUMBER
from kdnet.schema.networks import preset
from kdnet.text import one_line


class LatentMethod(StrEnum):
    """Comparison of the student and teacher bottlenecks."""

    DIVERGENCE = "divergence"  # L_KL of KD-Net
    PROTOTYPES = "prototypes"  # after ProtoKD
    CONTRAST = "contrast"  # similar to PMKL


class LatentSoftmax(StrEnum):
    """Dimensions of the softmax in the latent loss."""

    CHANNELS = "channels"  # a distribution over features at each latent voxel
    FLATTENED = "flattened"  # one distribution over all features and voxels


class LatentReduction(StrEnum):
    """Reduction of the latent loss, which sets the scale of gamma."""

    DISTRIBUTION = "distribution"  # summed within each distribution, averaged over distributions
    ELEMENT = "element"  # averaged over all elements, as in PyTorch's ``mean``


@dataclass(frozen=True)
class DistillationSettings:
    """Weights and options of L = lambda * L_KD + (1 - lambda) * L_GT + gamma * L_KL.

    Attributes:
        lambda_: weight of the soft targets against the reference, 0 to 1.
        gamma: weight of the latent loss, 0 or more.
        temperature: T > 0, the divisor of the teacher's logits.
        student_temperature: whether L_KD divides the student's logits by T too (Hinton et al. 2015) or not
            (generalized distillation, Lopez-Paz et al. 2016).
        unlabeled: whether L_KD counts voxels without a label too, which L_GT always leaves out.
        latent_method: see :class:`LatentMethod`; the next two settings apply to the divergence only.
        latent_softmax: over channels at each latent voxel, or over the flattened latent.
        latent_reduction: see :class:`LatentReduction`.

    Raises:
        SettingsError: for a value out of range.
    """

    lambda_: float = 0.75
    gamma: float = 10.0
    temperature: float = 5.0
    student_temperature: bool = False
    unlabeled: bool = False
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
        """Whether any loss term uses the teacher; otherwise this is the baseline."""
        return self.lambda_ > 0 or self.gamma > 0


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


def read_recipe(name_or_file: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a built-in recipe (see :func:`recipe_names`) or a JSON file.

    A recipe may name a built-in recipe as its ``base`` and hold only the settings that differ from it.

    Args:
        name_or_file: name or path.
        overrides: ``"name=value"`` with dots for nested values, as in ``"distillation.gamma=0.1"``.

    Raises:
        SettingsError: naming the invalid recipe or value.
    """
    content = _recipe_content(name_or_file)
    _override(content, overrides)
    return Recipe.from_json(content)


def _override(content: dict[str, Any], overrides: Sequence[str]) -> None:
    """Change the values that ``"name=value"`` names."""
    for override in overrides:
        name, separator, value = override.partition("=")
        if not separator:
            raise SettingsError(f'"{override}" is not a setting: write it as name=value.')
        target = content
        *groups, last = RECIPE.get(name, name).split(".")
        for group in groups:
            target = target.setdefault(group, {})
            if not isinstance(target, dict):
                raise SettingsError(f'the recipe has no value "{name}".')
        target[last] = _literal(value)


def changed_recipe(recipe: Recipe, overrides: Sequence[str]) -> Recipe:
    """Return ``recipe`` with changed values, see :func:`read_recipe`.

    Raises:
        SettingsError: naming the invalid value.
    """
    content = recipe.to_json()
    _override(content, overrides)
    return Recipe.from_json(content)


def recipe_names() -> tuple[str, ...]:
    """Return the names of the built-in recipes."""
    folder = resources.files("kdnet.schema") / "recipes"
    return tuple(sorted(item.name.removesuffix(".json") for item in folder.iterdir() if item.name.endswith(".json")))


def read_settled_recipe(path: Path) -> Recipe:
    """Read the recipe of a run, with its final number of steps; removed values are replaced by the closest ones.

    Raises:
        RunFolderError: naming the file if it is damaged.
    """
    remedy = "restore it, or begin a new run"
    with reading(path, remedy, RunFolderError):
        content = read_json(path, remedy, RunFolderError)
        try:
            return Recipe.from_json(readable_recipe(content))
        except SettingsError as error:
            raise RunFolderError(f"{path} is damaged ({str(error).rstrip('.')}): {remedy}.") from error


def recorded_settings(path: Path) -> dict[str, Any]:
    """Return the settings in the recipe of a run as they were, also where their values no longer exist.

    Raises:
        RunFolderError: naming the file if it is damaged.
    """
    recipe = read_settled_recipe(path).to_json()
    return {**recipe, **removed_values(current_recipe(read_json(path, "restore it, or begin a new run", RunFolderError)))}


def _recipe_content(name_or_file: str) -> dict[str, Any]:
    if name_or_file in recipe_names():
        return _with_base(_built_in(name_or_file), (name_or_file,))
    path = Path(name_or_file)
    if not path.is_file():
        known = ", ".join(recipe_names())
        raise SettingsError(f'recipe "{name_or_file}" is neither one of {known} nor a file: correct its name.')
    return _with_base(current_recipe(read_json(path, "correct the recipe", SettingsError)), ())


def _built_in(name: str) -> dict[str, Any]:
    file = resources.files("kdnet.schema") / "recipes" / f"{name}.json"
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def _with_base(content: dict[str, Any], derived: tuple[str, ...]) -> dict[str, Any]:
    """Return the content on top of the built-in recipe that its ``base`` names, if it names one.

    Args:
        content: JSON values of a recipe.
        derived: built-in recipes that are based on this one.
    """
    if "base" not in content:
        return content
    base = content["base"]
    own = {name: value for name, value in content.items() if name != "base"}
    if base not in recipe_names():
        known = ", ".join(recipe_names())
        raise SettingsError(f'the base "{one_line(str(base), 40)}" of a recipe is not one of {known}: correct it.')
    if base in derived:
        raise SettingsError(f'the recipe "{base}" is based on itself: correct its base.')
    return _merged(_with_base(_built_in(base), (*derived, base)), own)


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    groups = {
        name: _merged(base[name], value)
        for name, value in own.items()
        if isinstance(value, Mapping) and isinstance(base.get(name), Mapping)
    }
    return {**base, **own, **groups}


def _literal(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        return text


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


@dataclass(frozen=True)
class Augmentation:
    """Random augmentations of a patch; 0 disables one.

    Attributes:
        flip: probability of mirroring, independent for each axis.
        scale: intensities are multiplied by a factor from 1 - scale to 1 + scale, per modality.
        shift: an offset from -shift to shift (in standard deviations) is added to intensities, per modality.
        noise: maximum standard deviation of added Gaussian noise, per modality in 3 of 10 patches.
        contrast: gamma is drawn from 1 - contrast to 1 + contrast, per modality in 3 of 10 patches.
        smooth: maximum standard deviation of a Gaussian blur in voxels, per modality in 2 of 10 patches.
        shading: maximum coefficient of a smooth field whose exponential multiplies a scan, like the coil bias of a
            scanner, per modality in 3 of 10 patches; 0.2 is about 0.7 to 1.7 across the head.
        thickness: maximum simulated slice thickness in voxels along one axis, as in 2D sequences, per modality
            in 3 of 10 patches; 0 or above 1.
        rotate: maximum angle about each axis in degrees, in 3 of 10 patches.
        zoom: sizes are scaled by 1 - zoom to 1 + zoom along each axis, in the same patches as ``rotate``.
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
        """Return the voxels to add on each side of a patch, so that rotated corners rarely reach beyond it."""
        angle = math.radians(min(self.rotate, 45.0))
        longest = max(patch)
        i, j, k = (
            math.ceil(((1 + self.zoom) * (size * math.cos(angle) + longest * math.sin(angle)) - size) / 2) for size in patch
        )
        return max(0, i), max(0, j), max(0, k)


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
