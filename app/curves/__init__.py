"""Curves: figure, table, values per epoch and per class."""
