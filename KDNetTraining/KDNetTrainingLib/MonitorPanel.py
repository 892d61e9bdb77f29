"""The section that shows the status of the chosen run: text, charts, log, and the validation overlay on demand."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import qt
from KDNetLib.Command import Command
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetTrainingLib.CaseLoader import CaseLoader, CaseRequest, LoadedCase
from KDNetTrainingLib.Charts import Charts
from KDNetTrainingLib.Curves import Curves
from KDNetTrainingLib.Formatting import duration, network_title, state_word
from KDNetTrainingLib.PlotLayout import PlotLayout
from KDNetTrainingLib.RunMonitor import RunSnapshot

PROGRESS_STEPS = 1000


class MonitorPanel:
    """Follows the chosen run.

    Args:
        panel: the whole panel, for its logic and runs.
    """

    def __init__(self, panel: Any) -> None:
        self.panel, self.ui = panel, panel.ui
        self.curves, self.charts, self.layout = Curves(), Charts(), PlotLayout()
        self._networks: tuple[str, ...] = ()
        self._followed = ""
        self._changed = False
        self._folder: Path | None = None
        self._preview: Command | None = None
        self.loader = CaseLoader(self.onLoaded, self.onFailed)
        self.ui.networkShownSelector.currentIndexChanged.connect(self.onNetwork)
        self.ui.chartsButton.toggled.connect(self.onCharts)
        self.ui.overlayButton.clicked.connect(self.onOverlay)
        self.ui.logText.setFixedHeight(110)
        self.clear()

    @property
    def network(self) -> str:
        """The network whose losses are drawn."""
        index = self.ui.networkShownSelector.currentIndex
        return self._networks[index] if 0 <= index < len(self._networks) else ""

    def clear(self) -> None:
        """Clear the display of a run."""
        self.curves = Curves()
        self._networks, self._followed = (), ""
        self.ui.networkShownSelector.clear()
        self.ui.logText.setPlainText("")
        self.ui.liveLabel.text = _("No run is chosen.") if self.panel.runs.run is None else _("Looking...")
        self.ui.progressBar.value = 0
        self._changed = True

    def update(self) -> None:
        """Update the buttons."""
        run = self.panel.runs.run
        self.ui.overlayButton.enabled = bool(self.network) and run is not None
        self.ui.overlayButton.text = _("Cancel") if self.busy else _("Validation overlay")
        blocked = self.ui.chartsButton.blockSignals(True)
        self.ui.chartsButton.checked = self.layout.shown
        self.ui.chartsButton.blockSignals(blocked)

    @property
    def busy(self) -> bool:
        """Whether an overlay is being computed or loaded."""
        return self._preview is not None or self.loader.busy

    def collect(self, look: RunSnapshot) -> None:
        """Collect the data to draw."""
        if look.first:
            self.clear()
        if look.events:
            self.curves.add(look.events)
            self._changed = True

    def take(self, look: RunSnapshot) -> None:
        """Report the status of the chosen run."""
        if look.log is not None and look.log != self.ui.logText.plainText:
            self.ui.logText.setPlainText(look.log)
            self.ui.logText.moveCursor(qt.QTextCursor.End)
            self.ui.logText.moveCursor(qt.QTextCursor.StartOfLine)
        self._show_status(look)

    def draw(self) -> None:
        """Update the charts with what arrived since the last call; cheap when there is nothing new."""
        if self._changed and self.panel.parameters is not None:
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

    def onNetwork(self, _index: int) -> None:
        """Draw another network."""
        self._changed = True
        self.draw()
        self.update()

    def onOverlay(self, *_arguments: Any) -> None:
        """Segment a validation case with the network in its current state, or cancel."""
        if self.busy:
            self.cleanup()
            self.panel.runs.say(_("Cancelled."))
            self.panel.update()
            return
        self._folder = Path(tempfile.mkdtemp(prefix="kdnet-"))
        network, run = self.network, self.panel.runs.run
        file = self._folder / "labels.nii.gz"
        self._preview = Command(
            ["preview", str(run.root), "--network", network, "-o", str(file)],
            onFinished=lambda answer: self.onPreview(json.loads(answer), network),
            onFailed=self.onFailed,
        ).start()
        self.panel.runs.say(
            _("A validation case is being segmented by {network}...").format(network=network_title(network))
        )
        self.panel.update()

    def onPreview(self, answer: dict[str, Any], network: str) -> None:
        """Load the case with its preview."""
        self._preview = None
        run = self.panel.runs.run
        if run is None:
            self.cleanup()
            return
        title = _("{network} step {step}").format(network=network_title(network), step=answer["step"])
        labelmaps = {title: Path(answer["labelmap"])}
        data = self.panel.logic.data_folder(run)
        seen = network.rpartition("-")[2].partition("+")[0]
        self.loader.load(CaseRequest(data, str(answer["case"]), answer["labels"], labelmaps, background=seen))

    def onLoaded(self, loaded: LoadedCase) -> None:
        """Update the panel once the overlay is in the scene."""
        self.cleanup()
        self.panel.runs.say(_("{case} is shown with its reference.").format(case=loaded.case))
        self.panel.update()

    def onFailed(self, failure: Failure) -> None:
        """Report why there is no overlay."""
        self._preview = None
        self.cleanup()
        self.panel.runs.say(failure.message)
        self.panel.update()

    def cleanup(self) -> None:
        """Stop all processes."""
        if self._preview is not None:
            self._preview.cancel()
            self._preview = None
        self.loader.cancel()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _offer_networks(self) -> None:
        """List the networks that have curves, and follow the one in training unless the user chose another."""
        known = tuple(dict.fromkeys((*self.curves.losses, *self.curves.dice)))
        if known == self._networks or not known:
            return
        chosen = self.network
        follow = not chosen or chosen == self._followed
        self._networks, self._followed = known, known[-1]
        selector = self.ui.networkShownSelector
        blocked = selector.blockSignals(True)
        selector.clear()
        for name in known:
            selector.addItem(network_title(name))
        selector.currentIndex = known.index(self._followed if follow else chosen)
        selector.blockSignals(blocked)
        self.update()

    def _show_status(self, look: RunSnapshot) -> None:
        status, state = look.status, self.panel.runs.state
        done = 0.0
        words = [state_word(state).capitalize()]
        if status is not None:
            total = len(status.networks)
            part = status.step / status.steps if status.network and status.steps else 0.0
            done = 1.0 if state == "finished" else (len(status.done) + min(part, 1.0)) / total if total else 0.0
            if status.network:
                place = _("{network}, step {step} of {steps}").format(
                    network=network_title(status.network), step=status.step, steps=status.steps
                )
                words.append(place)
            if total:
                words.append(_("{done} of {total} networks done").format(done=len(status.done), total=total))
            if state == "running" and status.seconds_left:
                words.append(_("About {time} left").format(time=duration(status.seconds_left)))
        self.ui.liveLabel.text = ". ".join(words) + "."
        self.ui.progressBar.value = min(round(PROGRESS_STEPS * done), PROGRESS_STEPS)
