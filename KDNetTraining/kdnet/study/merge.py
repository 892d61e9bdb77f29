"""One report on several runs of the same study, as cluster jobs for folds, seeds or students make them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from kdnet.data.splits import read_folds
from kdnet.errors import RunFolderError, SettingsError
from kdnet.report.content import Overlay
from kdnet.report.write import write_report
from kdnet.runs.events import Event, EventKind
from kdnet.schema.folds import ALL_CASES, Split, fold_name
from kdnet.schema.labels import LabelTable
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.patients import patient_of
from kdnet.schema.results import Score, StudyDescription
from kdnet.study.comparable import differing_case, differing_settings
from kdnet.study.environment import code_version
from kdnet.study.reader import RunReader, open_readonly, read_scores
from kdnet.study.report import example_pictures

ORDER = (Role.TEACHER, Role.BASELINE, Role.CONTROL, Role.STUDENT)


@dataclass(frozen=True, eq=False)
class MergedRuns:
    """Runs whose networks were trained alike on the same cases.

    Attributes:
        runs: in the order given.
        sources: each scored network, and the first run that has it.
    """

    runs: Sequence[RunReader]
    sources: Mapping[NetworkId, RunReader]

    @property
    def networks(self) -> list[NetworkId]:
        """All networks, by fold, seed, and role."""
        return sorted(self.sources, key=lambda network: (*network.unit, ORDER.index(network.role)))

    @property
    def splits(self) -> dict[int, Split]:
        """The cases of each fold, of all runs."""
        return {fold: split for view in reversed(self.runs) for fold, split in view.splits.items()}

    @property
    def labels(self) -> LabelTable:
        """The label table.

        Raises:
            RunFolderError: if no run recorded it.
        """
        known = next((view.labels for view in self.runs if view.labels is not None), None)
        if known is None:
            raise RunFolderError(f"{self.runs[0].run.root} does not record its labels: restore its data, or leave it out.")
        return known

    def scores(self) -> list[Score]:
        """Return the scores of all networks."""
        return [score for network in self.networks for score in read_scores(self.sources[network].folder(network).scores)]

    def events(self) -> list[Event]:
        """Return the events of all networks, each from the run that it is taken from."""
        listed = {"networks": [network.to_json() for network in self.networks]}
        events = [Event(0.0, EventKind.STUDY_STARTED, "", listed)]
        owners = {network.key: view for network, view in self.sources.items()}
        for view in self.runs:
            for event in view.events:
                if owners.get(event.network) is view or event.event is EventKind.EXCLUDED:
                    events.append(event)
        return events

    def pictures(self, scores: Sequence[Score]) -> list[Overlay]:
        """Return example pictures; none without the data."""
        dataset = self.runs[0].dataset
        if dataset is None or not {score.case for score in scores} <= {case.name for case in dataset.cases}:
            return []
        return example_pictures(dataset, self.networks, lambda network: self.sources[network].folder(network), scores)


def report_runs(roots: Sequence[Path], out: Path) -> Path:
    """Write one report on the runs in ``roots`` to the folder ``out``; return the HTML file.

    A network that several runs have, such as the teacher of a fold, is taken once, from the first of them.

    Raises:
        KDNetError: if the runs are of different data, settings, labels or folds, or nothing has been tested.
    """
    if (out / "study.json").exists():
        raise SettingsError(f"{out} is a run folder: choose another folder for the merged report.")
    merged = merge([open_readonly(root) for root in roots])
    scores = merged.scores()
    description = _description(merged, scores, out)
    return write_report(out, description, scores, merged.events(), merged.pictures(scores), merged.labels)


def merge(runs: Sequence[RunReader]) -> MergedRuns:
    """Combine runs.

    Raises:
        RunFolderError: naming the runs and what differs, or if nothing has been tested.
    """
    for view in runs[1:]:
        _require_same(runs[0], view)
    for one, other in combinations(runs, 2):
        _require_same_folds(one, other)
    sources: dict[NetworkId, RunReader] = {}
    for view in runs:
        for network in view.networks:
            if network.fold != ALL_CASES and view.folder(network).scores.exists():
                sources.setdefault(network, view)
    if not sources:
        raise RunFolderError(f"{runs[0].run.root} has no tested network yet: wait until its first network is finished.")
    return MergedRuns(runs, sources)


def _require_same(one: RunReader, other: RunReader) -> None:
    roots = f"{one.run.root} and {other.run.root}"
    differing = differing_settings(one, other)
    if differing:
        raise RunFolderError(f"{roots} were trained differently ({', '.join(differing)}): merge runs of one recipe.")
    case = differing_case(one, other)
    if case:
        raise RunFolderError(f"{roots} are of different data (case {case} differs): merge runs of the same cases.")


def _require_same_folds(one: RunReader, other: RunReader) -> None:
    """Refuse runs that split the cases differently: a case would be tested in one fold and learned from in another."""
    for fold, split in one.splits.items():
        for number, part in other.splits.items():
            if fold == number and split == part:
                continue
            if fold == number or (ALL_CASES not in (fold, number) and set(split.test) & set(part.test)):
                raise RunFolderError(
                    f"{one.run.root} and {other.run.root} split the cases differently ({fold_name(fold)} of the one and "
                    f"{fold_name(number)} of the other): merge runs of the same folds."
                )


def _description(merged: MergedRuns, scores: Sequence[Score], out: Path) -> StudyDescription:
    first, networks, splits = merged.runs[0], merged.networks, merged.splits
    dataset = first.dataset
    names = sorted({name for part in splits.values() for name in (*part.train, *part.validation, *part.test)})
    finished = [event.values for event in merged.events() if event.event is EventKind.NETWORK_FINISHED]
    recorded = [_recorded(view) for view in merged.runs]
    report = " ".join(["kdnet report", *(str(view.run.root) for view in merged.runs), "-o", str(out)])
    return StudyDescription(
        command="\n".join([*(view.request.command for view in merged.runs), report]),
        data=f"{dataset.format} folder {dataset.root.name}" if dataset else str(first.request.data.name),
        cases=len(names),
        recipe=first.request.recipe.name,
        settings=dict(first.settings()),
        student_modalities=tuple(
            dict.fromkeys(network.modality_key for network in networks if network.role is not Role.TEACHER)
        ),
        teacher_modalities=first.teacher_modalities,
        regions=tuple(dict.fromkeys(score.region for score in scores)),
        folds=tuple(sorted({network.fold for network in networks})),
        seeds=tuple(sorted({network.seed for network in networks})),
        splits={
            fold_name(fold): {"train": list(part.train), "validation": list(part.validation), "test": list(part.test)}
            for fold, part in sorted(splits.items())
        },
        steps=first.recipe().steps,
        seconds=sum(float(values["seconds"]) for values in finished),
        cpu_seconds=sum(float(values.get("cpu_seconds", 0.0)) for values in finished),
        hardware="; ".join(dict.fromkeys(str(item["hardware"]) for item in recorded if "hardware" in item)),
        code_version=code_version(),
        teacher=_common(recorded, "teacher"),  # one that is pretrained for all
        control=any(network.role is Role.CONTROL for network in networks),
        start=_common(recorded, "start"),
        incomplete=tuple(sorted(dataset.incomplete)) if dataset else (),
        patients=dataset.patients if dataset else {name: patient_of(name) for name in names},
        groups=read_folds(dataset.root, names).groups if dataset else {},
    )


def _recorded(view: RunReader) -> Mapping[str, Any]:
    """Return the description in the run's own report; empty if it has none."""
    try:
        content = json.loads((view.run.report / "results.json").read_text(encoding="utf-8"))
        return dict(content["description"])
    except (OSError, ValueError, LookupError, TypeError):  # unfinished, or damaged: it only adds details
        return {}


def _common(recorded: Sequence[Mapping[str, Any]], name: str) -> str:
    """Return a text that the descriptions of all runs have; empty if they differ."""
    found = {str(item.get(name, "")) for item in recorded}
    return found.pop() if len(found) == 1 else ""
