"""Selection of the input volumes, so that loading one and clicking Segment is enough; without widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from KDNetSegmentationLib.ModelRanking import ScanKind

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode as Volume


class InputSelection:
    """Suggests input volumes, and knows which of the selected ones are only suggestions.

    Args:
        candidates: returns the volumes to choose from, the most likely first.
        kindOf: returns what a volume appears to be.
        patientOf: returns what identifies the patient of a volume; empty if that is not known.
    """

    def __init__(
        self,
        candidates: Callable[[], Sequence[Volume]],
        kindOf: Callable[[Volume], ScanKind],
        patientOf: Callable[[Volume], str] = lambda _volume: "",
    ) -> None:
        self._candidates, self._kindOf, self._patientOf = candidates, kindOf, patientOf
        self._suggested: list[Volume | None] = []

    def suggest(self, modalities: Sequence[str], selected: Sequence[Volume | None]) -> list[Volume | None]:
        """Return a volume per modality: the one that the user selected, else one that appears to be of the modality.

        For a single modality, the displayed volume is also suggested, whatever its modality: the panel warns about it.

        Args:
            modalities: modalities that the model requires.
            selected: a volume or None for each modality; earlier suggestions are replaced.
        """
        kept = [None if self._isSuggestion(index, volume) else volume for index, volume in enumerate(selected)]
        result = list(kept)
        free = [volume for volume in [*self._ofOnePatient(), *self._candidates()] if volume not in result]
        for index, modality in enumerate(modalities):
            likely = self._likely(free, modality, alone=len(modalities) == 1) if result[index] is None else None
            if likely is not None:
                result[index] = likely
                free = [volume for volume in free if volume is not likely]
        self._suggested = [volume if before is None else None for volume, before in zip(result, kept, strict=True)]
        return result

    def selectedByUser(self, selected: Sequence[Volume | None]) -> list[Volume]:
        """Return the volumes that the user selected, without those that were suggested."""
        return [
            volume for index, volume in enumerate(selected) if volume is not None and not self._isSuggestion(index, volume)
        ]

    def scans(self, volumes: Sequence[Volume]) -> list[ScanKind]:
        """Return what ``volumes`` appear to be, or, if there are none, the candidates of the first one's patient."""
        return [
            replace(self._kindOf(volume), patient=self._patientOf(volume)) for volume in volumes or self._ofOnePatient()
        ]

    def _isSuggestion(self, index: int, volume: Volume | None) -> bool:
        """Return whether a volume was suggested for this input; elsewhere, the user has selected it."""
        return volume is not None and index < len(self._suggested) and self._suggested[index] is volume

    def _ofOnePatient(self) -> list[Volume]:
        """Return the candidates whose patient is that of the first, which is displayed."""
        candidates = self._candidates()
        return [volume for volume in candidates if self._patientOf(volume) == self._patientOf(candidates[0])]

    def _likely(self, free: Sequence[Volume], modality: str, *, alone: bool) -> Volume | None:
        kinds = [self._kindOf(volume).modality for volume in free]
        fitting = [volume for volume, kind in zip(free, kinds, strict=True) if kind == modality]
        if not fitting and alone:
            fitting = [volume for volume, kind in zip(free, kinds, strict=True) if not kind] or list(free)
        return fitting[0] if fitting else None
