"""The runs known to the user, remembered across restarts of Slicer in its settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

KEY = "KDNet/TrainingRuns"


@dataclass(frozen=True)
class Run:
    """A training run.

    Attributes:
        root: its folder.
        processes: number of processes that train together.
    """

    root: Path
    processes: int = 1

    @property
    def name(self) -> str:
        """The name shown to users."""
        return self.root.name


class Settings(Protocol):
    """The part of ``qt.QSettings`` that is needed."""

    def value(self, key: str) -> Any:
        """Return the value stored under ``key``."""

    def setValue(self, key: str, value: Any) -> None:
        """Store ``value`` under ``key``."""


class RunRegistry:
    """A list of runs in the order in which they were added, stored in settings.

    Args:
        settings: Slicer's settings; tests, or scripts without Qt, pass :class:`InMemorySettings`.

    Example:
        >>> known = RunRegistry(InMemorySettings())
        >>> known.add(Run(Path("/runs/first")))
        >>> [run.name for run in known.runs()]
        ['first']
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def runs(self) -> tuple[Run, ...]:
        """Return all known runs; invalid entries are skipped."""
        try:
            items = json.loads(str(self._settings.value(KEY) or "[]"))
            return tuple(Run(Path(item["root"]), int(item["processes"])) for item in items)
        except (ValueError, KeyError, TypeError):
            return ()

    def add(self, run: Run) -> None:
        """Add a run to the list, or update it."""
        self._write([known for known in self.runs() if known.root != run.root] + [run])

    def remove(self, run: Run) -> None:
        """Remove a run from the list; its folder is kept."""
        self._write([known for known in self.runs() if known.root != run.root])

    def _write(self, runs: Sequence[Run]) -> None:
        items = [{"root": str(run.root), "processes": run.processes} for run in runs]
        self._settings.setValue(KEY, json.dumps(items))


class InMemorySettings:
    """Settings that last as long as the process."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def value(self, key: str) -> Any:
        """Return the value stored under ``key``, None if there is none."""
        return self._values.get(key)

    def setValue(self, key: str, value: Any) -> None:
        """Store ``value`` under ``key``."""
        self._values[key] = value


def slicer_settings() -> Settings:
    """Return Slicer's settings, or in-memory ones without Qt."""
    try:
        import qt  # noqa: PLC0415
    except ImportError:
        return InMemorySettings()
    settings: Settings = qt.QSettings()
    return settings
