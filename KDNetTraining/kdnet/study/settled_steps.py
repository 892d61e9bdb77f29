"""Steps of a study with a time budget, settled again once its first networks have shown how fast the computer is.

The first number of steps comes from a few trial steps. What a whole training takes, and what else the computer does
meanwhile, shows only later. So before each teacher, and before the networks of each fold and seed that are compared with
each other, the steps that still fit are computed from the trainings that have finished. Baseline, control and student thus
always have the same number of steps. It is written down before the first of them starts, so that a run that is resumed uses
it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kdnet.errors import RunFolderError
from kdnet.files import write_json
from kdnet.foreign import read_json, reading
from kdnet.runs.events import EventKind, read_events
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.recipe import Recipe
from kdnet.study.running_study import RunningStudy
from kdnet.study.time_budget import RESERVE, TEST_CASE, VALIDATIONS, StepTimings, steps_that_fit, with_step_count

REMEDY = "start a new run"

CHANGE = 2.0  # at most, in either direction: folds stay comparable, and a learning rate schedule is never cut short

NOTABLE = 0.1  # relative change of the steps that is reported


@dataclass(frozen=True)
class Settled:
    """What was settled so far, as it is kept in the run folder.

    Attributes:
        timings: of the trial steps.
        steps: by group of networks.
    """

    timings: StepTimings
    steps: Mapping[str, int]

    @staticmethod
    def read(path: Path) -> Settled | None:
        """Read the file of a run; None if the run has none, as one without a time budget."""
        if not path.exists():
            return None
        content = read_json(path, REMEDY, RunFolderError)
        with reading(path, REMEDY, RunFolderError):
            trial = content["timings"]
            teacher, baseline, student = map(float, trial["step"])
            timings = StepTimings((teacher, baseline, student), float(trial["case"]), float(trial["decoding"]))
            return Settled(timings, {str(group): int(steps) for group, steps in content["steps"].items()})

    def write(self, path: Path) -> None:
        """Write it, atomically."""
        write_json(path, asdict(self))


def group_of(network: NetworkId) -> str:
    """Return what networks of the same number of steps share: fold and seed, and whether they are teachers.

    Example:
        >>> group_of(NetworkId(Role.STUDENT, ("t1ce",), 0, 0)), group_of(NetworkId(Role.TEACHER, ("t1", "t1ce"), 0, 0))
        ('fold0/seed0/students', 'fold0/seed0/teacher')
    """
    unit = network.key.rsplit("/", 1)[0]
    return f"{unit}/{'teacher' if network.role is Role.TEACHER else 'students'}"


def recipe_of(network: NetworkId, study: RunningStudy) -> Recipe:
    """Return the recipe of a network, with the steps that were settled for it."""
    steps = study.steps.get(group_of(network), study.recipe.steps)
    return study.recipe if steps == study.recipe.steps else with_step_count(study.recipe, steps)


def settle_steps(network: NetworkId, minutes: float, study: RunningStudy) -> None:
    """Settle the steps of ``network`` and of those compared with it, unless that was done; all processes call this.

    Args:
        network: about to be trained, or trained already.
        minutes: time budget of the study; 0 for none.
        study: which then knows the steps.
    """
    if not minutes or study.setup.adapts or network not in study.setup.trained:
        return
    group = group_of(network)
    study.steps[group] = study.context.processes.once(lambda: _settled(group, minutes, study))
    for other in study.setup.trained:
        if group_of(other) == group:
            study.time_remaining.settle(other, study.steps[group])


def _settled(group: str, minutes: float, study: RunningStudy) -> int:
    """Return the steps of a group; settle them, and write them down, where they are not settled yet."""
    path = study.run.steps
    known = Settled.read(path)
    if known is None:  # a run of an older version
        return study.recipe.steps
    if group not in known.steps:
        seconds = _training_seconds(study)
        steps = steps_still_fitting(minutes, study, known, seconds) if seconds else study.recipe.steps
        known = replace(known, steps={**known.steps, group: steps})
        settled = known
        study.record.keep(lambda: settled.write(path))
        if abs(steps - study.recipe.steps) > NOTABLE * study.recipe.steps:
            text = f"{group}: {steps} instead of {study.recipe.steps} steps, by the time that finished networks took."
            study.record.write(EventKind.WARNING, text=text)
    return known.steps[group]


def steps_still_fitting(minutes: float, study: RunningStudy, known: Settled, seconds: Mapping[NetworkId, float]) -> int:
    """Return the steps of each network that is not trained yet, at the pace of those that are.

    Args:
        minutes: time budget of the study.
        study: what is to be done.
        known: what was settled for the trained networks.
        seconds: that their trainings took.
    """
    setup, timings = study.setup, known.timings
    expected = sum(
        known.steps.get(group_of(network), study.recipe.steps) * timings.of(network.role)
        + VALIDATIONS * timings.case * len(setup.split_of(network).validation)
        for network in seconds
    )
    pace = sum(seconds.values()) / expected if expected > 0 else 1.0
    now = timings.at_pace(pace)
    scored = [network for network in setup.networks if study.folder(network).scores.exists()]
    spent = sum(seconds.values()) + sum(setup.decoded_cases(network) for network in seconds) * now.decoded_case
    spent += TEST_CASE * now.case * sum(len(setup.split_of(network).test) for network in scored)
    left = [network for network in setup.trained if network not in seconds]
    fitting = steps_that_fit(
        minutes * 60 * RESERVE - spent,
        now,
        networks=_by_role(left),
        validation_cases=max(len(part.validation) for part in setup.data.splits.values()),
        tests=sum(len(setup.split_of(network).test) for network in setup.networks if network not in scored),
        decoded=sum(map(setup.decoded_cases, left)),
    )
    least, most = study.recipe.steps / CHANGE, study.recipe.steps * CHANGE
    return max(1, round(min(max(fitting, least), most)))


def _by_role(networks: list[NetworkId]) -> Mapping[Role, int]:
    return {role: sum(network.role is role for network in networks) for role in {network.role for network in networks}}


def _training_seconds(study: RunningStudy) -> Mapping[NetworkId, float]:
    """Return the seconds that finished trainings took, without interruptions."""
    trained = {network.key: network for network in study.setup.trained}
    found: dict[NetworkId, float] = {}
    for event in read_events(study.run.events)[0]:
        values: Mapping[str, Any] = event.values
        if event.event is EventKind.NETWORK_FINISHED and event.network in trained and values.get("seconds"):
            found[trained[event.network]] = float(values["seconds"])
    return found


def keep_timings(path: Path, timings: StepTimings) -> None:
    """Write the timings of the trial steps, before any steps are settled again."""
    Settled(timings, {}).write(path)
