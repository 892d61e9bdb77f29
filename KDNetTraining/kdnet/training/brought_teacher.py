"""A teacher that was trained elsewhere: opened, checked against the study, and the recipe adapted to it.

Nothing is known of the cases that it learnt from. Where they hold test cases of the study, its figures are too good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kdnet.errors import ModelFileError, SettingsError
from kdnet.labels import LabelTable
from kdnet.model_file import Model, load_model
from kdnet.networks import SegmentationNetwork, build_network, preset
from kdnet.training.preparation import StudyData
from kdnet.training.recipe import Recipe
from kdnet.training.trainee import shared_weights


@dataclass(frozen=True, eq=False)
class OwnTeacher:
    """A model file of ours as the teacher."""

    path: Path
    loaded: Model

    def modalities_for(self, asked: Sequence[str]) -> tuple[str, ...]:
        """The modalities of the study, in the teacher's order.

        Raises:
            SettingsError: when others are asked for.
        """
        own = self.loaded.card.modalities
        if asked and set(asked) != set(own):
            raise SettingsError(
                f"the teacher {self.path} sees {', '.join(own)}: give --modalities {','.join(own)}, or none."
            )
        return own

    def model(self, data: StudyData, modalities: Sequence[str], recipe: Recipe) -> Model:  # noqa: ARG002 - as its sister
        """The teacher, fit for ``data``.

        Raises:
            SettingsError: when its labels or preprocessing differ from those of the study.
        """
        card = self.loaded.card
        if _meaning(card.labels) != _meaning(data.dataset.labels):
            own, wanted = (", ".join(region.name for region in item.regions) for item in (card.labels, data.dataset.labels))
            raise SettingsError(
                f"the teacher {self.path} segments {own}, but the data has {wanted}: choose another teacher."
            )
        if card.preprocessing != data.preprocessing:
            spacing = ",".join(f"{step:g}" for step in card.preprocessing.spacing)
            raise SettingsError(
                f"the teacher {self.path} sees images prepared otherwise than the recipe does: "
                f"give --set spacing=[{spacing}] or choose another teacher."
            )
        return self.loaded


def open_teacher(path: Path) -> OwnTeacher:
    """Open the teacher that ``path`` names: a model file of ours.

    Raises:
        ModelFileError: when it is missing, damaged or foreign.
    """
    if not path.exists():
        raise ModelFileError(f"{path} does not exist: correct the name of the teacher.")
    return OwnTeacher(path, load_model(path))


def adapt_recipe(recipe: Recipe, teacher: Model, student_channels: int) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe with what this teacher cannot give left out, and a sentence about each.

    Raises:
        SettingsError: when nothing is left to learn from the teacher.
    """
    spec = preset(recipe.trained_student_network).spec(student_channels, teacher.card.labels.channels)
    student = build_network(spec)
    warnings = []
    if recipe.distillation.gamma > 0 and not _latents_match(student, teacher.network):
        recipe = replace(recipe, distillation=replace(recipe.distillation, gamma=0.0))
        warnings.append("The teacher's bottleneck does not match the student's: its logits alone are distilled (gamma 0).")
    if not recipe.distillation.needs_teacher:
        raise SettingsError("lambda is 0 and the teacher's bottleneck cannot be matched: give a lambda above 0.")
    if recipe.warm_start and not shared_weights(student, teacher.network):
        recipe = replace(recipe, warm_start=False)
        warnings.append("The student's network is unlike its teacher's, so it starts from fresh weights (no warm start).")
    return recipe, tuple(warnings)


def _latents_match(student: SegmentationNetwork, teacher: SegmentationNetwork) -> bool:
    return teacher.bottleneck_features > 0 and teacher.stride == student.stride


def _meaning(labels: LabelTable) -> tuple[object, ...]:
    """What must agree of two tables; names of labels and colours need not."""
    return labels.mode, tuple(sorted(label.value for label in labels.labels)), labels.regions
