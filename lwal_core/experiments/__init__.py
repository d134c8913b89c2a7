"""Many runs: presets, sweeps, comparison tables, the shipped examples, and form values as configurations. No torch."""
