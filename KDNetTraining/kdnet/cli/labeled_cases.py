"""The cases with a reference that a command works on."""

from __future__ import annotations

from collections.abc import Sequence

from kdnet.data.dataset import Case, Dataset
from kdnet.errors import DataError, SettingsError
from kdnet.schema.folds import Split
from kdnet.schema.model_card import ModelCard
from kdnet.study.decoding_sizes import cases_to_learn_from
from kdnet.text import one_line


def labeled_cases(
    dataset: Dataset, card: ModelCard, wanted: Sequence[str] = (), most: int | None = None
) -> tuple[Case, ...]:
    """Return the cases of ``dataset`` that a model can learn from or be tested on.

    Args:
        dataset: the data set.
        card: card of the model.
        wanted: names of cases; all if empty.
        most: number of cases to return at most.

    Raises:
        SettingsError: for an unknown case.
        DataError: when the labels differ, or no case has all scans and a reference.
    """
    if dataset.labels.meaning != card.labels.meaning:
        raise DataError(f"{dataset.root} has other labels than the model {card.name}: choose data with its labels.")
    names = [case.name for case in dataset.cases]
    for name in wanted:
        if name not in names:
            raise SettingsError(f'{dataset.root} has no case "{one_line(name, 60)}": correct --case.')
    split = Split(train=tuple(wanted or names), validation=(), test=())
    found = cases_to_learn_from(split, dataset.cases, card.modalities, len(names) if most is None else most)
    if not found:
        needed = ", ".join(card.modalities)
        raise DataError(f"no case of {dataset.root} has a reference and all that the model needs ({needed}): add some.")
    return found
