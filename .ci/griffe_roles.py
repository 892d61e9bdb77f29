"""Show Sphinx roles in docstrings, such as :class:`~kdnet.networks.NetworkSpec`, as code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

ROLE = re.compile(r":(?:class|func|meth|attr|data|mod|exc):`(~?)([^`]+)`")


class RolesAsCode(Extension):
    """Replaces the roles while docstrings are collected."""

    def on_object(self, *, obj: Object, **_more: Any) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = ROLE.sub(_code, obj.docstring.value)


def _code(role: re.Match[str]) -> str:
    name = role[2].rsplit(".", 1)[-1] if role[1] else role[2]
    return f"`{name}`"
