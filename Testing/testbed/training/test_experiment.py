"""Choosing an experiment: recipes fill in their values, and only what differs from them is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import choose_recipe


def pick(selector: Any, text: str) -> None:
    texts = [selector.itemText(index) for index in range(selector.count)]
    selector.currentIndex = texts.index(text)


def test_a_recipe_fills_in_its_values(training: Any) -> None:
    pick(training.ui.recipeSelector, "paper")
    assert training.ui.lambdaSpinBox.value == 0.75
    assert training.ui.temperatureSpinBox.value == 5.0
    assert training.ui.gammaSpinBox.value == 10.0
    assert training.ui.networkSelector.currentText == "dynunet-16"
    assert training.experiment.config.settings() == {}


def test_only_changed_values_are_asked_for(training: Any) -> None:
    pick(training.ui.recipeSelector, "fast")
    training.ui.temperatureSpinBox.value = 3
    training.ui.lambdaSpinBox.value = 0.25
    pick(training.ui.latentReductionSelector, "Per element")
    pick(training.ui.studentNetworkSelector, "dynunet-8-shallow")
    assert training.experiment.config.settings() == {
        "student_network": "dynunet-8-shallow",
        "distillation.lambda_": 0.25,
        "distillation.temperature": 3.0,
        "distillation.latent_reduction": "element",
    }


def test_the_request_is_the_command(training: Any, chosen: Any) -> None:
    chosen()
    ui = training.ui
    pick(ui.lengthSelector, "Epochs")
    ui.amountSpinBox.value = 4
    ui.seedsEdit.text = "0, 1"
    ui.threadsSpinBox.value = 1
    pick(ui.labelsSelector, "BraTS regions (ET, TC, WT)")
    ui.runNameEdit.text = "mine"
    line = training.request().commandLine().splitlines()[0]
    for part in ("--epochs 4", "--seeds 0,1", "--threads 1", "--labels brats", "--folds 0", "runs/mine"):
        assert part in line
    ui.processesSpinBox.value = 2
    assert training.request().commandLine().startswith("torchrun --standalone --nproc-per-node 2 -m kdnet study")


def test_a_control_is_trained_where_the_student_starts_from_its_teacher(training: Any, chosen: Any) -> None:
    chosen(init_from_teacher=True)
    ui = training.ui
    assert "--control" not in training.request().commandLine()
    assert ui.controlCheckBox.enabled
    ui.controlCheckBox.checked = True
    assert "--control" in training.request().commandLine()
    ui.initFromTeacherCheckBox.checked = False
    assert not ui.controlCheckBox.enabled
    assert "--control" not in training.request().commandLine()


def test_settings_of_the_divergence_are_off_for_other_methods(training: Any) -> None:
    pick(training.ui.recipeSelector, "fast")
    assert training.ui.latentSoftmaxSelector.enabled
    pick(training.ui.latentMethodSelector, "Prototypes (ProtoKD)")
    assert not training.ui.latentSoftmaxSelector.enabled
    assert training.experiment.config.settings() == {"distillation.latent_method": "prototypes"}
    training.ui.gammaSpinBox.value = 0
    assert not training.ui.latentMethodSelector.enabled


def test_a_teacher_can_be_pretrained(training: Any, chosen: Any) -> None:
    chosen()
    pick(training.ui.teacherSourceSelector, "Model file or MONAI bundle")
    assert "Choose the teacher's file" in training.ui.startButton.toolTip
    training.ui.teacherFileEdit.currentPath = "/models/teacher.safetensors"
    assert "--teacher /models/teacher.safetensors" in training.request().commandLine()


def test_a_recipe_file_is_read_and_a_bad_one_reported(training: Any, until: Any, recipe_file: Any) -> None:
    choose_recipe(training, recipe_file(), until)
    assert training.ui.networkSelector.currentText == "segresnet-4"
    assert training.ui.temperatureSpinBox.value == 2.0
    training.ui.recipeFileEdit.currentPath = str(recipe_file(network="huge"))
    until(lambda: '"huge" is unknown' in training.ui.experimentLabel.text)
    assert not training.ui.startButton.enabled
    pick(training.ui.recipeSelector, "fast")
    assert "huge" not in training.ui.experimentLabel.text


def test_seeds_that_are_none_are_reported(training: Any, chosen: Any) -> None:
    chosen()
    training.ui.seedsEdit.text = "one"
    assert "integers" in training.ui.startButton.toolTip


def test_a_plan_is_shown_as_text_and_becomes_outdated(training: Any, chosen: Any, until: Any) -> None:
    chosen()
    training.ui.planButton.click()
    assert training.ui.planButton.text == "Cancel"
    until(lambda: training.ui.planButton.text == "Plan")
    assert "3 networks of 12 steps" in training.ui.planLabel.text
    assert "Teacher, Baseline T1ce, Student T1ce" in training.ui.planLabel.text
    assert "Fold 0: " in training.ui.planLabel.text
    assert " to train, " in training.ui.planLabel.text
    training.ui.gammaSpinBox.value = 3
    assert "Plan again" in training.ui.planLabel.text


def test_what_a_plan_refuses_cannot_be_started_until_the_choices_change(
    training: Any, chosen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from KDNetLib.Worker import Failure

    chosen()
    failing = []
    monkeypatch.setattr(training.logic, "startPlan", lambda _request, **callbacks: failing.append(callbacks["onFailed"]))
    reason = "The time budget of 0.1 min is too short for 3 networks on this machine: give at least 1 min."
    training.ui.planButton.click()
    failing[-1](Failure(reason))
    assert training.ui.planLabel.text == reason
    assert not training.ui.startButton.enabled
    assert training.ui.startButton.toolTip.startswith(reason)
    training.ui.runNameEdit.text = "another"  # does not change what is trained
    assert not training.ui.startButton.enabled
    training.ui.gammaSpinBox.value = 3
    assert training.ui.startButton.enabled
    assert not training.ui.planLabel.visible
    training.ui.planButton.click()
    failing[-1](Failure(reason))
    training.ui.planButton.click()  # asks again
    assert training.ui.planButton.text == "Plan"
    assert training.ui.startButton.enabled


def test_the_amount_has_a_unit_and_a_fraction_of_an_epoch_is_one(training: Any, chosen: Any) -> None:
    chosen()
    pick(training.ui.lengthSelector, "Epochs")
    training.ui.amountSpinBox.value = 0.4
    assert training.ui.amountSpinBox.suffix == " epochs"
    assert training.request().epochs == 0.4
    assert "--epochs 0.4" in training.request().commandLine()
    pick(training.ui.lengthSelector, "Time budget")
    assert training.ui.amountSpinBox.suffix == " min"
    assert "--minutes 0.4" in training.request().commandLine()


def test_a_student_that_learns_nothing_from_its_teacher_is_warned_of(training: Any, chosen: Any) -> None:
    chosen()
    assert not training.ui.experimentLabel.visible
    training.ui.lambdaSpinBox.value = training.ui.gammaSpinBox.value = 0
    assert "trained exactly like its baseline" in training.ui.experimentLabel.text
    assert training.ui.startButton.enabled
    training.ui.initFromTeacherCheckBox.checked = True
    assert "no loss compares the two" in training.ui.experimentLabel.text
    training.ui.gammaSpinBox.value = 0.5
    assert not training.ui.experimentLabel.visible


@pytest.mark.parametrize("name", ["LatentMethod", "LatentSoftmax", "LatentReduction"])
def test_latent_choices_are_those_of_a_recipe(training: Any, name: str) -> None:
    from kdnet.schema import distillation_settings
    from KDNetTrainingLib import Parameters

    values = [item.value for item in getattr(distillation_settings, name)]
    assert [item.value for item in getattr(Parameters, name)] == values
    assert all(item.label() for item in getattr(Parameters, name))
