"""``kdnet case-files``: a case as plain arrays, for a viewer that must not block on file reading.

The output is one JSON object on stdout: ``case``, ``labels`` (the label table), ``volumes`` and ``labelmaps``, each with
``name``, ``file`` (``.npy``, ``[k, j, i]``) and ``affine`` (voxel indices ``i, j, k`` to RAS mm). Reference labels have the
values of the label table, whatever the file's convention. Neither torch nor MONAI is imported: that would take longer than
reading a case.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdnet.data.dataset import Case, Dataset
from kdnet.data.formats.detect import read_dataset
from kdnet.data.references import read_reference
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError
from kdnet.files import writable_folder
from kdnet.schema.labels import LabelTable


def write_case(
    dataset: Dataset, name: str, folder: Path, labelmaps: Sequence[tuple[str, Path]] = (), modalities: Sequence[str] = ()
) -> dict[str, Any]:
    """Write the arrays of a case into ``folder``; return the object that the module prints on stdout.

    Args:
        dataset: data set that contains the case.
        name: name of the case.
        folder: output folder for the arrays.
        labelmaps: additional labelmaps of the case by name, such as predictions.
        modalities: modalities to write; all if empty.

    Raises:
        KDNetError: if the case does not exist or a file cannot be read.
    """
    case = _find(dataset, name)
    writable_folder(folder)
    chosen = [modality for modality in case.images if not modalities or modality in modalities]
    volumes = []
    for modality in chosen:
        image = case.images[modality]
        volumes.append(_write(modality, read_volume(image.path, image.component), folder / f"{modality}.npy"))
    found: list[dict[str, Any]] = []
    for label, path in labelmaps:
        found.append(_write(label, read_volume(path), folder / f"labelmap-{len(found)}.npy", np.uint8))
    if case.reference is not None:
        found.append(_write("reference", read_reference(case, dataset.labels), folder / "reference.npy", np.uint8))
    return {"case": name, "labels": dataset.labels.to_json(), "volumes": volumes, "labelmaps": found}


def run_case_files(args: argparse.Namespace) -> int:
    """Run ``kdnet case-files``."""
    dataset = read_dataset(args.data, LabelTable.from_json(args.labels) if args.labels else None)
    pairs = [(label, Path(path)) for label, _, path in (item.partition("=") for item in args.labelmap)]
    wanted = [part for part in args.modalities.split(",") if part]
    print(json.dumps(write_case(dataset, args.case, args.out, pairs, wanted)))
    return 0


def _find(dataset: Dataset, name: str) -> Case:
    for case in dataset.cases:
        if case.name == name:
            return case
    raise DataError(f"{dataset.root} has no case {name}: choose the folder that the case is in.")


def _write(name: str, volume: Volume, path: Path, kind: type | None = None) -> dict[str, Any]:
    voxels = np.asarray(volume.voxels)
    np.save(path, np.ascontiguousarray(voxels.T, dtype=kind or voxels.dtype), allow_pickle=False)
    return {"name": name, "file": str(path), "affine": volume.grid.affine.tolist()}
