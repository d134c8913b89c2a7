"""Import dialog: runs, tables, checkpoints, files of a model hub."""
