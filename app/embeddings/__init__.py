"""Embeddings: projection, film, report and downloads."""
