"""Share the cases of a batch between processes or jobs, each case once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kdnet.errors import SettingsError
from kdnet.text import one_line

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """One share of the cases.

    Attributes:
        index: number of the share, from 1.
        count: number of shares.
    """

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str] = os.environ) -> Shard:
        """Parse ``I/N``; empty text is the share of this process under ``torchrun``, elsewhere all cases.

        Example:
            >>> Shard.parse("2/3").of("abcdefg")
            ('b', 'e')

        Raises:
            SettingsError: if ``text`` is not a share.
        """
        if not text:
            rank, processes = environment.get("RANK", ""), environment.get("WORLD_SIZE", "")
            return cls(int(rank) + 1, int(processes)) if rank.isdecimal() and processes.isdecimal() else cls()
        index, slash, count = text.partition("/")
        if not (
            slash and all(part.isdecimal() and len(part) < 7 for part in (index, count)) and 1 <= int(index) <= int(count)
        ):
            raise SettingsError(f'--shard is "{one_line(text, 40)}": give I/N, such as 1/4 to 4/4 in four jobs.')
        return cls(int(index), int(count))

    def of(self, items: Sequence[T]) -> tuple[T, ...]:
        """Return every ``count``-th item; the shares of all indices make up ``items``."""
        return tuple(items[self.index - 1 :: self.count])


ALL = Shard()
"""All cases."""
