"""Installation of packages into Slicer's Python in separate processes, while Slicer stays responsive.

PyTorch is chosen for the user's GPU by ``light-the-torch``, with the steps of ``PyTorchUtilsLogic.installTorch`` of the
PyTorch extension, which cannot be called directly because it blocks. Before any change, pip reports what it would change;
after each step a new process checks the result, because ``light-the-torch`` exits with 0 even on failure.
"""

from __future__ import annotations

import functools
import importlib
import queue
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from pathlib import Path

from kdnet.errors import KDNetError
from kdnet.foreign import parse_message, read_json, reading

from KDNetLib.Dependencies import (
    TORCH,
    Package,
    canonical,
    constraints,
    package_name,
    same_minor_version,
    satisfies_minimum,
)
from KDNetLib.PollTimer import PollTimer
from KDNetLib.ProcessTree import kill_tree, reaped, start_python
from KDNetLib.TemporaryFolders import make_temporary_folder
from KDNetLib.Translation import _
from KDNetLib.Worker import Failure

LIGHT_THE_TORCH = "light-the-torch>=0.7.5"
LAST_LINES = 12
MOST_LINES = 2000
END_SECONDS = 2.0
LIST_PACKAGES = (
    "-c",
    # of duplicates, the first is imported; a name that starts with ~ is left over from an interrupted pip
    """
import importlib.metadata, json, re
found, seen = {}, set()
for one in importlib.metadata.distributions():
    name, version = one.metadata and one.metadata["Name"], one.metadata and one.metadata["Version"]
    key = re.sub("[-_.]+", "-", str(name)).lower()
    if name and version and key not in seen and not getattr(getattr(one, "_path", None), "name", "").startswith("~"):
        seen.add(key)
        found[str(name)] = str(version)
print(json.dumps({"installed": found}))
""",
)

Log = Callable[[str], None]
Plan = Generator[Sequence[str], list[str], None]


def install_plan(packages: Sequence[Package], folder: Path, log: Log) -> Plan:
    """Yield the Python arguments of each process in turn, and receive its output.

    Args:
        packages: the missing packages.
        folder: folder for files that pip reads and writes.
        log: called with messages for the log.

    Raises:
        KDNetError: in one sentence, if a check fails.
    """
    for wanted in _rounds(packages):
        names = [package_name(item) for item in wanted]
        before = _versions((yield LIST_PACKAGES))
        file = folder / "constraints.txt"
        file.write_text(constraints(before, names), encoding="utf-8")
        pip = ("-m", "light_the_torch" if TORCH in wanted else "pip", "install", "--constraint", str(file))
        report = folder / "report.json"
        report.unlink(missing_ok=True)
        yield (*pip, "--dry-run", "--report", str(report), *wanted)
        log(_planned_changes(report, before, names))
        printed = yield (*pip, *wanted)
        _check(wanted, before, _versions((yield LIST_PACKAGES)), printed)


def _rounds(packages: Sequence[Package]) -> Iterable[tuple[str, ...]]:
    """Split the packages into rounds, PyTorch first, so that the rest is chosen to match it."""
    wanted = [package.requirement for package in packages]
    if TORCH in wanted:
        yield (LIGHT_THE_TORCH,)
        yield (TORCH,)
    others = tuple(item for item in wanted if item != TORCH)
    if others:
        yield others


def _versions(printed: Sequence[str]) -> dict[str, str]:
    for line in printed:
        answer = parse_message(line)
        if answer is not None and isinstance(answer.get("installed"), dict):
            return {str(name): str(version) for name, version in answer["installed"].items()}
    raise KDNetError(_("The installed packages could not be listed: restart Slicer and try again."))


def _planned_changes(report: Path, before: Mapping[str, str], names: Sequence[str]) -> str:
    """Return one line that describes what pip is about to do.

    Raises:
        KDNetError: if an installed package would change its major or minor version.
    """
    if not report.is_file():
        return _("pip did not report what it would change; packages of Slicer are kept as they are.")
    old = {canonical(name): version for name, version in before.items()}
    changes = []
    with reading("The list of changes from pip", "try again", KDNetError):
        for item in read_json(report, "try again", KDNetError).get("install", ()):
            name, version = str(item["metadata"]["name"]), str(item["metadata"]["version"])
            changes.append(_change(name, old.get(canonical(name)), version, canonical(name) in map(canonical, names)))
    return _("Planned changes: {changes}.").format(changes=", ".join(changes)) if changes else _("No changes are needed.")


def _change(name: str, old: str | None, new: str, asked: bool) -> str:
    if old is None:
        return _("{name} {version} (new)").format(name=name, version=new)
    if not asked and not same_minor_version(old, new):
        reason = _(
            "Nothing was installed because {name} {old}, which Slicer or another extension uses, would become {new}:"
            " update Slicer, or install the packages into another copy of Slicer."
        )
        raise KDNetError(reason.format(name=name, old=old, new=new))
    return f"{name} {old} -> {new}"


def _check(wanted: Sequence[str], before: Mapping[str, str], after: Mapping[str, str], printed: Sequence[str]) -> None:
    """Compare the installed packages with the request.

    Raises:
        KDNetError: naming what is missing, or what was changed but must not be.
    """
    new = {canonical(name): version for name, version in after.items()}
    for requirement in wanted:
        lowest = requirement.partition(">=")[2]
        if not satisfies_minimum(new.get(canonical(package_name(requirement)), ""), lowest):
            raise KDNetError(_not_installed(printed, _("{requirement} is still missing").format(requirement=requirement)))
    asked = {canonical(package_name(item)) for item in wanted}
    for name, version in before.items():
        now = new.get(canonical(name))
        if canonical(name) not in asked and (now is None or not same_minor_version(version, now)):
            problem = (
                _("{name} {version} was replaced by {now}, which may break Slicer: install {name}=={version} again.")
                if now
                else _("{name} {version} was removed, which may break Slicer: install {name}=={version} again.")
            )
            raise KDNetError(problem.format(name=name, version=version, now=now))


