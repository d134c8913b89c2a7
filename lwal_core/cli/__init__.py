"""``lwal``, the command line: one module per subject, each command thin over the library."""
