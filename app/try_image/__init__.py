"""Try an image: prediction, placement and text."""
