"""``python -m lwal_core.inference_server``."""

import sys

from lwal_core.inference_server.server import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
