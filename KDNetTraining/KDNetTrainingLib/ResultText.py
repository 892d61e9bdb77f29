"""The comparison of teacher, baseline, and student as table cells and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from kdnet.schema.formatting import percent
from kdnet.schema.network_id import Role
from kdnet.schema.results import MEAN, Comparison
from kdnet.schema.run_results import CaseResult, StudentResult
from slicer.i18n import tr as _

from KDNetTrainingLib.Formatting import role_title

ROLES = tuple(role.value for role in Role)


def labelmap_title(name: str) -> str:
    """Return the title of a segmentation: a role, or the reference."""
    return role_title(Role(name)) if name in ROLES else _("Reference")


def comparison_table(rows: Sequence[Comparison]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return header and rows; one column per region, because the panel is narrow and regions are few."""
    names = (*map(role_title, Role), _("Gain"), _("95% CI"), _("p"), _("Gap"))
    header = (_("Dice"), *(_("Mean") if row.region == MEAN else row.region for row in rows))
    return header, list(zip(names, *(_column(row) for row in rows), strict=True))


def case_table(cases: Sequence[CaseResult]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return header and rows with the mean Dice of each role."""
    roles = [role for role in Role if role is not Role.CONTROL or any(role in case.dice for case in cases)]
    header = (_("Case"), *map(role_title, roles))
    return header, [(case.case, *(_dice(case.dice.get(role)) for role in roles)) for case in cases]


def result_warning(student: StudentResult) -> str:
    """Return a warning if the student shows no benefit over its baseline, or no significant one."""
    worse = student.worse_regions()
    if worse:
        return _(
            "⚠ The student is not better than its baseline in {regions}. Train longer, or change the distillation settings."
        ).format(regions=", ".join(worse))
    if student.mean is not None and student.mean.difference.low <= 0:
        return _("⚠ The gain over the baseline is not significant (95% CI includes 0). Evaluate more cases or seeds.")
    return ""


def _column(row: Comparison) -> tuple[str, ...]:
    gain = row.difference
    recovery = "" if row.recovery is None else percent(row.recovery.value)
    scores = (_dice(row.teacher), _dice(row.baseline), _dice(row.student))
    return *scores, f"{gain.value:+.3f}", f"{gain.low:+.3f}\n{gain.high:+.3f}", f"{row.p:.3f}", recovery


def _dice(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
