"""Comparison of methods: curves, bands, intervals, speed, claims and the verdict."""
