"""A plan as text, in the language of the application."""

from __future__ import annotations

import shutil
from pathlib import Path

from kdnet.schema.folds import ALL_CASES
from kdnet.schema.formatting import duration, plural, size
from kdnet.schema.modalities import format_modalities
from kdnet.schema.network_id import Role
from kdnet.schema.study_plan import FoldCounts, StudyPlan
from slicer.i18n import tr as _

from KDNetTrainingLib.Formatting import role_title


def plan_text(plan: StudyPlan) -> str:
    """Return what will be trained and what it needs, one sentence per line; warnings are in English."""
    networks = plural(len(plan.networks), _("{count} network"), _("{count} networks"))
    steps = plural(plan.steps, _("{count} step"), _("{count} steps"))
    kinds = ", ".join(_kind(role, modalities) for role, modalities in plan.kinds)
    lines = [
        _("{networks} of {steps} each: {kinds}.").format(networks=networks, steps=steps, kinds=kinds),
        *(_fold_text(fold) for fold in plan.folds),
        _("Estimated time on this computer ({device}): {time}.").format(
            device=plan.device, time=duration(60 * plan.minutes)
        ),
        _("Memory: up to {memory}. Disk space: up to {disk}.").format(
            memory=size(plan.memory_bytes), disk=size(plan.disk_bytes)
        ),
    ]
    if plan.excluded:
        lines.append(_("Excluded cases: {cases}.").format(cases=", ".join(sorted(plan.excluded))))
    return "\n".join([*lines, *plan.warnings])


def disk_warning(plan: StudyPlan, out: Path) -> str:
    """Return a warning if the run folder's disk has less free space than the plan needs, otherwise an empty string."""
    folder = next((parent for parent in out.parents if parent.is_dir()), None)
    if folder is None:
        return ""
    free = shutil.disk_usage(folder).free
    if free >= plan.disk_bytes:
        return ""
    return _(
        "⚠ The run needs {needed} of disk space, but {folder} has only {free}. Choose another runs folder or free space."
    ).format(folder=folder, free=size(free), needed=size(plan.disk_bytes))


def _kind(role: Role, modalities: tuple[str, ...]) -> str:
    return role_title(role) if role is Role.TEACHER else f"{role_title(role)} {format_modalities(modalities)}"


def _fold_text(fold: FoldCounts) -> str:
    train = plural(fold.train, _("{count} case to train"), _("{count} cases to train"))
    if fold.fold == ALL_CASES:
        return _("All cases: {train}, none to test.").format(train=train)
    return _("Fold {fold}: {train}, {validation} to validate, {test} to test.").format(
        fold=fold.fold, train=train, validation=fold.validation, test=fold.test
    )
