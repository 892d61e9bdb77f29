"""Adapting a model to corrected cases: little is forgotten, nothing is claimed that was not tested, nothing is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gate import Gate
from kdnet.cli import main
from kdnet.collection.correction import Correction
from kdnet.collection.store import Collection
from kdnet.data.dataset import Case, Dataset, ImageFile
from kdnet.data.formats.detect import read_dataset
from kdnet.data.references import read_reference
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError, SettingsError
from kdnet.model_file import load_model, save_model
from kdnet.runs.events import EventKind
from kdnet.runs.status import RunState, read_status
from kdnet.schema.adapt_request import AdaptOptions
from kdnet.schema.adaptation import read_adaptation
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.labels import IGNORED, brats_labels, exclusive_labels, post_treatment_labels
from kdnet.schema.model_card import read_card
from kdnet.schema.network_id import Role
from kdnet.schema.run_results import RunResults
from kdnet.study.adaptation import adaptation_splits, prepare_adaptation
from kdnet.study.adaptation_request import adaptation_request, free_run
from kdnet.study.results import read_results
from kdnet.study.time_budget import StepTimings, with_steps
from kdnet.tensor_file import weights_hash
from made_runs import end, events, start, study
from waiting import wait_until

SMALL = ("--device", "cpu", "--threads", "1", "--steps", "4", "--fold-count", "2", "--set", "checkpoint_seconds=0")


@pytest.fixture(scope="module")
def student(finished_run: Path) -> Path:
    return finished_run / "fold0/seed0/student-t1ce/model.safetensors"


def collect(phantom: Path, root: Path, indices: tuple[int, ...] = (0, 1, 2), **changes: object) -> Path:
    """A collection of phantom cases, each of a patient of its own, with changes to the corrections."""
    dataset = read_dataset(phantom)
    for index in indices:
        case = dataset.cases[index]
        content = {
            "scans": {"t1ce": read_volume(case.images["t1ce"].path)},
            "corrected": read_reference(case, dataset.labels),
            "labels": brats_labels(),
            "patient": case.name,
        }
        Collection(root).add(Correction(**{**content, **changes}))  # type: ignore[arg-type]
    return root


@pytest.fixture(scope="module")
def collection(phantom: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return collect(phantom, tmp_path_factory.mktemp("data") / "collection")


def adapt(model: Path, data: Path, folder: Path, *more: str) -> list[str]:
    return [
        "adapt",
        str(model),
        str(data),
        "-o",
        str(folder / "new.safetensors"),
        "--run",
        str(folder / "run"),
        *SMALL,
        *more,
    ]


def test_an_adapted_model_is_tested_on_other_patients_and_knows_its_ancestry(
    student: Path, collection: Path, phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = adapt(student, collection, tmp_path, "--force", "--old", str(phantom), "--unlabeled", str(phantom))
    assert main([*arguments, "--exclude", "Phantom_000", "--exclude", "Phantom_001", "--exclude", "Phantom_002"]) == 0
    printed = capsys.readouterr().out
    run, before, after = tmp_path / "run", load_model(student), load_model(tmp_path / "new.safetensors")
    result = read_adaptation(run / "adaptation.json")
    assert result.corrected is not None
    assert result.old is not None
    assert (result.corrected.patients, result.old.patients) == (3, 3)
    assert f"On patients not used for adapting: {result.corrected.before:.2f} -> {result.corrected.after:.2f} (3" in printed
    assert "On earlier patients not used for adapting" in printed

    ancestor = after.card.training_data["ancestry"][-1]
    assert ancestor["weights_sha256"] == weights_hash(before.network.state_dict())
    assert (after.card.role, after.card.modalities) == (before.card.role, before.card.modalities)
    assert after.card.preprocessing == before.card.preprocessing
    assert after.card.name == f"{before.card.name}, adapted"
    assert after.card.training_data["cases"] == 6

    encoder = {name for name in before.network.state_dict() if "convInit" in name or "down_layers" in name}
    changed = {
        name
        for name, value in after.network.state_dict().items()
        if not torch.equal(value, before.network.state_dict()[name])
    }
    assert changed, "something was learned"
    assert not changed & encoder, "few cases train the decoder alone"

    assert read_status(run).state is RunState.FINISHED
    steps = events(run, EventKind.STEP)
    assert {event.network.rpartition("/")[2] for event in steps} == {"student-t1ce"}
    assert all(event.values["losses"]["soft_target"] > 0 for event in steps), "the model before teaches"
    results = read_results(run)
    assert results.student.mean is not None
    assert results.student.mean.baseline == pytest.approx(
        np.average([result.corrected.before, result.old.before], weights=[3, 3]), abs=1e-6
    )
    assert (run / "report" / "report.html").read_text(encoding="utf-8").count("<table>") == 3


def test_the_model_before_is_compared_as_it_is(student: Path, collection: Path, tmp_path: Path) -> None:
    """A learning rate of almost zero changes no label, so before and after are equal, and the model is not written."""
    arguments = adapt(student, collection, tmp_path, "--set", "learning_rate=1e-12")
    assert main(arguments) == 1
    assert not (tmp_path / "new.safetensors").exists()
    result = read_adaptation(tmp_path / "run" / "adaptation.json")
    assert result.corrected is not None
    assert result.corrected.before == result.corrected.after
    assert result.improved is False
    trained = len(events(tmp_path / "run", EventKind.NETWORK_FINISHED))
    results = read_results(tmp_path / "run")
    assert results.student.model is not None
    assert results.offered(results.student) is None, "it is not offered"
    assert main(["resume", str(tmp_path / "run"), "--force"]) == 0
    assert len(events(tmp_path / "run", EventKind.NETWORK_FINISHED)) == trained, "nothing is trained again"
    results = RunResults.from_json(json.loads(json.dumps(read_results(tmp_path / "run").to_json())))
    assert results.offered(results.student) == (tmp_path / "new.safetensors").resolve()
    (tmp_path / "new.safetensors").unlink()
    assert main([*arguments, "--force"]) == 0, "the same as the whole command"
    assert read_card(tmp_path / "new.safetensors").training_data["adaptation"]


@pytest.mark.slow
def test_a_killed_adaptation_ends_with_the_same_weights(
    student: Path, collection: Path, tmp_path: Path, gate: Gate
) -> None:
    undisturbed, killed = tmp_path / "a", tmp_path / "b"
    more = ("--force", "--set", "steps=6")
    assert main(adapt(student, collection, undisturbed, *more)) == 0
    gate.close(event="step", step=4)
    process = start(*adapt(student, collection, killed, *more), module=gate.module)
    wait_until(lambda: read_steps(killed / "run") == [1, 2, 3, 4], process)
    assert list((killed / "run").rglob("checkpoint.safetensors"))
    process.kill()
    end(process)
    student_copy = (killed / "run" / "start.safetensors").read_bytes()
    assert student_copy
    assert main(["resume", str(killed / "run")]) == 0
    hashes = [weights_hash(load_model(folder / "new.safetensors").network.state_dict()) for folder in (undisturbed, killed)]
    assert hashes[0] == hashes[1]


DYING = """
import os, sys
from kdnet.cli import main
from kdnet.study import adaptation_result
setattr(adaptation_result, sys.argv.pop(1), lambda *_: os._exit(9))
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_process_killed_at_the_end_loses_neither_result_nor_model(
    student: Path, collection: Path, tmp_path: Path
) -> None:
    """Killed before each file that is written after the training: the next attempt goes on from there."""
    run, arguments = tmp_path / "run", adapt(student, collection, tmp_path, "--force")
    for place in ("_write_model", "write_json", "write_adaptation_report"):
        assert end(start(place, *arguments, module=("-c", DYING)))[0] == 9
        assert not (run / "report" / "report.html").exists()
        assert read_status(run).state is not RunState.FINISHED
        arguments = ["resume", str(run)]
    trained = len(events(run, EventKind.NETWORK_FINISHED))
    assert main(arguments) == 0
    assert len(events(run, EventKind.NETWORK_FINISHED)) == trained, "nothing is trained again"
    assert read_adaptation(run / "adaptation.json").written == (tmp_path / "new.safetensors").resolve()
    assert read_card(tmp_path / "new.safetensors").training_data["adaptation"]
    assert (run / "report" / "report.html").exists()


