"""Adapting a model to corrected cases: what is settled at the start, and whether the result is better than before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from kdnet.errors import RunFolderError, SettingsError
from kdnet.foreign import read_json
from kdnet.json_schema import parse_dataclass
from kdnet.schema.formatting import plural
from kdnet.schema.recipe import TrainedLayers
from kdnet.schema.results import Interval
from kdnet.text import one_line

MOST_FORGOTTEN = 0.02
"""Loss of mean Dice on earlier cases from which on an adapted model counts as worse."""

SIGNIFICANT = 0.05

FEWEST_PATIENTS = 2
"""One to adapt to while the other is tested."""

MOST_FOLDS = 5

FEWEST_STEPS = 100
"""Steps to which a time limit shortens an adaptation at most. The first steps of Adam are as large as all others, however
uncertain the gradient is: a dozen of them makes a good model worse (docs/results/adapt.md)."""


@dataclass(frozen=True)
class AdaptationSettings:
    """What an adaptation has besides the settings of a study.

    Attributes:
        old: data folder of earlier cases, which are trained on too.
        unlabeled: folder of scans without segmentation, on which the model before the adaptation teaches.
    """

    old: Path | None = None
    unlabeled: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return {name: str(path.resolve()) if path else None for name, path in vars(self).items()}


@dataclass(frozen=True)
class Effort:
    """How much is trained for a number of corrected cases.

    Attributes:
        steps: optimization steps.
        rate: learning rate as a share of that of the model's recipe.
        layers: layers that are trained.
    """

    steps: int
    rate: float
    layers: TrainedLayers


def effort(cases: int, *, new_outputs: bool = False) -> Effort:
    """Return how much to train for ``cases`` corrected cases: with few, little, so that they are not memorized.

    Args:
        cases: number of corrected cases.
        new_outputs: whether the labels are others than those of the model. Its new outputs start from chance, so all is
            trained at the full rate: at a tenth of it, they did not even fit their own cases (docs/results/adapt.md).

    Example:
        >>> effort(2).layers.value, effort(8).layers.value, effort(100).steps, effort(2, new_outputs=True).rate
        ('decoder', 'all', 1000, 1.0)
    """
    if new_outputs:
        return Effort(effort(cases).steps, 1.0, TrainedLayers.ALL)
    if cases <= 4:
        return Effort(200, 0.1, TrainedLayers.DECODER)
    if cases <= 16:
        return Effort(400, 0.1, TrainedLayers.ALL)
    return Effort(min(1000, 25 * cases), 0.2, TrainedLayers.ALL)


@dataclass(frozen=True)
class Change:
    """Dice before and after an adaptation, on patients that were not used for it.

    Attributes:
        before: mean Dice over patients and regions; None if the model before has other labels.
        after: likewise.
        patients: number of patients.
        cases: number of cases.
        difference: difference in mean Dice with its 95 % interval.
        p: two-sided Wilcoxon signed-rank p-value.
        better: number of patients with a higher Dice.
        regions: region to Dice before (None likewise) and after.
    """

    before: float | None
    after: float
    patients: int
    cases: int
    difference: Interval | None = None
    p: float | None = None
    better: int | None = None
    regions: Mapping[str, Sequence[float | None]] = field(default_factory=dict)

    def sentence(self) -> str:
        """Return, for example, ``"0.61 -> 0.68 (8 patients, p = 0.02)"``."""
        count = plural(self.patients, "{count} patient", "{count} patients")
        if self.before is None or self.p is None:
            return f"{self.after:.2f} ({count}; the model had other labels before, so there is no comparison)"
        chance = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.2g}"
        return f"{self.before:.2f} -> {self.after:.2f} ({count}, {chance})"


@dataclass(frozen=True)
class AdaptationResult:
    """The result of an adaptation, as kept in ``adaptation.json`` of its run folder.

    Attributes:
        model: display name of the model before.
        corrected: change on the corrected cases; None if there was nothing to test on.
        old: change on earlier cases; None without any.
        written: the model file that was written; None if the model is not better and was not forced.
        model_file: the adapted model in the run folder.
    """

    model: str
    corrected: Change | None
    old: Change | None = None
    written: Path | None = None
    model_file: Path | None = None

    @property
    def improved(self) -> bool | None:
        """Whether the model is better than before and forgot nothing; None if that could not be tested."""
        if self.corrected is None or self.corrected.difference is None:
            return None
        forgot = self.old is not None and self.old.difference is not None and self.old.difference.value < -MOST_FORGOTTEN
        return self.corrected.difference.value > 0 and not forgot

    def sentences(self) -> tuple[str, ...]:
        """Return the findings, and whether there is a model file, in sentences."""
        if self.written is not None:
            return self.findings()
        return *self.findings(), "The model file is not written. Repeat the command with --force to write it anyway."

    def findings(self) -> tuple[str, ...]:
        """Return what was tested and found, in sentences."""
        lines = []
        if self.corrected is None:
            lines.append("Not tested: there are no other patients to test on.")
        else:
            lines.append(f"On patients not used for adapting: {self.corrected.sentence()}.")
        if self.old is not None:
            lines.append(f"On earlier patients not used for adapting: {self.old.sentence()}.")
        return *lines, self._verdict()

    def _verdict(self) -> str:
        change = self.corrected
        if self.improved is None:
            return "Whether the adapted model is better than before is unknown."
        if change is None or change.difference is None or change.difference.value <= 0:
            return "The adapted model is not better than before."
        if not self.improved:
            return "The adapted model is better on the corrected cases, but worse on earlier ones."
        if change.p is not None and change.p >= SIGNIFICANT:
            return "The adapted model is better than before, but the difference may be due to chance."
        return "The adapted model is better than before."

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain JSON values, with ``improved`` and ``sentences``."""
        paths = {
            name: str(path) if path else None for name, path in (("written", self.written), ("model_file", self.model_file))
        }
        return {**asdict(self), **paths, "improved": self.improved, "sentences": list(self.sentences())}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a result from :meth:`to_json` output; raises SettingsError on invalid content."""
        return parse_dataclass(
            cls, {name: value for name, value in content.items() if name not in ("improved", "sentences")}
        )


def read_adaptation(path: Path) -> AdaptationResult:
    """Read ``adaptation.json`` of a run folder.

    Raises:
        RunFolderError: if it is missing or damaged.
    """
    remedy = "resume the run to write it again"
    content = read_json(path, remedy, RunFolderError)
    try:
        return AdaptationResult.from_json(content)
    except SettingsError as error:
        raise RunFolderError(f"{path} is damaged ({one_line(str(error), 200).rstrip('.')}): {remedy}.") from error
