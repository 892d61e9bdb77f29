"""Import a class or function of MONAI without importing all of MONAI.

``import monai`` imports every module of the package, and with them matplotlib, scipy, nibabel and pydicom: seconds and 120
MiB, where a network, a loss or a transform needs a dozen small modules. MONAI has no setting for that.
"""

from __future__ import annotations

import ast
import functools
import importlib
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib.machinery import PathFinder
from importlib.metadata import version
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

LAZY = (
    "monai",
    "monai.apps",
    "monai.config",
    "monai.data",
    "monai.inferers",
    "monai.losses",
    "monai.metrics",
    "monai.networks",
    "monai.networks.blocks",
    "monai.networks.layers",
    "monai.networks.nets",
    "monai.transforms",
    "monai.transforms.croppad",
    "monai.transforms.intensity",
    "monai.transforms.lazy",
    "monai.transforms.spatial",
    "monai.transforms.utility",
    "monai.utils",
)

NOT_USED = {"monai.data.ultrasound_confidence_map": "UltrasoundConfidenceMap"}
"""Modules, with what others import of them for transforms that kdnet does not have; this one would import scipy.signal."""


@functools.cache
def monai_part(module: str, name: str) -> Any:
    """Return ``name`` of the MONAI ``module``; where MONAI is not imported yet, import only the modules that it needs.

    These modules are then private: a later ``import monai`` imports MONAI as usual.

    Args:
        module: module that defines it, such as ``"monai.networks.nets.segresnet"``.
        name: class or function.

    Raises:
        ImportError: if MONAI is not installed or has no such part.
    """
    if "monai" not in sys.modules:
        # a release of MONAI that is organized differently is imported as a whole
        with suppress(ImportError, AttributeError), _private_modules():
            return getattr(importlib.import_module(module), name)
    return getattr(importlib.import_module(module), name)


class _PrivateModules:
    """Modules of MONAI that are in ``sys.modules`` only while they import each other; packages are lazy."""

    def __init__(self) -> None:
        self._own: dict[str, ModuleType] = {}
        self._others: dict[str, ModuleType] = {}
        self._depth = 0
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1
        if self._depth == 1:
            self._others = _taken_out()
            sys.modules.update(self._own)

    def __exit__(self, *_error: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._own = _taken_out()
            sys.modules.update(self._others)
        self._lock.release()


class _LazyPackage(ModuleType):
    """A package whose ``__init__`` is not executed; names are imported, when they are asked for, from where it says."""

    def __init__(self, name: str, origin: Path, home: _PrivateModules) -> None:
        super().__init__(name)
        self.__path__ = [str(origin.parent)]
        self.__spec__ = spec_from_loader(name, None, is_package=True)
        self._sources = _sources(origin)
        self._home = home

    def __getattr__(self, name: str) -> Any:
        if name == "__version__" and self.__name__ == "monai":
            return version("monai")
        source = self.__dict__.get("_sources", {}).get(name)
        if source is None:
            raise AttributeError(f"module {self.__name__} has no attribute {name}")
        module, original = source
        with self._home:
            value = getattr(importlib.import_module(module, self.__name__), original)
        setattr(self, name, value)  # asked for once, because transforms ask for every patch
        return value


@functools.cache
def _private_modules() -> _PrivateModules:
    """Return the private modules of this process, with lazy packages in the place of MONAI's.

    Raises:
        ImportError: if MONAI is not installed or is organized differently.
    """
    home = _PrivateModules()
    path: list[str] | None = None
    with home:
        for name in LAZY:
            parent, _, own = name.rpartition(".")
            spec = PathFinder.find_spec(name, path and [str(Path(path[0]).joinpath(*name.split(".")[1:-1]))])
            if spec is None or spec.origin is None:
                raise ImportError(f"No module named {name!r}", name=name)
            path = path or list(spec.submodule_search_locations or ())
            sys.modules[name] = _LazyPackage(name, Path(spec.origin), home)
            if parent:
                setattr(sys.modules[parent], own, sys.modules[name])
        for name, part in NOT_USED.items():
            sys.modules[name] = ModuleType(name)
            setattr(sys.modules[name], part, None)
    return home


def _taken_out() -> dict[str, ModuleType]:
    """Remove all modules of MONAI from ``sys.modules`` and return them."""
    names = [name for name in sys.modules if name.partition(".")[0] == "monai"]
    return {name: sys.modules.pop(name) for name in names}


def _sources(origin: Path) -> Mapping[str, tuple[str, str]]:
    """Return the submodule and the name there of everything that an ``__init__.py`` imports from its submodules."""
    tree = ast.parse(origin.read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: ("." * node.level + (node.module or ""), alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level and node.module
        for alias in node.names
    }
