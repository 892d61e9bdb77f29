"""What a report is written from, and what of a study it still lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdnet.evaluation.results import Overlay, Role, Score, StudyDescription
from kdnet.evaluation.statistics import StudySummary
from kdnet.labels import LabelTable
from kdnet.training.events import Event


@dataclass(frozen=True)
class Content:
    """Everything that a report shows.

    Attributes:
        description: what was done.
        summary: the figures.
        scores: of every case.
        events: of the run, in order.
        overlays: example pictures, those of one case beside each other.
        labels: names and colours.
    """

    description: StudyDescription
    summary: StudySummary
    scores: Sequence[Score]
    events: Sequence[Event]
    overlays: Sequence[Overlay]
    labels: LabelTable

    @property
    def teacher(self) -> str:
        """What the teacher sees, as scores name it."""
        return "+".join(self.description.teacher_modalities)

    def networks(self) -> list[tuple[Role, str]]:
        """The networks of the study in reading order: teacher, then each baseline with its student."""
        students = self.description.student_modalities
        pairs = [(role, sees) for sees in students for role in (Role.BASELINE, Role.STUDENT)]
        return [(Role.TEACHER, self.teacher), *pairs]

    def unscored(self) -> list[str]:
        """Networks without scores, for example ``"fold 1, seed 0: student t1ce"``; empty once the study is finished."""
        scored = {(score.role, score.modalities, score.fold, score.seed) for score in self.scores}
        return [
            f"fold {fold}, seed {seed}: {role.value} {sees}"
            for fold in self.description.folds
            for seed in self.description.seeds
            for role, sees in self.networks()
            if (role, sees, fold, seed) not in scored
        ]
