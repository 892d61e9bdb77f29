"""Our path from volume to labelmap against MONAI's own, with the same weights on the same 1 mm volume.

    python Testing/benchmarks/bench_segment.py [--model FILE] [--volume FILE] [--runs 5] [--write REPORT.md]

The peer is what a MONAI bundle does: orient, resample the whole volume, normalize, slide windows with half overlap, resample
the scores back, take the label. Each side runs in a process of its own, in turn with the other; times are warm, without
start and import; the peak is of the whole process. The bare forward pass on the prepared crop is the limit.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import nibabel
import numpy as np
import torch
from kdnet.data.phantom import make_case
from kdnet.data.preprocessing.prepare import prepare_image
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.evaluation.metrics import score_case
from kdnet.inference.predictor import Predictor
from kdnet.model_file import Model, load_model, save_model
from kdnet.networks.factory import build_network
from kdnet.schema.labels import brats_labels
from kdnet.schema.model_card import ModelCard
from kdnet.schema.network_id import Role
from kdnet.schema.networks import preset
from kdnet.schema.preprocessing import Preprocessing
from kdnet.schema.segmentation import Progress

REPOSITORY = Path(__file__).resolve().parents[2]
REAL = REPOSITORY.parent / "shared" / "brats" / "1mm" / "Brats18_CBICA_AOP_1" / "Brats18_CBICA_AOP_1_t1ce.nii.gz"
CPU = torch.device("cpu")


def ours(model: Model, volume: Path, output: Path) -> dict[str, float]:
    """Read, predict, write; with the time of each stage."""
    marks = [("start", time.perf_counter())]
    scan = read_volume(volume)
    marks.append(("read", time.perf_counter()))
    stages: list[tuple[str, float]] = []

    def mark(progress: Progress) -> None:
        stages.append((progress.stage.value, time.perf_counter()))

    labelmap = Predictor(model, CPU).predict([scan], progress=mark).labelmap
    marks += list(dict(stages).items())
    write_volume(output, labelmap)
    marks.append(("write", time.perf_counter()))
    return {name: later - earlier for (_, earlier), (name, later) in itertools.pairwise(marks)}


def peer(model: Model, volume: Path, output: Path) -> dict[str, float]:
    """What a MONAI bundle does with the same network."""
    from monai.data import MetaTensor
    from monai.inferers import SlidingWindowInferer
    from monai.transforms import (
        Compose,
        EnsureChannelFirstd,
        Invertd,
        LoadImaged,
        NormalizeIntensityd,
        Orientationd,
        Spacingd,
    )

    before = Compose(
        [
            LoadImaged("image"),
            EnsureChannelFirstd("image"),
            Orientationd("image", axcodes="RAS"),
            Spacingd("image", pixdim=model.card.preprocessing.spacing, mode="bilinear"),
            NormalizeIntensityd("image", nonzero=True),
        ]
    )
    after = Invertd("scores", before, orig_keys="image", nearest_interp=False, to_tensor=True)
    with torch.inference_mode():
        data = before({"image": str(volume)})
        # a network for whole heads gets the whole volume as one window: smaller ones would give it other statistics
        stride = model.network.stride
        whole = tuple(-(-size // stride) * stride for size in data["image"].shape[1:])
        infer = SlidingWindowInferer(
            (model.card.sliding_window_size,) * 3 if model.card.sliding_window_size else whole, 1, 0.5, "gaussian"
        )
        scores = infer(data["image"].as_tensor()[None], lambda window: model.network(window).logits)[0]
        data["scores"] = MetaTensor(scores, meta=data["image"].meta, applied_operations=data["image"].applied_operations)
        restored = after(data)["scores"]
        labelmap = model.card.labels.decode(restored.as_tensor()[None])[0].numpy()
    nibabel.save(nibabel.Nifti1Image(labelmap, restored.affine.numpy()), output)
    return {}


def bare(model: Model, volume: Path, output: Path) -> dict[str, float]:
    """Nothing but the forward pass on the prepared crop."""
    image, _ = prepare_image([read_volume(volume)], model.card.preprocessing)
    padding = [amount for size in reversed(image.shape[1:]) for amount in (0, -size % model.network.stride)]
    padded = torch.nn.functional.pad(torch.from_numpy(image)[None], padding)
    times = []
    with torch.inference_mode():
        for _ in range(3):
            started = time.perf_counter()
            model.network(padded)
            times.append(time.perf_counter() - started)
    output.touch()
    return {"seconds": median(times)}


SIDES: dict[str, Callable[[Model, Path, Path], dict[str, float]]] = {"ours": ours, "peer": peer, "bare": bare}


def run_side(name: str, model_file: Path, volume: Path, output: Path) -> None:
    """One process: once to warm up, once for the clock; prints JSON."""
    model = load_model(model_file)
    SIDES[name](model, volume, output)
    started = time.perf_counter()
    stages = SIDES[name](model, volume, output)
    seconds = stages.get("seconds", time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak, "stages": stages}))


def measure(name: str, model_file: Path, volume: Path, output: Path) -> dict:
    arguments = [sys.executable, __file__, "--side", name, "--model", str(model_file), "--volume", str(volume)]
    answer = subprocess.run([*arguments, "--write", str(output)], check=True, stdout=subprocess.PIPE, encoding="utf-8")
    return json.loads(answer.stdout.splitlines()[-1])


def bench(model_file: Path | None, volume: Path | None, runs: int, report: Path | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model_file = model_file or fresh_model(folder / "model.safetensors")
        volume = volume or (REAL if REAL.is_file() else write_phantom_volume(folder / "phantom.nii.gz"))
        results: dict[str, list[dict]] = {side: [] for side in SIDES}
        for _ in range(runs):
            for side in SIDES:
                results[side].append(measure(side, model_file, volume, folder / f"{side}.nii.gz"))
        labels = load_model(model_file).card.labels
        found = [read_volume(folder / f"{side}.nii.gz") for side in ("ours", "peer")]
        scores = score_case(found[0].voxels, found[1].voxels, labels, found[0].grid.spacing)
        text = _table(results, {score.region: score.dice for score in scores}, model_file, volume, runs)
    print(text)
    if report:
        report.write_text(text, encoding="utf-8")


def _table(results: dict, dice: dict[str, float], model_file: Path, volume: Path, runs: int) -> str:
    def middle(side: str, figure: str) -> float:
        return median(run[figure] for run in results[side])

    ours_s, peer_s, bare_s = (middle(side, "seconds") for side in SIDES)
    ours_m, peer_m = (middle(side, "peak_mib") for side in ("ours", "peer"))
    stages = {name: median(run["stages"][name] for run in results["ours"]) for name in results["ours"][0]["stages"]}
    around = sum(value for name, value in stages.items() if name != "forward")
    lines = [
        f"# Segmenting {volume.name} with {load_model(model_file).card.network.architecture}",
        "",
        f"Medians of {runs} runs in turn, {torch.get_num_threads()} threads, warm.",
        "",
        "| | seconds | peak memory of the process |",
        "| --- | --- | --- |",
        f"| kdnet | {ours_s:.2f} | {ours_m:.0f} MiB |",
        f"| MONAI, whole volume, sliding windows | {peer_s:.2f} | {peer_m:.0f} MiB |",
        f"| bare forward pass (the limit) | {bare_s:.2f} | |",
        "",
        f"MONAI / kdnet: {peer_s / ours_s:.1f} times the time, {peer_m / ours_m:.1f} times the memory. "
        f"kdnet / forward pass: {ours_s / bare_s:.2f}.",
        "",
        "Dice between the two labelmaps: " + ", ".join(f"{region} {value:.3f}" for region, value in dice.items()),
        "",
        "Stages of kdnet (s): " + ", ".join(f"{name} {value:.3f}" for name, value in stages.items()),
        f"All but the forward pass together: {around:.2f} s, {around / stages['forward']:.2f} of it.",
    ]
    return "\n".join(lines) + "\n"


def fresh_model(path: Path) -> Path:
    torch.manual_seed(0)
    spec = preset("dynunet-12").spec(1, 3)
    card = ModelCard(Role.STUDENT, "Fresh", spec, ("t1ce",), brats_labels(), Preprocessing((2.0, 2.0, 2.0)))
    save_model(path, card, build_network(spec))
    return path


def write_phantom_volume(path: Path) -> Path:
    shape = (240, 240, 155)
    case = make_case(shape, 1.0, np.random.default_rng(0))
    write_volume(path, Volume(case.images["t1ce"], Grid(shape, np.diag([-1.0, -1.0, 1.0, 1.0]))))
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="model of one modality (default: a fresh network)")
    parser.add_argument("--volume", type=Path, help="volume to segment (default: a real one, else a phantom)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--write", type=Path, help="where to write the table as Markdown")
    parser.add_argument("--side", choices=list(SIDES), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        run_side(args.side, args.model, args.volume, args.write)
    else:
        bench(args.model, args.volume, args.runs, args.write)
