"""The ``kdnet`` command: parsers, and handlers that import their dependencies when called."""

from kdnet.cli.command import main

__all__ = ["main"]
