"""The files of a collected case: its record and its volumes."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from kdnet.collection.correction import Correction, changed_volumes, checked_labels
from kdnet.data.formats.collection import BRAIN, CORRECTED, ORIGINAL
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import write_volume
from kdnet.preparation.brain_mask import only_brain
from kdnet.schema.collection import BrainMask, CollectedCase

HASH_DIGITS = 12


def patient_hash(patient: str, salt: str) -> str:
    """Return a hash that distinguishes patients without naming them.

    Args:
        patient: text that is equal for scans of one patient; letter case and spaces around it do not matter.
        salt: of the collection.

    Example:
        >>> patient_hash("Doe^Jane", "5a17") == patient_hash(" DOE^JANE", "5a17") != patient_hash("Doe^Jane", "other")
        True
    """
    text = f"{salt}\n{patient.strip().casefold()}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]


def scan_digests(correction: Correction) -> dict[str, str]:
    """Return a digest of the voxels of each scan, which recognizes it whatever its file and header."""
    return {name: _digest(volume) for name, volume in correction.scans.items()}


def _digest(volume: Volume) -> str:
    numbers = np.ascontiguousarray(volume.voxels, dtype=np.float32)
    digest = hashlib.blake2b(str(numbers.shape).encode(), digest_size=16)
    digest.update(numbers.data)
    return digest.hexdigest()


def record_of(correction: Correction, name: str, digests: dict[str, str], patient: str) -> CollectedCase:
    """Return what to record of a new case.

    Args:
        correction: the corrected segmentation.
        name: name of the case.
        digests: of its scans, by modality.
        patient: hash of the patient.
    """
    origin = correction.origin
    brain = origin.brain_mask
    if correction.brain is None:
        brain = BrainMask.NONE
    elif brain is BrainMask.NONE:
        brain = BrainMask.SUPPLIED
    return CollectedCase(
        name=name,
        patient=patient,
        modalities=tuple(correction.scans),
        date=today(),
        model=origin.model,
        model_hash=origin.model_hash,
        preparation=origin.preparation,
        brain_mask=brain,
        changed_ml=changed_by(correction),
        no_tumor=correction.no_tumor,
        scans=digests,
    )


def changed_by(correction: Correction) -> dict[str, float]:
    """Return how much was corrected, in mL by label and region; empty without a segmentation of the model."""
    if correction.original is None:
        return {}
    corrected, original = (
        checked_labels(volume, correction.labels, "the segmentation")
        for volume in (correction.corrected, correction.original)
    )
    return changed_volumes(corrected, original, correction.labels, correction.corrected.grid.voxel_ml)


def today() -> str:
    """Return the date in ISO format."""
    return datetime.now(tz=UTC).date().isoformat()


def write_case(folder: Path, name: str, correction: Correction) -> None:
    """Write the volumes of a case into ``folder``, whose name is not yet that of the case."""
    grid = next(iter(correction.scans.values())).grid
    for modality, scan in correction.scans.items():
        shown = scan if correction.brain is None else only_brain(scan, np.asarray(correction.brain.voxels != 0))
        write_volume(folder / f"{name}_{modality}.nii.gz", Volume(shown.voxels, grid))
    for part, labelmap in ((CORRECTED, correction.corrected), (ORIGINAL, correction.original)):
        if labelmap is not None:
            write_labelmap(f"{name}_{part}.nii.gz", folder, correction, labelmap)
    if correction.brain is not None:
        mask = np.asarray(correction.brain.voxels != 0, dtype=np.uint8)
        write_volume(folder / f"{name}_{BRAIN}.nii.gz", Volume(mask, grid))


def write_labelmap(name: str, folder: Path, correction: Correction, labelmap: Volume) -> None:
    """Write a labelmap as uint8 on exactly the grid of the scans."""
    grid = next(iter(correction.scans.values())).grid
    write_volume(folder / name, Volume(checked_labels(labelmap, correction.labels, "the segmentation"), grid))
