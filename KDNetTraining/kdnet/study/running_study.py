"""A study while it runs: everything that each of its networks needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kdnet.data.dataset import Case
from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.runs.folder import NetworkFolder, RunFolder
from kdnet.runs.record import RunRecord
from kdnet.runs.time_remaining import TimeRemaining
from kdnet.schema.network_id import NetworkId
from kdnet.schema.recipe import Recipe
from kdnet.study.setup import PreparedStudy
from kdnet.training.context import ComputeContext


@dataclass(frozen=True, eq=False)
class RunningStudy:
    """What the training, scoring, and reporting of a study have in common.

    Attributes:
        setup: data and networks.
        recipe: with its steps resolved.
        prepared: training and validation cases by name.
        run: its folder.
        record: of what happens.
        context: where it computes.
        time_remaining: estimate for the whole study.
        steps: that were settled for groups of networks, where they may differ from the recipe's.
    """

    setup: PreparedStudy
    recipe: Recipe
    prepared: Mapping[str, PreparedCase]
    run: RunFolder
    record: RunRecord
    context: ComputeContext
    time_remaining: TimeRemaining
    steps: dict[str, int] = field(default_factory=dict)

    def folder(self, network: NetworkId) -> NetworkFolder:
        """Return the folder of a network, whether or not it exists."""
        return self.run.network(network)

    def test_cases(self, network: NetworkId) -> Sequence[Case]:
        """Return the cases that a network is tested on."""
        return [self.setup.data.case(name) for name in self.setup.split_of(network).test]
