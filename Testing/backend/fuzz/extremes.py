"""Values that readers do not expect, and the mutations that all formats share."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np

Random = np.random.Generator

NUMBERS = ("nan", "inf", "-inf", "0", "-1", "1e38", "-1e38", "1e-38", "99999999999999999999", "2147483648", "0.5", "65536")
TEXTS = ("", " ", "None", "\x1b[2J", "a" * 300, "é\udc80", "..", "a/b", "=1+1", "\n", "(1,0,0)", "9" * 400, "?", "-", "\0")
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 3, 2**31, 2**63, 10**30, 0.5, 1e308, -1e308, 1e-300, float("nan"), float("inf")),
    *("", "a", "a" * 5000, "\x1b[2J", "line\nbreak", "\u202e", "nan", "..", [], {}, [1, 2, 3], [[]], {"a": 1}, [0] * 1000),
)


def mutated_bytes(data: bytes, random: Random, most: int | None = None) -> bytes:
    """Flip, insert, remove or cut bytes, within the first ``most``."""
    content = bytearray(data)
    end = min(len(content), most or len(content))
    for _ in range(int(random.integers(1, 6))):
        at = int(random.integers(0, max(1, end)))
        choice = int(random.integers(0, 6))
        if choice <= 2 and at < len(content):
            content[at] = int(random.integers(0, 256))
        elif choice == 3:
            content[at:at] = random.bytes(int(random.integers(1, 9)))
        elif choice == 4:
            del content[at : at + int(random.integers(1, 9))]
        elif random.random() < 0.3:
            del content[at:]
    return bytes(content)


def mutated_json(value: Any, random: Random) -> Any:
    """Replace, remove or add something at a random place of a JSON value."""
    value = copy.deepcopy(value)
    for _ in range(int(random.integers(1, 3))):
        places = list(_places(value))
        if not places:
            return _extreme(random)
        container, key = places[int(random.integers(len(places)))]
        choice = random.random()
        if choice < 0.7:
            container[key] = _extreme(random)
        elif choice < 0.85:
            del container[key]
        elif isinstance(container, dict):
            container[str(random.integers(100))] = container.pop(key)
        else:
            container.insert(0, container[key])
    return value


def mutated_text(value: Any, random: Random) -> str:
    """The JSON text of a mutated value, or a mutated text."""
    if random.random() < 0.7:
        return json.dumps(mutated_json(value, random))
    text = json.dumps(value)
    choice = int(random.integers(0, 5))
    if choice == 0:
        return text[: int(random.integers(0, len(text)))]
    if choice == 1:
        return "[" * 100_000
    if choice == 2:
        return str(random.choice(["null", "5", '"text"', "[]", "{}", "NaN", "", "\ufeff{}", "{]"]))
    return mutated_bytes(text.encode(), random).decode("latin-1")


def _extreme(random: Random) -> Any:
    if random.random() < 0.03:
        deep: Any = []
        for _ in range(60):
            deep = [deep]
        return deep
    return copy.deepcopy(VALUES[int(random.integers(len(VALUES)))])


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from _places(item)
