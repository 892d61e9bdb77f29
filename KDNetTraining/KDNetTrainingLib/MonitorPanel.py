"""The section that shows the progress of the chosen run: text, charts, log, and the validation overlay on demand."""

from __future__ import annotations

from typing import Any

import qt
from kdnet.schema.network_id import NetworkId
from KDNetLib.Availability import restrict
from KDNetLib.CaseNodes import LoadedCase, kept_sentence
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetTrainingLib.Charts import Charts
from KDNetTrainingLib.Curves import Curves
from KDNetTrainingLib.Formatting import network_title
from KDNetTrainingLib.Host import ChosenRun, Host
from KDNetTrainingLib.Logic import TrainingLogic
from KDNetTrainingLib.PlotLayout import PlotLayout
from KDNetTrainingLib.RunMonitor import RunSnapshot
from KDNetTrainingLib.RunProgress import progress_fraction, progress_text
from KDNetTrainingLib.ValidationOverlay import ValidationOverlay

PROGRESS_STEPS = 1000
LOG_HEIGHT = 110


class MonitorPanel:
    """Follows the chosen run.

    Args:
        ui: widgets of the panel by name.
        logic: runs networks and knows the data of a run.
        runs: the section with the chosen run.
        host: the panel.
    """

    def __init__(self, ui: Any, logic: TrainingLogic, runs: ChosenRun, host: Host) -> None:
        self.ui, self._runs, self._host = ui, runs, host
        self.curves, self.charts, self.layout = Curves(), Charts(), PlotLayout()
        self._networks: tuple[NetworkId, ...] = ()
        self._followed: NetworkId | None = None
        self._changed = False
        self._loaded: LoadedCase | None = None
        self.overlay = ValidationOverlay(logic, self.onLoaded, self.onFailed)
        ui.networkShownSelector.currentIndexChanged.connect(self.onNetwork)
        ui.chartsButton.toggled.connect(self.onCharts)
        ui.overlayButton.clicked.connect(self.onOverlay)
        ui.logText.setFixedHeight(LOG_HEIGHT)
        self.clear()

    @property
    def network(self) -> NetworkId | None:
        """The network whose losses are drawn; None if there is none."""
        index = self.ui.networkShownSelector.currentIndex
        return self._networks[index] if 0 <= index < len(self._networks) else None

    def clear(self) -> None:
        """Clear the display of a run."""
        self.curves = Curves()
        self._networks, self._followed = (), None
        self.ui.networkShownSelector.clear()
        self.ui.logText.setPlainText("")
        self.ui.liveLabel.text = _("No run selected.") if self._runs.run is None else _("Reading the run folder...")
        self.ui.progressBar.value = 0
        self._changed = True

    def update(self) -> None:
        """Update the buttons."""
        known = self.network is not None and self._runs.run is not None
        restrict(self.ui.overlayButton, "" if known else _("No network of the selected run has been trained yet."))
        self.ui.overlayButton.text = _("Cancel") if self.overlay.busy else _("Validation overlay")
        blocked = self.ui.chartsButton.blockSignals(True)
        shown = self.layout.shown
        self.ui.chartsButton.checked = shown
        self.ui.chartsButton.text = _("Hide charts") if shown else _("Show charts")
        self.ui.chartsButton.toolTip = (
            _("Return to the layout that the charts replaced.")
            if shown
            else _("Plot losses and validation Dice above the slice views, in a layout of their own until you hide them.")
        )
        self.ui.chartsButton.blockSignals(blocked)

    def collect(self, snapshot: RunSnapshot) -> None:
        """Collect the data to draw."""
        if snapshot.first:
            self.clear()
        if snapshot.events:
            self.curves.add(snapshot.events)
            self._changed = True

    def take(self, snapshot: RunSnapshot) -> None:
        """Show the progress of the chosen run."""
        ui = self.ui
        if snapshot.log is not None and snapshot.log != ui.logText.plainText:
            ui.logText.setPlainText(snapshot.log)
            ui.logText.moveCursor(qt.QTextCursor.End)
            ui.logText.moveCursor(qt.QTextCursor.StartOfLine)
        state = self._runs.state
        if state is not None:
            ui.liveLabel.text = progress_text(snapshot.status, state)
        ui.progressBar.value = round(PROGRESS_STEPS * progress_fraction(snapshot.status, state))

    def draw(self) -> None:
        """Update the charts with what arrived since the last call; cheap when there is nothing new."""
        if self._changed:
            self._changed = False
            self._offer_networks()
            self.charts.update(self.curves, self.network)
            self.layout.assign(self.charts.loss.node, self.charts.dice.node)

    def showCharts(self) -> None:
        """Show the layout with the charts."""
        self.layout.show()
        self._changed = True
        self.draw()
        self.update()

    def onCharts(self, shown: bool) -> None:
        """Show or hide the layout."""
        if shown:
            self.showCharts()
        else:
            self.layout.hide()
            self.update()

    def onNetwork(self, _index: int) -> None:
        """Draw another network."""
        self._changed = True
        self.draw()
        self.update()

    def onOverlay(self, *_arguments: Any) -> None:
        """Segment a validation case with the network's current weights, or cancel."""
        network, run = self.network, self._runs.run
        if self.overlay.busy:
            self.overlay.cancel()
            self._runs.show_message(_("Canceled."))
        elif run is not None and network is not None:
            self.overlay.start(run, network)
            self._runs.show_message(_("Segmenting a validation case: {network}...").format(network=network_title(network)))
        self._host.update()

    def onLoaded(self, loaded: LoadedCase) -> None:
        """Update the panel once the overlay is in the scene."""
        text = _("Loaded {case} with its reference.").format(case=loaded.case)
        self._loaded = loaded
        self._runs.show_message(" ".join(filter(None, (text, kept_sentence(loaded.kept)))))
        self._host.update()

    def onScene(self, text: str) -> None:
        """Stop computing an overlay, because the scene is closed or its cases are removed; say so, or ``text``."""
        if self.overlay.busy:
            self.overlay.cancel()
            self._runs.show_message(_("The validation overlay was canceled."))
        elif self._loaded is not None:
            self._runs.show_message(text)
        self._loaded = None

    def onFailed(self, failure: Failure) -> None:
        """Report why there is no overlay."""
        self._runs.show_message(failure.message)
        self._host.update()

    def cleanup(self) -> None:
        """Stop all processes."""
        self.overlay.cancel()

    def _offer_networks(self) -> None:
        """List the networks that have curves, and follow the one in training unless the user chose another."""
        known = tuple(dict.fromkeys((*self.curves.losses, *self.curves.dice)))
        if known == self._networks or not known:
            return
        chosen = self.network
        follow = chosen is None or chosen == self._followed
        self._networks, self._followed = known, known[-1]
        selector = self.ui.networkShownSelector
        blocked = selector.blockSignals(True)
        selector.clear()
        for network in known:
            selector.addItem(network_title(network))
        selector.currentIndex = known.index(known[-1] if follow or chosen is None else chosen)
        selector.blockSignals(blocked)
        self.update()
