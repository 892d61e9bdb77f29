"""Networks that give logits and bottleneck through one interface (METHOD section 1)."""

from kdnet.networks.build import build_network
from kdnet.networks.interface import NetworkOutput, NetworkSpec, SegmentationNetwork
from kdnet.networks.presets import PRESETS, Preset, preset

__all__ = ["PRESETS", "NetworkOutput", "NetworkSpec", "Preset", "SegmentationNetwork", "build_network", "preset"]
