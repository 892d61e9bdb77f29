"""A realistic multi-modal data set without patients, for demonstrations and tests.

Each case has its own smooth anatomy (fluid, gray and white matter, deep nuclei), bias field and noise, and a tumor whose
three parts differ in visibility: the enhancing rim is bright on T1ce only, the core dark on T1, edema bright on FLAIR
and T2. Vessels on T1ce and white matter lesions on FLAIR mimic tumor in one modality each, so that a network with
all modalities as input really has more information than one with a single modality.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import write_volume
from kdnet.errors import SettingsError
from kdnet.files import writable_folder
from kdnet.schema.modalities import MODALITIES

Field = NDArray[np.float64]
MOST_VOXELS = 500_000_000  # e.g., a 0.8 m cube at 1 mm

# Mean intensity of each tissue per modality, with white matter on T1 = 1.
INTENSITIES: Mapping[str, Mapping[str, float]] = {
    "t1": {"csf": 0.35, "gray": 0.75, "white": 1.0, "nuclei": 0.85, "core": 0.55, "edema": 0.8, "rim": 0.78},
    "t1ce": {"csf": 0.35, "gray": 0.78, "white": 1.0, "nuclei": 0.88, "core": 0.5, "edema": 0.82, "rim": 1.7},
    "t2": {"csf": 1.7, "gray": 0.95, "white": 0.7, "nuclei": 0.75, "core": 1.25, "edema": 1.3, "rim": 1.05},
    "flair": {"csf": 0.25, "gray": 0.95, "white": 0.8, "nuclei": 0.85, "core": 0.9, "edema": 1.5, "rim": 1.25},
}


@dataclass(frozen=True, eq=False)
class PhantomCase:
    """One synthetic patient.

    Attributes:
        images: modality to int16 ``[i, j, k]``, 0 outside the brain.
        labelmap: uint8, labels of BraTS up to 2021: 1 core, 2 edema, 4 enhancing.
    """

    images: Mapping[str, NDArray[np.int16]]
    labelmap: NDArray[np.uint8]


def write_phantom(
    folder: Path,
    *,
    cases: int = 12,
    shape: tuple[int, int, int] = (56, 66, 52),
    spacing: float = 3.0,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Write a data set with BraTS naming, reproducible for the same arguments.

    Args:
        folder: destination, with one folder per case.
        cases: number of cases.
        shape: voxels along i, j, k.
        spacing: voxel spacing in mm; the brain is about 130 x 165 x 130 mm and scaled down to fit.
        seed: random seed.
        progress: called with the number of cases done and the total.

    Raises:
        KDNetError: if the folder cannot be written.
        SettingsError: for a negative seed or an unreasonable size.
    """
    if seed < 0:
        raise SettingsError(f"--seed is {seed}: give 0 or a positive number.")
    if math.prod(shape) > MOST_VOXELS:
        raise SettingsError(f"a phantom of {' x '.join(map(str, shape))} voxels is too large: give a smaller --size.")
    affine = np.diag([-spacing, -spacing, spacing, 1.0])  # LPS, like BraTS
    affine[:3, 3] = [spacing * shape[0] / 2, spacing * shape[1] / 2, -spacing * shape[2] / 2]
    grid = Grid(shape, affine)
    for index in range(cases):
        name = f"Phantom_{index:03d}"
        case = make_case(shape, spacing, np.random.default_rng([seed, index]))
        target = writable_folder(folder / name)
        for modality, voxels in case.images.items():
            write_volume(target / f"{name}_{modality}.nii.gz", Volume(voxels, grid))
        write_volume(target / f"{name}_seg.nii.gz", Volume(case.labelmap, grid))
        progress(index + 1, cases)


def make_case(shape: tuple[int, int, int], spacing: float, random: np.random.Generator) -> PhantomCase:
    """Generate one patient."""
    anatomy = _Anatomy(shape, spacing, random)
    brain = anatomy.brain()
    tissues = anatomy.tissues(brain)
    core, rim, edema = anatomy.tumor(brain, tissues["csf"])
    labelmap = np.zeros(shape, dtype=np.uint8)
    labelmap[(edema > 0.5) & brain] = 2
    labelmap[(rim > 0.5) & brain] = 4
    labelmap[(core > 0.5) & brain] = 1
    parts = {**tissues, "edema": edema, "rim": rim, "core": core}
    vessels, lesions = anatomy.vessels(brain), anatomy.lesions(tissues["white"])
    images = {}
    for modality in MODALITIES:
        image = np.zeros(shape)
        for name, share in parts.items():  # later parts cover earlier ones, edges show partial volume
            image = image * (1 - share) + INTENSITIES[modality][name] * share
        if modality == "t1ce":
            image = image * (1 - vessels) + 1.6 * vessels
        if modality == "flair":
            image = image * (1 - lesions) + 1.4 * lesions
        images[modality] = anatomy.acquired(image, brain)
    return PhantomCase(images, labelmap)


