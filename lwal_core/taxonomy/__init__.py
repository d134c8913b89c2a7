"""Reference taxonomies: shipped ones, users' own, WordNet; reading, matching of class names, path lengths. No torch."""

from lwal_core.taxonomy.reference import FEWEST_MATCHES, UNNAMED, Taxonomy
from lwal_core.taxonomy.shipped import available_taxonomies, load_taxonomy, taxonomy_for
from lwal_core.taxonomy.wordnet import wordnet_taxonomy

__all__ = [
    "FEWEST_MATCHES",
    "UNNAMED",
    "Taxonomy",
    "available_taxonomies",
    "load_taxonomy",
    "taxonomy_for",
    "wordnet_taxonomy",
]
