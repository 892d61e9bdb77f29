"""Adapt a student to what no BraTS case shows: resection cavities, and tumors in raw scans of whole heads.

    python Testing/benchmarks/adapt_others.py cavities FOLDER --data DATA --model MODEL --fold 0
    python Testing/benchmarks/adapt_others.py heads FOLDER --data SCANS --model MODEL --masks MASKS --outlines OUTLINES
    python Testing/benchmarks/adapt_others.py halves FOLDER --data FLAIR --model MODEL --outlines LESIONS
    kdnet adapt MODEL FOLDER/corrected -o FOLDER/adapted.safetensors --run FOLDER/run --force --threads 1
    python Testing/benchmarks/adapt_others.py score FOLDER --model FOLDER/adapted.safetensors

``cavities`` draws them: a turned ellipsoid at the center of the tumor core with the signal of fluid, noise, and a rim that is a little
brighter than the brain. The dark ventricles and necroses of the scan stay, so that darkness alone is not the answer. Cases are those
of ``cases.csv`` in a fold that the model did not learn from.

``heads`` takes T1ce scans with a brain mask (``NAME_mask.nii.gz``) and an outline of the core (``NAME_tumor.nii.gz``). The correction
is the segmentation of the model, with the core of the outline instead of its own.

``halves`` corrects the left half of the brain of a patient with multiple sclerosis and tests on the right one, which can show no
more than that the way works.

For cavities and heads, a seed decides which cases are corrected and which are tested; no patient is in both.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from kdnet.collection.correction import Correction
from kdnet.collection.store import Collection
from kdnet.data.dataset import Case
from kdnet.data.formats.detect import read_dataset
from kdnet.data.references import read_reference
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume
from kdnet.evaluation.metrics import score_case
from kdnet.files import write_csv
from kdnet.inference.predictor import Predictor
from kdnet.model_file import load_model
from kdnet.schema.labels import exclusive_labels
from kdnet.schema.model_card import read_card
from kdnet.study.scoring import read_inputs
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

SEED = 27

CASES = 6
"""Cases to correct, and as many to test on."""

HEADS = 4
"""Patients with raw scans to correct; the others are tested."""

LEAST_CORE_ML = 3.0

RADII_MM = (8.0, 18.0)

FLUID, NOISE, RIM = 0.35, 0.015, 1.15
"""Signal of the cavity, its noise, and the signal of its rim, as shares of the median of the brain."""

CAVITY, LESION = (exclusive_labels({1: name}) for name in ("Resection cavity", "MS lesion"))


def cavities(folder: Path, data: Path, model: Path, fold: int) -> None:
    """Write a collection to adapt to, and one to test on."""
    card = read_card(model)
    with (data / "cases.csv").open(newline="", encoding="utf-8") as stream:
        unseen = {row["case"] for row in csv.DictReader(stream) if int(row["fold"]) == fold}
    cases = [case for case in read_dataset(data, card.labels).cases if case.name in unseen]
    chance, done = np.random.default_rng(SEED), 0
    for index in chance.permutation(len(cases)):
        case = cases[index]
        core = read_reference(case, card.labels)
        inside = np.isin(core.voxels, card.labels.regions[1].values)
        if done == 2 * CASES or inside.sum() * core.grid.voxel_ml < LEAST_CORE_ML:
            continue
        collect(folder / ("corrected" if done < CASES else "test"), case, card.modalities[0], inside, chance)
        done += 1


def collect(root: Path, case: Case, modality: str, core: NDArray[np.bool_], chance: np.random.Generator) -> None:
    """Add a case with a cavity; all count as one patient, so that ``kdnet adapt`` trains one model."""
    (scan,) = read_inputs(case, (modality,))
    voxels, cavity = with_cavity(scan, core, chance)
    correction = Correction({modality: Volume(voxels, scan.grid)}, Volume(cavity, scan.grid), CAVITY, patient="all cases")
    print(root.name, Collection(root).add(correction, case.name).name, f"{cavity.sum() * scan.grid.voxel_ml:.1f} mL")


def heads(folder: Path, scans: Path, model: Path, masks: Path, outlines: Path) -> None:
    """Write a collection of four patients to adapt to, and one of the others to test on."""
    predictor = Predictor(load_model(model), torch.device("cpu"))
    files = {path.name.removesuffix(".nii.gz"): path for path in sorted(scans.rglob("*_T1ce*.nii.gz"))}
    usable = [name for name in files if (masks / f"{name}_mask.nii.gz").exists() and outline(outlines, name).exists()]
    patients = sorted({name.partition("_")[0] for name in usable})
    chosen = np.random.default_rng(SEED).permutation(patients)[:HEADS]
    for name in usable:
        part = "corrected" if name.partition("_")[0] in chosen else "test"
        if part == "corrected" and name.endswith("-2"):
            continue  # one scan of each patient is corrected
        scan, brain = read_volume(files[name]), read_volume(masks / f"{name}_mask.nii.gz")
        seen = Volume(np.where(brain.voxels != 0, scan.voxels, 0), scan.grid)
        original = predictor.predict([seen]).labelmap
        corrected = with_core(np.asarray(original.voxels), np.asarray(read_volume(outline(outlines, name)).voxels) != 0)
        correction = Correction(
            {"t1ce": scan},
            Volume(corrected, scan.grid),
            predictor.model.card.labels,
            original,
            brain,
            patient="all cases",
        )
        print(part, Collection(folder / part).add(correction, name).name, flush=True)


def halves(folder: Path, scan: Path, model: Path, lesions: Path) -> None:
    """Write a collection of the left half of a brain, and one of the right half to test on."""
    image, outlines = read_volume(scan), read_volume(lesions)
    (modality,) = read_card(model).modalities
    middle = int(np.median(np.nonzero(image.voxels)[0]))
    axis = np.arange(image.grid.shape[0]).reshape(-1, 1, 1)
    for part, inside in (("corrected", axis < middle), ("test", axis >= middle)):
        kept, lesion = (Volume(np.where(inside, item.voxels, 0), item.grid) for item in (image, outlines))
        Collection(folder / part).add(Correction({modality: kept}, lesion, LESION, patient="one"), f"{part}-half")


def outline(folder: Path, name: str) -> Path:
    """Return the file of the outline of a scan."""
    return folder / f"{name}_tumor.nii.gz"


def with_core(labels: NDArray[np.uint8], core: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return BraTS labels whose core (1 and 3) is ``core``; what is new in it enhances, what is no longer in it is nothing."""
    kept = np.where(np.isin(labels, (1, 3)) & ~core, 0, labels)
    return np.where(core & ~np.isin(kept, (1, 3)), 3, kept).astype(np.uint8)


