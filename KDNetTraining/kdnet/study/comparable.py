"""Checks whether the figures of two runs may stand side by side: in the card of a model, or in one report."""

from __future__ import annotations

from kdnet.errors import RunFolderError
from kdnet.study.contents import read_kept
from kdnet.study.reader import RunReader

WITHOUT_EFFECT = frozenset({"name", "workers", "channels_last", "compile", "checkpoint_seconds", "precision"})

FROM_CASES = frozenset(
    {"steps", "lr_warmup_steps", "validation_every"}
)  # they depend on the cases with --epochs or --minutes


def check_comparable(tested: RunReader, own: RunReader) -> None:
    """Reject figures from a training with other settings, labels, modalities, or data.

    Args:
        tested: the run that provides the figures.
        own: the run of the model.

    Raises:
        RunFolderError: naming what differs.
    """
    differing = differing_settings(tested, own)
    if differing:
        raise RunFolderError(
            f"{tested.run.root} tested networks that were trained otherwise than those of {own.run.root} "
            f"({', '.join(differing)}): name the run that tested the same settings with --metrics-from."
        )
    case = differing_case(tested, own)
    if case:
        raise RunFolderError(
            f"{tested.run.root} tested networks on other data than {own.run.root} was trained on (case {case} differs): "
            "name the run that tested the same data with --metrics-from."
        )


def differing_settings(one: RunReader, other: RunReader) -> list[str]:
    """Return what differs between the trainings of two runs and affects their results, in words; empty if nothing does."""
    differing = _settings(one, other)
    if one.labels and other.labels and one.labels.meaning != other.labels.meaning:
        differing.append("labels")
    if one.teacher_modalities != other.teacher_modalities:
        differing.append("modalities of the teacher")
    return differing


def _settings(tested: RunReader, own: RunReader) -> list[str]:
    """Return the names of recipe settings that differ and affect the result."""
    one, other = (view.settings() for view in (tested, own))
    ignored = WITHOUT_EFFECT
    asked = [(view.request.epochs, view.request.minutes) for view in (tested, own)]
    if asked[0] == asked[1] and any(asked[0]):
        ignored |= FROM_CASES
    return sorted(name for name in one.keys() | other.keys() if name not in ignored and one.get(name) != other.get(name))


def differing_case(tested: RunReader, own: RunReader) -> str:
    """Find a case that only one of the runs has, or whose files differ; empty if there is none."""
    one, other = _cases(tested), _cases(own)
    alone = one ^ other
    if alone:
        return min(alone)
    if not (tested.run.contents.exists() and own.run.contents.exists()):  # written by an older version
        return ""
    known = [read_kept(view.run.contents) for view in (tested, own)]
    return min((name for name in one if known[0].get(name) != known[1].get(name)), default="")


def _cases(view: RunReader) -> set[str]:
    parts = view.splits.values()
    return {name for part in parts for name in (*part.train, *part.validation, *part.test)}
