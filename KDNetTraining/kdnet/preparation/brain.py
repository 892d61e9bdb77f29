"""From raw scans to skull-stripped brains, which most models are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kdnet.data.volumes.grid import Volume
from kdnet.errors import DataError, SettingsError
from kdnet.inference.predictor import Predictor
from kdnet.model_file import load_model
from kdnet.preparation.brain_mask import (
    checked_mask,
    is_plausible,
    milliliters,
    only_brain,
    read_mask,
    share_covered,
    tidy_mask,
)
from kdnet.preparation.hd_bet import HdBet, installed_weights
from kdnet.preparation.skull import Skull, detect_skull
from kdnet.schema.segmentation import Progress, ProgressCallback, Stage
from kdnet.shared_files import BRAIN_STUDENT, shared_resource

UNCHANGED = "The scan shows no skull and was segmented without brain extraction."
MISSING = (
    "The scan shows a skull but was segmented without brain extraction, because the brain extraction model is missing from"
    " this installation."
)
COVERED_SHARE = 0.7  # of the patient; the student finds 51 to 62 % of whole heads, and 72 to 84 % of nearly all brains


class BrainMethod(StrEnum):
    """The method of brain extraction.

    ``automatic`` uses the student if a scan shows a whole head, and leaves other scans unchanged. ``student`` always uses
    the student, the network that ships with kdnet. ``hd-bet`` always uses HD-BET, a larger network that the user installs.
    ``none`` uses scans as they are. ``mask`` uses a supplied mask.
    """

    AUTOMATIC = "automatic"
    STUDENT = "student"
    HD_BET = "hd-bet"
    NONE = "none"
    MASK = "mask"


@dataclass(frozen=True, eq=False)
class BrainChoice:
    """The user's choice.

    Attributes:
        method: method of brain extraction.
        mask: for ``BrainMethod.MASK``: a file, or the mask itself as bool ``[i, j, k]`` on the grid of the scan.
    """

    method: BrainMethod = BrainMethod.AUTOMATIC
    mask: Path | NDArray[np.bool_] | None = None

    @classmethod
    def parse(cls, text: str) -> BrainChoice:
        """Parse ``automatic``, ``student``, ``hd-bet``, ``none``, or the path of a mask.

        Raises:
            SettingsError: if ``text`` is neither a method nor a file.
            PackageError: if HD-BET is chosen, but not installed.
        """
        if text == BrainMethod.HD_BET:
            installed_weights()
        if text in (BrainMethod.AUTOMATIC, BrainMethod.STUDENT, BrainMethod.HD_BET, BrainMethod.NONE):
            return cls(BrainMethod(text))
        path = Path(text)
        if not text or not path.is_file():
            raise SettingsError(f'--brain is "{text}": give automatic, student, hd-bet, none, or a mask file.')
        return cls(BrainMethod.MASK, path)


@dataclass(frozen=True, eq=False)
class Brain:
    """The result of brain extraction.

    Attributes:
        volumes: volumes to segment.
        mask: uint8 on the grid of the scan, 1 in the brain; None if the scans are used as they are.
        summary: what was done, in one sentence.
    """

    volumes: tuple[Volume, ...]
    mask: Volume | None
    summary: str


class BrainExtractor:
    """Extracts brains; loads the student on first use.

    Args:
        device: device for computation.
        model: model file of the student, by default the one that ships with kdnet.
    """

    def __init__(self, device: torch.device, model: Path | None = None) -> None:
        self.device = device
        self._model = model
        self._student: Predictor | None = None
        self._hd_bet: HdBet | None = None

    def extract(
        self,
        volumes: Sequence[Volume],
        names: Sequence[str],
        choice: BrainChoice,
        *,
        expected: bool,
        progress: ProgressCallback = lambda _progress: None,
    ) -> Brain:
        """Find the brain in the scans of one case and set everything outside to background.

        Args:
            volumes: scans on one grid.
            names: names of the volumes, for messages.
            choice: method of brain extraction.
            expected: whether the model that segments afterward was trained on skull-stripped brains. If not,
                ``automatic`` leaves the scans unchanged.
            progress: called when a network starts looking for the brain, and when it has found it.

        Raises:
            DataError: if no brain is found, or a supplied mask does not fit.
        """
        method = choice.method
        if method is BrainMethod.MASK:
            return _masked(volumes, self._given(choice, volumes[0], names[0]), "The supplied brain mask was used.")
        if method is BrainMethod.NONE or (method is BrainMethod.AUTOMATIC and not expected):
            return Brain(tuple(volumes), None, "The scan was segmented without brain extraction.")
        if method in (BrainMethod.STUDENT, BrainMethod.HD_BET):
            mask = self._found(volumes[0], progress, method)
            if not is_plausible(mask, volumes[0].grid):
                raise _not_found(mask, volumes[0], names[0])
            return _masked(volumes, mask, _extracted(mask, volumes[0]))
        return self._automatic(volumes, names, progress)

    @property
    def available(self) -> bool:
        """Whether the student's model file exists."""
        try:
            return (self._model or _shipped()).is_file()
        except SettingsError:
            return False

    def mask(self, volume: Volume) -> NDArray[np.bool_]:
        """Return the brain mask found by the student, bool ``[i, j, k]``; all False if it finds none.

        Raises:
            SettingsError: if the student is missing from the installation.
        """
        if self._student is None:
            self._student = Predictor(load_model(self._model or _shipped()), self.device)
        return tidy_mask(np.asarray(self._student.predict([volume]).labelmap.voxels != 0))

    def hd_bet_mask(self, volume: Volume) -> NDArray[np.bool_]:
        """Return the brain mask found by HD-BET, bool ``[i, j, k]``; all False if it finds none.

        It looks around the student's mask only, unless the student finds no brain.

        Raises:
            PackageError: if HD-BET is not installed.
        """
        if self._hd_bet is None:
            self._hd_bet = HdBet(self.device)
        near = self.mask(volume) if self.available else None
        return self._hd_bet.mask(volume, near if near is not None and is_plausible(near, volume.grid) else None)

    def _found(
        self, volume: Volume, progress: ProgressCallback, method: BrainMethod = BrainMethod.STUDENT
    ) -> NDArray[np.bool_]:
        progress(Progress(Stage.BRAIN, 0, 1))
        mask = self.hd_bet_mask(volume) if method is BrainMethod.HD_BET else self.mask(volume)
        progress(Progress(Stage.BRAIN, 1, 1))
        return mask

    def _automatic(self, volumes: Sequence[Volume], names: Sequence[str], progress: ProgressCallback) -> Brain:
        for volume, name in zip(volumes, names, strict=True):
            skull = detect_skull(volume)
            if skull is Skull.REMOVED:
                continue
            if not self.available:
                return Brain(tuple(volumes), None, MISSING if skull is Skull.PRESENT else UNCHANGED)
            mask = self._found(volume, progress)
            found = is_plausible(mask, volume.grid)
            if found and share_covered(volume.voxels, mask) < COVERED_SHARE:
                return _masked(volumes, mask, _extracted(mask, volume))
            if not found and skull is Skull.PRESENT:
                raise _not_found(mask, volume, name)
        return Brain(tuple(volumes), None, UNCHANGED)

    @staticmethod
    def _given(choice: BrainChoice, volume: Volume, name: str) -> NDArray[np.bool_]:
        if isinstance(choice.mask, Path):
            return read_mask(choice.mask, volume.grid, name)
        if choice.mask is None or choice.mask.shape != volume.grid.shape:
            raise DataError(f"the brain mask has a different geometry than {name}: draw it on that scan.")
        return checked_mask(choice.mask, "the brain mask")


def _shipped() -> Path:
    try:
        return shared_resource(f"Models/{BRAIN_STUDENT}")
    except FileNotFoundError as error:
        raise SettingsError(
            "the brain extraction model is missing from this installation: provide a brain mask, or choose none for"
            " skull-stripped scans."
        ) from error


def _masked(volumes: Sequence[Volume], mask: NDArray[np.bool_], summary: str) -> Brain:
    grid = volumes[0].grid
    return Brain(tuple(only_brain(volume, mask) for volume in volumes), Volume(mask.astype(np.uint8), grid), summary)


def _extracted(mask: NDArray[np.bool_], volume: Volume) -> str:
    return f"The brain ({milliliters(mask, volume.grid):.0f} mL) was extracted before segmentation."


def _not_found(mask: NDArray[np.bool_], volume: Volume, name: str) -> DataError:
    amount = milliliters(mask, volume.grid)
    found = f"{amount:.0f} mL, which is implausible for a brain" if mask.any() else "nothing"
    return DataError(
        f"the brain could not be found in {name} ({found}): choose a scan of the whole head, provide a brain mask, or turn"
        " brain extraction off (none)."
    )
