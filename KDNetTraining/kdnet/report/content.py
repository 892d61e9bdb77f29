"""The data that a report is written from, and which scores the study still lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kdnet.runs.events import Event
from kdnet.schema.labels import LabelTable
from kdnet.schema.network_id import Role
from kdnet.schema.results import Score, StudyDescription, StudySummary


@dataclass(frozen=True)
class ReportData:
    """Everything that a report shows.

    Attributes:
        description: study description.
        summary: summary statistics.
        scores: scores of every case.
        events: events of the run, in order.
        overlays: example pictures, with those of one case side by side.
        labels: label names and colors.
        groups: summary of each group of cases; empty without groups.
    """

    description: StudyDescription
    summary: StudySummary
    scores: Sequence[Score]
    events: Sequence[Event]
    overlays: Sequence[Overlay]
    labels: LabelTable
    groups: Mapping[str, StudySummary] = field(default_factory=dict)

    @property
    def teacher(self) -> str:
        """Input modalities of the teacher, as named in the scores."""
        return "+".join(self.description.teacher_modalities)

    def networks(self) -> list[tuple[Role, str]]:
        """Return the networks in reading order: teacher, then each baseline with its control, if any, and its student."""
        students = self.description.student_modalities
        control = (Role.CONTROL,) if self.description.control else ()
        roles = (Role.BASELINE, *control, Role.STUDENT)
        pairs = [(role, modality_key) for modality_key in students for role in roles]
        return [(Role.TEACHER, self.teacher), *pairs]

    def unscored(self) -> list[str]:
        """Return networks without scores, e.g. ``"fold 1, seed 0: student t1ce"``; empty once the study is finished."""
        scored = {(score.role, score.modalities, score.fold, score.seed) for score in self.scores}
        return [
            f"fold {fold}, seed {seed}: {role.value} {modality_key}"
            for fold in self.description.folds
            for seed in self.description.seeds
            for role, modality_key in self.networks()
            if (role, modality_key, fold, seed) not in scored
        ]


@dataclass(frozen=True, eq=False)
class Overlay:
    """One example picture for the report.

    Attributes:
        case: case name.
        title: what the labelmap is, for example ``"student t1ce"`` or ``"reference"``.
        image: axial slice of the input volume, any scalar type; the first axis points left, the second posterior.
        labelmap: label values on the same slice, uint8.
        spacing: pixel spacing along the two axes of the slice in mm.
    """

    case: str
    title: str
    image: NDArray[np.generic]
    labelmap: NDArray[np.uint8]
    spacing: tuple[float, float] = (1.0, 1.0)
