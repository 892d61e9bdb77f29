"""Nothing that a bundle holds is run, and nothing in it takes for ever to read."""

from __future__ import annotations

import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from kdnet.errors import KDNetError, ModelFileError, PackageError
from kdnet.networks import monai_bundle as bundle
from kdnet.networks.factory import build_network
from kdnet.networks.fill import _ListsOnCpu, network_with
from kdnet.networks.monai_bundle import read_bundle, read_weights
from kdnet.networks.monai_network import TRANSFORMERS
from kdnet.schema.networks import NetworkSpec


class Trap(torch.nn.Module):
    """Writes a file of its own choice while it is being read."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.weight, self.path = torch.nn.Parameter(torch.zeros(1)), path

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image

    @torch.jit.export
    def __getstate__(self) -> tuple[torch.Tensor, str, bool]:
        return (self.weight, self.path, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, str, bool]) -> None:
        self.weight, self.path, self.training = state
        torch.save([torch.zeros(1)], state[1])


@pytest.mark.parametrize("name", ["model.ts", "model.pt", "model.pth", "weights"])
def test_torchscript_is_refused_unread(tmp_path: Path, name: str) -> None:
    target = tmp_path / "written"
    torch.jit.script(Trap(str(target))).save(tmp_path / name)
    with pytest.raises(ModelFileError, match="TorchScript"):
        read_weights(tmp_path / name)
    assert not target.exists()


def test_a_bundle_of_torchscript_alone_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "inference.json").write_text('{"network_def": {"_target_": "UNet"}}')
    (tmp_path / "model.ts").touch()
    with pytest.raises(ModelFileError, match=r"state_dict.*model\.safetensors"):
        read_bundle(tmp_path)


def test_pickled_weights_need_a_torch_that_reads_them_safely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"weight": torch.ones(2)}, tmp_path / "model.pt")
    assert list(read_weights(tmp_path / "model.pt")) == ["weight"]
    for version in ("2.5.1", "2.6.0+cu124", "2.9.1", "1.13"):
        monkeypatch.setattr(bundle.torch, "__version__", version)
        with pytest.raises(ModelFileError, match=r"install torch 2\.10"):
            read_weights(tmp_path / "model.pt")


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1000)}, tmp_path / "stored.pt")
    with (
        zipfile.ZipFile(tmp_path / "stored.pt") as stored,
        zipfile.ZipFile(tmp_path / "m.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))
    with pytest.raises(ModelFileError, match="compressed"):
        read_weights(tmp_path / "m.pt")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04.", b"not weights at all", b"\x80\x02cos\nsystem\n"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_other_bytes_are_refused_in_a_sentence(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="model"):
        read_weights(path)


@pytest.mark.parametrize("value", [torch.ones(2).expand(10**6, 2), torch.eye(3).to_sparse(), "text", [1]])
def test_what_is_not_a_plain_tensor_is_not_a_state_dict(tmp_path: Path, value: Any) -> None:
    torch.save({"weight": value}, tmp_path / "model.pt")
    with pytest.raises(ModelFileError):
        read_weights(tmp_path / "model.pt")


def _bomb(alias: str) -> str:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return "\n".join(lines) + f"\nnetwork_def:\n  _target_: UNet\n  channels: {alias}\n"


def _merging() -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 9)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        _bomb("*a8"),
        _bomb("[1]"),
        _merging(),
        "network_def: &a [*a]",
        "network_def: " + "[" * 5000 + "]" * 5000,
        "x: " + "1 " * 3_000_000,
        "network_def: !!python/object/apply:os.system ['true']",
        "a: [",
        "\x00",
    ],
)
def test_a_yaml_file_that_would_not_end_is_refused_within_seconds(tmp_path: Path, text: str) -> None:
    pytest.importorskip("yaml")
    (tmp_path / "inference.yaml").write_text(text)
    (tmp_path / "model.pt").touch()
    started = time.thread_time()
    with pytest.raises(ModelFileError):
        read_bundle(tmp_path)
    assert time.thread_time() - started < 10


@pytest.mark.parametrize("text", ["[" * 10**5, '{"network_def": NaN}', "5", "null", '{"a": 1e999}'])
def test_json_beyond_the_parser_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "inference.json").write_text(text)
    with pytest.raises(ModelFileError):
        read_bundle(tmp_path)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_missing_package_does_not_blame_the_file(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, "einops", None)
    monkeypatch.setitem(sys.modules, "einops.layers.torch", None)
    spec = NetworkSpec("monai", 1, 3, {"network": name, "arguments": {"img_size": [32, 32, 32]}})
    with pytest.raises(PackageError, match=r"einops.*install it"):
        build_network(spec)


@pytest.mark.parametrize("name", ["SwinUNETR", "UNETR", "VNet", "BasicUNet"])
def test_every_class_is_rebuilt_around_its_weights(name: str) -> None:
    arguments: dict[str, Any] = {"SwinUNETR": {"feature_size": 12}, "UNETR": {"img_size": [32, 32, 32]}}.get(name, {})
    spec = NetworkSpec("monai", 1, 2, {"network": name, "arguments": arguments})
    if name in TRANSFORMERS:
        pytest.importorskip("einops")
    network = build_network(spec).eval()
    edge = 64 if name == "SwinUNETR" else 32  # instance norm at its bottleneck needs more than one voxel
    image = torch.randn(1, 1, edge, edge, edge)
    with torch.no_grad():
        again = network_with(spec, network.state_dict()).eval()(image).logits
        assert torch.equal(again, network(image).logits)


def test_a_network_that_takes_numbers_from_a_tensor_is_built_without_memory() -> None:
    """SwinUNETR asks a tensor for plain numbers while it is built, which a tensor without memory cannot give."""

    class Asking(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rates = [value.item() for value in torch.linspace(0, 0.5, 3)]

    with torch.device("meta"), _ListsOnCpu():
        assert Asking().rates == [0.0, 0.25, 0.5]
        assert torch.zeros(2).is_meta


def test_an_own_error_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(KDNetError):
        read_weights(tmp_path / "missing.pt")
