"""One short flat script a page: read runs, call the analysis, draw figures."""
