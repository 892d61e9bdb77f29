"""The section for importing, removing and showing model files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import qt
import slicer
from kdnet.errors import KDNetError
from kdnet.files import writable_folder
from KDNetLib.Availability import offer
from KDNetLib.FileDialogs import ask_open
from slicer.i18n import tr as _

from KDNetSegmentationLib.Protocols import PanelProtocol

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo


class ModelsPanel:
    """Manages the model library.

    Args:
        panel: the whole panel.
    """

    def __init__(self, panel: PanelProtocol) -> None:
        self.panel = panel
        self._models: tuple[ModelInfo, ...] = ()
        panel.ui.importButton.clicked.connect(self.onImport)
        panel.ui.removeButton.clicked.connect(self.onRemove)
        panel.ui.showFolderButton.clicked.connect(self.onShowFolder)
        panel.ui.modelList.currentRowChanged.connect(lambda _row: self.update(free=not panel.logic.busy))

    def refill(self, models: tuple[ModelInfo, ...]) -> None:
        """List ``models``."""
        self._models = models
        self.panel.ui.modelList.clear()
        for model in models:
            origin = _("included with the extension") if model.bundled else model.path.name
            self.panel.ui.modelList.addItem(f"{model.title} - {origin}")

    def update(self, *, free: bool) -> None:
        """Enable the buttons that apply."""
        row = self.panel.ui.modelList.currentRow
        busy = "" if free else _("Wait for the work in progress, or cancel it.")
        offer(self.panel.ui.importButton, _("Check a model file and copy it into the library."), busy)
        problem = busy
        if not 0 <= row < len(self._models):
            problem = _("Select a model in the list.")
        elif self._models[row].bundled:
            problem = _("This model is included with the extension and cannot be removed.")
        offer(self.panel.ui.removeButton, _("Delete the selected model, which was imported."), problem)

    def onImport(self, *_arguments: object) -> None:
        """Ask for a file, validate it and copy it."""
        path = ask_open(_("Import model"), _("Model files (*.safetensors)"))
        if path is not None:
            self.importFile(path)

    def importFile(self, path: Path) -> None:
        """Validate a model file, copy it into the library and select it."""
        self.panel.showMessage(_("Checking {name}...").format(name=path.name))
        self.panel.logic.startImport(path, onFinished=self.onImported, onFailed=self.panel.showFailure)
        self.panel.update()

    def onImported(self, model: ModelInfo) -> None:
        """Select the new model."""
        self.panel.showMessage(_("Imported {name}.").format(name=model.name))
        self.panel.refillModels(model.path.name)
        self.panel.update()

    def onRemove(self, *_arguments: object) -> None:
        """Ask for confirmation, then delete."""
        model = self._models[self.panel.ui.modelList.currentRow]
        question = _("Delete {name} ({file})?").format(name=model.name, file=model.path)
        if not slicer.util.confirmOkCancelDisplay(question, _("Remove model")):
            return
        try:
            self.panel.logic.library.remove(model)
        except KDNetError as error:
            self.panel.showMessage(str(error))
        else:
            self.panel.showMessage(_("Removed {name}.").format(name=model.name))
        self.panel.refillModels()
        self.panel.update()

    def onShowFolder(self, *_arguments: object) -> None:
        """Open the folder of imported models in the file manager."""
        try:
            folder = writable_folder(self.panel.logic.library.folder)
        except KDNetError as error:
            self.panel.showMessage(str(error))
            return
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(folder)))
