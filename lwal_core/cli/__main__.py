"""``python -m lwal_core.cli``: the same as ``lwal``."""

from lwal_core.cli.main import main

if __name__ == "__main__":
    main()
