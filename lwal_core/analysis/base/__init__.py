"""Basics of every analysis: linkage checks, number formatting, subsampling."""
