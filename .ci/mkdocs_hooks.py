"""Bring what lies outside ``docs`` into the site: pages and pictures of the repository, and links to its other files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = {ROOT / "CONTRIBUTING.md": "contributing.md", ROOT / "CHANGELOG.md": "changelog.md"}
PICTURES = ROOT / "Resources" / "Screenshots"
LINK = re.compile(r"(\]\()([^)\s#]+)([^)\s]*\))")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages and pictures."""
    for source, place in {**PAGES, **{path: f"pictures/{path.name}" for path in PICTURES.glob("*.png")}}.items():
        files.append(File.generated(config, place, abs_src_path=str(source)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Rewrite relative links that leave ``docs``, and those of pages that lie outside it."""
    source = Path(page.file.abs_src_path).resolve()
    docs = Path(config["docs_dir"]).resolve()

    def change(match: re.Match[str]) -> str:
        link = match[2]
        if "://" in link or link.startswith(("mailto:", "/")):
            return match[0]
        target = Path(os.path.normpath(source.parent / link))
        inside = target.relative_to(docs).as_posix() if target.is_relative_to(docs) else _place(target)
        if target.is_dir() or (inside is not None and files.get_file_from_path(inside) is None):
            inside = None  # a folder: mkdocs does not copy it
        if inside is None:
            if not target.exists():
                return match[0]  # mkdocs reports it
            return f"{match[1]}{config['repo_url']}/blob/main/{target.relative_to(ROOT).as_posix()}{match[3]}"
        return f"{match[1]}{os.path.relpath(inside, Path(page.file.src_uri).parent)}{match[3]}"

    return LINK.sub(change, markdown)


def _place(target: Path) -> str | None:
    """Where a file outside ``docs`` lies in the site; None if it does not."""
    if target in PAGES:
        return PAGES[target]
    return f"pictures/{target.name}" if target.parent == PICTURES else None
