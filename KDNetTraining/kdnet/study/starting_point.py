"""A trained model that networks of a study, or an adaptation, start from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kdnet.errors import SettingsError
from kdnet.model_file import Model, load_model
from kdnet.schema.networks import matching_preset
from kdnet.schema.recipe import Recipe
from kdnet.schema.study_request import StudyRequest


def open_start(path: Path | None, recipe: Recipe | None = None) -> Model | None:
    """Open the model file to start from; None if there is none.

    Args:
        path: of the model file.
        recipe: whose spacing must be that of the model; None if the model decides.

    Raises:
        ModelFileError: when the file is damaged or not a model file.
        SettingsError: when its architecture is not a preset, or its preprocessing differs from the recipe's.
    """
    if path is None:
        return None
    model = load_model(path)
    if not matching_preset(model.card.network):
        raise SettingsError(
            f"{path} has a network that is not one of kdnet's presets, so training cannot start from it: choose another."
        )
    if recipe is not None and model.card.preprocessing.spacing != recipe.spacing:
        spacing = ",".join(f"{step:g}" for step in model.card.preprocessing.spacing)
        raise SettingsError(f"{path} works on another grid than this recipe: give --set spacing=[{spacing}].")
    return model


def started_recipe(request: StudyRequest, start: Model) -> Recipe:
    """Return the recipe of a study with the architecture of the model that it starts from, for the networks concerned."""
    recipe, name = request.recipe, matching_preset(start.card.network)
    own = set(start.card.modalities)
    if any(set(student) == own for student in request.students):
        return replace(recipe, student_network=name)
    return replace(recipe, network=name)
