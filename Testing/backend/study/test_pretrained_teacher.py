"""Distilling from a teacher that was trained elsewhere: a model file of ours, or a MONAI network in a bundle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from kdnet.cli import main
from kdnet.data.formats.detect import read_dataset
from kdnet.data.phantom import write_phantom
from kdnet.data.volumes.io import read_volume
from kdnet.model_file import load_model
from kdnet.runs.events import EventKind
from kdnet.schema.model_card import read_card
from kdnet.schema.network_id import Role
from kdnet.tensor_file import weights_hash
from made_runs import events, hashes, study
from monai.losses import DiceLoss
from monai.networks.nets import SegResNet
from safetensors.torch import save_file

DEFINITION = {
    "_target_": "SegResNet",
    **{"spatial_dims": 3, "in_channels": 4, "out_channels": 3, "init_filters": 4},
    **{"blocks_down": [1, 1, 1], "blocks_up": [1, 1], "norm": ["INSTANCE", {"affine": True}]},
}
QUICK = ("--set", "steps=2", "--set", "validation_every=2")


def trained_by_monai(data: Path) -> SegResNet:
    """A few steps of MONAI's own network and loss, without any code of ours but for reading files."""
    torch.manual_seed(0)
    network = SegResNet(**{name: value for name, value in DEFINITION.items() if name != "_target_"})
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    loss = DiceLoss(sigmoid=True)
    for case in read_dataset(data).cases[:3]:
        images = [read_volume(image.path).voxels[4:20, 4:20, 4:20] for image in case.images.values()]
        reference = read_volume(case.reference.path).voxels[4:20, 4:20, 4:20]
        image = torch.from_numpy(np.stack(images).astype(np.float32))[None] / 1000
        target = torch.from_numpy(np.stack([np.isin(reference, v) for v in ((3, 4), (1, 3, 4), (1, 2, 3, 4))]))[None]
        optimizer.zero_grad()
        loss(network(image), target.float()).backward()
        optimizer.step()
    return network.eval()


@pytest.fixture(scope="module")
def network(phantom: Path) -> SegResNet:
    return trained_by_monai(phantom)


Bundle = Callable[..., Path]


@pytest.fixture
def bundle(tmp_path: Path, network: SegResNet) -> Bundle:
    """Writes a bundle; arguments change its network_def."""

    def write(weights: str = "model.pt", metadata: dict[str, object] | None = None, **changes: object) -> Path:
        folder = tmp_path / "bundle"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "configs").mkdir(parents=True)
        (folder / "models").mkdir()
        definition = {name: value for name, value in {**DEFINITION, **changes}.items() if value != "absent"}
        configuration = {"imports": ["$import os"], "device": "$torch.device('cpu')", "network_def": definition}
        (folder / "configs" / "inference.json").write_text(json.dumps(configuration))
        if metadata is not None:
            (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
        path = folder / "models" / weights
        if path.suffix == ".safetensors":
            save_file(network.state_dict(), path)
        else:
            torch.save(network.state_dict(), path)
        return folder

    return write


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize("weights", ["model.safetensors", "model.pt"])
def test_a_student_learns_from_a_monai_network(
    phantom: Path, tmp_path: Path, bundle: Bundle, network: SegResNet, weights: str
) -> None:
    run = tmp_path / "run"
    assert main(study(phantom, run, *QUICK, "--teacher", str(bundle(weights)))) == 0
    teacher = load_model(run / "fold0/seed0/teacher/model.safetensors")
    own = {name.removeprefix("net."): value for name, value in teacher.network.state_dict().items()}
    assert weights_hash(own) == weights_hash(network.state_dict())
    assert teacher.card.role is Role.TEACHER
    steps = [event.values for event in events(run, EventKind.STEP)]
    assert max(values["losses"]["soft_target"] for values in steps) > 0
    assert max(values["losses"]["latent"] for values in steps) > 0, "SegResNet's bottleneck is found"
    assert {event.network.rpartition("/")[2] for event in events(run, EventKind.STEP)} == {"baseline-t1ce", "student-t1ce"}
    assert len(json.loads((run / "fold0/seed0/teacher/scores.json").read_text(encoding="utf-8"))) == 2 * 3
    report = (run / "report" / "results.md").read_text(encoding="utf-8")
    assert "teacher" in report.lower()
    assert "trained outside this study" in report
    assert "in this order" in " ".join(event.values["text"] for event in events(run, EventKind.WARNING))


def test_a_run_continues_when_the_bundle_is_gone(phantom: Path, tmp_path: Path, bundle: Bundle) -> None:
    run, folder = tmp_path / "run", bundle()
    assert main(study(phantom, run, *QUICK, "--teacher", str(folder))) == 0
    before = hashes(run)
    shutil.rmtree(folder)
    shutil.rmtree(run / "fold0/seed0/student-t1ce")
    assert main(["resume", str(run)]) == 0
    assert hashes(run) == before


def test_outputs_and_inputs_that_the_metadata_names_are_put_in_order(phantom: Path, tmp_path: Path, bundle: Bundle) -> None:
    metadata = {
        "name": "Ours",
        "network_data_format": {
            "inputs": {"image": {"channel_def": {"0": "T1c", "1": "T1", "2": "T2", "3": "FLAIR"}}},
            "outputs": {"pred": {"channel_def": {"0": "Tumor core", "1": "Whole tumor", "2": "Enhancing tumor"}}},
        },
    }
    run = tmp_path / "run"
    assert main(study(phantom, run, *QUICK, "--teacher", str(bundle(metadata=metadata)))) == 0
    card = read_card(run / "teacher.safetensors")
    assert card.modalities == ("t1ce", "t1", "t2", "flair")
    assert list(card.network.arguments["output_order"]) == [2, 0, 1]
    assert card.name == "Ours"


def test_without_a_bottleneck_logits_alone_are_distilled(phantom: Path, tmp_path: Path, bundle: Bundle) -> None:
    folder = bundle()
    from monai.networks.nets import BasicUNet

    definition = {"_target_": "monai.networks.nets.BasicUNet", "in_channels": 4, "out_channels": 3}
    definition |= {"spatial_dims": 3, "features": [4, 4, 8, 8, 8, 4]}
    (folder / "configs/inference.json").write_text(json.dumps({"network_def": definition}))
    network = BasicUNet(3, 4, 3, (4, 4, 8, 8, 8, 4))
    torch.save(
        {"model": {f"module.{name}": value for name, value in network.state_dict().items()}}, folder / "models/model.pt"
    )
    run = tmp_path / "run"
    arguments = study(phantom, run, *QUICK, "--set", "init_from_teacher=true", "--set", "patch=[32,32,32]")
    assert main([*arguments, "--teacher", str(folder)]) == 0
    told = " ".join(event.values["text"] for event in events(run, EventKind.WARNING))
    assert "only its logits" in told
    assert "randomly initialized" in told
    assert json.loads((run / "recipe.json").read_text(encoding="utf-8"))["distillation"]["gamma"] == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"in_channels": 2}, "has 2 in_channels, but the study needs 4 modalities"),
        ({"out_channels": 2}, "has 2 out_channels, but the study needs 3"),
        ({"init_filters": 8}, "do not fit its network_def"),
        ({"init_filters": "$__import__('os').system('touch evaluated')"}, "not evaluated"),
        ({"norm": "@norm"}, "not evaluated"),
        ({"act": {"_target_": "os.system", "command": "touch evaluated"}}, "creates or runs something"),
        ({"_target_": "os.system"}, 'asks for "os.system"'),
        ({"_target_": "evil.SegResNet"}, 'asks for "evil.SegResNet"'),
        ({"_target_": "FlexibleUNet"}, 'asks for "FlexibleUNet"'),
        ({"_target_": "absent"}, "does not define network_def"),
        ({"spatial_dims": 2}, "2 dimensions"),
        ({"colour": "red"}, "cannot be built"),
    ],
)
def test_a_bundle_that_does_not_fit_is_refused(
    phantom: Path,
    tmp_path: Path,
    bundle: Bundle,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, object],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    error = refusal(study(phantom, tmp_path / "run", *QUICK, "--teacher", str(bundle(**changes))), capsys)
    assert told in error
    assert error.startswith("kdnet: ")
    assert not (tmp_path / "evaluated").exists()


