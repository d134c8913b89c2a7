"""Home: claims, examples and the guided first run."""
