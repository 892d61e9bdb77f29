"""Where the parts of the extension lie: in the source tree, or installed side by side in one folder."""

from __future__ import annotations

from kdnet.shared_files import BACKEND, shared_resource

__all__ = ["BACKEND", "shared_resource"]
