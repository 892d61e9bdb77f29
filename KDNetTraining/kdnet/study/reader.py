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
from kdnet.runs.events import Event, EventKind, read_events
from kdnet.runs.folder import NetworkFolder, RunFolder, read_study
from kdnet.runs.splits import read_splits
from kdnet.schema.folds import Split
from kdnet.schema.labels import LabelTable
from kdnet.schema.model_card import read_card
from kdnet.schema.network_id import PlannedNetwork, named_network
from kdnet.schema.recipe import Recipe, read_settled_recipe
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
    def networks(self) -> tuple[PlannedNetwork, ...]:
        """Planned networks, in order; empty during the first inspection of the data."""
        started = [event for event in self.events if event.event is EventKind.STUDY_STARTED]
        if not started and any(self.run.root.glob("*/seed*/*/model.safetensors")):
            raise RunFolderError(f"{self.run.events} is missing or damaged: resume the run, which begins it anew.")
        names = started[-1].values.get("networks", ()) if started else ()
        try:
            return tuple(named_network(str(name), self.teacher_modalities) for name in names)
        except SettingsError as error:
            told = one_line(str(error), 200).rstrip(".")
            raise RunFolderError(f"{self.run.events} is damaged ({told}): resume the run.") from error

    @cached_property
    def teacher_modalities(self) -> tuple[str, ...]:
        """Input modalities of the teacher, in its order; empty if neither a teacher nor the data is available."""
        for path in (self.run.teacher, *sorted(self.run.root.glob("*/seed*/teacher/model.safetensors"))):
            if path.exists():
                return read_card(path).modalities
        if self.request.modalities:
            return self.request.modalities
        return self.dataset.modalities if self.dataset else ()

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
        """The label table; None if neither a model nor the data is available."""
        for path in sorted(self.run.root.glob("*/seed*/*/model.safetensors")):
            return read_card(path).labels
        return self.dataset.labels if self.dataset else self.request.labels

    def recipe(self) -> Recipe:
        """Return the recipe with its number of steps resolved.

        Raises:
            RunFolderError: when it is not resolved yet.
        """
        if not self.run.recipe.exists():
            raise RunFolderError(f"{self.run.root} has not begun to train: wait for its first steps.")
        return read_settled_recipe(self.run.recipe)

    def folder(self, network: PlannedNetwork) -> NetworkFolder:
        """Return the folder of a network, whether or not it exists."""
        return NetworkFolder(self.run.root / network.name, network.name)

    def scores(self) -> list[Score]:
        """Return all scores so far."""
        scores = []
        for network in self.networks:
            path = self.folder(network).scores
            if path.exists():
                scores += read_scores(path)
        return scores


def load_finished(network: PlannedNetwork, folder: NetworkFolder) -> Model:
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
            raise ValueError("it is no list")
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
        told = one_line(str(error), 200).rstrip(".")
        raise RunFolderError(f"{root / 'study.json'} is damaged ({told}): restore it, or begin a new run.") from error
