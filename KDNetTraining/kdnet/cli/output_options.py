"""The options ``--lesions``, ``--report`` and ``--dicom-seg``, which ``segment`` and ``measure`` share."""

from __future__ import annotations

import argparse

from kdnet.report.scan_outputs import Outputs


def outputs_from(args: argparse.Namespace) -> Outputs:
    """Return the files that the options name."""
    return Outputs(args.lesions, args.report, args.dicom_seg, args.overwrite)
