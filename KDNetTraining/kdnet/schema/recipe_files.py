"""Read recipes: built-in ones, files on top of them, and those that runs record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from kdnet.errors import RunFolderError, SettingsError
from kdnet.foreign import parse_json, read_json, reading
from kdnet.schema.former_names import RECIPE, current_recipe, readable_recipe, removed_values
from kdnet.schema.recipe import Recipe
from kdnet.text import one_line


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
