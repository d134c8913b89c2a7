"""Taxonomies on a page: picker, dialogs, WordNet senses."""
