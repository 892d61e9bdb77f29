"""``python -m kdnet.cli.prepare_worker``: prepares the cases that it reads from stdin, for ``kdnet prepare``."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from kdnet.curation.case_work import CaseWork
from kdnet.curation.raw_case import RawCase
from kdnet.entry import carry_out, prepare_streams
from kdnet.errors import KDNetError
from kdnet.foreign import parse_json
from kdnet.schema.raw_studies import CurationSettings


def main() -> int:
    """Answer each case with a JSON line: its record, or why the output cannot be written."""
    root, out, settings, threads, device = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one decides
    import SimpleITK as sitk  # noqa: PLC0415 - slow to import, which a wrong call should not wait for
    import torch  # noqa: PLC0415

    from kdnet.curation.prepare_raw_case import prepare_raw_case  # noqa: PLC0415
    from kdnet.device import choose_device  # noqa: PLC0415
    from kdnet.preparation.brain import BrainExtractor  # noqa: PLC0415

    torch.set_num_threads(int(threads))
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(int(threads))
    work = CaseWork(Path(root), Path(out), CurationSettings.from_json(parse_json(settings)))
    extractor = BrainExtractor(choose_device(device))
    for line in sys.stdin:
        case = RawCase.from_json(parse_json(line))
        try:
            record, problem = prepare_raw_case(work, case, extractor).to_json(), ""
        except KDNetError as error:  # of the output or the installation, not of the case
            record, problem = None, str(error)
        print(json.dumps({"record": record, "problem": problem}), flush=True)
    return 0


if __name__ == "__main__":
    prepare_streams()
    sys.exit(carry_out(main))