def test_weights_that_would_run_code_are_refused(
    phantom: Path, tmp_path: Path, bundle: Bundle, network: SegResNet, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = bundle()
    torch.save(network, folder / "models" / "model.pt")
    assert "could run code" in refusal(study(phantom, tmp_path / "run", *QUICK, "--teacher", str(folder)), capsys)


@pytest.mark.parametrize("name", ["absent", "empty", "garbage.safetensors"])
def test_what_is_not_a_teacher_is_refused(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "garbage.safetensors").write_bytes(b"garbage" * 100)
    error = refusal(study(phantom, tmp_path / "run", *QUICK, "--teacher", str(tmp_path / name)), capsys)
    assert name in error


def test_a_model_file_of_kdnet_teaches(phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    arguments = ("--modalities", "t1ce,flair")
    assert main(study(phantom, first, *QUICK, *arguments)) == 0
    file = first / "fold0/seed0/teacher/model.safetensors"
    assert read_card(file).modalities == ("t1ce", "flair")
    assert main(study(phantom, second, *QUICK, "--teacher", str(file))) == 0
    assert hashes(second)["teacher"] == hashes(first)["teacher"]
    assert hashes(second)["student-t1ce"] == hashes(first)["student-t1ce"]
    capsys.readouterr()
    other = tmp_path / "other"
    for more, told in (
        (("--modalities", "t1,t2"), "needs the modalities t1ce,flair"),
        (("--set", "spacing=[5,5,5]"), "give --set spacing=[6,6,6]"),
        (("--labels", "1=Core,2=Oedema,4=Enhancing"), "but the data has Core"),
        (("--student", "t2"), 'no modality "t2"'),
    ):
        assert told in refusal(study(phantom, other, *QUICK, *more, "--teacher", str(file)), capsys)
        shutil.rmtree(other)


def test_a_teacher_of_modalities_that_the_data_lacks_is_refused(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, data = tmp_path / "run", tmp_path / "data"
    assert main(study(phantom, run, *QUICK)) == 0
    write_phantom(data, cases=4, shape=(28, 33, 26), spacing=6.0)
    for path in data.rglob("*_flair.nii.gz"):
        path.unlink()
    capsys.readouterr()
    file = run / "fold0/seed0/teacher/model.safetensors"
    told = refusal(study(data, tmp_path / "other", *QUICK, "--teacher", str(file)), capsys)
    assert "flair" in told