class _Anatomy:
    """Generates the parts of one patient; lengths are in mm, coordinates start at the center of the grid."""

    def __init__(self, shape: tuple[int, int, int], spacing: float, random: np.random.Generator) -> None:
        self.shape, self.spacing, self.random = shape, spacing, random
        axes = [(np.arange(size) - (size - 1) / 2) * spacing for size in shape]
        self.x, self.y, self.z = np.meshgrid(*axes, indexing="ij", sparse=True)
        fits = min(size * spacing / extent for size, extent in zip(shape, (144, 180, 140), strict=True))
        self.scale = min(1.0, fits) * random.uniform(0.93, 1.0)

    def field(self, width: float) -> Field:
        """Return a smooth random field with mean 0, standard deviation 1 and features about ``width`` mm wide."""
        noise = ndimage.gaussian_filter(self.random.standard_normal(self.shape), width * self.scale / self.spacing)
        return np.asarray((noise - noise.mean()) / noise.std())

    def ellipsoid(self, center: tuple[float, float, float], radii: tuple[float, float, float]) -> Field:
        """Return the relative distance from ``center``: below 1 inside."""
        parts = zip((self.x, self.y, self.z), center, radii, strict=True)
        return np.asarray(np.sqrt(sum(((at - c * self.scale) / (r * self.scale)) ** 2 for at, c, r in parts)))

    def soft(self, inside: Field, width: float = 1.5) -> Field:
        """Return a soft mask from 0 to 1 of ``inside`` (mm, positive within), blurred over ``width`` mm."""
        return np.asarray(1 / (1 + np.exp(-np.clip(inside * 2 / width, -30, 30))))

    def brain(self) -> NDArray[np.bool_]:
        outline = self.ellipsoid((0, 0, 0), (64, 82, 62)) + 0.02 * self.field(12)
        return np.asarray(outline < 1)

    def tissues(self, brain: NDArray[np.bool_]) -> dict[str, Field]:
        depth = ndimage.distance_transform_edt(brain) * self.spacing / self.scale
        folds = self.field(6)
        white = self.soft(depth - 9 - 4 * folds)
        sulci = self.soft(3 * self.field(5) - 3.2 - 0.4 * (depth - 4)) * (depth < 16)
        wave = 0.06 * self.field(9)
        ventricles = np.zeros(self.shape)
        for side in (-1, 1):
            distance = self.ellipsoid((side * 11, -2, 8), (6 + self.random.uniform(0, 3), 30, 10)) + wave
            ventricles = np.maximum(ventricles, self.soft((1 - distance) * 8))
        nuclei = np.zeros(self.shape)
        for side in (-1, 1):
            distance = self.ellipsoid((side * 22, 4, -2), (7, 16, 10)) + wave
            nuclei = np.maximum(nuclei, self.soft((1 - distance) * 8))
        fluid = np.maximum(ventricles, sulci)
        return {"gray": np.ones(self.shape), "white": white, "nuclei": nuclei, "csf": fluid}

    def tumor(self, brain: NDArray[np.bool_], fluid: Field) -> tuple[Field, Field, Field]:
        """Return the fractions of core, enhancing rim and edema."""
        random = self.random
        center = (random.choice([-1, 1]) * random.uniform(18, 38), random.uniform(-42, 42), random.uniform(-18, 30))
        radius = random.uniform(13, 24)
        away = self.ellipsoid(center, (1, 1, 1))  # mm of the unscaled brain
        shape = away + 3.0 * self.field(9)
        inner = radius * random.uniform(0.45, 0.75)
        core = self.soft(inner - shape - 1.5 * self.field(4))
        rim = self.soft(radius - shape + 1.2 * self.field(5)) * (1 - core)
        spread = radius + random.uniform(6, 16)
        edema = self.soft(spread - away - 6.0 * self.field(12)) * (1 - 0.9 * fluid)
        edema = np.maximum(edema * (1 - core - rim).clip(0, 1), 0)
        return core * brain, rim * brain, edema * brain

    def vessels(self, brain: NDArray[np.bool_]) -> Field:
        """Return vessels, bright on T1ce like the rim: thin curved sheets near the center and the surface."""
        near_zero = np.abs(self.field(10)) * 10 + np.abs(self.field(10)) * 10
        return np.asarray(self.soft(1.2 - near_zero)) * brain * 0.9

    def lesions(self, white: Field) -> Field:
        """Return lesions, bright on FLAIR like edema: spots and caps in white matter."""
        return np.asarray(self.soft((self.field(5) - 1.9) * 6)) * white * 0.9

    def acquired(self, image: Field, brain: NDArray[np.bool_]) -> NDArray[np.int16]:
        """Return the image as a scanner would store it: blurred, biased, noisy, in arbitrary units, masked to the brain."""
        image = ndimage.gaussian_filter(image, 0.5)
        image = image * (1 + 0.12 * self.field(45))
        image = image + 0.06 * self.random.standard_normal(self.shape)
        units = self.random.uniform(300, 900)
        return np.where(brain, np.clip(image * units, 1, 32000), 0).astype(np.int16)
