"""Importing parts of MONAI without the rest."""

from __future__ import annotations

import subprocess
import sys

import pytest
from kdnet.monai_part import monai_part

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


TRAIN = """
import sys
import torch
{first}
import kdnet.study.runner
from kdnet.evaluation.metrics import score_region
from kdnet.losses.dice import SoftDiceLoss
from kdnet.schema.augmentation_settings import Augmentation
from kdnet.schema.labels import LabelMode
from kdnet.training.augmentation import augment, deform
from kdnet.training.validation import compute_dice

every = Augmentation(0.5, 0.1, 0.1, 0.1, 0.2, 1.0, 0.2, 3.0, 20.0, 0.1)
image, labels = torch.rand(2, 20, 20, 20, generator=torch.manual_seed(1)), torch.zeros(1, 20, 20, 20, dtype=torch.uint8)
labels[:, 6:14, 6:14, 6:14] = 1
deformed, moved = deform(image, labels, (12, 12, 12), every, 3)
found = [float(augment(deformed, moved, every, seed)[0].double().sum()) for seed in range(12)]
loss = SoftDiceLoss(LabelMode.REGIONS)(deformed[None, :1], moved[None].float())
masks = deformed[0].numpy() > 0.5, moved[0].numpy() > 0
score = score_region("WT", *masks, spacing=(1, 1, 2))
dice = compute_dice(torch.from_numpy(masks[0])[None, None], torch.from_numpy(masks[1])[None, None])
print([name for name in ("monai", "matplotlib", "scipy.signal", "scipy.stats") if name in sys.modules])
print([*found, float(loss), score.dice, score.hd95, float(dice)])
"""


def test_training_does_not_import_all_of_monai_and_computes_the_same() -> None:
    parts, whole = (
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.splitlines()
        for script in (TRAIN.format(first=""), TRAIN.format(first="import monai"))
    )
    assert parts[0] == "[]"
    assert whole[0].startswith("['monai'")
    assert parts[1] == whole[1]


def test_where_monai_is_imported_its_own_class_is_taken() -> None:
    nets = pytest.importorskip("monai.networks.nets")
    assert monai_part.__wrapped__("monai.networks.nets.segresnet", "SegResNet") is nets.SegResNet


@pytest.mark.parametrize(("module", "name"), [("monai.networks.nets.segresnet", "Absent"), ("monai.absent", "Absent")])
def test_a_missing_part_is_an_error(module: str, name: str) -> None:
    with pytest.raises((ImportError, AttributeError)):
        monai_part(module, name)
