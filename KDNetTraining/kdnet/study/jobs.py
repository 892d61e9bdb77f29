"""From a planned network to its training job and the card of the resulting model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.model_file import Model
from kdnet.schema.bounds import LONGEST_NAME
from kdnet.schema.decoding import Decoding
from kdnet.schema.folds import ALL_CASES, ALL_NAME
from kdnet.schema.modalities import format_modalities
from kdnet.schema.model_card import ModelCard
from kdnet.schema.network_id import NetworkId
from kdnet.schema.recipe import Recipe
from kdnet.study.prepare_data import StudyData
from kdnet.tensor_file import weights_hash
from kdnet.training.job import TrainingJob
from kdnet.training.result import TrainingResult
from kdnet.training.starting_point import StartingPoint
from kdnet.training.teacher import Teacher

METHOD = ("Hu, Maillard et al., MICCAI 2020 (KD-Net)",)

BRATS = (
    "Menze et al. 2015, 10.1109/TMI.2014.2377694",
    "Bakas et al. 2017, 10.1038/sdata.2017.117",
    "Bakas et al. 2018, arXiv:1811.02629",
    "Baid et al. 2021, arXiv:2107.02314",
)

PHANTOM = "phantom"  # format of synthetic training data, and start of the names of their cases


def training_job(
    network: NetworkId,
    data: StudyData,
    prepared: Mapping[str, PreparedCase],
    recipe: Recipe,
    teacher: Teacher | None = None,
    start: StartingPoint | None = None,
) -> TrainingJob:
    """Return the training job for ``network``, with the prepared cases of its fold."""
    split, used = data.splits[network.fold], channels(network.modalities, data)
    training = (prepared[name] for name in balanced(split.train, data) if name in prepared)
    return TrainingJob(
        name=network.key,
        role=network.role,
        recipe=recipe,
        labels=data.dataset.labels,
        channels=used,
        training=[case for case in training if not case.lacking & set(used)],
        validation=[prepared[name] for name in split.validation if name in prepared],
        seed=network.seed,
        teacher=teacher,
        start=start,
    )


def balanced(names: Sequence[str], data: StudyData) -> list[str]:
    """Return ``names`` with corrected cases repeated, so that they are seen as often as earlier and unlabeled ones.

    A study has only cases of one kind, which are returned as they are.
    """
    corrected = [name for name in names if name not in data.uncorrected]
    others = len(names) - len(corrected)
    repeats = max(1, others // len(corrected)) if corrected else 1
    return [*names, *corrected * (repeats - 1)]


def descendant_card(card: ModelCard, start: Model, *, adapts: bool) -> ModelCard:
    """Return the card of a network that was trained from the weights of ``start``, with its ancestry.

    Args:
        card: of the network.
        start: the model that its training started from.
        adapts: whether it is that model, adapted; it then keeps its license, preprocessing and window, and what it is for
            and cannot do, unless it has other labels.
    """
    parent = start.card
    ancestor = {"name": parent.name, "weights_sha256": weights_hash(start.network.state_dict()), "created": parent.created}
    ancestry = [*parent.training_data.get("ancestry", []), ancestor]
    cited = [*parent.training_data.get("citations", []), *card.training_data.get("citations", [])]
    card = replace(
        card, training_data={**card.training_data, "ancestry": ancestry, "citations": list(dict.fromkeys(cited))}
    )
    if not adapts:
        return card
    suffix, same = ", adapted", card.labels.meaning == parent.labels.meaning
    return replace(
        card,
        name=parent.name if parent.name.endswith(suffix) else parent.name[: LONGEST_NAME - len(suffix)] + suffix,
        preprocessing=parent.preprocessing,
        sliding_window_size=parent.sliding_window_size,
        intended_use=parent.intended_use if same else card.intended_use,
        limits=parent.limits if same else card.limits,
        license=parent.license,
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


def data_format(layout: str, cases: Sequence[str]) -> str:
    """Return what a model was trained on: the layout of its folder, or ``"phantom"`` if its cases are synthetic.

    The phantom has the layout of BraTS, but a model of it finds nothing useful in a patient, so its card must say so.

    Args:
        layout: format of the folder.
        cases: names of the training cases.
    """
    return PHANTOM if cases and all(name.casefold().startswith(PHANTOM) for name in cases) else layout


def model_card(
    network: NetworkId, data: StudyData, recipe: Recipe, trained: TrainingResult, decoding: Decoding | None
) -> ModelCard:
    """Return the card of a network trained in a study."""
    split = data.splits[network.fold]
    needed = set(network.modalities)
    learned = [name for name in split.train if name not in data.unlabeled and needed <= data.case(name).images.keys()]
    validated = {"validation_dice": trained.validation.dice, "validation_cases": len(split.validation)}
    return ModelCard(
        role=network.role,
        name=f"{network.role.value.capitalize()} {format_modalities(network.modalities)}",
        network=trained.spec,
        modalities=network.modalities,
        labels=data.dataset.labels,
        preprocessing=data.preprocessing,
        sliding_window_size=recipe.sliding_window_size,
        decoding=decoding,
        recipe=recipe.to_json(),
        figures={} if network.fold == ALL_CASES else validated,  # meaningless on its own training cases
        training_data={
            "format": data_format(data.dataset.format, learned),
            "cases": len(learned),
            "fold": ALL_NAME if network.fold == ALL_CASES else network.fold,
            "seed": network.seed,
            "step": trained.step,
            "seconds": round(trained.elapsed.seconds, 1),
            "cpu_seconds": round(trained.elapsed.cpu_seconds, 1),
            "citations": citations(learned),
        },
        created=datetime.now(tz=UTC).date().isoformat(),
    )
