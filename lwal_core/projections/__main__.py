"""``python -m lwal_core.projections``."""

import sys

from lwal_core.projections.worker import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
