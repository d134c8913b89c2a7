"""Evidence for a tree: other seeds, resampling, a taxonomy, the baseline."""
