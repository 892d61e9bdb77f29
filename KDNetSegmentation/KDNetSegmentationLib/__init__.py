"""The parts of the KDNetSegmentation module.

``kdnet`` and ``KDNetLib`` are installed next to this package, where Slicer finds them. In a source tree they are in the
folder of KDNetTraining, which Slicer may not have added to ``sys.path`` yet. This is the only place that extends it.
"""

import sys
from pathlib import Path

_shared = Path(__file__).resolve().parents[2] / "KDNetTraining"
if (_shared / "KDNetLib").is_dir() and str(_shared) not in sys.path:
    sys.path.append(str(_shared))
