"""From the options of ``kdnet adapt`` to the request of a run: the model's own recipe, changed for few cases."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from kdnet.data.dataset import Dataset
from kdnet.data.formats.detect import list_cases, read_dataset
from kdnet.data.preprocessing.case_cache import case_digests
from kdnet.errors import KDNetError, ModelFileError, RunFolderError, SettingsError
from kdnet.runs.folder import RunFolder
from kdnet.schema.adapt_request import AdaptOptions
from kdnet.schema.adaptation import AdaptationSettings, effort
from kdnet.schema.distillation_settings import DistillationSettings
from kdnet.schema.former_names import readable_recipe
from kdnet.schema.labels_option import parse_labels
from kdnet.schema.modalities import format_modalities
from kdnet.schema.model_card import ModelCard, read_card
from kdnet.schema.networks import matching_preset
from kdnet.schema.recipe import Recipe
from kdnet.schema.recipe_files import changed_recipe, read_recipe
from kdnet.schema.study_request import StudyRequest
from kdnet.study.contents import read_kept
from kdnet.study.export import check_target

FORMER_LABELS_WEIGHT = 0.25
"""Weight of the model before against the corrected labels (lambda): it must not argue against every correction."""


def adaptation_request(options: AdaptOptions, command: str = "") -> StudyRequest:
    """Return the request of a run that adapts a model.

    Args:
        options: as given on the command line.
        command: command line that reproduces the run.

    Raises:
        KDNetError: for a model, cases, or settings that do not fit each other.
    """
    card = read_card(options.model)
    _check_out(options.out)
    labels = parse_labels(options.labels)
    dataset = read_dataset(options.collection, labels, card.modalities)
    cases = _usable(dataset, options, card)
    return StudyRequest(
        data=options.collection,
        students=(card.modalities,),
        modalities=card.modalities,
        start=options.model,
        minutes=options.minutes,
        fold_count=options.fold_count,
        excluded=options.excluded,
        device=options.device,
        threads=options.threads,
        recipe=adaptation_recipe(card, cases, options, new_outputs=dataset.labels.meaning != card.labels.meaning),
        labels=labels,
        command=command,
        adaptation=AdaptationSettings(options.old, options.unlabeled),
        out=options.out,
        force=options.force,
    )


def adaptation_recipe(card: ModelCard, cases: int, options: AdaptOptions, *, new_outputs: bool = False) -> Recipe:
    """Return the recipe that the model was trained with, changed for continuing on ``cases`` corrected cases.

    Args:
        card: of the model.
        cases: number of corrected cases.
        options: as given on the command line.
        new_outputs: whether the cases have other labels than the model.

    Raises:
        SettingsError: if training cannot start from the model, or for an invalid setting.
    """
    name = matching_preset(card.network)
    if not name:
        raise SettingsError(
            f"{options.model} has a network that is not one of kdnet's presets, so it cannot be adapted: choose another "
            "model."
        )
    base, wanted = _own_recipe(card), effort(cases, new_outputs=new_outputs)
    steps = options.steps or wanted.steps
    recipe = replace(
        base,
        name="adapt",
        network=name,
        student_network="",
        spacing=card.preprocessing.spacing,
        steps=steps,
        learning_rate=base.learning_rate * wanted.rate,
        lr_warmup_steps=min(20, steps // 10),
        ema_decay=min(base.ema_decay, 0.98),
        deep_supervision=0,
        init_bias_from_prior=False,
        init_from_teacher=False,
        trained_layers=wanted.layers,
        freeze_statistics=True,
        validation_every=steps,
        sliding_window_size=card.sliding_window_size,
        distillation=DistillationSettings(lambda_=FORMER_LABELS_WEIGHT, gamma=0.0, temperature=1.0, unlabeled=True),
    )
    given = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in options.settings.items()]
    return changed_recipe(recipe, given)


def _own_recipe(card: ModelCard) -> Recipe:
    """Return the recipe of the model's card; the one of the shipped students if the card has none that is valid."""
    try:
        return Recipe.from_json(readable_recipe(card.recipe))
    except SettingsError:
        return read_recipe("fast")


def _usable(dataset: Dataset, options: AdaptOptions, card: ModelCard) -> int:
    """Return the number of cases with all modalities of the model.

    Raises:
        SettingsError: if there is none.
    """
    wanted = set(card.modalities)
    count = sum(wanted <= case.images.keys() and case.name not in options.excluded for case in dataset.cases)
    if not count:
        found = read_dataset(options.collection, dataset.labels).modalities
        raise SettingsError(
            f"{options.model} needs {format_modalities(card.modalities)}, but no case of {options.collection} has it (they "
            f"have {format_modalities(found)}): choose a model for these scans, or add cases."
        )
    return count


def _check_out(out: Path) -> None:
    check_target(out)
    if not out.exists():
        return
    try:
        read_card(out)
    except ModelFileError as error:
        raise RunFolderError(
            f"{out} exists and is not a kdnet model file, so it is not overwritten: choose another file name."
        ) from error


def free_run(first: Path, request: StudyRequest) -> Path:
    """Return the folder of a run that has to be continued, or a new one: ``first``, or the same name with a number.

    A run with the same settings and cases is continued, even if it is finished: then only its model may have to be
    written. Cases that were added or corrected since need another run.
    """
    number, root = 1, first
    while root.exists() and not _is_same_run(RunFolder(root), request):
        number += 1
        root = first.with_name(f"{first.name}-{number}")
    return root


def _is_same_run(run: RunFolder, request: StudyRequest) -> bool:
    try:
        if run.differing(request.to_json()):
            return False
        if not run.contents.exists():
            return True
        known = read_kept(run.contents)
        listed = {case.name: case for case in list_cases(request).cases if case.name not in request.excluded}
        known_here = {name: files for name, files in known.items() if name in listed}
        return known_here.keys() == listed.keys() and all(case_digests(listed[name]) == known[name] for name in listed)
    except KDNetError:
        return False
