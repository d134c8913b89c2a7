"""``python -m lwal_core.projections``: see :mod:`lwal_core.projections.worker`."""

import sys

from lwal_core.projections.worker import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
