"""nnU-Net v2 with a network of kdnet: its plans, its network class where architectures agree, its predictor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from kdnet.data.preprocessing.prepare import prepare_image
from kdnet.data.volumes.io import read_volume
from kdnet.model_file import Model
from kdnet.networks.base import SegmentationNetwork
from torch import nn

CPU = torch.device("cpu")
UNET = "dynamic_network_architectures.architectures.unet.PlainConvUNet"


def segmenting(model: Model, scan: Path, output: Path) -> Callable[[], dict[str, float]]:
    """Return a function that segments ``scan`` as ``nnUNetv2_predict`` does, without mirroring, in one process.

    The patch is the whole brain, as for the other sides. (With nnU-Net's usual patch of 128³ and overlapping windows, it
    would compute more.)
    """
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    _, place = prepare_image([read_volume(scan)], model.card.preprocessing)
    stride = model.network.stride
    window = [-(-length // stride) * stride for length in place.shape]
    filters = model.card.network.arguments.get("filters", [])
    plans = PlansManager(plans_of(model.card.preprocessing.spacing, filters, window))
    order = model.card.labels.overwrite_order()  # nnU-Net paints its channels in turn, so the largest region comes first
    regions = [model.card.labels.regions[channel] for channel, _ in order]
    dataset = {
        "channel_names": {"0": "T1ce"},
        "labels": {"background": 0} | {region.name: list(region.values) for region in regions},
        "regions_class_order": [value for _, value in order],
        "file_ending": ".nii.gz",
    }
    network = carried(model, plans.get_configuration("3d_fullres"), [channel for channel, _ in order])
    predictor = nnUNetPredictor(
        use_mirroring=False, perform_everything_on_device=False, device=CPU, verbose=False, allow_tqdm=False
    )
    configuration = plans.get_configuration("3d_fullres")
    weights = [network.state_dict()]
    predictor.manual_initialization(network, plans, configuration, weights, dataset, "nnUNetTrainer", None)
    reader = SimpleITKIO()

    def run() -> dict[str, float]:
        voxels, properties = reader.read_images([str(scan)])
        predictor.predict_single_npy_array(voxels, properties, None, str(output).removesuffix(".nii.gz"), False)
        return {}

    return run


def plans_of(
    spacing: Sequence[float], filters: Sequence[int], patch: Sequence[int], batch: int = 2, channels: int = 1
) -> dict[str, Any]:
    """Return plans of nnU-Net for a network of kdnet: its spacing, z-scores over the brain, linear interpolation."""
    linear = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": False}
    resampling = {
        f"resampling_fn_{name}{end}": value
        for name in ("data", "seg", "probabilities")
        for end, value in (("", "resample_data_or_seg_to_shape"), ("_kwargs", {**linear, "is_seg": name == "seg"}))
    }
    configuration = {
        "data_identifier": "bench",
        "preprocessor_name": "DefaultPreprocessor",
        "spacing": list(spacing),
        "patch_size": list(patch),
        "batch_size": batch,
        "batch_dice": False,
        "normalization_schemes": ["ZScoreNormalization"] * channels,
        "use_mask_for_norm": [True] * channels,
        "architecture": unet_of(filters),
        **resampling,
    }
    return {
        "dataset_name": "Dataset001_Bench",
        "plans_name": "bench",
        "image_reader_writer": "SimpleITKIO",
        "label_manager": "LabelManager",
        "experiment_planner_used": "ExperimentPlanner",
        "original_median_shape_after_transp": list(patch),
        "transpose_forward": [2, 1, 0],  # its reader gives [k, j, i], and the weights expect [i, j, k]
        "transpose_backward": [2, 1, 0],
        "foreground_intensity_properties_per_channel": {str(channel): {} for channel in range(channels)},
        "configurations": {"3d_fullres": configuration},
    }


def unet_of(filters: Sequence[int]) -> dict[str, Any]:
    """Return the entry of plans that describes the network of preset ``dynunet`` with ``filters``."""
    levels = len(filters)
    arguments = {
        "n_stages": levels,
        "features_per_stage": list(filters),
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[3, 3, 3]] * levels,
        "strides": [[1, 1, 1], *([[2, 2, 2]] * (levels - 1))],
        "n_conv_per_stage": [2] * levels,
        "n_conv_per_stage_decoder": [2] * (levels - 1),
        "conv_bias": False,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    return {
        "network_class_name": UNET,
        "arch_kwargs": arguments,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def carried(model: Model, configuration: Any, channels: Sequence[int]) -> nn.Module:
    """Return nnU-Net's network with the weights of ``model``, or the network of kdnet where the architectures differ.

    Raises:
        RuntimeError: if both do not compute the same.
    """
    if model.card.network.architecture != "dynunet":
        return _Reordered(model.network, channels)
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    network = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        1,
        len(channels),
        allow_init=False,
        deep_supervision=False,
    )
    theirs = dict(network.named_modules())
    copy_weights(model.network, theirs, channels)
    network.eval()
    with torch.inference_mode():
        image = torch.rand(1, 1, *[2 * model.network.stride] * 3)
        difference = (network(image) - model.network(image).logits[:, list(channels)]).abs().max()
    if difference > 1e-4:
        raise RuntimeError(f"nnU-Net's network gives other scores with the same weights: they differ by {difference:.2g}")
    return network


@torch.no_grad()
def copy_weights(ours: SegmentationNetwork, theirs: dict[str, nn.Module], channels: Sequence[int]) -> None:
    """Copy the weights of a ``dynunet`` into the modules of a ``PlainConvUNet``, by name."""
    net: Any = ours.net
    levels = [net.input_block, *net.downsamples, net.bottleneck]
    pairs: list[tuple[nn.Module, nn.Module]] = []
    for index, block in enumerate(levels):
        pairs += _block(block, theirs, f"encoder.stages.{index}.0")
    for index, up in enumerate(net.upsamples):
        pairs.append((up.transp_conv.conv, theirs[f"decoder.transpconvs.{index}"]))
        pairs += _block(up.conv_block, theirs, f"decoder.stages.{index}")
    for source, target in pairs:
        target.load_state_dict(source.state_dict())
    last = theirs[f"decoder.seg_layers.{len(levels) - 2}"]
    output = net.output_block.conv.conv
    last.load_state_dict({name: value[list(channels)] for name, value in output.state_dict().items()})


def _block(block: Any, theirs: dict[str, nn.Module], name: str) -> list[tuple[nn.Module, nn.Module]]:
    pairs = []
    for index, (conv, norm) in enumerate(((block.conv1, block.norm1), (block.conv2, block.norm2))):
        pairs.append((conv.conv, theirs[f"{name}.convs.{index}.conv"]))
        pairs.append((norm, theirs[f"{name}.convs.{index}.norm"]))
    return pairs


class _Reordered(nn.Module):
    """A network of kdnet as nnU-Net calls one: it returns logits alone, the largest region first."""

    def __init__(self, network: nn.Module, channels: Sequence[int]) -> None:
        super().__init__()
        self.network, self.channels = network, list(channels)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.network(image).logits[:, self.channels]
