"""Segment one case from files: read, check for likely mistakes, predict, measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import SimpleITK as sitk

from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import check_volume, read_volume
from kdnet.foreign import reading
from kdnet.inference.postprocessing import measure
from kdnet.inference.predictor import Predictor
from kdnet.preparation.brain import BrainChoice, BrainExtractor, BrainMethod
from kdnet.preparation.case import PreparationChoice
from kdnet.preparation.shading import ShadingMethod
from kdnet.schema.lesions import LesionTable
from kdnet.schema.model_card import ModelCard
from kdnet.schema.segmentation import ProgressCallback, RegionVolume, SegmentationOptions
from kdnet.segmentation.grouping import Input
from kdnet.segmentation.input_care import Needs, warnings_for
from kdnet.segmentation.results_table import digest
from kdnet.segmentation.scan_facts import scan_of
from kdnet.segmentation.segment_volumes import segment_volumes


@dataclass(frozen=True, eq=False)
class CaseResult:
    """The result of one case.

    Attributes:
        labelmap: uint8, on the grid of the first file.
        probabilities: region name to its map in percent.
        amounts: volumes in mL.
        warnings: why the result may be wrong, one sentence each.
        brain: how the scans were prepared, in one or more sentences.
        brain_mask: mask of the extracted brain, if requested.
        transforms: modality to the transform of its scan, for scans that were registered to the first, if requested.
        lesions: the lesions, if requested.
    """

    labelmap: Volume
    probabilities: Mapping[str, Volume] = field(default_factory=dict)
    amounts: tuple[RegionVolume, ...] = ()
    warnings: tuple[str, ...] = ()
    brain: str = ""
    brain_mask: Volume | None = None
    transforms: Mapping[str, sitk.Transform] = field(default_factory=dict)
    lesions: LesionTable | None = None


def segment_case(
    predictor: Predictor,
    extractor: BrainExtractor,
    item: Input,
    options: SegmentationOptions,
    progress: ProgressCallback,
    volumes: Sequence[Volume] | None = None,
    *,
    lesions: bool = False,
) -> CaseResult:
    """Segment one case.

    Args:
        predictor: with its model loaded.
        extractor: brain extractor, on the same device.
        item: from :func:`~kdnet.segmentation.inputs.survey`.
        options: segmentation options.
        progress: called with each stage.
        volumes: output of :func:`read_case`, if the case is read already.
        lesions: whether to measure the lesions, with their confidence.

    Raises:
        KDNetError: with a one-sentence message, for any problem with the files or the machine.
    """
    card = predictor.model.card
    names = [str(file) for file in item.files]
    volumes = read_case(item) if volumes is None else volumes
    with reading(item.name, "export it again or exclude it", verb="segment"):
        choice = preparation_choice(options)
        found = segment_volumes(predictor, extractor, volumes, names, choice, options, progress, lesions=lesions)
        prepared, judged, maps = found.prepared, found.judged, found.probabilities
        warnings = [*prepared.warnings, *_scan_warnings(item, volumes, card, extracted=prepared.mask is not None)]
        if judged is not None and judged.doubtful:
            warnings.append(f"{names[0]}: {judged.sentence} (--keep-doubtful keeps them).")
        transforms = {card.modalities[index]: transform for index, transform in prepared.transforms.items()}
        return CaseResult(
            found.labelmap,
            maps if options.probabilities else {},
            measure(found.labelmap, card.labels),
            tuple(warnings),
            prepared.done,
            prepared.mask if options.save_brain else None,
            transforms if options.save_transforms else {},
            found.lesions(card).table if lesions else None,
        )


def _scan_warnings(item: Input, volumes: Sequence[Volume], card: ModelCard, *, extracted: bool) -> Iterator[str]:
    """Yield what is doubtful about each scan: its file, and whether it is what the model needs."""
    for index, (volume, modality) in enumerate(zip(volumes, card.modalities, strict=True)):
        scan = scan_of(item, index, volume, modality, single=len(card.modalities) == 1)
        yield from (f"{scan.name} {doubt}" for doubt in volume.warnings)
        needs = Needs.of(modality, card.preprocessing.spacing, card.training_data)
        yield from warnings_for(scan, replace(needs, skull_removed=False) if extracted else needs)


def preparation_choice(options: SegmentationOptions) -> PreparationChoice:
    """Return how ``options`` prepare a case.

    Raises:
        SettingsError: for an unknown method.
        PackageError: if HD-BET is chosen, but not installed.
    """
    return PreparationChoice(BrainChoice.parse(options.brain), ShadingMethod.parse(options.shading), options.force)


def settings_text(options: SegmentationOptions, item: Input) -> str:
    """Return the non-default settings of a case for the results table; equal text means equal settings."""
    brain = BrainChoice.parse(options.brain)
    chosen = {
        "test-time augmentation": options.tta,
        f"components below {options.min_component:g} mm3 removed": options.min_component > 0,
        "probabilities": options.probabilities,
        f"channel {' '.join(map(str, item.channels))}": bool(item.channels),
        f"brain {_brain_method(brain)}": brain.method is not BrainMethod.AUTOMATIC,
        "mask of the brain": options.save_brain,
        f"shading {options.shading}": options.shading != ShadingMethod.AUTOMATIC,
        "transforms": options.save_transforms,
        "forced": options.force,
        "doubtful lesions kept": options.keep_doubtful,
    }
    return ", ".join(name for name, is_chosen in chosen.items() if is_chosen)


def _brain_method(brain: BrainChoice) -> str:
    """Return the method, for a mask with its file and digest, because a corrected mask is a different one."""
    return f"{brain.mask.name} {digest(brain.mask)}" if isinstance(brain.mask, Path) else brain.method.value


def read_case(item: Input) -> tuple[Volume, ...]:
    """Read the volumes of a case.

    Raises:
        KDNetError: with a one-sentence message, for any problem with the files.
    """
    return tuple(_read(item, index) for index in range(len(item.files)))


def _read(item: Input, index: int) -> Volume:
    file: Path = item.files[index]
    with reading(file, "export it again or exclude it"):
        volume = read_volume(file, item.channels[index] if item.channels else None)
        check_volume(volume, str(file))
        return volume
