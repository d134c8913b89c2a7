"""Training one run in a process of its own: ``python -m lwal_core.training RUN_DIR``.

This package imports torch only inside its modules, so that a process that waits for its turn stays small.
"""
