"""Selection of the input volumes, so that loading one and clicking Segment is enough; without widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode as Volume


class InputSelection:
    """Suggests input volumes, and knows which of the selected ones are only suggestions.

    Args:
        candidates: returns the volumes to choose from, the most likely first.
        modalityOf: returns the modality that a volume appears to be, or empty.
    """

    def __init__(self, candidates: Callable[[], Sequence[Volume]], modalityOf: Callable[[Volume], str]) -> None:
        self._candidates, self._modalityOf = candidates, modalityOf
        self._suggested: list[Volume | None] = []

    def suggest(self, modalities: Sequence[str], selected: Sequence[Volume | None]) -> list[Volume | None]:
        """Return a volume per modality: the one that the user selected, else one that appears to be of the modality.

        For a single modality, the displayed volume is also suggested, whatever its modality: the panel warns about it.

        Args:
            modalities: modalities that the model requires.
            selected: a volume or None for each modality; earlier suggestions are replaced.
        """
        kept = [None if volume in self._suggested else volume for volume in selected]
        result = list(kept)
        free = [volume for volume in self._candidates() if volume not in result]
        for index, modality in enumerate(modalities):
            likely = self._likely(free, modality, alone=len(modalities) == 1) if result[index] is None else None
            if likely is not None:
                result[index] = likely
                free.remove(likely)
        self._suggested = [volume for volume, before in zip(result, kept, strict=True) if before is None]
        return result

    def selectedByUser(self, selected: Sequence[Volume | None]) -> list[Volume]:
        """Return the volumes that the user selected, without those that were suggested."""
        return [volume for volume in selected if volume is not None and volume not in self._suggested]

    def modalities(self, volumes: Sequence[Volume]) -> Iterator[str]:
        """Yield the modalities that ``volumes`` appear to be, or all candidates if there are none."""
        return (self._modalityOf(volume) for volume in volumes or self._candidates())

    def _likely(self, free: Sequence[Volume], modality: str, *, alone: bool) -> Volume | None:
        fitting = [volume for volume in free if self._modalityOf(volume) == modality]
        if not fitting and alone:
            fitting = [volume for volume in free if not self._modalityOf(volume)] or list(free)
        return fitting[0] if fitting else None
