"""Names that older versions of kdnet wrote into files, and their current names: the only place that knows them.

Standard library only. 0.1 and previews of 0.2 used other names for some recipe settings, study options, events, entries of
model cards, labels and regions. Readers pass the JSON values of a file through :func:`current_recipe` and its siblings
before they validate them; every label, region, score and volume passes its name through :func:`current_name`. Old files
therefore compare equal to new ones and continue to work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

Names = Mapping[str, str]

RECIPE: Names = MappingProxyType(
    {
        "average": "ema_decay",
        "foreground": "foreground_oversampling",
        "optimiser": "optimizer",
        "prior_bias": "init_bias_from_prior",
        "warm_start": "init_from_teacher",
        "warm_up": "lr_warmup_steps",
        "window": "sliding_window_size",
    }
)

STUDY: Names = MappingProxyType({"leave_out": "excluded"})

CARD: Names = MappingProxyType({"licence": "license", "window": "sliding_window_size"})

EVENTS: Names = MappingProxyType({"left_out": "excluded"})

LOSSES: Names = MappingProxyType({"gt": "segmentation", "kd": "soft_target"})

CHECKPOINT_GROUPS: Names = MappingProxyType({"optimiser": "optimizer"})

REMOVED_VALUES: Mapping[str, Names] = MappingProxyType(
    {
        "schedule": MappingProxyType({"cosine": "polynomial"}),
        "checkpoint": MappingProxyType({"last": "best"}),
        "precision": MappingProxyType({"float16": "auto"}),
        "network": MappingProxyType({"segresnet-32": "segresnet-16"}),
        "student_network": MappingProxyType({"segresnet-32": "segresnet-16"}),
    }
)
"""Values of recipe settings in 0.1, and what to use instead. Recipes with one are rejected; finished runs are read."""

LABELS: Names = MappingProxyType(
    {
        "Oedema": "Edema",
        "Enhancing tumour": "Enhancing tumor",
        "Gross tumour volume": "Gross tumor volume",
        "Tumour": "Tumor",
    }
)


MODEL_FILES: Names = MappingProxyType(
    {f"Brain tumour {name}.safetensors": f"Brain tumor {name}.safetensors" for name in ("T1", "T1ce", "T2", "FLAIR")}
)
"""Files of the shipped models."""


def current_file(name: str) -> str:
    """Return today's file name of a shipped model; scenes and scripts older than version 0.2 hold the former one.

    Example:
        >>> current_file("Brain tumour T1ce.safetensors"), current_file("Mine.safetensors")
        ('Brain tumor T1ce.safetensors', 'Mine.safetensors')
    """
    return MODEL_FILES.get(name, name)


def current_name(name: str) -> str:
    """Return today's name of a label or region; other names are returned unchanged.

    Example:
        >>> current_name("Oedema"), current_name("Cyst")
        ('Edema', 'Cyst')
    """
    return LABELS.get(name, name)


def current_settings(text: str) -> str:
    """Return settings of a results table in today's wording, so that finished cases stay finished.

    Example:
        >>> current_settings("flips, islands below 5 mm3 cleared, probabilities")
        'test-time augmentation, components below 5 mm3 removed, probabilities'
    """
    text = re.sub(r"(^|, )flips(?=,|$)", r"\1test-time augmentation", text)
    return re.sub(r"(^|, )islands below (\S+) mm3 cleared(?=,|$)", r"\1components below \2 mm3 removed", text)


def renamed(content: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Return the content with current names.

    An older name beside its current one is kept, so that the reader rejects it.

    Example:
        >>> renamed({"average": 0.9, "steps": 10}, RECIPE)
        {'ema_decay': 0.9, 'steps': 10}
    """
    return {name if names.get(name) in content else names.get(name, name): value for name, value in content.items()}


def current_recipe(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON values of a recipe with current names, without a choice that only one value is left of."""
    recipe = renamed(content, RECIPE)
    if recipe.get("checkpoint") == "best":
        del recipe["checkpoint"]
    return recipe


def removed_values(recipe: Mapping[str, Any]) -> Names:
    """Return the settings of a recipe whose values no longer exist, with these values."""
    return {name: str(recipe[name]) for name, values in REMOVED_VALUES.items() if str(recipe.get(name)) in values}


def readable_recipe(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON values of the recipe of a finished run, with the closest values for those that no longer exist.

    Example:
        >>> readable_recipe({"schedule": "cosine", "checkpoint": "last", "warm_up": 5})
        {'schedule': 'polynomial', 'lr_warmup_steps': 5}
    """
    recipe = current_recipe(content)
    closest = {name: REMOVED_VALUES[name][value] for name, value in removed_values(recipe).items()}
    return current_recipe({**recipe, **closest})


def current_study(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON values of ``study.json`` with current names, including those of its recipe."""
    study = renamed(content, STUDY)
    if isinstance(study.get("recipe"), Mapping):
        study["recipe"] = current_recipe(study["recipe"])
    return study


def current_card(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON values of a model card with current names, including those of its recipe."""
    card = renamed(content, CARD)
    if isinstance(card.get("recipe"), Mapping):
        card["recipe"] = current_recipe(card["recipe"])
    return card
