"""Segmenting one case of files: read, look for what is probably wrong, predict, measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import check_volume, read_volume
from kdnet.foreign import reading
from kdnet.inference.grouping import Input
from kdnet.inference.input_care import Needs, expects_brain, warnings_for
from kdnet.inference.postprocessing import measure, remove_islands
from kdnet.inference.predictor import Predictor
from kdnet.inference.results_table import digest
from kdnet.inference.scan_facts import scan_of
from kdnet.preparation.brain import BrainChoice, BrainExtractor, BrainMethod
from kdnet.schema.segmentation import ProgressCallback, RegionVolume


@dataclass(frozen=True)
class Options:
    """How to segment files.

    Attributes:
        probabilities: write a map in percent per region too.
        islands: smallest island to keep in mm³.
        overwrite: segment again what is done already.
        brain: how to find the brain in scans with skull.
        save_brain: write the mask of the brain too.
    """

    probabilities: bool = False
    islands: float = 0.0
    overwrite: bool = False
    brain: BrainChoice = field(default_factory=BrainChoice)
    save_brain: bool = False

    def words(self, item: Input, *, flips: bool) -> str:
        """What is not as usual, for the table of results; equal words stand for equal settings."""
        chosen = {
            "flips": flips,
            f"islands below {self.islands:g} mm3 cleared": self.islands > 0,
            "probabilities": self.probabilities,
            f"channel {' '.join(map(str, item.channels))}": bool(item.channels),
            f"brain {self._brain_words()}": self.brain.method is not BrainMethod.AUTOMATIC,
            "mask of the brain": self.save_brain,
        }
        return ", ".join(words for words, is_chosen in chosen.items() if is_chosen)

    def _brain_words(self) -> str:
        """The method; of a mask its file and digest, because a corrected mask is another one."""
        mask = self.brain.mask
        return f"{mask.name} {digest(mask)}" if isinstance(mask, Path) else self.brain.method.value


@dataclass(frozen=True, eq=False)
class CaseResult:
    """What was found in one case.

    Attributes:
        labelmap: uint8, on the grid of the first file.
        probabilities: region name to its map in percent.
        amounts: volumes in mL.
        warnings: why the result may be wrong, a sentence each.
        brain: what was done about the skull, in one sentence.
        brain_mask: of the extracted brain, where it is asked for.
    """

    labelmap: Volume
    probabilities: Mapping[str, Volume] = field(default_factory=dict)
    amounts: tuple[RegionVolume, ...] = ()
    warnings: tuple[str, ...] = ()
    brain: str = ""
    brain_mask: Volume | None = None


def segment_case(
    predictor: Predictor, extractor: BrainExtractor, item: Input, options: Options, progress: ProgressCallback
) -> CaseResult:
    """Segment one case.

    Args:
        predictor: with its model.
        extractor: of brains, on the same device.
        item: from ``find_inputs``.
        options: how.
        progress: told about stages.

    Raises:
        KDNetError: in one sentence, whatever is wrong with the files or the machine.
    """
    card = predictor.model.card
    volumes = [_read(item, index) for index in range(len(item.files))]
    warnings: list[str] = []
    names = [str(file) for file in item.files]
    with reading(item.name, "export it again or leave it out", verb="segment"):
        brain = extractor.extract(
            volumes, names, options.brain, expected=expects_brain(card.training_data), progress=progress
        )
        for index, (volume, modality) in enumerate(zip(volumes, card.modalities, strict=True)):
            scan = scan_of(item, index, volume, modality, single=len(card.modalities) == 1)
            warnings += (f"{scan.name} {doubt}" for doubt in volume.warnings)
            needs = Needs.of(modality, card.preprocessing.spacing, card.training_data)
            warnings += warnings_for(scan, needs if brain.mask is None else replace(needs, skull_removed=False))
        prediction = predictor.predict(brain.volumes, probabilities=options.probabilities, names=names, progress=progress)
        labelmap = remove_islands(prediction.labelmap, options.islands) if options.islands else prediction.labelmap
        mask = brain.mask if options.save_brain else None
        amounts = measure(labelmap, card.labels)
        return CaseResult(labelmap, prediction.probabilities, amounts, tuple(warnings), brain.words, mask)


def _read(item: Input, index: int) -> Volume:
    file: Path = item.files[index]
    with reading(file, "export it again or leave it out"):
        volume = read_volume(file, item.channels[index] if item.channels else None)
        check_volume(volume, str(file))
        return volume
