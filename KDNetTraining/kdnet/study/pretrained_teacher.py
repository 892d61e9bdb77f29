"""Pretrained teachers: opening them, checking them against the study, and adapting the recipe.

Their training cases are unknown. If these include test cases of the study, the teacher's figures are too optimistic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from kdnet.errors import ModelFileError, SettingsError
from kdnet.model_file import Model, load_model
from kdnet.networks.base import SegmentationNetwork
from kdnet.networks.factory import build_network
from kdnet.networks.fill import first_not_finite, network_with
from kdnet.networks.monai_bundle import Bundle, bundle_folder, read_bundle
from kdnet.schema.decoding import default_decoding
from kdnet.schema.labels import LabelTable
from kdnet.schema.modalities import channel_modality
from kdnet.schema.model_card import ModelCard, read_card
from kdnet.schema.network_id import Role
from kdnet.schema.networks import NetworkSpec, preset
from kdnet.schema.recipe import Recipe
from kdnet.study.prepare_data import StudyData
from kdnet.training.initialization import shared_weights

REGION_NAMES = {
    **{"enhancing": "et", "enhancing tumor": "et", "gd-enhancing tumor": "et"},
    **{"tumor core": "tc", "core": "tc", "whole tumor": "wt", "whole": "wt"},
}


@dataclass(frozen=True, eq=False)
class PretrainedTeacher:
    """A teacher that fits the study.

    Attributes:
        model: its network and card.
        warnings: unverified assumptions about it, as text.
    """

    model: Model
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ModelFileTeacher:
    """A KDNet model file, not yet checked against the study."""

    path: Path
    loaded: Model

    def modalities_for(self, asked: Sequence[str]) -> tuple[str, ...]:
        """Return the modalities of the study, in the teacher's order.

        Raises:
            SettingsError: when others are requested.
        """
        return _agreed(self.path, self.loaded.card.modalities, asked)

    def fit(self, data: StudyData, modalities: Sequence[str], recipe: Recipe) -> PretrainedTeacher:  # noqa: ARG002 - as below
        """Return the teacher, checked against ``data``.

        Raises:
            SettingsError: when its labels or preprocessing differ from the study's.
        """
        card = self.loaded.card
        if not data.has_labels_of(card):
            own, wanted = (", ".join(item.name for item in table.regions) for table in (card.labels, data.dataset.labels))
            raise SettingsError(f"the teacher {self.path} segments {own}, but the data has {wanted}: choose another one.")
        if card.preprocessing != data.preprocessing:
            spacing = ",".join(f"{step:g}" for step in card.preprocessing.spacing)
            raise SettingsError(
                f"the teacher {self.path} was trained with other preprocessing than this recipe's: "
                f"give --set spacing=[{spacing}] or choose another teacher."
            )
        return PretrainedTeacher(self.loaded)


@dataclass(frozen=True, eq=False)
class BundleTeacher:
    """A MONAI bundle, not yet checked against the study."""

    bundle: Bundle

    def modalities_for(self, asked: Sequence[str]) -> tuple[str, ...]:
        """Return the study's modalities in the teacher's order; empty for all of the data's, in their order.

        Raises:
            SettingsError: when others than those of the bundle are requested.
        """
        named = tuple(channel_modality(name) for name in self.bundle.inputs)
        if not named or "" in named or len(set(named)) < len(named):
            return tuple(asked)
        return _agreed(self.bundle.path, named, asked)

    def fit(self, data: StudyData, modalities: Sequence[str], recipe: Recipe) -> PretrainedTeacher:
        """Return the teacher, checked against ``data`` and tested on one patch.

        Raises:
            SettingsError: when its number of input or output channels differs.
            ModelFileError: when its weights do not match its network or it cannot segment a patch of the recipe.
        """
        bundle, labels = self.bundle, data.dataset.labels
        self._check_channels("in_channels", len(modalities), f"modalities ({', '.join(modalities)}), see --modalities")
        self._check_channels("out_channels", labels.channels, "channels for the labels of the data")
        order = _output_order(bundle.outputs, labels)
        arguments = {"network": bundle.network, "arguments": dict(bundle.arguments), "output_order": list(order or ())}
        spec = NetworkSpec("monai", len(modalities), labels.channels, arguments)
        network = self._build(spec)
        self._try(network, spec, recipe.patch)
        card = ModelCard(
            role=Role.TEACHER,
            name=bundle.name,
            network=spec,
            modalities=tuple(modalities),
            labels=labels,
            preprocessing=data.preprocessing,
            sliding_window_size=recipe.sliding_window_size,
            decoding=default_decoding(labels),
            training_data={"format": "MONAI bundle", "source": bundle.path.resolve().name, "citations": []},
        )
        warnings = [f"The teacher {bundle.name} gets images prepared as the recipe says, however it was trained."]
        if order is None:
            names = ", ".join(labels.channel_names)
            warnings.append(f"Its metadata does not name its outputs by label, so they are taken as {names} in this order.")
        return PretrainedTeacher(Model(card, network.eval().requires_grad_(False)), tuple(warnings))

    def _check_channels(self, name: str, wanted: int, what: str) -> None:
        given = self.bundle.arguments.get(name)
        if given is None:
            raise SettingsError(f"the teacher {self.bundle.path} does not define {name} in its network_def: add it.")
        if given != wanted:
            raise SettingsError(f"the teacher {self.bundle.path} has {given} {name}, but the study needs {wanted} {what}.")

    def _build(self, spec: NetworkSpec) -> SegmentationNetwork:
        # our networks omit DynUNet's second registry of blocks
        weights = {f"net.{name}": value for name, value in self.bundle.weights.items() if "skip_layers." not in name}
        broken = first_not_finite(weights)
        if broken:
            raise ModelFileError(f"{self.bundle.path} holds NaN or infinite weights ({broken}): choose another teacher.")
        try:
            return network_with(spec, weights).eval()
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200].rstrip(".:")
            raise ModelFileError(
                f"{self.bundle.path} holds weights that do not fit its network_def ({reason}): export both again."
            ) from error

    def _try(self, network: SegmentationNetwork, spec: NetworkSpec, patch: tuple[int, int, int]) -> None:
        image = torch.randn((1, spec.in_channels, *patch), generator=torch.Generator().manual_seed(0))
        size = " x ".join(map(str, patch))
        try:
            with torch.no_grad():
                logits = network(image).logits
        except (RuntimeError, ValueError, AssertionError, IndexError, TypeError, ImportError) as error:
            reason = (str(error).strip() or type(error).__name__).partition("\n")[0].rstrip(".")
            raise ModelFileError(
                f"the teacher {self.bundle.path} cannot segment a patch of {size} voxels ({reason}): "
                "choose another patch or teacher."
            ) from error
        wanted = (1, spec.out_channels, *patch)
        if tuple(logits.shape) != wanted or not bool(logits.isfinite().all()):
            raise ModelFileError(
                f"the teacher {self.bundle.path} gives {tuple(logits.shape)} instead of finite {wanted} for a patch of "
                f"{size} voxels: choose another patch or teacher."
            )


def load_teacher(path: Path) -> ModelFileTeacher | BundleTeacher:
    """Open the teacher that ``path`` names: a KDNet model file, or the folder or weights of a MONAI bundle.

    Raises:
        ModelFileError: when it is missing, damaged, or not recognized.
    """
    if not path.exists():
        raise ModelFileError(f"{path} does not exist: correct the name of the teacher.")
    folder = bundle_folder(path)
    if path.is_dir() and folder is None:
        raise ModelFileError(f"{path} is not a MONAI bundle (configs/inference.json is missing): choose another teacher.")
    if folder is not None and not (path.is_file() and _is_ours(path)):
        return BundleTeacher(read_bundle(folder, path if path.is_file() else None))
    return ModelFileTeacher(path, load_model(path))


def adapt_recipe(recipe: Recipe, teacher: Model, student_channels: int) -> tuple[Recipe, tuple[str, ...]]:
    """Return the recipe without the parts this teacher cannot support, and a message about each.

    Raises:
        SettingsError: when nothing is left to learn from the teacher.
    """
    spec = preset(recipe.trained_student_network).spec(student_channels, teacher.card.labels.channels)
    student = build_network(spec)
    warnings = []
    if recipe.distillation.gamma > 0 and not _latents_match(student, teacher.network):
        recipe = replace(recipe, distillation=replace(recipe.distillation, gamma=0.0))
        warnings.append(
            "The teacher's bottleneck does not match the student's, so only its logits are distilled (gamma = 0)."
        )
    if not recipe.distillation.needs_teacher:
        raise SettingsError("lambda is 0 and the teacher's bottleneck cannot be matched: give a lambda above 0.")
    if recipe.init_from_teacher and not shared_weights(student, teacher.network):
        recipe = replace(recipe, init_from_teacher=False)
        warnings.append(
            "The student's architecture differs too much from its teacher's, so it is randomly initialized instead."
        )
    return recipe, tuple(warnings)


def _agreed(path: Path, own: tuple[str, ...], asked: Sequence[str]) -> tuple[str, ...]:
    if asked and set(asked) != set(own):
        names = ",".join(own)
        raise SettingsError(
            f"the teacher {path} needs the modalities {names}: give --modalities {names}, or omit the option."
        )
    return own


def _latents_match(student: SegmentationNetwork, teacher: SegmentationNetwork) -> bool:
    return teacher.bottleneck_features > 0 and teacher.stride == student.stride


def _output_order(outputs: Sequence[str], labels: LabelTable) -> tuple[int, ...] | None:
    """Match each channel of ``labels`` to an output by the bundle's names; None if they are inconclusive."""
    plain = [name.lower().replace("tumour", "tumor").strip() for name in outputs]
    own = [REGION_NAMES.get(name, name) for name in plain]
    wanted = [name.lower() for name in labels.channel_names]
    if sorted(own) != sorted(wanted) or len(set(own)) < len(own):
        return None
    return tuple(own.index(name) for name in wanted)


def _is_ours(path: Path) -> bool:
    try:
        read_card(path)
    except ModelFileError:
        return False
    return True
