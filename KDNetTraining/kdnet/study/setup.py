"""Setup shared by a study and its plan: data, networks, and a pretrained teacher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from kdnet.data.inspection_cache import InspectionRecord
from kdnet.model_file import Model
from kdnet.networks.factory import build_network
from kdnet.runs.events import NO_EVENTS, EventLog
from kdnet.schema.bounds import check_names
from kdnet.schema.folds import Split
from kdnet.schema.model_header import MOST_MODALITIES
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.networks import preset
from kdnet.schema.recipe import Recipe
from kdnet.schema.study_request import StudyRequest
from kdnet.study.jobs import channels
from kdnet.study.network_list import plan_networks
from kdnet.study.patch_check import check_patch
from kdnet.study.prepare_data import StudyData, read_study_data
from kdnet.study.pretrained_teacher import adapt_recipe, load_teacher
from kdnet.training.distillation_module import check_latents
from kdnet.training.distributed import ALONE, DistributedContext
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
    """

    data: StudyData
    networks: tuple[NetworkId, ...]
    recipe: Recipe
    pretrained: Model | None = None
    warnings: tuple[str, ...] = ()

    @property
    def trained(self) -> tuple[NetworkId, ...]:
        """The networks to train: all but a pretrained teacher."""
        return tuple(item for item in self.networks if self.pretrained is None or item.role is not Role.TEACHER)

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

    def pretrained_teacher(self) -> Teacher | None:
        """Return the pretrained teacher, ready for distillation; None if there is none."""
        if self.pretrained is None:
            return None
        return Teacher(self.pretrained.network, channels(self.pretrained.card.modalities, self.data))


def prepare_study(
    request: StudyRequest,
    teacher_file: Path | None = None,
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
        teacher_file: path of the pretrained teacher, if different from the request's.
        events: receives progress and excluded cases.
        progress: called after each case with the number inspected and the total.
        record: of earlier inspections.
        processes: all call this; the first one reads the data for all.
        resumed: whether the run is being resumed.

    Raises:
        KDNetError: for unusable data, settings, or teacher.
    """
    source = teacher_file or request.teacher
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
        return PreparedStudy(data, networks, request.recipe, warnings=data.warnings)
    teacher = opened.fit(data, modalities, request.recipe)
    recipe, warnings = adapt_recipe(request.recipe, teacher.model, len(networks[-1].modalities))
    if request.control and not recipe.init_from_teacher:
        networks = tuple(network for network in networks if network.role is not Role.CONTROL)
        warnings = (*warnings, "Without a start from the teacher's weights there is no control.")
    return PreparedStudy(data, networks, recipe, teacher.model, (*data.warnings, *teacher.warnings, *warnings))


def _check_levels(recipe: Recipe, channels_out: int) -> None:
    """Reject networks with mismatched bottlenecks before the first one is trained."""
    if recipe.distillation.gamma <= 0 or recipe.network == recipe.trained_student_network:
        return
    with torch.device("meta"):
        student, teacher = (
            build_network(preset(name).spec(1, channels_out)) for name in (recipe.trained_student_network, recipe.network)
        )
    check_latents(student, teacher)
