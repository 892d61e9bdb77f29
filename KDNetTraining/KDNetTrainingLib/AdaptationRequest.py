"""The request for adapting a model, and the equivalent command lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kdnet.schema.adapt_request import AdaptOptions

from KDNetTrainingLib.Request import command_lines, numbered, shell_line


@dataclass(frozen=True)
class AdaptationRequest(AdaptOptions):
    """An adaptation as the panel starts it: the options of ``kdnet adapt``, and a run folder.

    Attributes:
        run: run folder.

    Example:
        >>> model, cases, run = Path("/models/student.safetensors"), Path("/data/cases"), Path("/runs/first")
        >>> request = AdaptationRequest(model, cases, run / "a.safetensors", run=run, minutes=9)
        >>> print(request.commandLine().splitlines()[0])
        kdnet adapt /models/student.safetensors /data/cases --out /runs/first/a.safetensors --minutes 9 --run /runs/first
    """

    run: Path = field(kw_only=True)

    def arguments(self) -> list[str]:
        """Return the arguments of ``kdnet`` to run this; defaults are omitted."""
        return [*super().arguments(), "--run", str(self.run)]

    def commandLine(self) -> str:
        """Return the equivalent lines for a terminal or server."""
        return command_lines(shell_line(["kdnet", *self.arguments()]), 1)


def adaptation_folder(folder: Path, collection: Path, model: Path) -> Path:
    """Return a new run folder in ``folder`` that does not exist yet, named after what is adapted to what.

    Example:
        >>> adaptation_folder(Path("/runs"), Path("/data/cases"), Path("/models/T1ce.safetensors")).name
        'adapt-cases-T1ce'
    """
    return numbered(folder, f"adapt-{collection.name}-{model.stem}")
