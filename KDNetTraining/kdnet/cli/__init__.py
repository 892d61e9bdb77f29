"""The ``kdnet`` command: parsers, and handlers that import their work when they are called."""

from kdnet.cli.command import main

__all__ = ["main"]