def read_steps(run: Path) -> list[int]:
    return [event.values["step"] for event in events(run, EventKind.STEP)]


def test_other_labels_get_new_outputs_and_are_not_compared(
    student: Path, phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = collect(phantom, tmp_path / "c", labels=exclusive_labels({1: "Core", 2: "Rest", 3: "Rim"}))
    model, known = tmp_path / "before.safetensors", load_model(student)
    save_model(model, replace(known.card, intended_use="contours of gliomas", limits="misses small ones"), known.network)
    assert main(adapt(model, data, tmp_path)) == 1
    assert "the model had other labels before, so there is no comparison" in capsys.readouterr().out
    assert main(adapt(model, data, tmp_path, "--force")) == 0
    card = read_card(tmp_path / "new.safetensors")
    assert [label.name for label in card.labels.labels] == ["Core", "Rest", "Rim"]
    assert "glioma" not in card.intended_use, "other labels are for something else"
    assert not card.limits
    steps = events(tmp_path / "run", EventKind.STEP)
    assert not any(event.values["losses"]["soft_target"] for event in steps), "it cannot teach other labels"
    rate, base = (read_card(path).recipe["learning_rate"] for path in (tmp_path / "new.safetensors", student))
    assert rate == base, "new outputs are not learned at a tenth of the rate"
    assert read_card(tmp_path / "new.safetensors").recipe["trained_layers"] == "all"


def test_a_collection_without_tumors_beside_one_with_is_allowed(student: Path, phantom: Path, tmp_path: Path) -> None:
    data = collect(phantom, tmp_path / "c", (0,))
    case = read_dataset(phantom).cases[1]
    scan = read_volume(case.images["t1ce"].path)
    empty = Volume(np.zeros(scan.grid.shape, np.uint8), scan.grid)
    Collection(data).add(Correction({"t1ce": scan}, empty, brats_labels(), patient="other", no_tumor=True))
    assert main(adapt(student, data, tmp_path, "--force")) == 0


def test_a_study_is_not_resumed_with_force(finished_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "resume it without --force" in refusal(["resume", str(finished_run), "--force"], capsys)


def test_the_time_limit_shortens_the_training_only(student: Path, collection: Path, tmp_path: Path) -> None:
    assert main(adapt(student, collection, tmp_path, "--force", "--minutes", "60")) == 0
    assert json.loads((tmp_path / "run" / "recipe.json").read_text(encoding="utf-8"))["steps"] == 4


def test_a_time_limit_leaves_as_many_steps_as_are_worth_while(student: Path, collection: Path, tmp_path: Path) -> None:
    """Three patients are four trainings; with a dozen steps each, a model only gets worse."""
    options = AdaptOptions(student, collection, tmp_path / "new.safetensors", minutes=5)
    request = adaptation_request(options)
    setup, second = prepare_adaptation(request), StepTimings((0.0, 0.0, 1.0), 0.0)
    with pytest.raises(SettingsError, match="give at least 9 min"):
        with_steps(request, setup, second)
    assert with_steps(replace(request, minutes=9), setup, second).steps == int(9 * 60 * 0.9 / 4)
    assert with_steps(replace(request, minutes=600), setup, second).steps == setup.recipe.steps
    few = adaptation_request(replace(options, steps=4))
    assert with_steps(few, prepare_adaptation(few), second).steps == 4, "as asked for"


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(arguments) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_what_cannot_be_adapted_is_refused_in_a_sentence(
    student: Path, collection: Path, phantom: Path, model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = collect(phantom, tmp_path / "one", (0,))
    same = collect(phantom, tmp_path / "same", (0, 1), patient="Doe")
    flair = tmp_path / "flair"
    scan = read_volume(read_dataset(phantom).cases[0].images["flair"].path)
    collect(phantom, flair, (0,), scans={"flair": scan})
    (tmp_path / "new.safetensors").write_text("thesis")
    for number, (model, data, folder, more, told) in enumerate(
        (
            (student, one, "x", (), "has 1 usable case of one patient"),
            (student, same, "x", (), "has 2 usable cases of one patient"),
            (student, flair, "x", (), "needs T1ce, but no case of"),
            (student, tmp_path / "nothing", "x", (), "is not a folder"),
            (model_file, collection, "x", (), "not one of kdnet's presets"),
            (phantom / "Phantom_000" / "Phantom_000_t1.nii.gz", collection, "x", (), "Phantom_000_t1.nii.gz"),
            (student, collection, "", (), "exists and is not a kdnet model file"),
            (student, collection, "x", ("--steps", "-1"), "--steps is -1"),
            (student, collection, "x", ("--set", "learning_rate=no"), "learning_rate"),
            (student, collection, "x", ("--exclude", "Nobody"), 'there is no case "Nobody"'),
        )
    ):
        place = tmp_path / f"{folder}{number}" if folder else tmp_path
        assert told in refusal(adapt(model, data, place, *more), capsys)
    assert (tmp_path / "new.safetensors").read_text() == "thesis"
    assert "is the model to adapt" in refusal(["adapt", str(student), str(collection), "-o", str(student)], capsys)


def test_one_patient_can_be_adapted_to_without_a_test(
    student: Path, phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(adapt(student, collect(phantom, tmp_path / "one", (0,)), tmp_path, "--force")) == 0
    assert "Not tested: there are no other patients to test on." in capsys.readouterr().out


def test_a_run_is_continued_until_its_cases_change(student: Path, phantom: Path, tmp_path: Path) -> None:
    data, first = collect(phantom, tmp_path / "c", (0, 1)), tmp_path / "run"
    options = AdaptOptions(student, data, tmp_path / "new.safetensors", steps=1, threads=1, fold_count=2, device="cpu")
    request = adaptation_request(options)
    assert free_run(first, request) == first
    assert main([*options.arguments(), "--run", str(first), "--force"]) == 0
    assert free_run(first, request) == first, "the model can still be written"
    assert free_run(first, replace(request, minutes=9.0)) == tmp_path / "run-2"
    collect(phantom, data, (2,))
    assert free_run(first, adaptation_request(options)) == tmp_path / "run-2"


def dataset(corrected: dict[str, str], earlier: dict[str, str]) -> Dataset:
    cases = tuple(
        Case(name, {"t1ce": ImageFile(Path(name))}, ImageFile(Path("r")), patient=patient)
        for name, patient in (corrected | earlier).items()
    )
    return Dataset(Path("c"), "collection", ("t1ce",), brats_labels(), cases, earlier=frozenset(earlier))


def test_patients_are_divided_as_a_whole_and_all_are_used_in_the_end() -> None:
    data = dataset({f"c{i}": f"p{i // 2}" for i in range(8)}, {f"o{i}": f"p{i}" for i in range(3)} | {"x": "q"})
    splits = adaptation_splits(data, ["u"], 0, force=False)
    assert sorted(splits) == [ALL_CASES, 0, 1, 2, 3], "one fold per patient"
    for fold, part in splits.items():
        assert not set(part.train) & set(part.test)
        assert "u" in part.train
        if fold != ALL_CASES:
            patients = {name: data.patients[name] for name in (*part.train[:-1], *part.test)}
            assert not {patients[name] for name in part.test} & {patients[name] for name in part.train[:-1]}
            assert set(part.validation) <= set(part.test)
    assert set(splits[ALL_CASES].train) == {*data.patients, "u"}
    assert not splits[ALL_CASES].test
    with pytest.raises(DataError, match="no usable corrected case"):
        adaptation_splits(dataset({}, {"o": "p"}), [], 0, force=False)


def test_a_study_starts_from_a_model(
    student: Path, phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    still = ("--set", "learning_rate=1e-12", "--set", "steps=2", "--set", "validation_every=2", "--start", str(student))
    assert main(study(phantom, tmp_path / "run", *still)) == 0
    before = load_model(student).network.state_dict()
    for role in (Role.BASELINE, Role.STUDENT):
        model = load_model(tmp_path / "run" / "fold0" / "seed0" / f"{role.value}-t1ce" / "model.safetensors")
        torch.testing.assert_close(dict(model.network.state_dict()), dict(before), atol=1e-6, rtol=0)
        assert model.card.training_data["ancestry"][0]["weights_sha256"] == weights_hash(before)
        assert "adapted" not in model.card.name
    other = study(phantom, tmp_path / "other", "--student", "t2", *still)
    other.remove("t1ce")
    other.remove("--student")
    assert "no network of the study takes T1ce" in refusal(other, capsys)
    wrong = study(phantom, tmp_path / "other2", *still, "--set", "spacing=[5,5,5]")
    assert "give --set spacing=[6,6,6]" in refusal(wrong, capsys)


def test_unlabeled_cases_are_prepared_without_labels(phantom: Path, tmp_path: Path) -> None:
    from kdnet.data.preprocessing.case_cache import CaseCache
    from kdnet.schema.preprocessing import Preprocessing

    case = replace(read_dataset(phantom).cases[0], reference=None)
    prepared = CaseCache(tmp_path, Preprocessing((6.0, 6.0, 6.0)), post_treatment_labels()).get(case)
    assert set(np.unique(prepared.labelmap)) == {IGNORED}
