"""Names of temporary folders that show to which process they belong, so that those of killed processes can be removed."""

from __future__ import annotations

import os
import platform
import re

# process IDs of other machines or containers that share the folder mean nothing here
HOST = re.sub(r"\W", "", platform.node()) or "local"

NAME = re.compile(rf"kdnet-{HOST}-(\d+)-.+")


def temporary_prefix() -> str:
    """Return the prefix of the temporary folders of this process."""
    return f"kdnet-{HOST}-{os.getpid()}-"


def owner_of(name: str) -> int | None:
    """Return the ID of the process that a temporary folder of this name belongs to; None for any other name.

    Example:
        >>> owner_of(f"kdnet-{HOST}-123-abc"), owner_of("kdnet-thesis")
        (123, None)
    """
    found = NAME.fullmatch(name)
    return int(found[1]) if found else None