def _not_installed(printed: Sequence[str], otherwise: str) -> str:
    cause = next((line for line in reversed(printed) if line.startswith("ERROR")), otherwise).removeprefix("ERROR: ")
    return _("The packages could not be installed ({cause}): fix the problem and try again.").format(cause=cause)


class Installation:
    """Runs the processes of a plan in sequence; :meth:`poll` is called periodically until it is finished.

    Args:
        plan: from :func:`install_plan`; replaceable in tests.
        log: called with each line of pip output.
        finished: called at the end with None or the failure.
        scratch: temporary folder to remove at the end.
    """

    def __init__(
        self,
        plan: Plan | Iterable[Sequence[str]],
        log: Log,
        finished: Callable[[Failure | None], None],
        scratch: Path | None = None,
    ) -> None:
        self._plan = plan if isinstance(plan, Generator) else (step for step in plan)
        self._scratch, self._log, self._finished = scratch, log, finished
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._step: list[str] = []
        self._running: tuple[subprocess.Popen[str], queue.Queue[str | None]] | None = None
        self._started = False
        self.over = False

    def poll(self) -> None:
        """Deliver new lines, start the next step, or finish."""
        if self.over:
            return
        if self._running is None:
            self._next()
            return
        process, lines = self._running
        while not lines.empty():
            line = lines.get()
            if line is None:
                self._step_ended(process)
                return
            self._step.append(line)
            if parse_message(line) is None:
                self._lines.append(line)
                self._log(line)

    def cancel(self) -> None:
        """Stop immediately. Packages that pip has finished stay installed; the rest is unchanged."""
        if self._running is not None:
            kill_tree(self._running[0])
            reaped(self._running[0])
        self._end()

    def _end(self) -> None:
        self.over = True
        self._running = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _next(self) -> None:
        printed, self._step = self._step, []
        arguments: Sequence[str] | None
        try:
            with reading("The list of packages", "try again", KDNetError):
                try:
                    arguments = self._plan.send(printed if self._started else None)  # type: ignore[arg-type]
                except StopIteration:
                    arguments = None
        except KDNetError as error:
            self._fail(str(error))
            return
        if arguments is None:
            self._end()
            importlib.invalidate_caches()
            self._finished(None)
            return
        self._started = True
        process = start_python(arguments, merged=True)
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_read, args=(process, lines), daemon=True).start()
        self._running = (process, lines)

    def _step_ended(self, process: subprocess.Popen[str]) -> None:
        try:
            code = process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            kill_tree(process)
            code = reaped(process)
        self._running = None
        if code == 0:
            self._next()
            return
        exited = _("exit code {code}").format(code=code)
        last = next((line for line in reversed(self._step) if line.strip()), exited)
        self._fail(_not_installed(self._step, last))

    def _fail(self, sentence: str) -> None:
        self._end()
        lines = [line for line in self._lines if line.strip()]
        self._finished(Failure(sentence, "\n".join(lines[-LAST_LINES:])))


class Installer:
    """Manages the single installation of this Slicer, which the panels of both modules show.

    Args:
        begin: creates an installation from packages and callbacks for lines and for its end; replaceable in tests.
    """

    def __init__(self, begin: Callable[..., Installation] | None = None) -> None:
        self.begin = begin or start_installation
        self._installation: Installation | None = None
        self._watchers: list[Callable[[], None]] = []
        self._timer = PollTimer(self.poll)
        self.lines: list[str] = []
        self.failure: Failure | None = None

    @property
    def running(self) -> bool:
        """Whether packages are being installed."""
        return self._installation is not None

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call ``watcher`` after each change."""
        self._watchers.append(watcher)

    def leave(self, watcher: Callable[[], None]) -> None:
        """Stop calling ``watcher``; an installation without watchers is canceled."""
        self._watchers = [other for other in self._watchers if other != watcher]
        if not self._watchers:
            self.cancel()

    def start(self, packages: Sequence[Package]) -> None:
        """Start, unless an installation is already running."""
        if self.running:
            return
        self.lines.clear()
        self.failure = None
        self._installation = self.begin(packages, self._append, self._finished)
        self._timer.start()
        self._notify()

    def cancel(self) -> None:
        """Cancel; packages that pip has finished installing stay."""
        self._timer.stop()
        if self._installation is not None:
            self._installation.cancel()
            self._installation = None
            self._notify()

    def poll(self) -> None:
        """Poll the running installation."""
        if self._installation is not None:
            self._installation.poll()

    def _append(self, line: str) -> None:
        self.lines.append(line)
        self._notify()

    def _finished(self, failure: Failure | None) -> None:
        self._timer.stop()
        self._installation, self.failure = None, failure
        self._notify()

    def _notify(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()


@functools.cache
def shared_installer() -> Installer:
    """Return the only installer of this Slicer: two concurrent pip processes would damage its Python."""
    return Installer()


def start_installation(packages: Sequence[Package], log: Log, finished: Callable[[Failure | None], None]) -> Installation:
    """Prepare the installation of ``packages``; the first :meth:`Installation.poll` starts it."""
    folder = make_temporary_folder()
    return Installation(install_plan(packages, folder, log), log, finished, folder)


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.put(line.rstrip())
        process.stdout.close()
    except ValueError:
        return
    finally:
        lines.put(None)
