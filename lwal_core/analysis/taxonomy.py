"""Import path that other tools rely on; the code is in :mod:`lwal_core.taxonomy`."""

from lwal_core.taxonomy import FEWEST_MATCHES, UNNAMED, Taxonomy, available_taxonomies, load_taxonomy, taxonomy_for

__all__ = ["FEWEST_MATCHES", "UNNAMED", "Taxonomy", "available_taxonomies", "load_taxonomy", "taxonomy_for"]
