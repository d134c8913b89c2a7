"""Trees: two class trees compared."""
