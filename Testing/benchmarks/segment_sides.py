"""One side of the comparison of ``bench_segment.py``, in a process of its own: from a file to a labelmap.

    python segment_sides.py SIDE MODEL SCAN LABELMAP

The work is done twice, first to warm up. The figures of the second time are printed as JSON.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import torch
from kdnet.data.preprocessing.prepare import CropTransform, prepare_image
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.inference.precision import BFLOAT16_AGREEMENT
from kdnet.inference.predictor import Predictor
from kdnet.inference.tuning import arrange, choose_layout
from kdnet.model_file import Model, load_model
from kdnet.schema.segmentation import Progress
from measuring import peak_mebibytes

CPU = torch.device("cpu")
Stages = dict[str, float]
Side = Callable[[], Stages]


def kdnet(model: Model, scan: Path, output: Path) -> Side:
    """Read, predict, write."""
    predictor = Predictor(model, CPU, tune=True)

    def run() -> Stages:
        marks = [("start", time.process_time())]
        volume = read_volume(scan)
        marks.append(("read", time.process_time()))
        latest: Stages = {}

        def mark(progress: Progress) -> None:
            latest[progress.stage.value] = time.process_time()

        labelmap = predictor.predict([volume], progress=mark).labelmap
        marks += latest.items()
        write_volume(output, labelmap)
        marks.append(("write", time.process_time()))
        return {name: later - earlier for (_, earlier), (name, later) in itertools.pairwise(marks)}

    return run


def kdnet_float32(model: Model, scan: Path, output: Path) -> Side:
    """The same without bfloat16."""
    figures = {name: value for name, value in model.card.figures.items() if name != BFLOAT16_AGREEMENT}
    return kdnet(replace(model, card=replace(model.card, figures=figures)), scan, output)


def bare(model: Model, scan: Path, kind: torch.dtype | None) -> Side:
    """Nothing but the forward pass on the prepared crop."""
    image, _ = prepare_image([read_volume(scan)], model.card.preprocessing)
    layout = choose_layout(model.network, model.card.network, kind)
    arrange(model.network, layout)
    padding = [amount for size in reversed(image.shape[1:]) for amount in (0, -size % model.network.stride)]
    padded = torch.nn.functional.pad(torch.from_numpy(image)[None], padding)
    padded = padded.contiguous(memory_format=layout.memory_format)

    def run() -> Stages:
        with torch.inference_mode(), torch.autocast("cpu", dtype=kind, enabled=kind is not None):
            model.network(padded)
        return {}

    return run


def monai(model: Model, scan: Path, output: Path) -> Side:
    """MONAI's transforms and sliding windows, in float32, on the crop that kdnet finds."""
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

    _, place = prepare_image([read_volume(scan)], model.card.preprocessing)
    grid = torch.from_numpy(_network_grid(place))
    linear = {"mode": "bilinear", "padding_mode": "border", "align_corners": False}
    stride, edge = model.network.stride, model.card.sliding_window_size
    size = tuple(-(-length // stride) * stride for length in place.shape)
    infer = SlidingWindowInferer((edge,) * 3 if edge else size, 1, 0.5, "gaussian")
    load = LoadImage(image_only=True)
    first, orient = EnsureChannelFirst(), Orientation(axcodes="RAS", labels=None)
    cut = SpatialCrop(roi_start=[low for low, _ in place.box], roi_end=[high for _, high in place.box])
    padding = [amount for length, full in zip(place.shape[::-1], size[::-1], strict=True) for amount in (0, full - length)]

    @torch.inference_mode()
    def run() -> Stages:
        crop = cut(orient(first(load(str(scan)))))
        affine = crop.affine @ grid
        image = SpatialResample(**linear)(_averaged(crop, place), dst_affine=affine, spatial_size=place.shape)
        image = NormalizeIntensity(nonzero=True)(image)
        padded = torch.nn.functional.pad(image.as_tensor()[None], padding)
        scores = infer(padded, lambda part: model.network(part).logits)[0]
        scores = MetaTensor(scores[:, : place.shape[0], : place.shape[1], : place.shape[2]], affine=affine)
        back = SpatialResample(**linear)(scores, dst_affine=crop.affine, spatial_size=crop.shape[1:])
        labelmap = np.zeros(place.original.shape, dtype=np.uint8)
        place.cropped(labelmap)[...] = model.card.labels.decode(back.as_tensor()[None])[0].numpy()
        nibabel.save(nibabel.Nifti1Image(labelmap, place.original.affine), output)
        return {}

    return run


def _averaged(crop: torch.Tensor, place: CropTransform) -> torch.Tensor:
    """Return the crop averaged over the extent of a coarser voxel; linear interpolation alone would let details alias.

    MONAI has no transform for it. A mean over pairs of voxels lies between them: the affine moves along.
    """
    from monai.data import MetaTensor

    steps = [round(coarse / fine) for coarse, fine in zip(place.prepared_spacing, place.spacing, strict=True)]
    if steps == [1, 1, 1]:
        return crop
    padding = [step - 1 for step in reversed(steps) for _ in range(2)]
    padded = torch.nn.functional.pad(crop.as_tensor()[None], padding, mode="replicate")
    mean = torch.nn.functional.avg_pool3d(padded, steps, stride=1)[0]
    moved = torch.eye(4, dtype=crop.affine.dtype)
    moved[:3, 3] = torch.tensor([-(step - 1) / 2 for step in steps])
    return MetaTensor(mean, affine=crop.affine @ moved)


def _network_grid(place: CropTransform) -> np.ndarray:
    """Return the affine from voxels of the network's grid to voxels of the crop."""
    grid = np.eye(4)
    for axis, (low, high) in enumerate(place.box):
        step = place.prepared_spacing[axis] / place.spacing[axis]
        grid[axis, axis] = step
        grid[axis, 3] = (high - low - place.shape[axis] * step + step - 1) / 2
    return grid


def nnunet(model: Model, scan: Path, output: Path) -> Side:
    """nnU-Net's own reader, preprocessing, predictor and export."""
    from nnunet_side import segmenting

    return segmenting(model, scan, output)


SIDES: dict[str, Callable[[Model, Path, Path], Side]] = {
    "kdnet": kdnet,
    "kdnet32": kdnet_float32,
    "bare16": lambda model, scan, _output: bare(model, scan, torch.bfloat16),
    "bare32": lambda model, scan, _output: bare(model, scan, None),
    "monai": monai,
    "nnunet": nnunet,
}


def main(name: str, model_file: Path, scan: Path, output: Path) -> None:
    run = SIDES[name](load_model(model_file), scan, output)
    run()
    started, worked = time.perf_counter(), time.process_time()
    stages = run()
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mib": peak_mebibytes(), "stages": stages}))


if __name__ == "__main__":
    main(sys.argv[1], *(Path(argument) for argument in sys.argv[2:]))
