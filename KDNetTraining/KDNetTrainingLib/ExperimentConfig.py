"""The experiment that is configured: its recipe, what differs from it, and what prevents a run."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdnet.errors import SettingsError
from kdnet.schema.capabilities import Capabilities
from kdnet.schema.numbers import parse_numbers
from slicer.i18n import tr as _

from KDNetTrainingLib.Choices import Choices
from KDNetTrainingLib.Parameters import LatentMethod, LatentReduction, LatentSoftmax, TeacherSource

FILE = "file"  # instead of a recipe name
PREFERRED = "fast"
TOLERANCE = 5e-5  # half of the last digit that a spin box shows


@dataclass(frozen=True)
class RecipeChoice:
    """A choice of the panel that starts with the recipe's value and replaces it.

    Attributes:
        parameter: name of the field of ``Parameters``, which is the ``SlicerParameterName`` of the widget, if it has one.
        setting: name of the value in a recipe.
        kind: type of the field.
    """

    parameter: str
    setting: str
    kind: type[str] | type[float] | type[bool] | type[enum.Enum]

    def value(self, recipe: Mapping[str, Any]) -> Any:
        """Return the recipe's value in the type of the field."""
        value: Any = recipe
        for part in self.setting.split("."):
            value = value[part]
        return self.kind(value)

    def differs(self, chosen: Any, recipe: Mapping[str, Any]) -> bool:
        """Check whether a choice differs from the recipe, by more than what a spin box rounds away."""
        value = self.value(recipe)
        return abs(chosen - value) > TOLERANCE if self.kind is float else bool(chosen != value)


RECIPE_CHOICES = (
    RecipeChoice("network", "network", str),
    RecipeChoice("studentNetwork", "student_network", str),
    RecipeChoice("lambda_", "distillation.lambda_", float),
    RecipeChoice("temperature", "distillation.temperature", float),
    RecipeChoice("studentTemperature", "distillation.student_temperature", bool),
    RecipeChoice("gamma", "distillation.gamma", float),
    RecipeChoice("latentMethod", "distillation.latent_method", LatentMethod),
    RecipeChoice("latentSoftmax", "distillation.latent_softmax", LatentSoftmax),
    RecipeChoice("latentReduction", "distillation.latent_reduction", LatentReduction),
    RecipeChoice("initFromTeacher", "init_from_teacher", bool),
)
"""All recipe values that the panel changes; a new one needs this line, its field and its widget."""


class ExperimentConfig:
    """Combines the choices of the scene with what the backend offers.

    Args:
        choices: the choices of the scene.

    Attributes:
        capabilities: what the backend offers; None until it is known.
        failure: why the backend could not be asked or a recipe not be read; empty otherwise.
    """

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self.capabilities: Capabilities | None = None
        self.failure = ""

    @property
    def recipe_file(self) -> Path | None:
        """The user's own recipe file, None when a built-in one is chosen."""
        chosen = self._choices.current
        return chosen.recipeFile if chosen.recipe == FILE and str(chosen.recipeFile) not in ("", ".") else None

    @property
    def recipe_name(self) -> str:
        """The name of the recipe, or its file."""
        return str(self.recipe_file or self._choices.current.recipe)

    @property
    def recipe(self) -> Mapping[str, Any] | None:
        """All values of the chosen recipe, None until they are known."""
        return self.capabilities.recipes.get(self.recipe_name) if self.capabilities is not None else None

    @property
    def control(self) -> bool:
        """Whether to train a control, which makes sense only if the student starts from its teacher's weights."""
        return self._choices.current.control and self._choices.current.initFromTeacher

    def take_recipe(self) -> None:
        """Make the values of the recipe the choices."""
        recipe = self.recipe
        if recipe is not None:
            for choice in RECIPE_CHOICES:
                setattr(self._choices.current, choice.parameter, choice.value(recipe))

    def settings(self) -> dict[str, object]:
        """Return the recipe values that the user changed, under their names in a recipe."""
        recipe = self.recipe
        if recipe is None:
            return {}
        chosen = {choice: getattr(self._choices.current, choice.parameter) for choice in RECIPE_CHOICES}
        return {
            choice.setting: getattr(value, "value", value)
            for choice, value in chosen.items()
            if choice.differs(value, recipe)
        }

    def problem(self) -> str:
        """Return why no run can be started with these choices, empty if one can."""
        chosen = self._choices.current
        if self.failure:
            return self.failure
        if self.capabilities is None:
            return _("Looking up recipes and devices. Please wait.")
        if self.recipe is None:
            return _("Choose a recipe file.")
        if chosen.teacherSource is TeacherSource.FILE and str(chosen.teacherFile) in ("", "."):
            return _("Choose the teacher's file, or train a teacher.")
        return self._seeds_problem()

    def warning(self) -> str:
        """Return what makes the experiment pointless, although it can be run; empty if nothing does."""
        chosen = self._choices.current
        if chosen.lambda_ > 0 or chosen.gamma > 0:
            return ""
        if chosen.initFromTeacher:
            return _(
                "⚠ Both distillation weights are 0: the student starts from its teacher, but no loss compares the two."
            )
        return _("⚠ Both distillation weights are 0: the student is trained exactly like its baseline.")

    def _seeds_problem(self) -> str:
        try:
            seeds = parse_numbers(self._choices.current.seeds, _("Seeds"))
        except SettingsError as error:
            return str(error)
        return "" if seeds else _("Enter at least one seed, such as 0.")
