"""What to train, and what came out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.networks.base import SegmentationNetwork
from kdnet.schema.labels import LabelTable
from kdnet.schema.network_id import Role
from kdnet.schema.recipe import DistillationSettings, Recipe
from kdnet.training.teacher import Teacher
from kdnet.training.validation import Validation


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """What to train.

    Attributes:
        role: of the network.
        recipe: how.
        labels: the label table.
        channels: which channels of the prepared images the network sees.
        training: cases to learn from.
        validation: cases that choose the checkpoint.
        seed: of weights, patches and augmentation.
        teacher: for a student.
    """

    role: Role
    recipe: Recipe
    labels: LabelTable
    channels: tuple[int, ...]
    training: Sequence[PreparedCase]
    validation: Sequence[PreparedCase]
    seed: int
    teacher: Teacher | None = None

    @property
    def settings(self) -> DistillationSettings:
        """The student's distillation; teacher and baseline learn from the reference alone."""
        if self.role is Role.STUDENT:
            return self.recipe.distillation
        return DistillationSettings(lambda_=0.0, gamma=0.0)

    @property
    def preset_name(self) -> str:
        """Preset of this job's network."""
        return self.recipe.network if self.role is Role.TEACHER else self.recipe.trained_student_network


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A finished training.

    Attributes:
        network: with the chosen weights, in evaluation mode, on the CPU.
        step: at which these weights were reached.
        validation: how good they are.
    """

    network: SegmentationNetwork
    step: int
    validation: Validation
