"""From a file to a labelmap: kdnet against MONAI and nnU-Net, with the same crop, normalization and weights.

    python Testing/benchmarks/bench_segment.py [--model FILE] [--volume FILE] [--runs 5] [--nnunet PYTHON] [--write REPORT.md]

All sides crop to the same box, resample linearly to the same grid, take z-scores over the head, run the same network once, and
resample its scores back. MONAI does so with its transforms and sliding windows, nnU-Net (optional, from an interpreter that
has ``nnunetv2``) with its preprocessor, predictor and export. Sides whose labelmaps do not agree with kdnet's to a Dice of
0.99 did other work, and are reported as not comparable. Each side runs in a process of its own, in turn with the others;
times are warm, without start and import; the peak is of the whole process. The bare forward pass on the prepared crop is the
limit.
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

import nibabel
import numpy as np
import torch
from kdnet.data.phantom import make_case
from kdnet.data.preprocessing.prepare import CropTransform, prepare_image
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.inference.precision import reduced_precision
from kdnet.inference.predictor import Predictor
from kdnet.inference.tuning import arrange, choose_layout
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

    labelmap = Predictor(model, CPU, tune=True).predict([scan], progress=mark).labelmap
    marks += list(dict(stages).items())
    write_volume(output, labelmap)
    marks.append(("write", time.perf_counter()))
    return {name: later - earlier for (_, earlier), (name, later) in itertools.pairwise(marks)}


def monai(model: Model, volume: Path, output: Path) -> dict[str, float]:
    """The same work with MONAI's transforms and sliding windows, in float32."""
    from monai.data import MetaTensor
    from monai.inferers import SlidingWindowInferer
    from monai.transforms import (
        EnsureChannelFirst,
        LoadImage,
        NormalizeIntensity,
        Orientation,
        SpatialCrop,
        SpatialResample,
    )

    place, grid = _placed(model, volume)
    with torch.inference_mode():
        whole = Orientation(axcodes="RAS", labels=None)(EnsureChannelFirst()(LoadImage(image_only=True)(str(volume))))
        crop = SpatialCrop(roi_start=[low for low, _ in place.box], roi_end=[high for _, high in place.box])(whole)
        affine = crop.affine @ torch.from_numpy(grid)
        linear = {"mode": "bilinear", "padding_mode": "border", "align_corners": False}
        image = SpatialResample(**linear)(crop, dst_affine=affine, spatial_size=place.shape)
        image = NormalizeIntensity(nonzero=True)(image)
        stride = model.network.stride
        size = tuple(-(-length // stride) * stride for length in place.shape)
        window = (model.card.sliding_window_size,) * 3 if model.card.sliding_window_size else size
        infer = SlidingWindowInferer(window, 1, 0.5, "gaussian")
        padding = [
            amount for length, full in zip(place.shape[::-1], size[::-1], strict=True) for amount in (0, full - length)
        ]
        padded = torch.nn.functional.pad(image.as_tensor()[None], padding)
        scores = infer(padded, lambda part: model.network(part).logits)[0][
            :, : place.shape[0], : place.shape[1], : place.shape[2]
        ]
        back = SpatialResample(**linear)(
            MetaTensor(scores, affine=affine), dst_affine=crop.affine, spatial_size=crop.shape[1:]
        )
        labels = model.card.labels.decode(back.as_tensor()[None])[0].numpy()
    _write(place, labels, output)
    return {}


def nnunet(model: Model, volume: Path, output: Path) -> dict[str, float]:
    """The same network in nnU-Net's predictor without mirroring: its preprocessing, windows and export, in float32."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    place, _ = _placed(model, volume)
    voxels = np.ascontiguousarray(place.cropped(read_volume(volume).voxels), dtype=np.float32)[None]
    stride = model.network.stride
    window = tuple(-(-length // stride) * stride for length in place.shape)
    plans = PlansManager(_nnunet_plans(model, window))
    table = {"background": 0} | {region.name: list(region.values) for region in model.card.labels.regions}
    order = [value for _, value in model.card.labels.overwrite_order()]
    dataset = {"channel_names": {"0": "T1ce"}, "labels": table, "regions_class_order": order, "file_ending": ".nii.gz"}
    predictor = nnUNetPredictor(
        use_mirroring=False, perform_everything_on_device=False, device=CPU, verbose=False, allow_tqdm=False
    )
    network = _Logits(model.network)
    predictor.manual_initialization(
        network, plans, plans.get_configuration("3d_fullres"), [network.state_dict()], dataset, "nnUNetTrainer", None
    )
    labels = predictor.predict_single_npy_array(voxels, {"spacing": list(place.spacing)}, None, None, False)
    _write(place, np.asarray(labels, dtype=np.uint8), output)
    return {}


class _Logits(torch.nn.Module):
    """A network of kdnet that returns its logits alone."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.network(image).logits


def _nnunet_plans(model: Model, window: tuple[int, ...]) -> dict:
    linear = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": False}
    resampling = {
        f"resampling_fn_{name}{end}": value
        for name in ("data", "seg", "probabilities")
        for end, value in (("", "resample_data_or_seg_to_shape"), ("_kwargs", {**linear, "is_seg": name == "seg"}))
    }
    configuration = {
        "preprocessor_name": "DefaultPreprocessor",
        "spacing": list(model.card.preprocessing.spacing),
        "patch_size": list(window),
        "batch_size": 2,
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [True],
        "architecture": {"network_class_name": "", "arch_kwargs": {}, "_kw_requires_import": []},
        **resampling,
    }
    return {
        "dataset_name": "bench",
        "plans_name": "bench",
        "image_reader_writer": "SimpleITKIO",
        "label_manager": "LabelManager",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "foreground_intensity_properties_per_channel": {},
        "configurations": {"3d_fullres": configuration},
    }


def _placed(model: Model, volume: Path) -> tuple[CropTransform, np.ndarray]:
    """The crop that all sides use, found outside the clock, and the affine of the network's grid in voxels of the crop."""
    if volume not in _PLACES:
        _PLACES[volume] = prepare_image([read_volume(volume)], model.card.preprocessing)[1]
    place = _PLACES[volume]
    grid = np.eye(4)
    for axis, (low, high) in enumerate(place.box):
        step = place.prepared_spacing[axis] / place.spacing[axis]
        grid[axis, axis] = step
        grid[axis, 3] = (high - low) / 2 - place.shape[axis] * step / 2 + step / 2 - 0.5
    return place, grid


_PLACES: dict[Path, CropTransform] = {}  # each side is a process of its own


def _write(place: CropTransform, labels: np.ndarray, output: Path) -> None:
    labelmap = np.zeros(place.original.shape, dtype=np.uint8)
    place.cropped(labelmap)[...] = labels
    nibabel.save(nibabel.Nifti1Image(labelmap, place.original.affine), output)


def bare(model: Model, volume: Path, output: Path) -> dict[str, float]:
    """Nothing but the forward pass on the prepared crop."""
    image, _ = prepare_image([read_volume(volume)], model.card.preprocessing)
    padding = [amount for size in reversed(image.shape[1:]) for amount in (0, -size % model.network.stride)]
    padded = torch.nn.functional.pad(torch.from_numpy(image)[None], padding)
    kind = reduced_precision(CPU, model.card.figures)
    layout = choose_layout(model.network, model.card.network, kind)
    arrange(model.network, layout)
    padded = padded.contiguous(memory_format=layout.memory_format)
    times, cpu = [], []
    with torch.inference_mode(), torch.autocast("cpu", dtype=kind, enabled=kind is not None):
        for _ in range(3):
            started, worked = time.perf_counter(), time.process_time()
            model.network(padded)
            times.append(time.perf_counter() - started)
            cpu.append(time.process_time() - worked)
    output.touch()
    return {"seconds": min(times), "cpu": min(cpu)}


SIDES: dict[str, Callable[[Model, Path, Path], dict[str, float]]] = {
    "ours": ours,
    "bare": bare,
    "monai": monai,
    "nnunet": nnunet,
}
NAMES = {
    "ours": "kdnet",
    "bare": "bare forward pass (the limit)",
    "monai": "MONAI, sliding windows",
    "nnunet": "nnU-Net, predictor without mirroring",
}
COMPARABLE = 0.99  # Dice with the labelmap of kdnet, of the region with the lowest


def run_side(name: str, model_file: Path, volume: Path, output: Path) -> None:
    """One process: once to warm up, once for the clock; prints JSON."""
    model = load_model(model_file)
    SIDES[name](model, volume, output)
    started, worked = time.perf_counter(), time.process_time()
    stages = SIDES[name](model, volume, output)
    seconds = stages.get("seconds", time.perf_counter() - started)
    cpu = stages.get("cpu", time.process_time() - worked)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mib": peak, "stages": stages}))


def measure(name: str, model_file: Path, volume: Path, output: Path, python: str) -> dict:
    arguments = [python, __file__, "--side", name, "--model", str(model_file), "--volume", str(volume)]
    answer = subprocess.run([*arguments, "--write", str(output)], check=True, stdout=subprocess.PIPE, encoding="utf-8")
    return json.loads(answer.stdout.splitlines()[-1])


def bench(model_file: Path | None, volume: Path | None, runs: int, nnunet_python: str, report: Path | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model_file = model_file or fresh_model(folder / "model.safetensors")
        volume = volume or (REAL if REAL.is_file() else write_phantom_volume(folder / "phantom.nii.gz"))
        sides = [side for side in SIDES if side != "nnunet" or nnunet_python]
        results: dict[str, list[dict]] = {side: [] for side in sides}
        for _ in range(runs):
            for side in sides:
                python = nnunet_python if side == "nnunet" else sys.executable
                results[side].append(measure(side, model_file, volume, folder / f"{side}.nii.gz", python))
        dice = {side: _agreement(folder, side, model_file) for side in sides if side not in ("ours", "bare")}
        text = _table(results, dice, model_file, volume, runs)
    print(text)
    if report:
        chart = report.with_suffix(".svg")
        _draw(results, dice, chart)
        report.write_text(f"{text}\n![Seconds from file to labelmap]({chart.name})\n", encoding="utf-8")


def _agreement(folder: Path, side: str, model_file: Path) -> float:
    """The lowest Dice of a region between a side's labelmap and kdnet's."""
    from kdnet.evaluation.metrics import score_case  # here, because it imports all of MONAI, which no side should pay for

    found = [read_volume(folder / f"{name}.nii.gz") for name in ("ours", side)]
    scores = score_case(found[0].voxels, found[1].voxels, load_model(model_file).card.labels, found[0].grid.spacing)
    return min(score.dice for score in scores)


def _least(results: dict, side: str, figure: str) -> float:
    return min(run[figure] for run in results[side])


def _table(results: dict, dice: dict[str, float], model_file: Path, volume: Path, runs: int) -> str:
    card = load_model(model_file).card
    kind = reduced_precision(CPU, card.figures)
    ours_s, bare_s = _least(results, "ours", "cpu"), _least(results, "bare", "cpu")
    rows = []
    for side in results:
        figures = [_least(results, side, figure) for figure in ("seconds", "cpu", "peak_mib")]
        compared = f"{figures[1] / ours_s:.1f}" if dice.get(side, 1.0) >= COMPARABLE else "not comparable"
        agreed = f"{dice[side]:.3f}" if side in dice else ""
        rows.append(
            f"| {NAMES[side]} | {figures[0]:.2f} | {figures[1]:.2f} | {compared} | {figures[2]:.0f} MiB | {agreed} |"
        )
    stages = {name: min(run["stages"][name] for run in results["ours"]) for name in results["ours"][0]["stages"]}
    lines = [
        f"# Segmenting {volume.name} with {card.network.architecture}",
        "",
        f"Minima of {runs} runs in turn, {torch.get_num_threads()} threads, warm, from file to file. kdnet and the bare pass"
        f" compute in {'bfloat16' if kind else 'float32'}, the others in float32. All use the same crop, grid, normalization and"
        f" weights; a side whose labels agree with kdnet's to a Dice below {COMPARABLE} is not comparable.",
        "",
        "| | seconds | CPU seconds | CPU time, kdnet = 1 | peak memory of the process | Dice with kdnet |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
        f"kdnet / bare forward pass: {ours_s / bare_s:.2f} times the CPU time.",
        "",
        "Stages of kdnet (s): " + ", ".join(f"{name} {value:.3f}" for name, value in stages.items()),
    ]
    return "\n".join(lines) + "\n"


def _draw(results: dict, dice: dict[str, float], path: Path) -> None:
    from matplotlib.figure import Figure

    sides = [side for side in results if dice.get(side, 1.0) >= COMPARABLE][::-1]
    figure = Figure(figsize=(7, 0.6 * len(sides) + 0.8), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh([NAMES[side] for side in sides], [_least(results, side, "cpu") for side in sides], color="#2b7bba")
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set_xlabel("CPU seconds from file to labelmap")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


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
    parser.add_argument("--nnunet", default="", metavar="PYTHON", help="interpreter that has nnunetv2 and kdnet")
    parser.add_argument("--write", type=Path, help="where to write the table as Markdown")
    parser.add_argument("--side", choices=list(SIDES), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        run_side(args.side, args.model, args.volume, args.write)
    else:
        bench(args.model, args.volume, args.runs, args.nnunet, args.write)
