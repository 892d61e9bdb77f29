"""The parts of the KDNetTraining module."""

import sys
from pathlib import Path

# KDNetSegmentationLib, which shows segmentations and stores models, is installed next to this package; in the source tree
# it is in the folder of the other module
_other = Path(__file__).resolve().parents[2] / "KDNetSegmentation"
if (_other / "KDNetSegmentationLib").is_dir() and str(_other) not in sys.path:
    sys.path.append(str(_other))
