"""The report of a study."""

from kdnet.report.write import write_report

__all__ = ["write_report"]
