"""The section where raw studies are turned into a data folder, before the section with the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
from kdnet.schema.modalities import MODALITIES, display_name
from KDNetLib.Availability import restrict
from KDNetLib.Paths import clear_unset_paths
from slicer.i18n import tr as _

from KDNetTrainingLib.CheckBoxGroup import CheckBoxGroup
from KDNetTrainingLib.Choices import Choices
from KDNetTrainingLib.Host import Host
from KDNetTrainingLib.RawStudies import RawStudies


class RawStudiesPanel:
    """Starts and shows the preparation, and selects its output as the data folder.

    Args:
        ui: widgets of the panel by name.
        choices: the choices of the scene.
        host: the panel.
    """

    def __init__(self, ui: Any, choices: Choices, host: Host) -> None:
        self.ui, self._choices, self._host = ui, choices, host
        self.studies = RawStudies(choices, self.onChanged)
        self.modalities = CheckBoxGroup(ui.rawModalityChecks, self.onModalities)
        ui.prepareButton.clicked.connect(self.onPrepare)
        ui.preparedPageButton.clicked.connect(self.onPage)
        self._show_state()

    def update(self, *, available: bool) -> None:
        """Update the section from the choices; ``available`` says whether studies can be prepared."""
        ui, studies = self.ui, self.studies
        clear_unset_paths(ui.rawFolderEdit, ui.preparedFolderEdit)
        self.modalities.offer({name: display_name(name) for name in MODALITIES}, studies.modalities)
        problem = studies.problem()
        ui.prepareButton.text = _("Cancel") if studies.busy else _("Prepare")
        missing = "" if available else _("Install the packages listed above first.")
        restrict(ui.prepareButton, "" if studies.busy else missing or problem)
        restrict(ui.preparedPageButton, "" if studies.page is not None else _("No case is prepared yet."))
        self._show_state()

    def onPrepare(self, *_arguments: Any) -> None:
        """Start, or cancel."""
        if self.studies.busy:
            self.studies.cancel()
        else:
            self.studies.start(self.onFinished)
        self._host.update()

    def onChanged(self) -> None:
        """Show the progress; at the end, update everything."""
        if self._choices.parameters is None:
            return
        self._show_state()
        if not self.studies.busy:
            self._host.update()

    def onFinished(self, folder: Path) -> None:
        """Select the prepared cases as data."""
        if self._choices.parameters is not None:
            self._choices.current.dataFolder = folder
            self._host.update()

    def onModalities(self) -> None:
        """Update after the user checked or unchecked a modality."""
        self._choices.current.rawModalities = ",".join(self.modalities.checked)
        self._host.update()

    def onPage(self, *_arguments: Any) -> None:
        """Open the page with the pictures in the browser."""
        if self.studies.page is not None:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self.studies.page)))

    def cleanup(self) -> None:
        """Stop the process; it continues where it was when it is started again."""
        self.studies.cancel()

    def _show_state(self) -> None:
        progress = self.studies.progress
        self.ui.prepareLabel.text = self.studies.message
        self.ui.prepareLabel.visible = bool(self.studies.message)
        bar = self.ui.prepareProgressBar
        bar.visible = self.studies.busy
        bar.setMaximum(progress.total if progress is not None else 0)  # 0 shows that the end is not known
        bar.setValue(progress.done if progress is not None else 0)
