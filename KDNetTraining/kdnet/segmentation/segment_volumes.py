"""Segment the scans of one case in memory: prepare, predict, and remove what is too small or doubtful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kdnet.data.volumes.grid import Volume
from kdnet.inference.postprocessing import remove_small_components
from kdnet.inference.predictor import Predictor
from kdnet.measurement.confidence import Judged, judge
from kdnet.measurement.lesions import MOST_LESIONS, Lesions, find_lesions
from kdnet.preparation.brain import BrainExtractor
from kdnet.preparation.case import PreparationChoice, Prepared, prepare_case
from kdnet.schema.model_card import ModelCard
from kdnet.schema.segmentation import ProgressCallback, SegmentationOptions
from kdnet.segmentation.input_care import expects_brain


@dataclass(frozen=True, eq=False)
class SegmentedVolumes:
    """The segmentation of one case.

    Attributes:
        labelmap: uint8, on the grid of the first scan, without doubtful lesions unless they are to be kept.
        everything: the same with the doubtful lesions.
        probabilities: region name to its map in percent, also where only the confidence in lesions needs them.
        prepared: the scans as the network received them.
        judged: what was decided about the lesions; None if the model does not judge them or all are to be kept.
    """

    labelmap: Volume
    everything: Volume
    probabilities: Mapping[str, Volume]
    prepared: Prepared
    judged: Judged | None = None

    def lesions(
        self, card: ModelCard, *, doubtful: bool = False, smallest_ml: float = 0.0, most: int = MOST_LESIONS
    ) -> Lesions:
        """Measure the lesions.

        Args:
            card: of the model.
            doubtful: whether to measure the doubtful ones too.
            smallest_ml, most: see :func:`~kdnet.measurement.lesions.find_lesions`.
        """
        parts = {}
        if self.judged is not None and card.lesion_confidence is not None:
            parts[card.lesion_confidence.region] = self.judged.parts if doubtful else self.judged.kept
        return find_lesions(
            self.everything if doubtful else self.labelmap,
            card.labels,
            self.probabilities,
            smallest_ml=smallest_ml,
            most=most,
            confidence=card.lesion_confidence,
            scan=self.prepared.volumes[0],
            parts=parts,
        )


def segment_volumes(
    predictor: Predictor,
    extractor: BrainExtractor,
    volumes: Sequence[Volume],
    names: Sequence[str],
    choice: PreparationChoice,
    options: SegmentationOptions,
    progress: ProgressCallback,
    *,
    lesions: bool,
) -> SegmentedVolumes:
    """Segment the scans of one case.

    Args:
        predictor: with its model loaded.
        extractor: brain extractor, on the same device.
        volumes: one for each modality of the model, in its order, on any grids.
        names: of the scans, for messages.
        choice: how to prepare them.
        options: segmentation options.
        progress: called with each stage.
        lesions: whether lesions will be measured, which needs the probabilities within the labels.

    Raises:
        KDNetError: with a one-sentence message, for any problem with the scans or the machine.
    """
    card = predictor.model.card
    expected = expects_brain(card.training_data)
    prepared = prepare_case(extractor, volumes, names, choice, expected=expected, progress=progress)
    certain = card.lesion_confidence
    prediction = predictor.predict(
        prepared.volumes,
        probabilities=options.probabilities,
        confidence=lesions or certain is not None,
        names=names,
        progress=progress,
    )
    everything = remove_small_components(prediction.labelmap, options.min_component)
    maps = prediction.probabilities
    if certain is None or options.keep_doubtful:
        return SegmentedVolumes(everything, everything, maps, prepared)
    judged = judge(everything, card.labels, maps, certain, prepared.volumes[0])
    return SegmentedVolumes(judged.labelmap, everything, maps, prepared, judged)
