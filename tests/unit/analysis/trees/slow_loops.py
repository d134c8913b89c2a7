"""Definitions as loops over everything, to hold the quick ways against."""

from __future__ import annotations

import math
from itertools import combinations


def naive_tau(x: list[float], y: list[float]) -> float:
    """tau-b by looking at every pair of pairs."""
    balance = only_x = only_y = 0
    for i, j in combinations(range(len(x)), 2):
        dx, dy = int(x[i] > x[j]) - int(x[i] < x[j]), int(y[i] > y[j]) - int(y[i] < y[j])
        balance += dx * dy
        only_x += abs(dx)
        only_y += abs(dy)
    return float(balance / math.sqrt(only_x * only_y)) if only_x and only_y else math.nan
