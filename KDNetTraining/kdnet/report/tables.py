"""Format the results of a study as rows of text, for both Markdown and HTML."""

from __future__ import annotations

from dataclasses import dataclass

from kdnet.evaluation.groups import absent_regions
from kdnet.evaluation.pairing import per_case
from kdnet.report.content import ReportData
from kdnet.report.sentences import difference, format_key, p_value, recovery
from kdnet.schema.formatting import duration
from kdnet.schema.network_id import Role
from kdnet.schema.results import MEAN, NetworkSummary


@dataclass(frozen=True)
class Table:
    """Column names and rows of text, all of the same length."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def network_cells(content: ReportData) -> list[tuple[Role, str, list[NetworkSummary | None]]]:
    """Return the role, input modalities, and summary per region and on average of each network that was scored."""
    regions = [*content.description.regions, MEAN]
    rows = [
        (role, modality_key, [content.summary.network(role, modality_key, region) for region in regions])
        for role, modality_key in content.networks()
    ]
    return [row for row in rows if row[2][-1] is not None]


def dice_table(content: ReportData) -> Table:
    """Return mean Dice ± standard deviation over patients of every network and region."""
    rows = [
        (*_named(role, modality_key, cells), *(dice(cell) for cell in cells))
        for role, modality_key, cells in network_cells(content)
    ]
    return Table(_network_header(content), tuple(rows))


def distance_table(content: ReportData) -> Table:
    """Return mean HD95 in mm ± standard deviation over patients of every network and region, penalties included."""
    rows = [
        (*_named(role, modality_key, cells), *(hd95(cell) for cell in cells))
        for role, modality_key, cells in network_cells(content)
    ]
    return Table(_network_header(content), tuple(rows))


def penalty_table(content: ReportData) -> Table:
    """Count the HD95 values that are penalties, and how many of these are regions that a network missed entirely."""
    rows = [
        (*_named(role, modality_key, cells), *(penalties(cell) for cell in cells))
        for role, modality_key, cells in network_cells(content)
    ]
    return Table((*_network_header(content)[:-1], "all regions"), tuple(rows))


def comparison_table(content: ReportData) -> Table:
    """Return paired difference, p and gap recovery of every student and region."""
    rows = [
        (
            format_key(row.modalities),
            row.region,
            counted(row.cases, row.patients),
            difference(row.difference),
            f"{row.better} of {row.patients}",
            p_value(row.p).removeprefix("p = ").removeprefix("p "),
            recovery(row),
        )
        for row in content.summary.comparisons
    ]
    return Table(("student", "region", "cases", "student minus baseline", "better in", "p", "gap recovery"), tuple(rows))


def gain_table(content: ReportData) -> Table:
    """Return the parts of each student's gain: of the start from the teacher's weights, and of the distillation losses."""
    rows = [
        (
            format_key(part.modalities),
            part.region,
            "start (control minus baseline)" if part.network is Role.CONTROL else "losses (student minus control)",
            counted(part.cases, part.patients),
            difference(part.difference),
            f"{part.better} of {part.patients}",
            p_value(part.p).removeprefix("p = ").removeprefix("p "),
        )
        for part in content.summary.gains
    ]
    return Table(("student", "region", "gain of", "cases", "difference", "better in", "p"), tuple(rows))


def group_table(content: ReportData) -> Table:
    """Return the Dice of baseline and student in each group of cases, with the teacher's and the paired difference."""
    rows = []
    for group, summary in content.groups.items():
        for modality_key in content.description.student_modalities:
            own = [summary.network(Role.STUDENT, modality_key, region) for region in _columns(content)]
            if own[-1] is None:
                continue
            before = [summary.network(Role.BASELINE, modality_key, region) for region in _columns(content)]
            teacher = summary.network(Role.TEACHER, content.teacher, MEAN)
            compared = summary.comparison(modality_key, MEAN)
            rows.append(
                (
                    group,
                    format_key(modality_key),
                    counted(own[-1].cases, own[-1].patients),
                    _number(teacher.dice if teacher else None),
                    *(_change(old, new) for old, new in zip(before, own, strict=True)),
                    difference(compared.difference) if compared else "",
                )
            )
    header = ("group", "student", "cases", "teacher, mean", *_columns(content), "student minus baseline, mean")
    return Table(header, tuple(rows))


