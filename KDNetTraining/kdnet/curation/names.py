"""Names of cases and patients: those of the user's folders, or keyed hashes; never those of DICOM headers."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from kdnet.errors import KDNetError
from kdnet.files import PATIENCE_SECONDS
from kdnet.schema.modalities import spelled_modality
from kdnet.schema.series_names import describe

HASH_DIGITS = 10
LONGEST = 80
KEY_BYTES = 32
GENERIC = re.compile(
    r"anat|nii|nifti|images?|imaging|scans?|mri?|raw|dicoms?|dcm|study|series|brain|head|data", re.IGNORECASE
)
SESSION = re.compile(
    r"(?:(?:ses|session|visit|tp|time-?point|time|baseline|bl|follow-?up|fu|week|month|day|year|scan|exam|study|pre|post"
    r"|pre-?op|post-?op|t|v)[-_ ]?\d*|(?:19|20)\d\d[-_.]?\d\d[-_.]?\d\d(?:[-_ ].*)?|\d{1,2})",
    re.IGNORECASE,
)


def safe_name(text: str) -> str:
    """Return ``text`` as part of a file name on every system; empty if nothing of it can be used.

    Example:
        >>> safe_name("P 01 (left)"), safe_name("../x")
        ('P-01-left', 'x')
    """
    plain = re.sub(r"[^\w.-]+", "-", text)
    return plain.strip("-._")[:LONGEST].rstrip("-._")


def session_name(text: str) -> str:
    """Return ``text`` as a session's name, letters and digits only; a leading ``ses`` is dropped."""
    return re.sub(r"[\W_]+", "", re.sub(r"^ses(?:sion)?[-_ ]?(?=\w)", "", text, flags=re.IGNORECASE))[:LONGEST]


def with_session(patient: str, session: str) -> str:
    """Return the name of a patient's case; ``session`` is empty if there is only one."""
    return f"{patient}_ses-{session}" if session else patient


def is_session(folder: str) -> bool:
    """Check whether a folder's name is that of an examination rather than of a patient."""
    return SESSION.fullmatch(folder) is not None


def is_series_level(folder: str) -> bool:
    """Check whether a folder's name is that of a series or file type (``T1``, ``anat``) rather than of a patient."""
    if GENERIC.fullmatch(folder) or spelled_modality(folder):
        return True
    found = describe(folder)
    return (bool(found.modality) or found.other) and not re.search(r"\d{3}", folder)


def exclusive_folder(mine: Iterable[Path], others: Iterable[Path]) -> Path | None:
    """Return the highest folder that holds all of ``mine`` and none of ``others``; the raw folder itself is ``.``.

    Args:
        mine: folders of one patient's files, relative to the raw folder.
        others: folders of everyone else's.
    """
    folders = [folder.parts for folder in mine]
    common = [parts[0] for parts in itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*folders, strict=False))]
    taken = {folder.parts[:depth] for folder in others for depth in range(len(folder.parts) + 1)}
    highest = next((depth for depth in range(len(common) + 1) if tuple(common[:depth]) not in taken), None)
    if highest is None:
        return None
    return Path(*common[: max(highest, 1)])  # the raw folder is everyone's, even if there is one patient only


def distinct(name: str, taken: Iterable[str], digits: str) -> str:
    """Return ``name``, with ``digits`` appended if it is taken already, whatever its case."""
    return f"{name}-{digits}" if name.casefold() in {other.casefold() for other in taken} else name


class Pseudonyms:
    """Hashes of identifiers, which cannot be traced back by hashing all possible identifiers without the key.

    Args:
        key: secret of the prepared folder.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of_folder(cls, folder: Path) -> Pseudonyms:
        """Read the key of a prepared folder, or make one; processes that share the folder get the same.

        Raises:
            KDNetError: if it cannot be read or written.
        """
        path = folder / "key"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError), path.open("xb") as stream:
                stream.write(secrets.token_bytes(KEY_BYTES))
            deadline = time.monotonic() + PATIENCE_SECONDS
            while len(key := path.read_bytes()) < KEY_BYTES and time.monotonic() < deadline:
                time.sleep(0.05)  # another process is writing it
        except OSError as error:
            raise KDNetError(f"{path} cannot be written ({error.strerror}): choose another output folder.") from error
        if len(key) < KEY_BYTES:
            raise KDNetError(f"{path} is damaged: remove it; cases named by it are then prepared under other names.")
        return cls(key)

    def of(self, *identifiers: str) -> str:
        """Return the hash of identifiers, as hexadecimal digits."""
        content = "\0".join(identifiers).encode("utf-8", "surrogateescape")
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()[:HASH_DIGITS]
