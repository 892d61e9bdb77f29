"""Collecting the results of a study and writing its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from kdnet.data.dataset import Case, Dataset
from kdnet.data.references import read_reference
from kdnet.data.splits import read_folds
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume
from kdnet.report.content import Overlay
from kdnet.report.write import write_report
from kdnet.runs.events import EventKind, read_events
from kdnet.runs.folder import NetworkFolder
from kdnet.schema.folds import ALL_CASES, fold_name
from kdnet.schema.labels import LabelTable
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.recipe_files import recorded_settings
from kdnet.schema.results import Score, StudyDescription
from kdnet.study.environment import code_version, hardware
from kdnet.study.reader import open_readonly
from kdnet.study.scoring import prediction_path

if TYPE_CHECKING:
    from pathlib import Path

    from kdnet.schema.study_request import StudyRequest
    from kdnet.study.running_study import RunningStudy


EXAMPLES = 3


def report_study(request: StudyRequest, study: RunningStudy) -> Path:
    """Write the report of a study to its run folder; return the HTML file."""
    run, recipe, setup = study.run, study.recipe, study.setup
    data, networks = setup.data, setup.networks
    scores = open_readonly(run.root).scores()
    events, _ = read_events(run.events)
    finished = [event.values for event in events if event.event is EventKind.NETWORK_FINISHED]
    splits = {
        fold_name(fold): {"train": list(part.train), "validation": list(part.validation), "test": list(part.test)}
        for fold, part in data.splits.items()
    }
    description = StudyDescription(
        command=request.command,
        data=f"{data.dataset.format} folder {data.dataset.root.name}",
        cases=len(data.dataset.cases),
        recipe=recipe.name,
        settings=recorded_settings(run.recipe),
        student_modalities=tuple(
            dict.fromkeys(network.modality_key for network in networks if network.role is Role.STUDENT)
        ),
        teacher_modalities=networks[0].modalities,
        regions=tuple(region.name for region in data.dataset.labels.regions),
        folds=tuple(fold for fold in data.splits if fold != ALL_CASES),
        seeds=request.seeds,
        splits=splits,
        steps=recipe.steps,
        settled_steps=tuple(sorted(set(study.steps.values()))),
        seconds=sum(float(values["seconds"]) for values in finished),
        cpu_seconds=sum(float(values["cpu_seconds"]) for values in finished),
        hardware=hardware(study.context.device, study.context.processes.count),
        code_version=code_version(),
        teacher=setup.pretrained.card.name if setup.pretrained else "",
        control=any(network.role is Role.CONTROL for network in networks),
        start=setup.start.card.name if setup.start else "",
        incomplete=tuple(sorted(data.dataset.incomplete)),
        patients=data.dataset.patients,
        groups=read_folds(data.dataset.root, [case.name for case in data.dataset.cases]).groups,
    )
    overlays = example_pictures(data.dataset, networks, run.network, scores)
    return write_report(run.report, description, scores, events, overlays, data.dataset.labels)


def example_pictures(
    dataset: Dataset,
    networks: Sequence[NetworkId],
    folder_of: Callable[[NetworkId], NetworkFolder],
    scores: Sequence[Score],
) -> list[Overlay]:
    """Return the reference and predictions of a good, a median, and a bad case of the first student."""
    student = next((network for network in networks if network.role is Role.STUDENT), None)
    own = [
        score
        for score in scores
        if student
        and (score.role, score.fold, score.seed, score.modalities)
        == (Role.STUDENT, student.fold, student.seed, student.modality_key)
    ]
    if student is None or not own:
        return []
    dice = {name: np.mean([score.dice for score in own if score.case == name]) for name in {s.case for s in own}}
    ranked = sorted(dice, key=lambda name: (-dice[name], name))
    chosen = dict.fromkeys(ranked[round(i * (len(ranked) - 1) / max(1, EXAMPLES - 1))] for i in range(EXAMPLES))
    shown = [
        network
        for network in networks
        if network.unit == student.unit and (network.role is Role.TEACHER or network.modalities == student.modalities)
    ]
    cases = {case.name: case for case in dataset.cases}
    overlays = []
    for name in chosen:
        files = {network.role: prediction_path(folder_of(network), name) for network in shown}
        overlays += _case_overlays(cases[name], student.modalities[0], files, dataset.labels)
    return overlays


def _case_overlays(case: Case, modality: str, predictions: Mapping[Role, Path], labels: LabelTable) -> list[Overlay]:
    image_file = case.images[modality]
    volume = read_volume(image_file.path, image_file.component)
    image, spacing = facing(volume)
    reference, _ = facing(read_reference(case, labels))
    level = int((reference > 0).sum(axis=(0, 1)).argmax())
    overlays = [Overlay(case.name, "reference", image[:, :, level], reference[:, :, level], spacing[:2])]
    for role, path in predictions.items():
        if path.exists():
            labelmap, _ = facing(read_volume(path))
            overlays.append(Overlay(case.name, role.value, image[:, :, level], labelmap[:, :, level], spacing[:2]))
    return overlays


def facing(volume: Volume) -> tuple[NDArray[Any], tuple[float, float, float]]:
    """Return the voxels with axes to the left, posterior, and superior, the radiological convention.

    The second value is the spacing along these axes in mm.
    """
    stored = nibabel.orientations.io_orientation(volume.grid.affine)
    wanted = nibabel.orientations.axcodes2ornt("LPS")
    turn = nibabel.orientations.ornt_transform(stored, wanted)
    left, back, head = (volume.grid.spacing[int(np.flatnonzero(turn[:, 0] == axis)[0])] for axis in range(3))
    return np.asarray(nibabel.orientations.apply_orientation(volume.voxels, turn)), (left, back, head)