def absent_table(content: ReportData) -> Table:
    """Count how often each network left a region empty that the reference lacks; without rows if all have all regions."""
    rows = [
        (row.role.value, format_key(row.modalities), row.region, str(row.scored), f"{row.empty} of {row.scored}")
        for row in absent_regions(content.scores)
    ]
    return Table(("network", "input", "region", "cases without it", "left empty"), tuple(rows))


def case_table(content: ReportData, modalities: str) -> Table:
    """List every test case, the student's worst first: mean Dice of the three networks, and the student's regions."""

    def mean_dice(role: Role, modality_key: str, region: str = MEAN) -> dict[str, float]:
        return per_case(content.scores, role, modality_key, region, lambda score: score.dice)

    student, baseline = mean_dice(Role.STUDENT, modalities), mean_dice(Role.BASELINE, modalities)
    teacher = mean_dice(Role.TEACHER, content.teacher)
    regions = [mean_dice(Role.STUDENT, modalities, region) for region in content.description.regions]
    distance = per_case(content.scores, Role.STUDENT, modalities, MEAN, lambda score: score.hd95)
    rows = [
        (
            case,
            *(_number(column.get(case)) for column in (student, baseline, teacher, *regions)),
            f"{distance[case]:.1f}",
        )
        for case in sorted(student, key=lambda name: (student[name], name))
    ]
    named = tuple(f"student {region}" for region in content.description.regions)
    return Table(("case", "student", "baseline", "teacher", *named, "student HD95 (mm)"), tuple(rows))


def facts(content: ReportData) -> dict[str, str]:
    """Return what a reader needs to judge and reproduce the study."""
    study = content.description
    return {
        "Data": f"{study.data}, {study.cases} cases",
        "Student input": ", ".join(format_key(modality_key) for modality_key in study.student_modalities),
        "Teacher input": format_key(content.teacher),
        "Recipe": f"{study.recipe}, {study.steps_text} steps per network",
        "Test folds": ", ".join(map(str, study.folds)) or "none",
        "Seeds": ", ".join(map(str, study.seeds)),
        "Time": f"{duration(study.seconds)} of training, {duration(study.cpu_seconds)} of CPU time",
        "Hardware": study.hardware,
        "Code": f"kdnet {study.code_version}",
    }


def split_table(content: ReportData) -> Table:
    """Count the cases that each fold uses for training, validation and testing."""
    rows = [
        (name, *(str(len(parts.get(part, []))) for part in ("train", "validation", "test")))
        for name, parts in content.description.splits.items()
    ]
    return Table(("fold", "training", "validation", "test"), tuple(rows))


def dice(row: NetworkSummary | None) -> str:
    """Format Dice as ``"0.512 ± 0.201"``."""
    return "" if row is None else _spread(row.dice, row.dice_deviation, "{:.3f}")


def hd95(row: NetworkSummary | None) -> str:
    """Format HD95 as ``"12.3 ± 8.0"``."""
    return "" if row is None else _spread(row.hd95, row.hd95_deviation, "{:.1f}")


def penalties(row: NetworkSummary | None) -> str:
    """Format penalties as ``"1 of 6 (1 empty prediction)"``, or ``"0 of 6"``."""
    if row is None:
        return ""
    text = f"{row.penalties} of {row.scored}"
    if not row.penalties or row.empty_predictions is None:
        return text
    return f"{text} ({row.empty_predictions} empty prediction{'' if row.empty_predictions == 1 else 's'})"


def counted(cases: int, patients: int) -> str:
    """Format counts as ``"6"``, or ``"6 (4 patients)"`` where some patients have several visits."""
    return str(cases) if patients == cases else f"{cases} ({patients} patient{'' if patients == 1 else 's'})"


def _columns(content: ReportData) -> list[str]:
    return [*content.description.regions, MEAN]


def _change(before: NetworkSummary | None, after: NetworkSummary | None) -> str:
    """Format Dice as ``"0.510 → 0.540"``, or one figure where a network was not scored."""
    return " → ".join(_number(row.dice) for row in (before, after) if row)


def _network_header(content: ReportData) -> tuple[str, ...]:
    return ("network", "input", "cases", *content.description.regions, MEAN)


def _named(role: Role, modality_key: str, cells: list[NetworkSummary | None]) -> tuple[str, str, str]:
    return role.value, format_key(modality_key), counted(cells[-1].cases, cells[-1].patients) if cells[-1] else "0"


def _spread(value: float, deviation: float | None, form: str) -> str:
    return form.format(value) if deviation is None else f"{form.format(value)} ± {form.format(deviation)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
