"""Widgets, caches, background work and the selection that every page uses."""