def with_cavity(
    scan: Volume, core: NDArray[np.bool_], chance: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the scan with a cavity at the center of ``core``, and the mask of the cavity, both ``[i, j, k]``."""
    voxels = np.asarray(scan.voxels, np.float32)
    brain, spacing = voxels > 0, np.asarray(scan.grid.spacing)
    places = np.moveaxis(np.indices(voxels.shape), 0, -1) - np.argwhere(core).mean(axis=0)
    turned = (places * spacing) @ Rotation.random(random_state=int(chance.integers(2**31))).as_matrix()
    radius = np.linalg.norm(turned / chance.uniform(*RADII_MM, 3), axis=-1)
    cavity = (radius <= 1) & ndimage.binary_erosion(brain, iterations=2)
    rim = ndimage.binary_dilation(cavity) & ~cavity & brain
    unit = float(np.median(voxels[brain]))
    changed = np.where(rim, np.maximum(voxels, RIM * unit), np.where(cavity, FLUID * unit, voxels))
    near = ndimage.binary_dilation(cavity, iterations=2) & brain
    changed = np.where(near, ndimage.gaussian_filter(changed, 0.6), changed)
    changed += np.where(near, chance.normal(0, NOISE * unit, voxels.shape), 0)
    return np.clip(changed, 0, None).astype(np.float32), cavity.astype(np.uint8)


def score(folder: Path, path: Path) -> None:
    """Print and write the Dice of each test case."""
    model, rows = load_model(path), [("case", "region", "dice")]
    predictor, table = Predictor(model, torch.device("cpu")), model.card.labels
    for case in read_dataset(folder / "test").cases:
        found = predictor.predict(read_inputs(case, model.card.modalities)).labelmap
        reference = np.asarray(read_reference(case, table).voxels)
        for item in score_case(np.asarray(found.voxels), reference, table, found.grid.spacing):
            rows.append((case.name, item.region, f"{item.dice:.4f}"))
            print(*rows[-1], flush=True)
    write_csv(folder / f"{path.stem}.csv", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("cavities", "heads", "halves", "score"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--masks", type=Path)
    parser.add_argument("--outlines", type=Path)
    parser.add_argument("--fold", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.step == "cavities":
        cavities(args.folder, args.data, args.model, args.fold)
    elif args.step == "heads":
        heads(args.folder, args.data, args.model, args.masks, args.outlines)
    elif args.step == "halves":
        halves(args.folder, args.data, args.model, args.outlines)
    else:
        score(args.folder, args.model)


if __name__ == "__main__":
    main()
