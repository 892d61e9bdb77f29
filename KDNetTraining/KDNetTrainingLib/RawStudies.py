"""Which raw studies are to be prepared, and how far that is; without widgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kdnet.errors import KDNetError
from kdnet.foreign import parse_message, reading
from kdnet.schema.formatting import duration, plural
from kdnet.schema.modalities import MODALITIES
from kdnet.schema.raw_studies import CurationProgress
from KDNetLib.Command import Command
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetTrainingLib.Choices import Choices

PAGE = "index.html"  # of a prepared folder
ISOTROPIC_MM = "1"


class RawStudies:
    """Runs ``kdnet prepare`` in a process of its own for the choices of the scene.

    Args:
        choices: the choices of the scene.
        onChanged: called after each case, and at the end.

    Attributes:
        progress: the last progress of the current or last preparation; None before the first.
        message: what to show to the user.
    """

    def __init__(self, choices: Choices, onChanged: Callable[[], None]) -> None:
        self._choices, self._onChanged = choices, onChanged
        self._command: Command | None = None
        self.progress: CurationProgress | None = None
        self.message = ""

    @property
    def busy(self) -> bool:
        """Whether studies are being prepared."""
        return self._command is not None

    @property
    def raw(self) -> Path | None:
        """The chosen folder of raw studies."""
        return _chosen(self._choices.current.rawFolder)

    @property
    def prepared(self) -> Path | None:
        """The chosen output folder."""
        return _chosen(self._choices.current.preparedFolder)

    @property
    def page(self) -> Path | None:
        """The page with the pictures, None while there is none."""
        folder = self.prepared
        return folder / PAGE if folder is not None and (folder / PAGE).is_file() else None

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that each case must have."""
        return tuple(name for name in MODALITIES if name in self._choices.current.rawModalities.split(","))

    def problem(self) -> str:
        """Return why nothing can be prepared, empty if it can."""
        if self.raw is None:
            return _("Choose the folder with the raw studies.")
        if self.prepared is None:
            return _("Choose an output folder.")
        return "" if self.modalities else _("Select at least one modality.")

    def arguments(self) -> list[str]:
        """Return the arguments of ``kdnet``."""
        chosen = self._choices.current
        arguments = ["prepare", str(self.raw), str(self.prepared), "--modalities", ",".join(self.modalities)]
        arguments += ["--jobs", str(chosen.rawJobs), "--jsonl"]
        return [*arguments, "--spacing", ISOTROPIC_MM] if chosen.rawIsotropic else arguments

    def start(self, onFinished: Callable[[Path], None]) -> None:
        """Start, or continue what was interrupted.

        Args:
            onFinished: called with the output folder when cases have been prepared.
        """
        folder = self.prepared
        assert folder is not None
        self.progress, self.message = None, _("Searching for studies...")
        self._command = Command(
            self.arguments(),
            onLine=self._line,
            onFinished=lambda _answer: self._end(folder, onFinished),
            onFailed=self._failed,
            accepted=(0, 1),  # 1 means that some case could not be prepared
        )
        self._command.start()

    def cancel(self) -> None:
        """Stop; prepared cases stay."""
        if self._command is not None:
            self._command.cancel()
            self._command = None
            self.message = _("Canceled. Prepare again to continue.")

    def _line(self, line: str) -> None:
        content = parse_message(line)
        if content is None:
            return  # printed by a library
        try:
            with reading("A line of the preparation", "report it", KDNetError):
                self.progress = CurationProgress.from_json(content)
        except KDNetError as error:
            self.message = str(error)
            return
        self.message = progress_text(self.progress)
        self._onChanged()

    def _end(self, folder: Path, onFinished: Callable[[Path], None]) -> None:
        self._command = None
        progress = self.progress or CurationProgress()
        self.message = result_text(progress)
        self._onChanged()
        if progress.done > progress.failed:
            onFinished(folder)

    def _failed(self, failure: Failure) -> None:
        self._command = None
        self.message = failure.message
        self._onChanged()


def progress_text(progress: CurationProgress) -> str:
    """Return a progress as a sentence."""
    if not progress.total:
        return _("Searching for studies: {count} files...").format(count=progress.files)
    parts = [_("{done} of {total} cases").format(done=progress.done, total=progress.total)]
    if progress.failed:
        parts.append(_("{count} not prepared").format(count=progress.failed))
    if progress.seconds_left is not None:
        parts.append(_("{time} left").format(time=duration(progress.seconds_left)))
    return ", ".join(parts)


def result_text(progress: CurationProgress) -> str:
    """Return the result as sentences."""
    prepared = plural(progress.done - progress.failed, _("{count} case prepared."), _("{count} cases prepared."))
    if not progress.failed:
        return _("{prepared} Look through the pictures.").format(prepared=prepared)
    failed = plural(progress.failed, _("{count} case could not be prepared"), _("{count} cases could not be prepared"))
    return _("{prepared} {failed}: see the pictures and reasons.").format(prepared=prepared, failed=failed)


def _chosen(path: Path) -> Path | None:
    return None if str(path) in ("", ".") else path  # an unset path reads as "."
