"""Print figures of checkouts side by side as a Markdown table: ``python .ci/measure_code.py BEFORE AFTER``.

Counted are files and lines of ``kdnet`` by room, the median and longest file, the longest function, tests, and visible
strings (of .ui files, ``_()``, options and errors) that the second checkout words differently.
"""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

PANELS = ("KDNetSegmentation", "KDNetTraining/KDNetTrainingLib", "KDNetTraining/KDNetLib")
VISIBLE_CALLS = frozenset({"_", "tr", "add_argument", "add", "add_parser"})
START_RUNS = 5


def main(*checkouts: Path) -> None:
    """Print the table."""
    names = [_version(checkout) for checkout in checkouts]
    print("| |", " | ".join(names), "|\n| --- |", " | ".join("---" for _ in names), "|")
    columns = [_figures(checkout) for checkout in checkouts]
    for row in dict.fromkeys(name for column in columns for name in column):
        print(f"| {row} |", " | ".join(column.get(row, "") for column in columns), "|")
    if len(checkouts) == 2:
        before, after = (_visible(checkout) for checkout in checkouts)
        print(f"| visible strings | {len(before)} | {len(after)}, {len(before - after)} of the former reworded or gone |")


def _version(checkout: Path) -> str:
    text = (checkout / "KDNetTraining/kdnet/__init__.py").read_text(encoding="utf-8")
    commit = subprocess.run(
        ["git", "-C", checkout, "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True
    )
    return f"{re.findall(r'__version__ = .(.*).$', text, re.MULTILINE)[0]} ({commit.stdout.strip()})"


def _figures(checkout: Path) -> dict[str, str]:
    package = checkout / "KDNetTraining/kdnet"
    files = {path: path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py"))}
    lines = {path: text.count("\n") for path, text in files.items()}
    total = sum(lines.values())
    rooms: Counter[str] = Counter()
    for path, count in lines.items():
        inner = path.relative_to(package).parts
        rooms[inner[0] if len(inner) > 1 else "(files)"] += count
    panels = [path for folder in PANELS for path in (checkout / folder).rglob("*.py")]
    tests = list((checkout / "Testing").rglob("test_*.py"))
    mirrored = sum((checkout / "Testing/backend").joinpath(*_test_of(path, package)).exists() for path in files)
    largest, most = rooms.most_common(1)[0]
    longest = max(lines, key=lambda path: lines[path])
    return {
        "kdnet: files, lines": f"{len(files)}, {total:,}",
        "largest room": f"{largest}, {most:,} lines, {most / total:.0%}",
        "rooms": ", ".join(f"{room} {count:,}" for room, count in rooms.most_common()),
        "median, longest file": f"{statistics.median(lines.values()):.0f}, {lines[longest]} ({longest.name})",
        "longest function": _longest_function(list(files)),
        "panels: files, lines": f"{len(panels)}, {sum(_length(path) for path in panels):,}",
        "longest function of the panels": _longest_function(panels),
        "test functions": f"{sum(_tests(path) for path in tests)}",
        "lines of tests": f"{sum(_length(path) for path in tests):,}",
        "modules with a test of their name": f"{mirrored} of {len(files)}",
        "`kdnet --version`, seconds (median)": _start(checkout),
    }


def _test_of(path: Path, package: Path) -> tuple[str, ...]:
    *rooms, name = path.relative_to(package).parts
    return (*rooms, f"test_{name}")


def _length(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def _functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)]


def _tests(path: Path) -> int:
    return sum(function.name.startswith("test_") for function in _functions(path))


def _longest_function(paths: list[Path]) -> str:
    """Return length and name of the function with the most lines, docstring included."""
    count, name = max(
        ((node.end_lineno or 0) - node.lineno + 1, f"{path.name}: {node.name}")
        for path in paths
        for node in _functions(path)
    )
    return f"{count} ({name})"


def _start(checkout: Path) -> str:
    """Return the seconds that ``kdnet --version`` takes."""
    path = str(checkout / "KDNetTraining")
    code = f"import sys; sys.path.insert(0, {path!r}); from kdnet.cli import main; main(['--version'])"
    seconds = []
    for _ in range(START_RUNS):
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
        seconds.append(time.monotonic() - started)
    return f"{statistics.median(seconds):.2f}"


def _visible(checkout: Path) -> set[str]:
    """Return strings that people read: of widgets, translated ones, help of options, and messages of errors."""
    found: set[str] = set()
    for path in checkout.rglob("*.ui"):
        found |= set(re.findall(r"<string>([^<]*\s[^<]*)</string>", path.read_text(encoding="utf-8")))
    for folder in ("KDNetTraining/kdnet", *PANELS):
        for path in (checkout / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Raise) and node.exc is not None:
                    found |= _texts(node.exc)
                elif isinstance(node, ast.Call) and _name(node.func) in VISIBLE_CALLS:
                    found |= _texts(node)
    return found


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""


def _texts(node: ast.AST) -> set[str]:
    return {
        item.value.strip()
        for item in ast.walk(node)
        if isinstance(item, ast.Constant) and isinstance(item.value, str) and item.value.strip().count(" ") > 1
    }


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:]))
