"""Hierarchy: film of the tree and downloads."""
