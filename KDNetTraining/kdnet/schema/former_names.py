"""Names of labels and regions that kdnet wrote in British spelling before version 0.2.

Model files, run folders, results tables and scenes hold these names as text. Every label, region, score and volume passes
its name through :func:`current_name`, so that old files compare equal to new ones and continue to work.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FORMER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "Oedema": "Edema",
        "Enhancing tumour": "Enhancing tumor",
        "Gross tumour volume": "Gross tumor volume",
        "Tumour": "Tumor",
    }
)


def current_name(name: str) -> str:
    """Return today's name of a label or region; other names are returned unchanged.

    Example:
        >>> current_name("Oedema"), current_name("Cyst")
        ('Edema', 'Cyst')
    """
    return FORMER_NAMES.get(name, name)
