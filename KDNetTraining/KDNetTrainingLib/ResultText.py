"""The comparison of teacher, baseline, and student as table cells and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from kdnet.schema.adaptation import AdaptationResult
from kdnet.schema.formatting import percent, plural
from kdnet.schema.network_id import Role
from kdnet.schema.results import FEWEST_PATIENTS, MEAN, Comparison, Interval
from kdnet.schema.run_results import CaseResult, StudentResult
from slicer.i18n import tr as _

from KDNetTrainingLib.Formatting import role_title

COMPARED = (Role.TEACHER, Role.BASELINE, Role.STUDENT)

ROLES = tuple(role.value for role in Role)


def labelmap_title(name: str) -> str:
    """Return the title of a segmentation: a role, or the reference."""
    return role_title(Role(name)) if name in ROLES else _("Reference")


def comparison_table(student: StudentResult, *, adapts: bool = False) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return header and rows; one column per region, because the panel is narrow and regions are few.

    With a control, the last rows split the gain into those of the start and of the losses. An adaptation has no teacher.
    """
    columns = student.comparisons
    names = (*(_title(role, adapts=adapts) for role in COMPARED), _("Gain"), _("95% CI"), _("Patients"), _("p"), _("Gap"))
    header = (_("Dice"), *(_("Mean") if row.region == MEAN else row.region for row in columns))
    rows = list(zip(names, *map(_column, columns), strict=True))
    if adapts:
        rows = [row for row in rows if row[0] not in (role_title(Role.TEACHER), _("Gap"))]
    return header, [*rows, *(row for part in _gain_parts() for row in _gain_rows(student, *part))]


def case_table(cases: Sequence[CaseResult], *, adapts: bool = False) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return header and rows with the mean Dice of each role."""
    optional = {Role.CONTROL, Role.TEACHER} if adapts else {Role.CONTROL}
    roles = [role for role in Role if role not in optional or any(role in case.dice for case in cases)]
    header = (_("Case"), *(_title(role, adapts=adapts) for role in roles))
    return header, [(case.case, *(_dice(case.dice.get(role)) for role in roles)) for case in cases]


def result_warning(student: StudentResult) -> str:
    """Return a warning if the student shows no benefit over its baseline, no significant one, or if nobody can tell."""
    if student.mean is not None and not student.mean.conclusive:
        patients = plural(student.mean.patients, _("{count} test patient"), _("{count} test patients"))
        return _("⚠ {patients}: too few to tell whether the student is better. Test at least {fewest}.").format(
            patients=patients, fewest=FEWEST_PATIENTS
        )
    worse = student.worse_regions()
    if worse:
        return _(
            "⚠ The student is not better than its baseline in {regions}. Train longer, or change the distillation settings."
        ).format(regions=", ".join(worse))
    if student.mean is not None and student.mean.difference.low <= 0:
        return _("⚠ The gain over the baseline is not significant (95% CI includes 0). Evaluate more cases or seeds.")
    return ""


def _title(role: Role, *, adapts: bool) -> str:
    """Return the title of a role; in an adaptation, the baseline is the model before, and the student the one after."""
    return (
        {Role.BASELINE: _("Before"), Role.STUDENT: _("After")}.get(role, role_title(role)) if adapts else role_title(role)
    )


def adaptation_text(result: AdaptationResult) -> str:
    """Return what an adaptation found, in sentences, and whether its model is offered."""
    if result.written is None:
        return " ".join([*result.findings(), _("Therefore it is not offered.")])
    return " ".join(result.findings())


def _gain_parts() -> tuple[tuple[Role, str], ...]:
    """Return the parts of a gain, by the network whose Dice should be higher, with their titles."""
    return (Role.CONTROL, _("Gain of start")), (Role.STUDENT, _("Gain of losses"))


def _gain_rows(student: StudentResult, network: Role, title: str) -> list[tuple[str, ...]]:
    """Return the rows of a part of the gain; none without a control."""
    parts = {part.region: part for part in student.gains if part.network is network}
    if not parts:
        return []
    found = [parts.get(row.region) for row in student.comparisons]
    gains = ("" if part is None else f"{part.difference.value:+.3f}" for part in found)
    intervals = ("" if part is None else f"{_interval(part.difference)}\nn = {part.patients}" for part in found)
    return [(title, *gains), (_("95% CI, patients"), *intervals)]


def _column(row: Comparison) -> tuple[str, ...]:
    gain = row.difference
    p = f"{row.p:.3f}" if row.conclusive else _("too few")
    scores = (_dice(row.teacher), _dice(row.baseline), _dice(row.student))
    return *scores, f"{gain.value:+.3f}", _interval(gain), str(row.patients), p, _recovery(row)


def _recovery(row: Comparison) -> str:
    """Return the gap recovery with its interval, if it is defined."""
    if row.recovery is None:
        return _("not\ndefined") if row.teacher is not None else ""
    ends = (row.recovery.low, row.recovery.high)
    low, high = (_("unbounded") if end is None else percent(end) for end in ends)
    return f"{percent(row.recovery.value)}\n{low}\n{high}"


def _interval(gain: Interval) -> str:
    return f"{gain.low:+.3f}\n{gain.high:+.3f}"


def _dice(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
