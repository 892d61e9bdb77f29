"""Setup shared by a study and its plan: data, networks, and a pretrained teacher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from kdnet.data.inspection_cache import InspectionRecord
from kdnet.errors import SettingsError
from kdnet.model_file import Model
from kdnet.networks.factory import build_network
from kdnet.runs.events import NO_EVENTS, EventLog
from kdnet.runs.folder import RunFolder
from kdnet.schema.bounds import check_names
from kdnet.schema.decoding import Decoding, default_decoding
from kdnet.schema.folds import Split
from kdnet.schema.modalities import format_modalities
from kdnet.schema.model_header import MOST_MODALITIES
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.networks import preset
from kdnet.schema.recipe import Recipe
from kdnet.schema.study_request import StudyRequest
from kdnet.study.jobs import channels
from kdnet.study.network_list import plan_networks
from kdnet.study.patch_check import check_patch
from kdnet.study.prepare_data import StudyData, read_study_data
from kdnet.study.pretrained_teacher import PretrainedTeacher, adapt_recipe, load_teacher
from kdnet.study.starting_point import open_start, started_recipe
from kdnet.training.distillation_module import check_latents
from kdnet.training.distributed import ALONE, DistributedContext
from kdnet.training.starting_point import StartingPoint
from kdnet.training.teacher import Teacher


@dataclass(frozen=True, eq=False)
class PreparedStudy:
    """A study before its first step.

    Attributes:
        data: usable cases and splits.
        networks: in processing order.
        recipe: as requested, adapted to a pretrained teacher if needed; its steps are not resolved.
        pretrained: the pretrained teacher; None if one is trained.
        warnings: deviations from the request, as text.
        start: model that networks of the same modalities start from; None if there is none.
        adapts: whether this is an adaptation: the model ``start`` is the baseline and teaches the only student.
    """

    data: StudyData
    networks: tuple[NetworkId, ...]
    recipe: Recipe
    pretrained: Model | None = None
    warnings: tuple[str, ...] = ()
    start: Model | None = None
    adapts: bool = False

    @property
    def trained(self) -> tuple[NetworkId, ...]:
        """The networks to train: all but a pretrained teacher, and in an adaptation the model before."""
        return tuple(network for network in self.networks if self.given(network) is None)

    def given(self, network: NetworkId) -> Model | None:
        """Return the model that a network is a copy of; None if it is trained."""
        if self.adapts:
            return self.start if network.role is Role.BASELINE else None
        return self.pretrained if network.role is Role.TEACHER else None

    def start_of(self, network: NetworkId) -> StartingPoint | None:
        """Return the model that the training of a network starts from; None if there is none."""
        start = self.start
        if start is None or set(start.card.modalities) != set(network.modalities):
            return None
        return StartingPoint(start.network, channels(start.card.modalities, self.data), start.card.labels)

    @property
    def decoding(self) -> Decoding | None:
        """How the scores of the networks become labels until sizes are learned.

        An adapted model keeps its decoding, unless it gets other labels.
        """
        if self.adapts and self.start is not None and self.data.has_labels_of(self.start.card):
            return self.start.card.decoding
        return default_decoding(self.data.dataset.labels)

    @property
    def student(self) -> NetworkId:
        """The first student."""
        return next(network for network in self.networks if network.role is Role.STUDENT)

    def teacher_of(self, network: NetworkId) -> NetworkId:
        """Return the teacher of the fold and seed of ``network``."""
        return next(item for item in self.networks if item.role is Role.TEACHER and item.unit == network.unit)

    def split_of(self, network: NetworkId) -> Split:
        """Return the cases of the fold of ``network``."""
        return self.data.splits[network.fold]

    def decoded_cases(self, network: NetworkId) -> int:
        """Return the number of cases that the decoding of a trained network is learned from.

        An adapted model is compared with the one before, so both decode alike.
        """
        split = self.split_of(network)
        return 0 if self.adapts else min(self.recipe.decoding_cases, len(split.validation) + len(split.train))

    def pretrained_teacher(self) -> Teacher | None:
        """Return the pretrained teacher, ready for distillation; None if there is none.

        In an adaptation it is the model before, unless that has other labels.
        """
        model = self.pretrained
        if self.adapts and self.start is not None and self.data.has_labels_of(self.start.card):
            model = self.start
        return None if model is None else Teacher(model.network, channels(model.card.modalities, self.data))


def prepare_study(
    request: StudyRequest,
    run: RunFolder | None = None,
    events: EventLog = NO_EVENTS,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    record: InspectionRecord | None = None,
    *,
    processes: DistributedContext = ALONE,
    resumed: bool = False,
) -> PreparedStudy:
    """Read the data, open the pretrained teacher, and plan the networks.

    Args:
        request: the study request.
        run: folder of the run, whose copies of a pretrained teacher and a model to start from are used once it has them.
        events: receives progress and excluded cases.
        progress: called after each case with the number inspected and the total.
        record: of earlier inspections.
        processes: all call this; the first one reads the data for all.
        resumed: whether the run is being resumed.

    Raises:
        KDNetError: for unusable data, settings, or teacher.
    """
    start = open_start(kept_file(run, "start", processes) or request.start, request.recipe)
    if start is not None:
        request = replace(request, recipe=started_recipe(request, start))
    source = kept_file(run, "teacher", processes) or request.teacher
    opened = load_teacher(source) if source else None
    if opened is not None:
        request = replace(request, modalities=opened.modalities_for(request.modalities))
    data = processes.once(lambda: read_study_data(request, events, progress, record, resumed=resumed))
    modalities = request.modalities or data.dataset.modalities
    networks = plan_networks(modalities, request.students, list(data.splits), request.seeds, control=request.control)
    student = request.recipe.trained_student_network
    presets = (student,) if opened else (request.recipe.network, student)
    check_patch(request.recipe, presets, len(data.dataset.modalities), data.dataset.labels.channels)
    check_names(modalities, "modality", MOST_MODALITIES)  # named in each model's card
    if opened is None:
        _check_levels(request.recipe, data.dataset.labels.channels)
        warnings = (*data.warnings, *_distillation_warnings(request.recipe))
        return check_start(PreparedStudy(data, networks, request.recipe, warnings=warnings, start=start))
    return check_start(_with_teacher(request, opened.fit(data, modalities, request.recipe), data, networks, start))


def _with_teacher(
    request: StudyRequest,
    teacher: PretrainedTeacher,
    data: StudyData,
    networks: tuple[NetworkId, ...],
    start: Model | None,
) -> PreparedStudy:
    """Adapt the recipe to a pretrained teacher, and leave out controls if no student starts from it."""
    recipe, warnings = adapt_recipe(request.recipe, teacher.model, len(networks[-1].modalities))
    if request.control and not recipe.init_from_teacher:
        networks = tuple(network for network in networks if network.role is not Role.CONTROL)
        warnings = (*warnings, "Without a start from the teacher's weights there is no control.")
    warnings = (*data.warnings, *teacher.warnings, *warnings, *_distillation_warnings(recipe))
    return PreparedStudy(data, networks, recipe, teacher.model, warnings, start)


def check_start(setup: PreparedStudy) -> PreparedStudy:
    """Check that some network starts from the given model.

    Raises:
        SettingsError: when none does.
    """
    start = setup.start
    if start is not None and not any(setup.start_of(network) for network in setup.trained):
        own = format_modalities(start.card.modalities)
        raise SettingsError(
            f"no network of the study takes {own}, as the model to start from does: choose another --start."
        )
    return setup


def _distillation_warnings(recipe: Recipe) -> tuple[str, ...]:
    """Return a warning if the student learns nothing from its teacher."""
    if recipe.distillation.needs_teacher:
        return ()
    if recipe.init_from_teacher:
        return ("Both distillation weights are 0: the student starts from its teacher, but no loss compares the two.",)
    return ("Both distillation weights are 0: the student is trained exactly like its baseline.",)


def kept_file(run: RunFolder | None, name: str, processes: DistributedContext) -> Path | None:
    """Return the path of a model file in the run folder, once the run has copied it there; all processes call this."""
    path = getattr(run, name) if run else None
    return path if processes.broadcast(bool(path and path.exists())) else None


def _check_levels(recipe: Recipe, channels_out: int) -> None:
    """Reject networks with mismatched bottlenecks before the first one is trained."""
    if recipe.distillation.gamma <= 0 or recipe.network == recipe.trained_student_network:
        return
    with torch.device("meta"):
        student, teacher = (
            build_network(preset(name).spec(1, channels_out)) for name in (recipe.trained_student_network, recipe.network)
        )
    check_latents(student, teacher)
