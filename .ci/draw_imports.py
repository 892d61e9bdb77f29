"""Draw the rooms of ``kdnet`` and the imports between them as SVG: ``python .ci/draw_imports.py PACKAGE OUT.svg [TITLE]``.

A room is a folder of the package; single files are rooms named by their file, and those that nearly everything imports
(errors, files, text, ...) are joined to one, "foundation". The darker a room, the more lines; the wider an arrow, the more
imports. Arrows point down; those that follow from others are left out. A red arrow closes a circle.
"""

from __future__ import annotations

import ast
import itertools
import math
import sys
from collections import Counter
from collections.abc import Mapping
from html import escape
from pathlib import Path

FOUNDATION = frozenset(
    {
        "errors",
        "files",
        "json_schema",
        "messages",
        "typed_json",  # of version 0.1.0
        "text",
        "foreign",
        "monai_part",
        "causes",
        "shared_files",
        "__init__",
        "entry",
        "tensor_file",
    }
)
LEFT_OUT = frozenset({"__main__"})
WIDTH, COLUMN, ROW, BOX = 960, 190, 120, 150


def main(package: Path, target: Path, title: str) -> None:
    """Write the picture of ``package`` to ``target``."""
    lines, arrows = read_rooms(package)
    target.write_text(draw(lines, arrows, title), encoding="utf-8")


def read_rooms(package: Path) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Return the lines of each room and the number of imports from room to room."""
    lines: Counter[str] = Counter()
    arrows: Counter[tuple[str, str]] = Counter()
    for path in sorted(package.rglob("*.py")):
        room = _room(path.relative_to(package).with_suffix("").parts)
        if room in LEFT_OUT:
            continue
        text = path.read_text(encoding="utf-8")
        lines[room] += text.count("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package.name:
                parts = (node.module or "").split(".")[1:] or [node.names[0].name]
                other = _room(tuple(parts))
                if other != room and other not in LEFT_OUT:
                    arrows[room, other] += 1
    return lines, arrows


def layers(lines: Mapping[str, int], arrows: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Return the layer of each room, 0 at the bottom; of a circle, the arrow with the fewest imports is passed over."""
    kept = dict(arrows)
    while circle := _circle(kept):
        del kept[min(circle, key=lambda arrow: kept[arrow])]
    found: dict[str, int] = {}

    def layer(room: str) -> int:
        if room not in found:
            found[room] = max((layer(low) + 1 for high, low in kept if high == room), default=0)
        return found[room]

    return {room: layer(room) for room in lines}


def draw(lines: Mapping[str, int], arrows: Mapping[tuple[str, str], int], title: str) -> str:
    """Return the SVG."""
    rank = layers(lines, arrows)
    top = max(rank.values())
    places: dict[str, tuple[float, float]] = {}
    for level in range(top + 1):
        rooms = sorted(room for room in rank if rank[room] == level)
        for index, room in enumerate(rooms):
            shift = (level % 2) * 30 - 15  # so that arrows do not run through rooms above each other
            places[room] = (WIDTH / 2 + (index - (len(rooms) - 1) / 2) * COLUMN + shift, 90 + (top - level) * ROW)
    height = 90 + top * ROW + 80
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="14">',
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" '
        'markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="20" y="30" font-size="18" font-weight="bold">{escape(title)}</text>',
    ]
    for (high, low), count in sorted(_reduced(arrows, rank).items()):
        parts.append(_arrow(places[high], places[low], count, backward=rank[high] <= rank[low], label=f"{high} → {low}"))
    total = sum(lines.values())
    for room, (x, y) in places.items():
        share = lines[room] / total
        shade = round(250 - 220 * min(share, 0.4))
        parts.append(
            f'<rect x="{x - BOX / 2}" y="{y - 22}" width="{BOX}" height="44" rx="6" '
            f'fill="rgb({shade - 40},{shade - 12},{shade})" stroke="#345"/>'
            f'<text x="{x}" y="{y - 3}" text-anchor="middle" font-weight="bold">{escape(room)}</text>'
            f'<text x="{x}" y="{y + 14}" text-anchor="middle" font-size="12">{lines[room]:,} lines, {share:.0%}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _arrow(start: tuple[float, float], end: tuple[float, float], count: int, *, backward: bool, label: str) -> str:
    (x1, y1), (x2, y2) = start, end
    y1, y2 = (y1 + 22, y2 - 24) if y2 > y1 else (y1 - 22, y2 + 24)
    if start[1] == end[1]:
        y1, y2 = start[1] - 22, end[1] - 24
    bend = (y1 + y2) / 2 - (50 if start[1] == end[1] else 0)
    color, width = ("#c0392b", 2.5) if backward else ("#6b7b8a", 0.8 + math.log2(1 + count) / 3)
    return (
        f'<path d="M{x1:.0f} {y1:.0f}C{x1:.0f} {bend:.0f} {x2:.0f} {bend:.0f} {x2:.0f} {y2:.0f}" fill="none" '
        f'stroke="{color}" stroke-width="{width:.1f}" opacity="0.75" marker-end="url(#a)">'
        f"<title>{escape(label)}: {count} imports</title></path>"
    )


def _reduced(arrows: Mapping[tuple[str, str], int], rank: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """Return the arrows without those that follow from others that point down."""
    down = {(high, low) for high, low in arrows if rank[high] > rank[low]}

    def reaches(room: str, goal: str) -> bool:
        return any(high == room and (low == goal or reaches(low, goal)) for high, low in down)

    implied = {(high, low) for high, low in down if any(h == high and m != low and reaches(m, low) for h, m in down)}
    return {arrow: count for arrow, count in arrows.items() if arrow not in implied}


def _room(parts: tuple[str, ...]) -> str:
    name = parts[0] if parts else "__init__"
    return "foundation" if name in FOUNDATION else name


def _circle(arrows: Mapping[tuple[str, str], int]) -> list[tuple[str, str]]:
    """Return the arrows of one circle, nothing if there is none."""
    after: dict[str, list[str]] = {}
    for high, low in arrows:
        after.setdefault(high, []).append(low)

    def search(room: str, path: list[str], done: set[str]) -> list[str]:
        if room in path:
            return [*path[path.index(room) :], room]
        if room in done:
            return []
        for low in after.get(room, []):
            if found := search(low, [*path, room], done):
                return found
        done.add(room)
        return []

    done: set[str] = set()
    for room in sorted(after):
        if found := search(room, [], done):
            return list(itertools.pairwise(found))
    return []


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "kdnet")
