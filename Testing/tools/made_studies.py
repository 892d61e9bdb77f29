"""Small studies that the tests of statistics and report share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from kdnet.report.content import Overlay
from kdnet.runs.events import Event, EventKind
from kdnet.runs.planned_networks import network_records
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.results import Score, StudyDescription

Network = tuple[Role, str]
TEACHER, BASELINE, STUDENT = (Role.TEACHER, "t1+t1ce"), (Role.BASELINE, "t1ce"), (Role.STUDENT, "t1ce")

STUDY: dict[Network, list[float]] = {
    TEACHER: [0.9, 0.8, 0.7, 0.9, 0.9, 0.8],
    BASELINE: [0.5, 0.6, 0.4, 0.5, 0.6, 0.4],
    STUDENT: [0.7, 0.7, 0.6, 0.6, 0.7, 0.5],
}
"""Means 5/6, 1/2 and 19/30: the student covers (4/30) / (10/30) = 40 % of the gap."""


def scores_of(
    values: Mapping[Network, Sequence[float]], *, region: str = "WT", fold: int = 0, seed: int = 0
) -> list[Score]:
    """One score per network and case; HD95 is 10 mm times what Dice lacks."""
    return [
        Score(role, modality_key, fold, seed, f"case{fold}{index}", region, dice, 10 * (1 - dice))
        for (role, modality_key), column in values.items()
        for index, dice in enumerate(column)
    ]


def description(**changes: object) -> StudyDescription:
    """Of a study of one region, fold and seed."""
    whole = StudyDescription(
        command="kdnet study 'data & more' --student t1ce",
        data="BraTS folder <x>",
        cases=9,
        recipe="fast",
        settings={"steps": 10, "distillation": {"lambda": 0.75}},
        student_modalities=("t1ce",),
        teacher_modalities=("t1", "t1ce"),
        regions=("WT",),
        folds=(0,),
        seeds=(0,),
        splits={"fold0": {"train": ["a", "b"], "validation": ["c"], "test": [f"case0{i}" for i in range(6)]}},
        steps=10,
        seconds=60.0,
        cpu_seconds=100.0,
        hardware="a laptop",
        code_version="1",
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def events_of(*networks: NetworkId, steps: int = 90) -> list[Event]:
    """A training of each network, and a case that was left out."""
    started = Event(0.0, EventKind.STUDY_STARTED, "", {"networks": network_records(networks), "steps": steps})
    events = [started, Event(0.0, EventKind.EXCLUDED, "", {"case": "broken", "reason": "t2 is missing"})]
    for network in networks:
        for step in range(1, steps + 1):
            losses = {"total": 3 / step, "segmentation": 1 / step}
            events.append(Event(0.0, EventKind.STEP, network.key, {"step": step, "losses": losses}))
            if step % 30 == 0:
                events.append(Event(0.0, EventKind.VALIDATION, network.key, {"step": step, "dice": {"WT": step / 100}}))
        events.append(Event(0.0, EventKind.NETWORK_FINISHED, network.key, {"step": 60, "model": "m", "seconds": 1.0}))
    return events


def overlays_of(case: str) -> list[Overlay]:
    """A bright disc with a tumor in it."""
    rows, columns = np.mgrid[:40, :30]
    image = np.where((rows - 20) ** 2 / 2 + (columns - 15) ** 2 < 150, 100 + rows, 0)
    labelmap = np.zeros((40, 30), np.uint8)
    labelmap[10:20, 10:20] = 2
    labelmap[13:17, 13:17] = 3
    return [Overlay(case, title, image, labelmap) for title in ("reference", "baseline", "student")]
