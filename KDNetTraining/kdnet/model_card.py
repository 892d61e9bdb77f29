"""The model card: what a network is, needs and can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import kdnet
from kdnet.bounds import check_names, check_window
from kdnet.data.preprocessing import Preprocessing
from kdnet.errors import SettingsError
from kdnet.evaluation.results import Role
from kdnet.labels import LabelTable
from kdnet.model_header import MOST_MODALITIES
from kdnet.networks import NetworkSpec
from kdnet.typed_json import parse_dataclass

RESEARCH_ONLY = "For research use only; not a medical device."


@dataclass(frozen=True)
class ModelCard:
    """What a model is, needs and can do.

    Attributes:
        role: its part in the study that it comes from.
        name: shown to users.
        network: what to build.
        modalities: that it needs, in channel order.
        labels: what it segments.
        preprocessing: how volumes are prepared.
        window: edge of the windows in which the network does best, in its voxels; 0 for whole heads.
        recipe: how it was trained.
        figures: how well it does, by name; with those of its teacher and baseline where known.
        training_data: summary, number of cases, citations.
        intended_use: what for, in words for users.
        limits: where it may fail, in words for users.
        licence: terms of use.
        created: ISO date.
        version: of kdnet.
    """

    role: Role
    name: str
    network: NetworkSpec
    modalities: tuple[str, ...]
    labels: LabelTable
    preprocessing: Preprocessing
    recipe: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    training_data: Mapping[str, Any] = field(default_factory=dict)
    window: int = 0
    intended_use: str = ""
    limits: str = ""
    licence: str = RESEARCH_ONLY
    created: str = ""
    version: str = kdnet.__version__

    def __post_init__(self) -> None:
        check_window(self.window)
        check_names(self.modalities, "modality", MOST_MODALITIES)
        if not self.modalities or len(self.modalities) != self.network.in_channels:
            raise SettingsError(
                f"the network takes {self.network.in_channels} modalities, but the model names {len(self.modalities)}."
            )
        if self.network.out_channels != self.labels.channels:
            raise SettingsError(
                f"the network gives {self.network.out_channels} channels, but its labels need {self.labels.channels}."
            )

    def to_json(self) -> dict[str, Any]:
        """The card as plain JSON values."""
        return {
            **asdict(self),
            "modalities": list(self.modalities),
            "labels": self.labels.to_json(),
            "preprocessing": self.preprocessing.to_json(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ModelCard:
        """The inverse of :meth:`to_json`; raises SettingsError on foreign content."""
        return parse_dataclass(cls, content)
