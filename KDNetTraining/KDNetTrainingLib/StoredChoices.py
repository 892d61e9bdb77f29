"""The choices of the training panel as text, in Slicer's settings: the defaults of the next scene."""

from __future__ import annotations

from KDNetLib.ChoiceStore import ChoiceStore, SettingsStore, as_json, choose

__all__ = ["KEY", "StoredChoices", "as_json", "choose"]

KEY = "KDNet/TrainingChoices"
OF_ONE_RUN = frozenset({"runName"})  # not for the next one


class StoredChoices(ChoiceStore):
    """The last choices of the training panel.

    Args:
        settings: where they are stored.
    """

    def __init__(self, settings: SettingsStore) -> None:
        super().__init__(settings, KEY, lambda name: name not in OF_ONE_RUN)
