"""From a planned network to its training job and the card of the resulting model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.schema.folds import ALL_CASES, ALL_NAME
from kdnet.schema.modalities import format_modalities
from kdnet.schema.model_card import ModelCard
from kdnet.schema.network_id import NetworkId
from kdnet.schema.recipe import Recipe
from kdnet.study.prepare_data import StudyData
from kdnet.training.job import TrainingJob
from kdnet.training.result import TrainingResult
from kdnet.training.teacher import Teacher

METHOD = ("Hu, Maillard et al., MICCAI 2020 (KD-Net)",)

BRATS = (
    "Menze et al. 2015, 10.1109/TMI.2014.2377694",
    "Bakas et al. 2017, 10.1038/sdata.2017.117",
    "Bakas et al. 2018, arXiv:1811.02629",
    "Baid et al. 2021, arXiv:2107.02314",
)


def training_job(
    network: NetworkId,
    data: StudyData,
    prepared: Mapping[str, PreparedCase],
    recipe: Recipe,
    teacher: Teacher | None = None,
) -> TrainingJob:
    """Return the training job for ``network``, with the prepared cases of its fold."""
    split = data.splits[network.fold]
    return TrainingJob(
        name=network.key,
        role=network.role,
        recipe=recipe,
        labels=data.dataset.labels,
        channels=channels(network.modalities, data),
        training=[prepared[name] for name in split.train if name in prepared],
        validation=[prepared[name] for name in split.validation if name in prepared],
        seed=network.seed,
        teacher=teacher,
    )


def channels(modalities: tuple[str, ...], data: StudyData) -> tuple[int, ...]:
    """Return the channels of the prepared images for ``modalities``, in that order."""
    return tuple(data.dataset.modalities.index(name) for name in modalities)


def citations(cases: Sequence[str]) -> list[str]:
    """Return what a model trained on ``cases`` must cite; BraTS if they have BraTS names.

    A hospital's cases may use the BraTS layout, as the phantom does: only names such as ``BraTS-GLI-00001-000``,
    ``BraTS2021_00000``, or ``Brats18_CBICA_AAB_1`` identify the data itself.
    """
    theirs = any(name.lower().startswith("brats") for name in cases)
    return [*METHOD, *(BRATS if theirs else ())]


def model_card(network: NetworkId, data: StudyData, recipe: Recipe, trained: TrainingResult) -> ModelCard:
    """Return the card of a network trained in a study."""
    split = data.splits[network.fold]
    validated = {"validation_dice": trained.validation.dice, "validation_cases": len(split.validation)}
    return ModelCard(
        role=network.role,
        name=f"{network.role.value.capitalize()} {format_modalities(network.modalities)}",
        network=trained.spec,
        modalities=network.modalities,
        labels=data.dataset.labels,
        preprocessing=data.preprocessing,
        sliding_window_size=recipe.sliding_window_size,
        recipe=recipe.to_json(),
        figures={} if network.fold == ALL_CASES else validated,  # meaningless on its own training cases
        training_data={
            "format": data.dataset.format,
            "cases": len(split.train),
            "fold": ALL_NAME if network.fold == ALL_CASES else network.fold,
            "seed": network.seed,
            "step": trained.step,
            "seconds": round(trained.elapsed.seconds, 1),
            "cpu_seconds": round(trained.elapsed.cpu_seconds, 1),
            "citations": citations(split.train),
        },
        created=datetime.now(tz=UTC).date().isoformat(),
    )
