"""``python -m kdnet`` is the same as the ``kdnet`` command; ``python -m kdnet worker`` serves the Slicer modules."""

import os
import sys
import time

started = time.time()

# "python -m" puts the working folder first: a random.py or torch.py among the data must not be run. Python itself
# omits the folder with -P or PYTHONSAFEPATH.
package = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - before anything else is imported
if sys.path and sys.path[0] in ("", os.getcwd()) and os.path.dirname(package) != os.getcwd():  # noqa: PTH109, PTH120
    del sys.path[0]

from kdnet.entry import carry_out, prepare_streams  # noqa: E402

prepare_streams()

if sys.argv[1:] == ["worker"]:
    # before heavy imports, so that the worker responds, and notices when its parent exits, while torch is being imported
    from kdnet.segmentation.worker import main as serve

    sys.exit(serve())


def run() -> int:
    """Run the command; its modules are imported here, so that a missing package is reported in a sentence."""
    from kdnet.cli import main  # noqa: PLC0415

    return main(started=started)


sys.exit(carry_out(run))
