"""Training steps of kdnet against those of nnU-Net's own trainer, two processes against one, and what a step's time goes to.

    python Testing/benchmarks/bench_training.py [--steps 12] [--rounds 2] [--nnunet PYTHON] [--write FOLDER]

All train the same network on the same cases with the same patch, batch, optimizer and deep supervision. Each augments in its
own way: both deform, flip, blur, coarsen, add noise and change brightness, contrast and gamma; kdnet also adds shading.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from made_sets import write_set
from measuring import clock, machine, markdown_table, options, used_by

HERE = Path(__file__).parent
CASES = 10
SIDES: Mapping[str, tuple[str, ...]] = {
    "kdnet, bfloat16 (as the recipe says)": ("precision=auto",),
    "kdnet, float32": ("precision=float32",),
}
NNUNET = "nnU-Net, its trainer (float32)"
FASTER, SCALING = 1.8, 1.7  # targets: times the steps of nnU-Net, and of one process
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Rate:
    """Steps of one side: by the clock and in CPU time, in seconds per step."""

    seconds: float
    cpu: float

    @classmethod
    def of(cls, runs: Sequence[Mapping[str, float]]) -> Rate:
        """Return the medians."""
        return cls(*(median(run[name] / run["steps"] for run in runs) for name in ("seconds", "cpu")))


def compare(raw: Path, work: Path, steps: int, rounds: int, nnunet: str) -> dict[str, Rate]:
    """Time all sides in turn."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in (*SIDES, *([NNUNET] if nnunet else []))}
    if nnunet:
        used_by([nnunet, str(HERE / "nnunet_training.py"), "preprocess", str(raw), str(work), "2.0", "2"])
    for _ in range(rounds):
        for name, overrides in SIDES.items():
            runs[name].append(ours("train", raw, work, steps, overrides))
        if nnunet:
            command = [nnunet, str(HERE / "nnunet_training.py"), "train", str(raw), str(work), str(steps)]
            runs[NNUNET].append(last_line(used_by(command).output))
    return {name: Rate.of(results) for name, results in runs.items()}


def ours(task: str, raw: Path, work: Path, steps: int, overrides: Sequence[str], processes: int = 0) -> dict[str, float]:
    """Run a task of ``kdnet_training.py``; with ``processes``, that many under torchrun, each with one thread."""
    start = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes else []
    arguments = [str(HERE / "kdnet_training.py"), task, str(raw), str(work), str(steps), *overrides]
    return last_line(used_by([sys.executable, *start, *arguments], ONE_THREAD if processes else {}).output)


def last_line(output: str) -> dict[str, float]:
    """Return the figures in the last line, after whatever was logged."""
    figures: dict[str, float] = json.loads(output.splitlines()[-1])
    return figures


def scaling(raw: Path, work: Path, steps: int) -> dict[str, Rate]:
    """Time one process and two that share its batch; one process and two that share nothing."""
    shared, single = ("batch=2",), ("batch=1",)
    tasks = {
        "one": ("train", shared, 1),
        "together": ("train", shared, 2),
        "alone": ("apart", single, 1),
        "apart": ("apart", single, 2),
    }
    return {name: Rate.of([ours(task, raw, work, steps, more, count)]) for name, (task, more, count) in tasks.items()}


def speed_section(rates: Mapping[str, Rate]) -> list[str]:
    """Return the comparison with nnU-Net."""
    usual, plain = (rates[name] for name in SIDES)
    free = all(clock(rate.seconds, rate.cpu) for rate in rates.values())
    rows = []
    for name, rate in rates.items():
        steps = f"{1 / rate.seconds:.2f}" if free else ""
        rows.append([name, steps, f"{rate.cpu:.2f}", f"{rate.cpu / usual.cpu:.2f}"])
    lines = [
        "## Against nnU-Net's trainer",
        "",
        *markdown_table(["", "steps per second", "CPU seconds per step", "kdnet = 1"], rows),
        "",
    ]
    if NNUNET in rates:
        theirs = rates[NNUNET]
        faster = theirs.seconds / usual.seconds if free else theirs.cpu / usual.cpu
        how = "by the clock" if free else "in CPU time, because other programs used the processor"
        lines += [
            f"Target: {FASTER} times as fast as nnU-Net. Measured {how}: {faster:.2f} times, {met(faster >= FASTER)}. In CPU time,"
            f" kdnet in float32, as nnU-Net computes on CPUs, is {theirs.cpu / plain.cpu:.2f} times as fast, so bfloat16 explains a"
            f" factor of {plain.cpu / usual.cpu:.2f}.",
            "",
        ]
    return lines


