"""Description of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.schema.decoding import Decoding
from kdnet.schema.distillation_settings import DistillationSettings
from kdnet.schema.labels import LabelTable
from kdnet.schema.network_id import Role
from kdnet.schema.recipe import Recipe
from kdnet.training.starting_point import StartingPoint
from kdnet.training.teacher import Teacher


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """A training to run.

    Attributes:
        name: of the network, for messages.
        role: of the network.
        recipe: how to train.
        labels: the label table.
        channels: input channels of the network in the prepared images.
        training: training cases.
        validation: cases used to select the checkpoint.
        seed: for weights, patches, and augmentation.
        teacher: for a student or a control.
        start: trained network to start from; None for the initialization of the recipe.
        decoding: how scores become labels in validation.
    """

    name: str
    role: Role
    recipe: Recipe
    labels: LabelTable
    channels: tuple[int, ...]
    training: Sequence[PreparedCase]
    validation: Sequence[PreparedCase]
    seed: int
    teacher: Teacher | None = None
    start: StartingPoint | None = None
    decoding: Decoding | None = None

    @property
    def settings(self) -> DistillationSettings:
        """The student's distillation settings; the other networks learn from the reference alone."""
        if self.role is Role.STUDENT:
            return self.recipe.distillation
        return DistillationSettings(lambda_=0.0, gamma=0.0)

    @property
    def preset_name(self) -> str:
        """Preset of this job's network."""
        return self.recipe.network if self.role is Role.TEACHER else self.recipe.trained_student_network
