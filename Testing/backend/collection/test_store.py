"""A collection keeps corrected segmentations so that they can be trained on, and nothing about patients."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kdnet.cli import main
from kdnet.collection import case_content, store
from kdnet.collection.correction import Correction, Origin
from kdnet.collection.store import Collection
from kdnet.data.formats.detect import read_dataset
from kdnet.data.inspection import inspect_dataset
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.errors import DataError, KDNetError
from kdnet.schema.collection import BrainMask, CollectedCase, CollectionContent
from kdnet.schema.labels import brats_labels, exclusive_labels

GRID = Grid((20, 22, 18), np.diag([-2.0, -2.0, 2.0, 1.0]))


def correction(seed: int = 0, **changes: object) -> Correction:
    random = np.random.default_rng(seed)
    scan = random.integers(1, 900, GRID.shape).astype(np.int16)
    labels = np.zeros(GRID.shape, np.uint8)
    labels[5:12, 5:12, 5:12] = 2
    labels[7:10, 7:10, 7:10] = 3
    original = labels.copy()
    original[5:7] = 0
    content = {
        "scans": {"t1ce": Volume(scan, GRID)},
        "corrected": Volume(labels, GRID),
        "labels": brats_labels(),
        "original": Volume(original, GRID),
        "patient": "Doe^Jane 1970",
        "origin": Origin("Brain tumor T1ce", "ab12", "The brain was extracted."),
    }
    return Correction(**{**content, **changes})  # type: ignore[arg-type]


def empty() -> Volume:
    return Volume(np.zeros(GRID.shape, np.uint8), GRID)


def test_a_collected_case_is_one_that_a_study_reads(tmp_path: Path) -> None:
    case = Collection(tmp_path / "c").add(correction())
    assert (case.name, case.modalities, case.brain_mask) == ("case-001", ("t1ce",), BrainMask.NONE)
    dataset = read_dataset(tmp_path / "c")
    (listed,) = dataset.cases
    assert (dataset.format, dataset.modalities, dataset.labels) == ("collection", ("t1ce",), brats_labels())
    assert listed.patient == case.patient
    (report,) = inspect_dataset(dataset)
    assert (report.labels, report.problems) == ((2, 3), ())
    assert not dataset.notes, "the segmentation of the model is not a stray file"
    np.testing.assert_array_equal(read_volume(listed.reference.path).voxels, correction().corrected.voxels)


def test_the_record_shows_how_much_was_changed(tmp_path: Path) -> None:
    case = Collection(tmp_path).add(correction())
    voxel = 0.008
    assert case.changed_ml["Edema"] == pytest.approx(2 * 7 * 7 * voxel, abs=1e-3)
    assert case.changed_ml["WT"] == pytest.approx(2 * 7 * 7 * voxel, abs=1e-3)
    assert case.changed_ml["TC"] == 0
    assert (case.model, case.model_hash, case.preparation) == ("Brain tumor T1ce", "ab12", "The brain was extracted.")
    assert CollectedCase.from_json(json.loads((tmp_path / "case-001" / "case.json").read_text())) == case


def test_no_file_names_the_patient_and_equal_patients_are_recognized(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    first, second = collection.add(correction(0)), collection.add(correction(1, patient=" doe^jane 1970 "))
    other, unknown, unknown_too = (
        collection.add(correction(seed, patient=name)) for seed, name in ((2, "X"), (3, ""), (4, ""))
    )
    assert first.patient == second.patient
    assert len({first.patient, other.patient, unknown.patient, unknown_too.patient}) == 4
    for path in tmp_path.rglob("*"):
        assert "doe" not in path.name.lower()
        assert path.is_dir() or b"doe" not in path.read_bytes().lower()


def test_the_brain_mask_is_applied_to_the_scan_and_kept(tmp_path: Path) -> None:
    mask = np.zeros(GRID.shape, np.uint8)
    mask[4:16, 4:16, 4:16] = 1
    given = correction(brain=Volume(mask, GRID), origin=Origin(brain_mask=BrainMask.EXTRACTED))
    case = Collection(tmp_path).add(given)
    scan = read_volume(tmp_path / "case-001" / "case-001_t1ce.nii.gz").voxels
    assert case.brain_mask is BrainMask.EXTRACTED
    assert not scan[mask == 0].any()
    np.testing.assert_array_equal(scan[mask == 1], given.scans["t1ce"].voxels[mask == 1])
    assert (tmp_path / "case-001" / "case-001_brain.nii.gz").is_file()


def moved() -> Volume:
    affine = GRID.affine.copy()
    affine[0, 3] = 5
    return Volume(correction().corrected.voxels, Grid(GRID.shape, affine))


def test_a_case_is_corrected_again_without_its_scan(tmp_path: Path) -> None:
    mask = np.zeros(GRID.shape, np.uint8)
    mask[4:16, 4:16, 4:16] = 1
    collection, given = Collection(tmp_path), correction(brain=Volume(mask, GRID))
    before = collection.add(given)
    files = {path.name: path.read_bytes() for path in (tmp_path / "case-001").glob("*.nii.gz")}
    again = given.corrected.voxels.copy()
    again[5:7] = 0  # as the model had it
    after = collection.correct("case-001", Volume(again, GRID))
    assert before.changed_ml["Edema"] > 0
    assert after == replace(before, changed_ml=dict.fromkeys(before.changed_ml, 0.0))
    seg = tmp_path / "case-001" / "case-001_seg.nii.gz"
    np.testing.assert_array_equal(read_volume(seg).voxels, again)
    unchanged = {path.name for path in seg.parent.glob("*.nii.gz") if path.read_bytes() == files[path.name]}
    assert unchanged == files.keys() - {seg.name}
    assert collection.content().cases == (after,)
    assert collection.find(given) == after, "the scan is still recognized"
    assert collection.find(correction(1)) is None


def test_a_case_stays_if_it_cannot_be_corrected_again(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    before = collection.add(correction())
    for name, labelmap, sentence in (
        ("case-001", empty(), "is empty"),
        ("case-001", WRONG, "unknown label 7"),
        ("case-001", moved(), "different geometry"),
        ("case-002", correction().corrected, 'no case named "case-002"'),
    ):
        with pytest.raises(DataError, match=sentence):
            collection.correct(name, labelmap)
    assert collection.content().cases == (before,)
    assert collection.correct("case-001", empty(), no_tumor=True).no_tumor


WRONG = Volume(np.full(GRID.shape, 7, np.uint8), GRID)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"corrected": moved()}, "the corrected segmentation has a different geometry than the T1ce scan"),
        ({"original": moved()}, "the segmentation of the model has a different geometry"),
        ({"brain": moved()}, "the brain mask has a different geometry"),
        ({"corrected": WRONG}, "the corrected segmentation contains the unknown label 7: use only 1 "),
        ({"corrected": Volume(np.full(GRID.shape, 1.5, np.float32), GRID)}, "contains the unknown label 1.5"),
        ({"corrected": empty()}, "the corrected segmentation is empty: segment the tumor, or confirm"),
        ({"no_tumor": True}, "the corrected segmentation is not empty"),
        ({"brain": empty()}, "the brain mask is empty"),
        ({"scans": {}}, "there is no scan to collect"),
        ({"scans": {"t1ce": empty()}}, "every voxel"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_and_leaves_nothing(
    tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        Collection(tmp_path / "c").add(correction(**changes))
    assert not (tmp_path / "c").exists()


def test_a_case_without_tumor_is_a_negative(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    collection.add(correction())
    case = collection.add(correction(1, corrected=empty(), no_tumor=True))
    assert case.no_tumor
    assert [report.problems for report in inspect_dataset(read_dataset(tmp_path))] == [(), ()]


def test_a_scan_is_collected_once_and_can_be_replaced(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    before = collection.add(correction())
    with pytest.raises(DataError, match="collected already as case-001: replace that case"):
        collection.add(correction(patient="other"))
    better = correction().corrected.voxels.copy()
    better[0, 0, 0] = 1
    after = collection.replace("case-001", correction(corrected=Volume(better, GRID), original=None, patient=""))
    assert after.patient == before.patient
    assert after.model == before.model, "the segmentation of the model stays beside the new correction"
    assert after.changed_ml["TC"] == pytest.approx(0.008, abs=1e-3), "compared with it"
    assert read_volume(tmp_path / "case-001" / "case-001_seg.nii.gz").voxels[0, 0, 0] == 1
    assert (tmp_path / "case-001" / "case-001_model.nii.gz").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case-001", "collection.json"]


def test_a_removed_case_is_gone_and_its_name_free(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    collection.add(correction())
    collection.add(correction(1), "second.visit")
    collection.remove("case-001")
    assert [case.name for case in collection.content().cases] == ["second.visit"]
    assert collection.add(correction()).name == "case-001"
    with pytest.raises(DataError, match='no case named "case-009"'):
        collection.remove("case-009")


@pytest.mark.parametrize("name", ["../up", "a/b", "", "x" * 61, "con", "Jane Doe", ".hidden", "dot."])
def test_a_name_that_cannot_be_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    if name:
        with pytest.raises(DataError, match="cannot name a case"):
            Collection(tmp_path).add(correction(), name)


def test_a_taken_name_and_other_labels_are_refused(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    collection.add(correction(), "a")
    with pytest.raises(DataError, match='already has a case named "A"'):
        collection.add(correction(1), "A")
    with pytest.raises(DataError, match="but the segmentation Cyst, Lesion, Rest: choose another collection"):
        collection.add(correction(1, labels=exclusive_labels({1: "Cyst", 2: "Lesion", 3: "Rest"})))


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="contains other files"):
        Collection(tmp_path).add(correction())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_failed_write_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = Collection(tmp_path)
    before = collection.add(correction())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "rename_over", full)
    with pytest.raises(KDNetError, match="No space left on device"):
        collection.replace("case-001", correction(1))
    monkeypatch.undo()
    assert collection.content().cases == (before,), "the case is put back"
    with pytest.raises(DataError, match="collected already"):
        collection.add(correction())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("action", ["add", "replace", "correct"])
@pytest.mark.parametrize("step", range(5))
def test_a_process_killed_anywhere_loses_nothing(tmp_path: Path, action: str, step: int) -> None:
    """Killed at each write: the case is there as before, or as it should be, and the next attempt works."""
    collection, better = Collection(tmp_path), correction(corrected=Volume(correction().corrected.voxels * 0 + 2, GRID))
    known = {"case-001": collection.add(correction())} if action != "add" else {}

    def work() -> CollectedCase:
        if action == "correct":
            return collection.correct("case-001", better.corrected)
        return collection.replace("case-001", better) if action == "replace" else collection.add(better)

    child = os.fork()
    if child == 0:
        _die_at(step)
        work()
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    (listed,) = collection.content().cases or (None,)
    if listed is not None:
        seg = read_volume(tmp_path / "case-001" / "case-001_seg.nii.gz").voxels
        changed = bool((seg == 2).all())
        assert (listed == known.get("case-001")) != changed, "files and record belong together"
        assert {path.name for path in (tmp_path / "case-001").iterdir()} >= {"case-001_t1ce.nii.gz", "case.json"}
    assert listed is not None or (killed and action == "add")
    if killed and not (action == "add" and listed is not None):
        assert work().name == "case-001"
    assert [case.name for case in collection.content().cases] == ["case-001"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("place", ["rename", "rmtree"])
def test_a_process_killed_while_removing_leaves_a_whole_case_or_none(tmp_path: Path, place: str) -> None:
    collection = Collection(tmp_path)
    case = collection.add(correction())
    child = os.fork()
    if child == 0:
        owner = Path if place == "rename" else store.shutil
        setattr(owner, place, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        collection.remove("case-001")
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert collection.content().cases == ((case,) if place == "rename" else ())
    if place == "rename":
        collection.remove("case-001")
    assert collection.add(correction()).name == "case-001"


def _die_at(step: int) -> None:
    """Kill this process before its write number ``step``."""
    count = 0

    def dying(function: Callable[..., object]) -> Callable[..., object]:
        def write(*arguments: object) -> object:
            nonlocal count
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1
            return function(*arguments)

        return write

    for module, name in ((case_content, "write_volume"), (store, "write_json"), (store, "rename_over")):
        setattr(module, name, dying(getattr(module, name)))


def test_a_damaged_record_is_named_and_hides_no_other_case(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    collection.add(correction())
    collection.add(correction(1))
    (tmp_path / "case-001" / "case.json").write_text('{"patient": 3}')
    content = collection.content()
    assert [case.name for case in content.cases] == ["case-002"]
    assert "case.json is damaged" in content.problems[0]
    assert CollectionContent.from_json(json.loads(json.dumps(content.to_json()))) == content


def test_modalities_of_mixed_cases(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    scan = correction().scans["t1ce"]
    for seed in range(3):
        collection.add(correction(seed, scans={"flair": replace(scan, voxels=scan.voxels + seed)}))
    collection.add(correction(9))
    assert read_dataset(tmp_path).modalities == ("flair",)
    asked = read_dataset(tmp_path, wanted=("t1ce",))
    assert asked.modalities == ("t1ce",)
    assert [report.name for report in inspect_dataset(asked) if not report.problems] == ["case-004"]


def test_the_command_line_collects_lists_and_removes(
    tmp_path: Path, model_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = correction()
    files = {"scan": given.scans["t1ce"], "labels": given.corrected, "original": given.original}
    for name, volume in files.items():
        write_volume(tmp_path / f"{name}.nii.gz", volume)
    root = str(tmp_path / "c")
    arguments = [
        "collect",
        root,
        "--scan",
        f"t1ce={tmp_path / 'scan.nii.gz'}",
        "--corrected",
        str(tmp_path / "labels.nii.gz"),
    ]
    assert main(arguments) == 2
    assert "the meaning of the labels is unknown" in capsys.readouterr().err
    more = ["--original", str(tmp_path / "original.nii.gz"), "--model", str(model_file), "--patient", "Doe", "--json"]
    assert main([*arguments, *more]) == 0
    case = CollectedCase.from_json(json.loads(capsys.readouterr().out))
    assert (case.model, len(case.model_hash)) == ("Tiny", 64)
    assert main(["collection", root]) == 0
    assert "1 case of 1 patient\n" in capsys.readouterr().out
    assert main(["collection", root, "--remove", "case-001", "--json"]) == 0
    assert not CollectionContent.from_json(json.loads(capsys.readouterr().out)).cases
