"""The request for a training run, and the equivalent command lines.

Example:
    >>> request = ExperimentRequest(Path("/data/brats"), (("t1ce",),), Path("/runs/first"), recipe="fast", minutes=30)
    >>> print(request.commandLine().splitlines()[0])
    kdnet study /data/brats --student t1ce --recipe fast --minutes 30 --out /runs/first
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kdnet.errors import SettingsError
from kdnet.schema.study_request import StudyOptions, format_students
from kdnet.text import one_line, printable
from slicer.i18n import tr as _

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")


@dataclass(frozen=True)
class ExperimentRequest(StudyOptions):
    """A study as the panel starts it: the options of ``kdnet study``, a run folder, and a number of processes.

    Attributes:
        out: run folder.
        processes: number of processes that train together.
    """

    out: Path
    processes: int = field(default=1, kw_only=True)

    def arguments(self, command: str = "study") -> list[str]:
        """Return the arguments of ``kdnet`` to run this, or to plan it (``"plan"``); defaults are omitted."""
        return [*super().arguments(command), *(("--out", str(self.out)) if command == "study" else ())]

    def commandLine(self) -> str:
        """Return the equivalent lines for a terminal or server; see :func:`command_lines`."""
        return command_lines(shell_line(["kdnet", *self.arguments()]), self.processes)


def shell_line(arguments: Sequence[str], *, windows: bool = sys.platform == "win32") -> str:
    """Quote the arguments as a line that, pasted into a shell, parses as exactly these and nothing else.

    Args:
        arguments: program and arguments.
        windows: quote for ``cmd`` and PowerShell, which share only double quotes.

    Raises:
        SettingsError: names an argument that quoting cannot make safe.

    Example:
        >>> shell_line(["kdnet", "study", "my data; rm x"], windows=False)
        "kdnet study 'my data; rm x'"
        >>> shell_line(["kdnet", "study", "my data&x"], windows=True)
        'kdnet study "my data&x"'
    """
    for argument in arguments:
        # % and ! expand in cmd, $ and ` in PowerShell, even inside quotes; a trailing \\ would escape the quote
        if printable(argument) != argument or (windows and re.search(r'["%!$`]|\\$', argument)):
            problem = _('"{name}" cannot be part of a command line: rename it.')
            raise SettingsError(problem.format(name=one_line(argument, 60)))
    if not windows:
        return shlex.join(arguments)
    return " ".join(part if re.fullmatch(r"[\w.,:=+/\\\[\]-]+", part) else f'"{part}"' for part in arguments)


def recorded_line(command: str) -> str:
    """Rebuild the command line recorded in a run folder, which may come from someone else.

    Raises:
        SettingsError: when it is not a training command.
    """
    return shell_line(recorded_arguments(command, ("study", "adapt")))


def recorded_arguments(command: str, known: Sequence[str] = ("study",)) -> list[str]:
    """Split the command line recorded in a run folder.

    Args:
        command: the command line.
        known: commands of ``kdnet`` that are accepted.

    Raises:
        SettingsError: when it is another command.
    """
    try:
        arguments = shlex.split(command)
    except ValueError:
        arguments = []
    if arguments[:1] != ["kdnet"] or arguments[1:2] not in [[name] for name in known]:
        raise SettingsError(_("The run does not record a kdnet study command: start it from its data folder instead."))
    return arguments


def command_lines(line: str, processes: int) -> str:
    """Return a ``kdnet`` line and its variant for several processes or GPUs, the requested one first.

    Example:
        >>> print(command_lines("kdnet study data", 1))
        kdnet study data
        # with several processes or GPUs:
        # torchrun --standalone --nproc-per-node 2 -m kdnet study data
    """
    torchrun = f"torchrun --standalone --nproc-per-node {max(processes, 2)} -m {line}"
    if processes > 1:
        return f"{torchrun}\n# with one process:\n# {line}"
    return f"{line}\n# with several processes or GPUs:\n# {torchrun}"


def python_arguments(processes: int, arguments: list[str]) -> list[str]:
    """Return the Python arguments that run ``kdnet`` in this many processes.

    Example:
        >>> python_arguments(2, ["resume", "run"])[-4:]
        ['-m', 'kdnet', 'resume', 'run']
    """
    launcher = [*TORCHRUN, str(processes)] if processes > 1 else []
    return [*launcher, "-m", "kdnet", *arguments]


def free_folder(folder: Path, data: Path, students: tuple[tuple[str, ...], ...], recipe: str) -> Path:
    """Return a new run folder in ``folder`` that does not exist yet, named after what is trained.

    Example:
        >>> free_folder(Path("/runs"), Path("/data/brats"), (("t1ce",),), "fast").name
        'brats-t1ce-fast'
    """
    return numbered(folder, f"{data.name}-{format_students(students).replace(',', '_')}-{Path(recipe).stem}")


def numbered(folder: Path, stem: str) -> Path:
    """Return a path in ``folder`` that does not exist yet: ``stem``, or ``stem`` with a number."""
    name, number = stem, 1
    while (folder / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return folder / name