def scaling_section(rates: Mapping[str, Rate]) -> list[str]:
    """Return the comparison of two processes with one."""
    free = all(clock(rate.seconds, rate.cpu) for rate in rates.values())
    seconds = {name: rate.seconds if free else rate.cpu for name, rate in rates.items()}
    together, apart = seconds["one"] / seconds["together"], 2 * seconds["alone"] / seconds["apart"]
    rows = [
        ["one process, batch of 2", f"{seconds['one']:.2f}", ""],
        ["two processes under torchrun, batch of 2", f"{seconds['together']:.2f}", f"{together:.2f}"],
        ["one process, batch of 1", f"{seconds['alone']:.2f}", ""],
        ["two processes that share nothing, batch of 1 each", f"{seconds['apart']:.2f}", f"{apart:.2f}"],
    ]
    kind = "seconds per step" if free else "CPU seconds per step of a process"
    how = (
        f"Measured: {together:.2f} times, {met(together >= SCALING)}"
        if free
        else f"Other programs used the processor. By the CPU time of each process, which leaves out waiting: {together:.2f} times"
    )
    return [
        "## Two processes against one",
        "",
        "One thread for each process.",
        "",
        *markdown_table(["", kind, "work in that time, one process = 1"], rows),
        "",
        f"Target: {SCALING} times the steps of one process. {how}. Two processes that share nothing do {apart:.2f} times the work of"
        f" one by that measure{f', so sharing gradients costs {100 * (1 - together / apart):.0f} %' if free else ''}.",
        "",
    ]


def met(reached: bool) -> str:
    return "met" if reached else "missed"


def profile_section(profile: Mapping[str, float]) -> list[str]:
    """Return where the time of a step goes."""
    known = {name: value for name, value in profile.items() if name not in ("all", "pid")}
    whole = profile["all"]
    rows = [[name, f"{value:.0f}", f"{100 * value / whole:.0f} %"] for name, value in known.items()]
    rest = max(0.0, whole - sum(known.values()))
    rows += [["the rest", f"{rest:.0f}", f"{100 * rest / whole:.0f} %"], ["a step", f"{whole:.0f}", "100 %"]]
    return ["## What a step's time goes to", "", *markdown_table(["stage", "CPU ms", "share"], rows), ""]


def main(steps: int, rounds: int, nnunet: str, folder: Path | None) -> None:
    missing = "" if nnunet else " nnU-Net is left out: nnunetv2 is not installed (`pip install '.[bench]'`)."
    many = f"medians of {rounds} runs in turn" if rounds > 1 else "one run of each"
    lines = [
        "# Training steps",
        "",
        f"`Testing/benchmarks/bench_training.py`: {steps} steps after 4 to warm up, {many}. Network `dynunet-12` (nnU-Net's"
        " PlainConvUNet with 12 to 96 features and deep supervision at three levels), patches of 72 x 88 x 72 voxels of 2 mm,"
        f" batch of 2, SGD, {CASES} phantoms with one modality. {machine()}.{missing} Steps per second are left out where other"
        " programs used the processor; CPU seconds include the processes that prepare patches.",
        "",
    ]

    def add(section: Sequence[str]) -> None:
        lines.extend(section)
        print("\n".join(section), flush=True)
        if folder:
            (folder / "training.md").write_text("\n".join(lines), encoding="utf-8")

    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        raw = write_set(work, CASES)
        add(speed_section(compare(raw, work, steps, rounds, nnunet)))
        add(profile_section(ours("profile", raw, work, steps, ("precision=auto",))))
        add(scaling_section(scaling(raw, work, steps)))


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    main(args.steps, args.rounds, args.nnunet, args.write)
