"""``python -m kdnet`` is the same as the ``kdnet`` command; ``python -m kdnet worker`` serves the Slicer modules."""

import sys
import time

started = time.time()

if sys.argv[1:] == ["worker"]:
    # before everything heavy, so that the worker answers, and notices its parent's end, while torch is being imported
    from kdnet.inference.worker import main as serve

    sys.exit(serve())

from kdnet.cli import main  # noqa: E402 - heavy, and a request to stop may come while it is imported

sys.exit(main(started=started))
