"""Writing all files of a report."""
