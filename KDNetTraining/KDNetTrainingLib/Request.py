"""The request for a training run, and the equivalent command lines.

Example:
    >>> request = ExperimentRequest(Path("/data/brats"), (("t1ce",),), Path("/runs/first"), recipe="fast", minutes=30)
    >>> print(request.commandLine().splitlines()[0])
    kdnet study /data/brats --student t1ce --recipe fast --minutes 30 --out /runs/first
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kdnet.errors import SettingsError
from kdnet.schema.folds import ALL_CASES, ALL_NAME, format_folds
from kdnet.text import one_line, printable

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")


@dataclass(frozen=True)
class ExperimentRequest:
    """A teacher, a baseline and one or more students to train and compare.

    Attributes:
        data: data folder.
        students: input modalities of each student.
        out: run folder.
        recipe: name or file.
        settings: recipe values to change, with dotted names such as ``"distillation.gamma"``.
        modalities: input modalities of the teacher; all when empty.
        folds: test folds, all when empty; ``ALL_CASES`` among them trains on every case and tests on none.
        foldCount: number of folds to split the cases into, 0 for the data's default.
        seeds: random seeds of the trainings.
        minutes: for the whole study, 0 for no limit.
        epochs: of each network, 0 for the recipe's own steps.
        labels: ``"auto"``, ``"brats"``, or pairs such as ``"1=Lesion,2=Core"``.
        excluded: names of cases to exclude.
        teacher: model file or MONAI bundle to use instead of training one.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` and so on.
        threads: CPU threads, 0 for all cores.
        processes: number of processes that train together.
    """

    data: Path
    students: tuple[tuple[str, ...], ...]
    out: Path
    recipe: str = "fast"
    settings: Mapping[str, object] = field(default_factory=dict)
    modalities: tuple[str, ...] = ()
    folds: tuple[int, ...] = ()
    foldCount: int = 0
    seeds: tuple[int, ...] = (0,)
    minutes: float = 0.0
    epochs: int = 0
    labels: str = "auto"
    excluded: tuple[str, ...] = ()
    teacher: Path | None = None
    device: str = "auto"
    threads: int = 0
    processes: int = 1

    def arguments(self, command: str = "study") -> list[str]:
        """Return the arguments of ``kdnet`` to run this, or to plan it (``"plan"``); defaults are left out."""
        options: list[tuple[str, str]] = [
            ("--student", ",".join("+".join(names) for names in self.students)),
            ("--recipe", self.recipe),
            *(("--set", f"{name}={_literal(value)}") for name, value in self.settings.items()),
            ("--modalities", ",".join(self.modalities)),
            ("--folds", format_folds(self.folds)),
            ("--fold-count", str(self.foldCount or "")),
            ("--seeds", "" if self.seeds == (0,) else ",".join(map(str, self.seeds))),
            ("--minutes", f"{self.minutes:g}" if self.minutes else ""),
            ("--epochs", str(self.epochs or "")),
            ("--labels", "" if self.labels == "auto" else self.labels),
            *(("--exclude", name) for name in self.excluded),
            ("--teacher", str(self.teacher or "")),
            ("--device", "" if self.device == "auto" else self.device),
            ("--threads", str(self.threads or "")),
            ("--out", str(self.out) if command == "study" else ""),
        ]
        return [command, str(self.data), *(part for option in options if option[1] for part in option)]

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
            raise SettingsError(f'"{one_line(argument, 60)}" cannot be part of a command line: rename it.')
    if not windows:
        return shlex.join(arguments)
    return " ".join(part if re.fullmatch(r"[\w.,:=+/\\\[\]-]+", part) else f'"{part}"' for part in arguments)


def recorded_line(command: str) -> str:
    """Rebuild the command line recorded in a run folder, which may come from someone else.

    Raises:
        SettingsError: when it is not a training command.
    """
    try:
        arguments = shlex.split(command)
    except ValueError:
        arguments = []
    if arguments[:2] != ["kdnet", "study"]:
        raise SettingsError("The run does not record a kdnet study command: start it from its data folder instead.")
    return shell_line(arguments)


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


def numbers(text: str, what: str) -> tuple[int, ...]:
    """Parse integers from 0, written as in ``"0, 2"``.

    Example:
        >>> numbers("0, 2", "Seeds")
        (0, 2)

    Raises:
        SettingsError: names ``what``.
    """
    parts = [part for part in re.split(r"[,\s]+", text.strip()) if part]
    if not all(part.isdigit() for part in parts):
        raise SettingsError(f'{what} are "{text}": give whole numbers with commas between, such as 0,1.')
    return tuple(dict.fromkeys(int(part) for part in parts))


def chosen_folds(text: str, what: str) -> tuple[int, ...]:
    """Parse test folds, written as in ``"0, 2"``; ``"all"`` among them trains on every case and tests on none.

    Example:
        >>> chosen_folds("0, all", "Test folds")
        (0, -1)

    Raises:
        SettingsError: names ``what``.
    """
    parts = re.split(r"[,\s]+", text.strip().lower())
    tested = numbers(",".join(part for part in parts if part != ALL_NAME), what)
    return (*tested, ALL_CASES) if ALL_NAME in parts else tested


def free_folder(folder: Path, data: Path, students: tuple[tuple[str, ...], ...], recipe: str) -> Path:
    """Return a new run folder in ``folder`` that does not exist yet, named after what is trained.

    Example:
        >>> free_folder(Path("/runs"), Path("/data/brats"), (("t1ce",),), "fast").name
        'brats-t1ce-fast'
    """
    stem = f"{data.name}-{'_'.join('+'.join(names) for names in students)}-{Path(recipe).stem}"
    name, number = stem, 1
    while (folder / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return folder / name


def _literal(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
