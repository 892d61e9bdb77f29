"""Importing parts of MONAI without the rest."""

from __future__ import annotations

import subprocess
import sys

import pytest
from kdnet.networks.monai_part import monai_part

SEGMENT = """
import sys
import numpy as np
import torch
import kdnet.segmentation.worker_tasks
from kdnet.networks.factory import build_network
from kdnet.inference.sliding_window import forward
from kdnet.schema.labels import LabelMode
from kdnet.schema.networks import NetworkSpec, preset

norm = ["INSTANCE", {"affine": True}]
for spec in (
    preset("dynunet-8-shallow").spec(1, 3),
    NetworkSpec("segresnet", 1, 3, {"init_filters": 8, "blocks_down": [1, 1, 1], "blocks_up": [1, 1], "norm": norm}),
    NetworkSpec("attention_unet", 1, 3, {"channels": [4, 8, 16]}),
):
    torch.manual_seed(0)
    forward(build_network(spec).eval(), torch.rand(1, 1, 32, 32, 48), LabelMode.REGIONS, window=32)
print([name for name in ("monai", "matplotlib", "pandas") if name in sys.modules])
from monai.inferers.utils import sliding_window_inference
from monai.networks import nets
import monai
print(monai.networks.nets.segresnet.SegResNet is nets.SegResNet)
"""


def test_segmenting_does_not_import_all_of_monai_and_a_later_import_does() -> None:
    done = subprocess.run([sys.executable, "-c", SEGMENT], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "True"]


def test_where_monai_is_imported_its_own_class_is_taken() -> None:
    nets = pytest.importorskip("monai.networks.nets")
    assert monai_part.__wrapped__("monai.networks.nets.segresnet", "SegResNet") is nets.SegResNet


@pytest.mark.parametrize(("module", "name"), [("monai.networks.nets.segresnet", "Absent"), ("monai.absent", "Absent")])
def test_a_missing_part_is_an_error(module: str, name: str) -> None:
    with pytest.raises((ImportError, AttributeError)):
        monai_part(module, name)
