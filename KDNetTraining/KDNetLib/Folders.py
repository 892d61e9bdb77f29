"""Locations of the parts of the extension, in the source tree or in a flat installation folder."""

from __future__ import annotations

from kdnet.shared_files import BACKEND, shared_resource

__all__ = ["BACKEND", "shared_resource"]
