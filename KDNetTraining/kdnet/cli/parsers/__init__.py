"""Parsers of the commands: standard library and schema only, so that the help appears at once."""
