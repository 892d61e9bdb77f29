"""Adapt a student to cases of sites that it never saw, and see what it gains there and what it forgets.

    python Testing/benchmarks/adapt_experiment.py prepare FOLDER --data DATA --model MODEL
    python Testing/benchmarks/adapt_experiment.py adapt FOLDER [JOB...]
    python Testing/benchmarks/adapt_experiment.py score FOLDER [JOB...]
    python Testing/benchmarks/adapt_experiment.py table FOLDER

``DATA`` is a data folder whose ``cases.csv`` has the columns ``case`` and ``group``. The cases of BraTS-Africa are divided once by a
seed: some to test on, the others to correct, in random order. The labels of the expert are the correction. Each job is one
``kdnet adapt``; a finished one is skipped, and an interrupted one continues.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from kdnet.collection.correction import Correction, Origin
from kdnet.collection.store import Collection
from kdnet.data.dataset import Case
from kdnet.data.formats.detect import read_dataset
from kdnet.data.references import read_reference
from kdnet.evaluation.metrics import score_case
from kdnet.files import write_csv
from kdnet.inference.predictor import Predictor
from kdnet.model_file import load_model
from kdnet.schema.labels import LabelTable
from kdnet.segmentation.ranking import uncertainties
from kdnet.study.scoring import read_inputs
from numpy.typing import NDArray

SEED = 27

NEW, OLD, LEARNED = "African cases (SSA)", "14 further cases", "first 42 cases"
"""Groups: sites that the model never saw, other cases that it did not learn from, and cases that it did."""

TEST, SEEN = 12, 8
"""New cases to test on, and learned ones to see what is forgotten."""

BUDGET = 4
"""Cases to correct where ranked and random order are compared."""

PARTS = ("test", "old", "seen", "pool")

REGIONS = ("ET", "TC", "WT")

RESAMPLES = 10_000


@dataclass(frozen=True)
class Experiment:
    """What ``prepare`` decided: the data folder, the model, and which cases serve for what."""

    data: Path
    model: Path
    division: dict[str, list[str]]

    @classmethod
    def read(cls, folder: Path) -> Experiment:
        """Read ``experiment.json``."""
        content = json.loads((folder / "experiment.json").read_text(encoding="utf-8"))
        return cls(Path(content["data"]), Path(content["model"]), content["division"])


@dataclass(frozen=True)
class Job:
    """One adaptation.

    Attributes:
        name: of the model file.
        cases: cases to adapt to.
        options: of ``kdnet adapt``.
    """

    name: str
    cases: tuple[str, ...]
    options: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """Which cases its model is scored on."""
        return PARTS if self.name.startswith(("before", "curve", "alone", "longer")) else PARTS[:1]


def jobs(division: dict[str, list[str]]) -> Iterator[Job]:
    """Yield the adaptations: learning curve, ranked and random choices, curve without the teacher, and more training."""
    pool = division["pool"]
    for count in (4, 16, 8, 2):
        yield Job(f"curve-{count}", tuple(pool[:count]))
    yield Job("ranked", tuple(division["ranked"][:BUDGET]))
    for start in (BUDGET, 2 * BUDGET):  # the first draw is that of the curve
        yield Job(f"random-{start // BUDGET}", tuple(pool[start : start + BUDGET]))
    for count in (16, 4, 8, 2):
        yield Job(f"alone-{count}", tuple(pool[:count]), ("--set", "distillation.lambda_=0"))
    yield Job("longer-4", tuple(pool[:BUDGET]), ("--steps", "400", "--set", "trained_layers=all"))


def prepare(folder: Path, data: Path, model: Path) -> None:
    """Divide the cases, segment and collect those to correct, and rank them."""
    with (data / "cases.csv").open(newline="", encoding="utf-8") as stream:
        groups = {row["case"]: row["group"] for row in csv.DictReader(stream)}
    chance = np.random.default_rng(SEED)
    new, learned = (
        chance.permutation(sorted(name for name, group in groups.items() if group == wanted)).tolist()
        for wanted in (NEW, LEARNED)
    )
    division = {"test": new[:TEST], "pool": new[TEST:], "old": sorted(name for name in groups if groups[name] == OLD)}
    division["seen"] = learned[:SEEN]
    wanted = load_model(model).card.labels
    division["ranked"] = collect(folder / "collection", cases_of(data, division["pool"], wanted), model)
    content = {"data": str(data.resolve()), "model": str(model.resolve()), "division": division}
    (folder / "experiment.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


def cases_of(data: Path, names: Sequence[str], labels: LabelTable) -> tuple[Case, ...]:
    """Return these cases of a data folder, sorted by name."""
    return tuple(case for case in read_dataset(data, labels).cases if case.name in set(names))


def collect(root: Path, cases: Sequence[Case], path: Path) -> list[str]:
    """Add the cases with the labels of the expert as corrections; return their names, the most uncertain one first.

    All count as one patient: with no other patient to test on, ``kdnet adapt --force`` trains the model of all cases alone.
    """
    model, collection, found = load_model(path), Collection(root), dict[str, float]()
    predictor, card = Predictor(model, torch.device("cpu")), model.card
    for case in cases:
        scans = read_inputs(case, card.modalities)
        found[case.name] = float(np.mean(list(uncertainties(predictor, scans).values())))
        correction = Correction(
            dict(zip(card.modalities, scans, strict=True)),
            read_reference(case, card.labels),
            card.labels,
            predictor.predict(scans).labelmap,
            patient="all cases",
            origin=Origin(card.name),
        )
        print(collection.add(correction, case.name).name, f"{found[case.name]:.3f}", flush=True)
    return sorted(found, key=lambda name: -found[name])


def adapt(folder: Path, content: Experiment, job: Job, threads: int) -> None:
    """Run ``kdnet adapt`` unless it is done, and note its time."""
    out = folder / f"{job.name}.safetensors"
    if out.exists():
        return
    others = [word for name in content.division["pool"] if name not in job.cases for word in ("--exclude", name)]
    command = [sys.executable, "-m", "kdnet", "adapt", str(content.model), str(folder / "collection"), "-o", str(out)]
    command += ["--run", str(folder / "runs" / job.name), "--force", "--threads", str(threads), *others, *job.options]
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    print(f"{job.name}: {time.monotonic() - started:.0f} s", flush=True)


def score(folder: Path, content: Experiment, job: Job, path: Path) -> None:
    """Score a model on each case that it did not learn from, and on learned ones of the model before."""
    out = folder / f"{job.name}.csv"
    if out.exists() or not path.exists():
        return
    model, rows = load_model(path), [("case", "part", "region", "dice")]
    predictor, table = Predictor(model, torch.device("cpu")), model.card.labels
    for part in job.parts:
        names = [name for name in content.division[part] if name not in job.cases]
        for case in cases_of(content.data, names, table):
            labelmap = predictor.predict(read_inputs(case, model.card.modalities)).labelmap
            reference = np.asarray(read_reference(case, table).voxels)
            for item in score_case(np.asarray(labelmap.voxels), reference, table, labelmap.grid.spacing):
                rows.append((case.name, part, item.region, f"{item.dice:.5f}"))
    write_csv(out, rows)


def table(folder: Path, content: Experiment) -> Iterator[str]:
    """Yield a line per model and part: Dice, and its change from the model before with a 95 % bootstrap interval."""
    before = read_scores(folder / "before.csv")
    yield "| model | part | n | " + " | ".join((*REGIONS, "mean", "change", "better, worse")) + " |"
    for name in ("before", *(job.name for job in jobs(content.division))):
        if not (folder / f"{name}.csv").exists():
            continue
        scores = read_scores(folder / f"{name}.csv")
        job = next((job for job in jobs(content.division) if job.name == name), Job(name, ()))
        for part in PARTS:
            cases = [case for case in content.division[part] if case not in job.cases and (case, REGIONS[0]) in scores]
            values, former = (
                np.array([[known[case, region] for region in REGIONS] for case in cases]) for known in (scores, before)
            )
            if not cases:
                continue
            change = (values - former).mean(axis=1)
            low, high = interval(change)
            cells = [name, part, str(len(cases)), *(f"{value:.3f}" for value in (*values.mean(axis=0), values.mean()))]
            cells += [f"{change.mean():+.3f} ({low:+.3f} to {high:+.3f})", f"{(change > 0).sum()}, {(change < 0).sum()}"]
            yield f"| {' | '.join(cells)} |"


def read_scores(path: Path) -> dict[tuple[str, str], float]:
    """Return the Dice of each case and region."""
    with path.open(newline="", encoding="utf-8") as stream:
        return {(row["case"], row["region"]): float(row["dice"]) for row in csv.DictReader(stream)}


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean."""
    chosen = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[chosen].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("prepare", "adapt", "score", "table"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("jobs", nargs="*")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.step == "prepare":
        args.folder.mkdir(parents=True, exist_ok=True)
        prepare(args.folder, args.data, args.model)
        return
    content = Experiment.read(args.folder)
    chosen = [job for job in jobs(content.division) if not args.jobs or job.name in args.jobs]
    for job in chosen if args.step == "adapt" else ():
        adapt(args.folder, content, job, args.threads)
    if args.step == "score" and not args.jobs:
        score(args.folder, content, Job("before", ()), content.model)
    for job in chosen if args.step == "score" else ():
        score(args.folder, content, job, args.folder / f"{job.name}.safetensors")
    if args.step == "table":
        print("\n".join(table(args.folder, content)))


if __name__ == "__main__":
    main()
