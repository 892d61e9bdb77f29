"""Read-only view of a run folder: nothing is written, and the data folder may be missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kdnet.data.dataset import Dataset
from kdnet.data.formats.detect import list_cases
from kdnet.errors import KDNetError, ModelFileError, RunFolderError, SettingsError
from kdnet.foreign import parse_json, reading
from kdnet.json_schema import parse_dataclass
from kdnet.model_file import Model, load_model
from kdnet.runs import legacy
from kdnet.runs.events import Event, EventKind, planned_networks, read_events
from kdnet.runs.folder import NetworkFolder, RunFolder, read_study
from kdnet.runs.splits import read_splits
from kdnet.schema.folds import Split
from kdnet.schema.former_names import REMOVED_VALUES, removed_values
from kdnet.schema.labels import LabelTable
from kdnet.schema.network_id import NetworkId, networks_by_key
from kdnet.schema.recipe import Recipe
from kdnet.schema.recipe_files import read_settled_recipe, recorded_settings
from kdnet.schema.results import Score
from kdnet.schema.study_request import StudyRequest
from kdnet.text import one_line


@dataclass(frozen=True, eq=False)
class RunReader:
    """A run's request and current results.

    Attributes:
        run: its folder.
        request: the study request.
    """

    run: RunFolder
    request: StudyRequest

    @cached_property
    def events(self) -> Sequence[Event]:
        """All events so far."""
        return read_events(self.run.events)[0]

    @cached_property
    def networks(self) -> tuple[NetworkId, ...]:
        """Planned networks, in order; empty during the first inspection of the data."""
        planned = planned_networks(self.events)
        if not planned and any(self.run.root.glob(legacy.MODEL_FILES)):
            raise RunFolderError(f"{self.run.events} is missing or damaged: resume the run to write it again.")
        return tuple(legacy.with_teacher_modalities(network, self.teacher_modalities) for network in planned.values())

    @cached_property
    def teacher_modalities(self) -> tuple[str, ...]:
        """Input modalities of the teacher, in its order; empty if neither a teacher nor the data is available."""
        known = tuple(self._started("teacher") or ()) or legacy.teacher_modalities(self.run.root) or self.request.modalities
        return known or (self.dataset.modalities if self.dataset else ())

    @cached_property
    def dataset(self) -> Dataset | None:
        """The cases of the data folder; None if it is missing or cannot be read."""
        try:
            return list_cases(self.request)
        except KDNetError:
            return None

    @cached_property
    def splits(self) -> Mapping[int, Split]:
        """Fold to its cases."""
        return read_splits(self.run.splits)

    @cached_property
    def labels(self) -> LabelTable | None:
        """The label table; None if the run has not started to train and the data is missing."""
        recorded = self._started("labels") or legacy.labels(self.run.root)
        if recorded is not None:
            with reading(self.run.events, "resume the run to write it again", RunFolderError):
                return LabelTable.from_json(recorded)
        return self.dataset.labels if self.dataset else self.request.labels

    def network(self, key: str) -> NetworkId | None:
        """Return the planned network with this key; None if there is none."""
        return networks_by_key(self.networks).get(key)

    def recipe(self) -> Recipe:
        """Return the recipe with its number of steps resolved.

        Raises:
            RunFolderError: when it is not resolved yet.
        """
        return read_settled_recipe(self._recipe_file())

    def settings(self) -> Mapping[str, Any]:
        """Return the values of the recipe as they were, also those that no longer exist.

        Raises:
            RunFolderError: when its number of steps is not resolved yet.
        """
        return recorded_settings(self._recipe_file())

    def _recipe_file(self) -> Path:
        if not self.run.recipe.exists():
            raise RunFolderError(f"{self.run.root} has not started to train: wait for its first steps.")
        return self.run.recipe

    def require_current_settings(self) -> None:
        """Check that unfinished networks can be trained with this version.

        Raises:
            RunFolderError: naming a setting whose value no longer exists.
        """
        removed = removed_values(read_study(self.run.root)["recipe"])
        if not removed or (self.networks and all(self.folder(network).scores.exists() for network in self.networks)):
            return
        for name, value in removed.items():
            raise RunFolderError(
                f'{self.run.root} is not finished and uses {name} "{value}", which no longer exists: start a new run with '
                f'"{REMOVED_VALUES[name][value]}", or resume it with kdnet 0.1.'
            )

    def folder(self, network: NetworkId) -> NetworkFolder:
        """Return the folder of a network, whether or not it exists."""
        return self.run.network(network)

    def _started(self, name: str) -> Any:
        """Return a value of the last ``study_started`` event; None if there is none, as in runs of older versions."""
        values = [event.values.get(name) for event in self.events if event.event is EventKind.STUDY_STARTED]
        return values[-1] if values else None

    def scores(self) -> list[Score]:
        """Return all scores so far."""
        scores = []
        for network in self.networks:
            path = self.folder(network).scores
            if path.exists():
                scores += read_scores(path)
        return scores


def load_finished(network: NetworkId, folder: NetworkFolder) -> Model:
    """Load the finished model of a network.

    Raises:
        ModelFileError: when it is damaged or belongs to another network of the run.
    """
    model = load_model(folder.model)
    if (model.card.role, set(model.card.modalities)) != (network.role, set(network.modalities)):
        raise ModelFileError(
            f"{folder.model} is a {model.card.role.value} of {'+'.join(model.card.modalities)}, not the "
            f"{network.role.value} of {network.modality_key} that the run trained: restore it, or delete it and resume the "
            "run."
        )
    return model


def read_scores(path: Path) -> list[Score]:
    """Read the scores from the file ``path``.

    Raises:
        RunFolderError: when the file is damaged; names it.
    """
    with reading(path, "delete it, then resume the run to score again", RunFolderError):
        content = parse_json(path.read_text(encoding="utf-8"))
        if not isinstance(content, list):
            raise ValueError("it is not a list")
        return [_score(item) for item in content]


def _score(item: Any) -> Score:
    try:
        score = parse_dataclass(Score, item)
    except SettingsError as error:
        raise ValueError(f"a score in it is damaged: {error}") from error
    if not (0 <= score.dice <= 1 and score.hd95 >= 0):
        raise ValueError("a score in it is damaged: Dice must be from 0 to 1, HD95 at least 0")
    return score


def open_readonly(root: Path) -> RunReader:
    """Open the run in ``root`` for reading.

    Raises:
        RunFolderError: when there is no run, it is of a newer version, or its record is damaged.
    """
    return RunReader(RunFolder(root), recorded_request(root))


def recorded_request(root: Path) -> StudyRequest:
    """Read the request of the run in ``root``.

    Raises:
        RunFolderError: when there is no run, it is of a newer version, or its record is damaged.
    """
    content = read_study(root)
    try:
        return StudyRequest.from_json(content)
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, KDNetError) as error:
        details = one_line(str(error), 200).rstrip(".")
        raise RunFolderError(f"{root / 'study.json'} is damaged ({details}): restore it, or start a new run.") from error
