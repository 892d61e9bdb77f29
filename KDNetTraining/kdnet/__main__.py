"""``python -m kdnet`` is the same as the ``kdnet`` command."""

import sys

from kdnet.cli import main

sys.exit(main())
