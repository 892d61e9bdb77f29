"""MONAI networks that were trained elsewhere, behind the common interface."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from kdnet.errors import SettingsError
from kdnet.inference.sliding_window import forward
from kdnet.networks.factory import build_network
from kdnet.networks.monai_bundle import CLASSES
from kdnet.networks.monai_network import MonaiNetwork
from kdnet.networks.plain_values import check_plain
from kdnet.schema.labels import LabelMode
from kdnet.schema.networks import NetworkSpec
from monai.networks import nets

ARGUMENTS: dict[str, dict[str, Any]] = {
    "SegResNet": {"init_filters": 4, "blocks_down": [1, 1, 1], "blocks_up": [1, 1], "norm": ["INSTANCE", {"affine": True}]},
    "DynUNet": {
        **{"kernel_size": [3, 3, 3], "strides": [1, 2, 2], "upsample_kernel_size": [2, 2], "filters": [4, 8, 16]},
        **{"deep_supervision": True, "deep_supr_num": 1},
    },
    "UNet": {"channels": [4, 8, 16], "strides": [2, 2]},
    "BasicUNet": {"features": [4, 4, 8, 8, 8, 4]},
    "AttentionUnet": {"channels": [4, 8, 16], "strides": [2, 2]},
    "VNet": {},
    "UNETR": {"img_size": [32, 32, 32], "feature_size": 4, "hidden_size": 24, "mlp_dim": 32, "num_heads": 2},
    "SwinUNETR": {"feature_size": 12},
}
LATENTS = {"SegResNet": (4, 16), "DynUNet": (4, 16), "UNet": (4, 16)}


def spec(name: str, **more: object) -> NetworkSpec:
    return NetworkSpec("monai", 2, 3, {"network": name, "arguments": ARGUMENTS[name], **more})


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_gives_what_monai_gives(name: str) -> None:
    if name in ("UNETR", "SwinUNETR"):
        pytest.importorskip("einops", reason="MONAI's transformers need it")
    torch.manual_seed(0)
    ours = build_network(spec(name)).eval()
    fixed = {"in_channels": 2, "out_channels": 3, "spatial_dims": 3}
    theirs = getattr(nets, name)(**{**ARGUMENTS[name], **fixed}).eval()
    weights = ours.state_dict()
    known = {key: weights[f"net.{key}"] for key in theirs.state_dict() if f"net.{key}" in weights}
    assert all("skip_layers" in key for key in theirs.state_dict().keys() - known.keys())
    theirs.load_state_dict(known, strict=False)
    size = 64 if name == "SwinUNETR" else 32
    image = torch.randn(1, 2, size, size, size)
    with torch.no_grad():
        output, wanted = ours(image), theirs(image)
        assert torch.allclose(output.logits, wanted, atol=1e-5)
        features = ours.bottleneck_features
        assert (ours.stride, features) == LATENTS.get(name, (32, 0))
        assert output.bottleneck.numel() == features * (size // ours.stride) ** 3
        windowed = forward(ours, image, LabelMode.REGIONS, window=size)
        assert torch.allclose(windowed, wanted, atol=1e-4)
    assert ours.input_layer().in_channels == 2
    assert len({value.data_ptr() for value in weights.values() if value.numel()}) == len(
        [value for value in weights.values() if value.numel()]
    ), "a model file must hold each weight once"


def test_outputs_are_put_in_order() -> None:
    torch.manual_seed(0)
    plain = build_network(spec("UNet")).eval()
    ordered = build_network(spec("UNet", output_order=[2, 0, 1])).eval()
    ordered.load_state_dict(plain.state_dict())
    image = torch.randn(1, 2, 16, 16, 16)
    with torch.no_grad():
        assert torch.equal(ordered(image).logits, plain(image).logits[:, [2, 0, 1]])


@pytest.mark.parametrize("name", ["FlexibleUNet", "SegResNetVAE", "os", "__class__"])
def test_no_other_class_is_built(name: str) -> None:
    with pytest.raises(SettingsError, match="is unknown"):
        MonaiNetwork(1, 1, name, {})


@pytest.mark.parametrize(
    "value", ["$1+1", " @image", "%train", {"_target_": "x"}, [{"_requires_": 1}], {1: 2}, object(), {"a": {"b": ["$"]}}]
)
def test_only_plain_values_pass(value: object) -> None:
    with pytest.raises(SettingsError):
        check_plain({"argument": value})
    check_plain({"a": [1, 2.5, None, True, "INSTANCE", {"affine": True}]})
