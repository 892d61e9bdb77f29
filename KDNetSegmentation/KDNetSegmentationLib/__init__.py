"""The parts of the KDNetSegmentation module."""

import sys
from pathlib import Path

# kdnet and KDNetLib are installed next to this package; in the source tree they are in the other module's folder
_shared = Path(__file__).resolve().parents[2] / "KDNetTraining"
if (_shared / "KDNetLib").is_dir() and str(_shared) not in sys.path:
    sys.path.append(str(_shared))
