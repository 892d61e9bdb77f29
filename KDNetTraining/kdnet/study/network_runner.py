"""Training and scoring one network of a study, unless that is done already."""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import asdict, replace

from kdnet.errors import RunFolderError
from kdnet.files import write_json
from kdnet.inference.precision import BFLOAT16_AGREEMENT
from kdnet.model_file import Model, load_model, save_model
from kdnet.runs.events import EventKind, read_events
from kdnet.runs.folder import NetworkFolder
from kdnet.schema.model_card import read_card
from kdnet.schema.network_id import NetworkId
from kdnet.schema.results import Score
from kdnet.study.decoding_sizes import cases_to_learn_from, learned_card
from kdnet.study.export import copy_model, tested_figures
from kdnet.study.jobs import channels, descendant_card, model_card, training_job
from kdnet.study.reader import open_readonly, read_scores
from kdnet.study.running_study import RunningStudy
from kdnet.study.scoring import clear_parts, score_network
from kdnet.study.settled_steps import recipe_of
from kdnet.study.training_events import TrainingEvents
from kdnet.training.teacher import Teacher
from kdnet.training.trainer import Trainer
from kdnet.training.validation import validated_agreement


def provide_model(network: NetworkId, study: RunningStudy) -> None:
    """Train a network, or copy the pretrained teacher, unless the run has its model; then all processes can read it.

    Raises:
        Interrupted: after a stop request, once the state is saved.
        KDNetError: when the training diverges, or the disk is full.
    """
    folder, setup = study.folder(network), study.setup
    folder.root.mkdir(parents=True, exist_ok=True)
    if study.context.processes.broadcast(folder.model.exists()):
        study.record.keep(lambda: _complete_record(network, study))
    elif (given := setup.given(network)) is not None:
        study.record.keep(lambda: save_model(folder.model, replace(given.card, role=network.role), given.network))
    else:
        _train(network, study)
    study.context.processes.gather(None)  # one process writes the model file, all read it


def provide_scores(network: NetworkId, study: RunningStudy) -> None:
    """Score a network on the test cases of its fold, unless the run has its scores.

    Raises:
        Interrupted: after a stop request, between two cases.
        KDNetError: when a case cannot be read, or the disk is full.
    """
    cases = study.test_cases(network)
    names = {case.name for case in cases}
    if not study.context.processes.once(lambda: _is_scored(network, study.folder(network), names)):
        scores = score_network(network, cases, study)
        study.record.keep(lambda: _keep_scores(network, study, scores))
    study.time_remaining.finish(network)


def _train(network: NetworkId, study: RunningStudy) -> None:
    setup, folder = study.setup, study.folder(network)
    teacher = None
    if setup.adapts:
        teacher = setup.pretrained_teacher()
    elif network.role.needs_teacher:
        model = load_model(study.folder(setup.teacher_of(network)).model)
        teacher = Teacher(model.network, channels(model.card.modalities, setup.data))
    recipe = recipe_of(network, study)
    job = training_job(network, setup.data, study.prepared, recipe, teacher, setup.start_of(network))
    job = replace(job, decoding=setup.decoding)
    events = TrainingEvents(network, study.record, study.time_remaining)
    result = Trainer(job, study.context, folder.checkpoint, events).train()

    def keep() -> None:
        card = model_card(network, setup.data, recipe, result, setup.decoding)
        if setup.start is not None and job.start is not None:
            card = descendant_card(card, setup.start, adapts=setup.adapts)
        agreement = {BFLOAT16_AGREEMENT: validated_agreement(result.network, job)} if job.validation else {}
        card = replace(card, figures={**card.figures, **agreement})
        if not setup.adapts:  # an adapted model is compared with the one before, so both decode alike
            cases = cases_to_learn_from(
                setup.split_of(network), setup.data.dataset.cases, network.modalities, study.recipe.decoding_cases
            )
            card = learned_card(Model(card, result.network), cases, study.context.device)
        save_model(folder.model, card, result.network)
        _record_model(network, study)

    study.record.keep(keep)


def _record_model(network: NetworkId, study: RunningStudy) -> None:
    """Remove the state that the model file replaces, and record that the network is trained."""
    folder = study.folder(network)
    folder.checkpoint.unlink(missing_ok=True)
    trained = read_card(folder.model).training_data
    study.record.write(
        EventKind.NETWORK_FINISHED,
        network.key,
        step=int(trained.get("step", 0)),
        model=folder.model.relative_to(study.run.root).as_posix(),
        seconds=float(trained.get("seconds", 0.0)),
        cpu_seconds=float(trained.get("cpu_seconds", 0.0)),
    )


def _complete_record(network: NetworkId, study: RunningStudy) -> None:
    """Complete the work of a process that was killed right after writing a model file."""
    if network not in study.setup.trained:
        return
    known = read_events(study.run.events)[0]
    if any(event.event is EventKind.NETWORK_FINISHED and event.network == network.key for event in known):
        study.folder(network).checkpoint.unlink(missing_ok=True)
    else:
        _record_model(network, study)


def _keep_scores(network: NetworkId, study: RunningStudy, scores: Sequence[Score]) -> None:
    """Write the scores, and before them the test figures to the model file, for use outside the run."""
    folder = study.folder(network)
    figures = tested_figures(network, [*open_readonly(study.run.root).scores(), *scores])
    if figures:
        copy_model(folder.model, folder.model, figures)
    write_json(folder.scores, [asdict(score) for score in scores])
    clear_parts(folder)


def _is_scored(network: NetworkId, folder: NetworkFolder, cases: Set[str]) -> bool:
    """Check whether the network is scored on ``cases``; drop other or damaged scores, to score again."""
    if not folder.scores.is_file():
        return False
    own = (network.role, network.modality_key, *network.unit)
    with suppress(RunFolderError):
        scores = read_scores(folder.scores)
        of_others = any((score.role, score.modalities, score.fold, score.seed) != own for score in scores)
        if not of_others and {score.case for score in scores} == cases:
            return True
    folder.scores.unlink()
    return False
