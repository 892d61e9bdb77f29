"""The end of an adaptation: whether the model got better, the report, and the model file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from kdnet.evaluation.statistics import summarize
from kdnet.files import write_json
from kdnet.model_file import load_model, save_model
from kdnet.report.adaptation import write_adaptation_report
from kdnet.schema.adaptation import AdaptationResult, Change
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.network_id import Role
from kdnet.schema.results import MEAN, Score
from kdnet.schema.study_request import StudyRequest
from kdnet.study.reader import open_readonly
from kdnet.study.running_study import RunningStudy


def finish_adaptation(request: StudyRequest, study: RunningStudy) -> Path:
    """Compare the model before and after, write the model if it is better, and the report; return the HTML file.

    Raises:
        KDNetError: when a file cannot be written.
    """
    data, start = study.setup.data, study.setup.start
    assert start is not None
    assert request.out is not None
    scores = open_readonly(study.run.root).scores()
    names = {case.name for case in data.dataset.cases} - data.uncorrected
    final = study.folder(next(network for network in study.setup.networks if network.fold == ALL_CASES)).model
    result = AdaptationResult(
        start.card.name,
        corrected=change(scores, names, data.dataset.patients),
        old=change(scores, data.dataset.earlier, data.dataset.patients),
        model_file=final.relative_to(study.run.root),
    )
    if result.improved or request.force:
        result = replace(result, written=request.out.resolve())
        _write_model(final, request.out, start.card.role, result)
    write_json(study.run.adaptation, result.to_json())
    return write_adaptation_report(study.run.report, result, scores, request.command, study.setup.warnings)


def change(scores: Sequence[Score], cases: Collection[str], patients: dict[str, str]) -> Change | None:
    """Compare the Dice of the model before (the baseline) and after (the student) on ``cases``; None without scores."""
    own = [score for score in scores if score.case in cases]
    if not own:
        return None
    summary = summarize(own, patients=patients)
    after = {row.region: row.dice for row in summary.networks if row.role is Role.STUDENT}
    before = {row.region: row.dice for row in summary.networks if row.role is Role.BASELINE}
    regions = {region: (before.get(region), value) for region, value in after.items() if region != MEAN}
    tested = next(row for row in summary.networks if row.role is Role.STUDENT and row.region == MEAN)
    compared = next((row for row in summary.comparisons if row.region == MEAN), None)
    return Change(
        before=before.get(MEAN),
        after=after[MEAN],
        patients=tested.patients,
        cases=tested.cases,
        difference=compared.difference if compared else None,
        p=compared.p if compared else None,
        better=compared.better if compared else None,
        regions=regions,
    )


def _write_model(source: Path, target: Path, role: Role, result: AdaptationResult) -> None:
    """Write the adapted model with what was tested, in the role of the model before."""
    model, tested = load_model(source), result.corrected
    figures: dict[str, object] = {}
    if tested is not None:
        figures = {"dice": {name: round(float(pair[1] or 0), 4) for name, pair in tested.regions.items()}}
        figures["test_cases"] = tested.cases
        if tested.before is not None:
            figures["before_dice"] = {name: round(float(pair[0] or 0), 4) for name, pair in tested.regions.items()}
    about = {**model.card.training_data, "adaptation": list(result.sentences())}
    save_model(target, replace(model.card, role=role, figures=figures, training_data=about), model.network)
