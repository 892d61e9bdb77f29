"""What decoding does to the labels of a model: Dice, pieces of each label, and time.

    python Testing/benchmarks/bench_labels.py MODEL... --data DATA [--mirror] [--most N] [-o FILE.csv]

Each case is segmented once; its scores are decoded voxel by voxel, as by version 0.1, and with the decoding of the model's card
or, without one, the default. ``--mirror`` adds the mean of the scores of the image and of its left-right mirror image, decoded
in both ways. Differences are paired by case; intervals are 95 % bootstrap intervals of the mean.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from kdnet.data.dataset import Case
from kdnet.data.formats.detect import read_dataset
from kdnet.data.preprocessing.prepare import CropTransform, prepare_image
from kdnet.data.references import read_reference
from kdnet.inference.labeling import label
from kdnet.inference.sliding_window import forward
from kdnet.model_file import Model, load_model
from kdnet.schema.decoding import Decoding, default_decoding
from kdnet.study.scoring import read_inputs
from scipy import ndimage
from scipy.stats import bootstrap

PLAIN, PLAUSIBLE = "each voxel by itself", "plausible"

Row = dict[str, str | float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True, help="data folder of cases that the models did not learn from")
    parser.add_argument("--mirror", action="store_true")
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("-o", "--out", type=Path, help="CSV file with a row per case")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    for path in args.models:
        model = load_model(path)
        cases = read_dataset(args.data, model.card.labels).cases[: args.most]
        own = [row for case in cases for row in decoded(model, case, mirror=args.mirror)]
        show(path.stem, own)
        rows += own
    if args.out:
        with args.out.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


@torch.inference_mode()
def decoded(model: Model, case: Case, *, mirror: bool) -> Iterator[Row]:
    """Yield a row per way of decoding."""
    card = model.card
    image, transform = prepare_image(read_inputs(case, card.modalities), card.preprocessing)
    images = torch.from_numpy(image)[None]
    reference = np.asarray(read_reference(case, card.labels).voxels)
    scores = {"": forward(model.network, images, card.labels.mode, window=card.sliding_window_size)[0]}
    if mirror:
        other = forward(model.network, images.flip(2), card.labels.mode, window=card.sliding_window_size)[0].flip(1)
        scores[", mirrored"] = (scores[""] + other) / 2
    ways = {PLAIN: None, PLAUSIBLE: card.decoding or default_decoding(card.labels)}
    for kind, logits in scores.items():
        for way, decoding in ways.items():
            yield row(model, case.name, way + kind, (logits, transform, decoding), reference)


def row(
    model: Model, case: str, way: str, scores: tuple[torch.Tensor, CropTransform, Decoding | None], reference: np.ndarray
) -> Row:
    logits, transform, decoding = scores
    table = model.card.labels
    started = time.process_time()
    labelmap = label(logits, transform, table, lambda _progress: None, decoding)
    spent = time.process_time() - started
    result: Row = {"model": model.card.name, "case": case, "way": way, "cpu ms": round(spent * 1000, 1)}
    for region in table.regions:
        found, wanted = (np.isin(array, region.values) for array in (labelmap, reference))
        total = int(found.sum()) + int(wanted.sum())
        result[f"Dice {region.name}"] = round(2 * int((found & wanted).sum()) / total, 5) if total else 1.0
    for item in table.labels:
        result[f"pieces {item.name}"] = int(ndimage.label(labelmap == item.value)[1])
        result[f"expert pieces {item.name}"] = int(ndimage.label(reference == item.value)[1])
    return result


def show(name: str, rows: list[Row]) -> None:
    """Print a row per way: Dice, its paired difference to the first way, pieces, and CPU time."""
    dice = [key for key in rows[0] if key.startswith("Dice ")]
    core = next(key for key in rows[0] if key.startswith("pieces "))
    first = np.array([[float(item[key]) for key in dice] for item in rows if item["way"] == PLAIN])
    for way in dict.fromkeys(str(item["way"]) for item in rows):
        own = [item for item in rows if item["way"] == way]
        values = np.array([[float(item[key]) for key in dice] for item in own])
        change = (values - first).mean(axis=1)
        low, high = interval(change)
        pieces = np.array([float(item[core]) for item in own])
        cells = [
            name,
            way,
            f"n {len(own)}",
            *(f"{key.removeprefix('Dice ')} {mean:.3f}" for key, mean in zip(dice, values.mean(axis=0), strict=True)),
            f"mean {values.mean():.4f}",
            f"change {change.mean():+.4f} ({low:+.4f} to {high:+.4f})",
            f"{core} median {np.median(pieces):g}, most {pieces.max():g}",
            f"{np.median([float(item['cpu ms']) for item in own]):.0f} ms",
        ]
        print(" | ".join(cells), flush=True)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean."""
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    found = bootstrap((values,), np.mean, n_resamples=10_000, method="percentile", random_state=0).confidence_interval
    return float(found.low), float(found.high)


if __name__ == "__main__":
    main()
