"""The fenced examples in the pages of the documentation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
    if page.name != "results.md"  # reports of finished runs
)
NOT_RUN = re.compile(r"<!-- not run by a test: .+ -->\s*\Z")
FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SLICER = re.compile(r"\bslicer\b|\blogic\b|KDNet\w*Lib")  # such examples run in Testing/testbed


@dataclass(frozen=True)
class Example:
    """A fenced block.

    Attributes:
        place: page and line, for messages.
        language: after the fence.
        text: the block.
        skipped: whether a comment before it says why no test runs it.
        for_slicer: whether it needs Slicer.
    """

    place: str
    language: str
    text: str
    skipped: bool

    @property
    def for_slicer(self) -> bool:
        return self.language == "python" and SLICER.search(self.text) is not None

    @property
    def commands(self) -> list[str]:
        """The lines of a ``bash`` block, continued lines joined."""
        return [line for line in self.text.replace("\\\n", " ").splitlines() if line.strip()]


def page_examples(page: Path) -> list[Example]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Example(
            f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}",
            match[1],
            match[2],
            NOT_RUN.search(text[: match.start()]) is not None,
        )
        for match in FENCE.finditer(text)
    ]
