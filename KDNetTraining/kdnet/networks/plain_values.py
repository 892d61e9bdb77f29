"""Check that the arguments of a network are plain values, because they come from files of other people."""

from __future__ import annotations

from collections.abc import Mapping

from kdnet.errors import SettingsError
from kdnet.text import one_line

MOST_VALUES, DEEPEST = 2000, 12


def check_plain(value: object, name: str = "network_def") -> None:
    """Reject all but numbers, strings, and lists and objects of these, or more of them than a network needs.

    Raises:
        SettingsError: naming the location of an expression, a reference, or an object to instantiate.
    """
    pending = [(value, name)]
    count = 0
    while pending:
        value, name = pending.pop()
        count += 1
        if count > MOST_VALUES or name.count(".") > DEEPEST:
            raise SettingsError(f"{name[:60]} has more than {MOST_VALUES} values: write the arguments of one network only.")
        if isinstance(value, Mapping):
            pending += [(item, _member(name, key)) for key, item in value.items()]
        elif isinstance(value, list | tuple):
            pending += [(item, name) for item in value]
        elif isinstance(value, str):
            if value.lstrip()[:1] in ("$", "@", "%"):
                shown = one_line(value, 60)
                raise SettingsError(f'{name} is the expression "{shown}", which is not evaluated: write its value instead.')
        elif value is not None and not isinstance(value, bool | int | float):
            raise SettingsError(f"{name} is not a plain value: write numbers, text and lists only.")


def _member(name: str, key: object) -> str:
    if not isinstance(key, str) or key.startswith("_"):
        raise SettingsError(
            f'{name} contains "{one_line(str(key), 40)}", which creates or runs something: write plain values only.'
        )
    return f"{name}.{one_line(key, 40)}"
