"""The section that ranks scans by how useful it is to correct them, and loads the one that is clicked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import slicer
from KDNetLib.Tables import fill_table
from slicer.i18n import tr as _

from KDNetSegmentationLib.Parameters import set_inputs
from KDNetSegmentationLib.Protocols import PanelProtocol
from KDNetSegmentationLib.ScanRanking import ScanRanking

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode

UNSET = ("", ".")  # an unset path of a parameter node reads as "."


class RankingPanel:
    """Ranks the scans of a folder with the selected model.

    Args:
        panel: the whole panel.
    """

    def __init__(self, panel: PanelProtocol) -> None:
        self.panel = panel
        self.ranking = ScanRanking(self.onChanged)
        self._loaded: dict[Path, vtkMRMLScalarVolumeNode] = {}
        panel.ui.rankButton.clicked.connect(self.onRank)
        panel.ui.rankTable.cellClicked.connect(self.onClicked)
        self._show()

    def update(self, *, installed: bool) -> None:
        """Set the button's text and whether it can be clicked."""
        ui, chosen = self.panel.ui, self.panel.parameters
        ui.rankButton.text = _("Cancel") if self.ranking.busy else _("Rank scans")
        ready = chosen is not None and str(chosen.rankFolder) not in UNSET and self.panel.model is not None
        ui.rankButton.enabled = self.ranking.busy or (installed and ready)

    def onRank(self, *_arguments: object) -> None:
        """Start, or cancel."""
        chosen, model = self.panel.parameters, self.panel.model
        if self.ranking.busy:
            self.ranking.cancel(_("Canceled."))
        elif chosen is not None and model is not None:
            self.ranking.start(model.path, chosen.rankFolder, chosen.device.value)
        self.onChanged()

    def onClicked(self, row: int, _column: int) -> None:
        """Load the scan of a row and select it as input."""
        chosen = self.panel.parameters
        if chosen is None or self.panel.segmenting or not 0 <= row < len(self.ranking.scans):
            return
        scan = self.ranking.scans[row]
        if scan.problem:
            self.ranking.message = scan.problem
        else:
            try:
                volumes = [self._volume(path) for path in scan.files]
            except RuntimeError:
                text = _("{file} cannot be loaded: load the scan with Slicer's Add Data or DICOM module.")
                self.ranking.message = text.format(file=scan.files[0])
            else:
                set_inputs(chosen, volumes)
                slicer.util.setSliceViewerLayers(background=volumes[0], fit=True)
                self.ranking.message = _("Loaded {scan}. Segment it, correct it, and add it to the training cases.").format(
                    scan=scan.name
                )
        self.onChanged()

    def onChanged(self) -> None:
        """Show the progress, or the ranking."""
        self._show()
        self.panel.update()

    def cleanup(self) -> None:
        """Stop the process."""
        self.ranking.cancel()

    def _volume(self, path: Path) -> vtkMRMLScalarVolumeNode:
        """Return the volume of a file, from the scene if it was loaded before.

        Raises:
            RuntimeError: if Slicer cannot load it.
        """
        known = self._loaded.get(path)
        if known is not None and known.GetScene() is not None:
            return known
        series = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
        if not series:
            raise RuntimeError(str(path))
        node: vtkMRMLScalarVolumeNode = slicer.util.loadVolume(str(series[0]))
        self._loaded[path] = node
        return node

    def _show(self) -> None:
        ui = self.panel.ui
        rows = [
            (scan.name, "" if scan.uncertainty is None else f"{scan.uncertainty:.2f}", scan.problem)
            for scan in self.ranking.scans
        ]
        fill_table(ui.rankTable, (_("Scan"), _("Uncertainty"), _("Problem")), rows)
        ui.rankTable.visible = bool(rows)
        ui.rankHint.text = self.ranking.message
        ui.rankHint.visible = bool(self.ranking.message)
