"""Protocols for what the sections of the panel need of it and of each other."""

from __future__ import annotations

from typing import Protocol

from KDNetTrainingLib.Request import ExperimentRequest
from KDNetTrainingLib.RunQueue import ShownState
from KDNetTrainingLib.Runs import Run
from KDNetTrainingLib.RunSettings import RunSettings


class Host(Protocol):
    """The panel as a section sees it."""

    def update(self) -> None:
        """Update all sections from choices and running work."""


class RequestHost(Host, Protocol):
    """A panel that knows what is to be trained."""

    def request(self) -> ExperimentRequest:
        """Return the request for the current choices.

        Raises:
            SettingsError: when something is missing or invalid.
        """


class ResultHost(Host, Protocol):
    """A panel that can hand over to the module that uses its models."""

    def onDeployed(self) -> None:
        """Open KDNetSegmentation, in the layout that the user had."""


class RunHost(RequestHost, Protocol):
    """A panel that follows the chosen run."""

    def onRunChosen(self) -> None:
        """Follow the chosen run from its beginning."""

    def useSettings(self, settings: RunSettings) -> None:
        """Make the settings of a run the choices.

        Raises:
            SettingsError: when the panel does not offer one of them.
        """


class RunStarter(Host, Protocol):
    """A panel that follows a run that a section has started."""

    def onRunAdded(self, run: Run) -> None:
        """List and choose the run, and show it."""


class ChosenRun(Protocol):
    """The section with the chosen run, as the sections below it see it."""

    @property
    def run(self) -> Run | None:
        """The chosen run."""

    @property
    def state(self) -> ShownState | None:
        """The state of the chosen run, None when none is chosen."""

    def show_message(self, text: str) -> None:
        """Show a sentence below the table of runs."""
