"""From a run folder to an analysis: trees, curves, reports. No torch."""
