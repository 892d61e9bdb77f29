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


def scaling(raw: Path, work: Path, steps: int) -> dict[str, float]:
    """Seconds per step of one process and of two that share its batch; of one process and two that share nothing."""
    shared, single = ("batch=2",), ("batch=1",)
    tasks = {
        "one": ("train", shared, 1),
        "together": ("train", shared, 2),
        "alone": ("apart", single, 1),
        "apart": ("apart", single, 2),
    }
    seconds = {}
    for name, (task, overrides, processes) in tasks.items():
        figures = ours(task, raw, work, steps, overrides, processes)
        seconds[name] = figures["seconds"] / figures["steps"]
    return seconds


def speed_section(rates: Mapping[str, Rate]) -> list[str]:
    """Return the comparison with nnU-Net."""
    usual, plain = (rates[name] for name in SIDES)
    rows = []
    for name, rate in rates.items():
        steps = f"{1 / rate.seconds:.2f}" if clock(rate.seconds, rate.cpu) else ""
        rows.append([name, steps, f"{rate.cpu:.2f}", f"{rate.cpu / usual.cpu:.2f}"])
    lines = [
        "## Against nnU-Net's trainer",
        "",
        *markdown_table(["", "steps per second", "CPU seconds per step", "kdnet = 1"], rows),
        "",
    ]
    if NNUNET in rates:
        theirs = rates[NNUNET]
        clocked = theirs.seconds / usual.seconds
        verdict = "met" if clocked >= FASTER else "missed"
        lines += [
            f"Target: {FASTER} times the steps per second of nnU-Net. Measured: {clocked:.2f} times, {verdict}. In CPU time"
            f" it is {theirs.cpu / usual.cpu:.2f} times; in float32, as nnU-Net computes on CPUs, {theirs.cpu / plain.cpu:.2f}"
            f" times. So bfloat16 explains a factor of {plain.cpu / usual.cpu:.2f}.",
            "",
        ]
    return lines


def scaling_section(seconds: Mapping[str, float]) -> list[str]:
    """Return the comparison of two processes with one."""
    together, apart = seconds["one"] / seconds["together"], 2 * seconds["alone"] / seconds["apart"]
    rows = [
        ["one process, batch of 2", f"{seconds['one']:.2f}", ""],
        ["two processes under torchrun, batch of 2", f"{seconds['together']:.2f}", f"{together:.2f}"],
        ["one process, batch of 1", f"{seconds['alone']:.2f}", ""],
        ["two processes that share nothing, batch of 1 each", f"{seconds['apart']:.2f}", f"{apart:.2f}"],
    ]
    verdict = "met" if together >= SCALING else "missed"
    return [
        "## Two processes against one",
        "",
        "One thread for each process.",
        "",
        *markdown_table(["", "seconds per step", "work per second, one process = 1"], rows),
        "",
        f"Target: {SCALING} times the steps of one process. Measured: {together:.2f} times, {verdict}. Two processes that share"
        f" nothing do {apart:.2f} times the work of one: that is what this machine's cores and memory give, so sharing"
        f" gradients costs {100 * (1 - together / apart):.0f} %.",
        "",
    ]


def profile_section(profile: Mapping[str, float]) -> list[str]:
    """Return where the time of a step goes."""
    known = {name: value for name, value in profile.items() if name not in ("all", "pid")}
    whole = profile["all"]
    rows = [[name, f"{value:.0f}", f"{100 * value / whole:.0f} %"] for name, value in known.items()]
    rest = max(0.0, whole - sum(known.values()))
    rows += [["the rest", f"{rest:.0f}", f"{100 * rest / whole:.0f} %"], ["a step", f"{whole:.0f}", "100 %"]]
    return ["## What a step's time goes to", "", *markdown_table(["stage", "CPU ms", "share"], rows), ""]


def main(steps: int, rounds: int, nnunet: str, folder: Path | None) -> None:
    before = machine()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        raw = write_set(work, CASES)
        rates = compare(raw, work, steps, rounds, nnunet)
        print("\n".join(speed_section(rates)), file=sys.stderr, flush=True)
        seconds = scaling(raw, work, steps)
        print("\n".join(scaling_section(seconds)), file=sys.stderr, flush=True)
        profile = ours("profile", raw, work, steps, ("precision=auto",))
    missing = "" if nnunet else " nnU-Net is left out: nnunetv2 is not installed (`pip install '.[bench]'`)."
    lines = [
        "# Training steps",
        "",
        f"`Testing/benchmarks/bench_training.py`: {steps} steps after 4 to warm up, medians of {rounds} runs in turn. Network"
        " `dynunet-12` (nnU-Net's PlainConvUNet with 12 to 96 features and deep supervision at three levels), patches of"
        f" 72 x 88 x 72 voxels of 2 mm, batch of 2, SGD, {CASES} phantoms with one modality. {before}.{missing} Steps per"
        " second are left out where other programs used the processor; CPU seconds include the processes that prepare"
        " patches.",
        "",
        *speed_section(rates),
        *scaling_section(seconds),
        *profile_section(profile),
    ]
    text = "\n".join(lines)
    print(text)
    if folder:
        (folder / "training.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    main(args.steps, args.rounds, args.nnunet, args.write)
