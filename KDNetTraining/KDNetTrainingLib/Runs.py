"""The runs that the user knows of, remembered across restarts of Slicer in its settings."""

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
        processes: that train together.
    """

    root: Path
    processes: int = 1

    @property
    def name(self) -> str:
        """Shown to users."""
        return self.root.name


class Settings(Protocol):
    """What is needed of ``qt.QSettings``."""

    def value(self, key: str) -> Any:
        """What was kept under ``key``."""

    def setValue(self, key: str, value: Any) -> None:
        """Keep ``value`` under ``key``."""


class RunRegistry:
    """A list of runs in the order in which they were added, kept in settings.

    Args:
        settings: of Slicer; a test, or a script without Qt, gives a :class:`InMemorySettings` one.

    Example:
        >>> known = RunRegistry(InMemorySettings())
        >>> known.add(Run(Path("/runs/first")))
        >>> [run.name for run in known.runs()]
        ['first']
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def runs(self) -> tuple[Run, ...]:
        """All of them; what cannot be understood is passed over."""
        try:
            items = json.loads(str(self._settings.value(KEY) or "[]"))
            return tuple(Run(Path(item["root"]), int(item["processes"])) for item in items)
        except (ValueError, KeyError, TypeError):
            return ()

    def add(self, run: Run) -> None:
        """Remember a run, or remember it anew."""
        self._write([known for known in self.runs() if known.root != run.root] + [run])

    def forget(self, run: Run) -> None:
        """Take a run off the list; its folder stays."""
        self._write([known for known in self.runs() if known.root != run.root])

    def _write(self, runs: Sequence[Run]) -> None:
        items = [{"root": str(run.root), "processes": run.processes} for run in runs]
        self._settings.setValue(KEY, json.dumps(items))


class InMemorySettings:
    """Settings that last as long as the process."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def value(self, key: str) -> Any:
        """What was kept under ``key``, None when nothing was."""
        return self._values.get(key)

    def setValue(self, key: str, value: Any) -> None:
        """Keep ``value`` under ``key``."""
        self._values[key] = value


def slicer_settings() -> Settings:
    """Slicer's settings, or forgetful ones where there is no Qt."""
    try:
        import qt  # noqa: PLC0415
    except ImportError:
        return InMemorySettings()
    settings: Settings = qt.QSettings()
    return settings
