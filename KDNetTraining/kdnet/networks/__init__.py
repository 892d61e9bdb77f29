"""Networks that return logits and bottleneck through one interface (docs/method.md section 1)."""

from kdnet.networks.base import NetworkOutput, SegmentationNetwork
from kdnet.networks.factory import build_network
from kdnet.schema.networks import PRESETS, NetworkSpec, Preset, preset

__all__ = ["PRESETS", "NetworkOutput", "NetworkSpec", "Preset", "SegmentationNetwork", "build_network", "preset"]
