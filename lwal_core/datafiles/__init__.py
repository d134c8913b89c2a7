"""What lies in a data folder or a feature file, found out without reading the data and without torch.

The training form and the loaders in :mod:`lwal_core.data` both start here, so that data is judged by the same rules and
refused in the same words before a run is queued and when it starts.
"""

from lwal_core.datafiles.features import FeaturesListing, scan_features
from lwal_core.datafiles.folders import FolderListing, scan_folder
from lwal_core.datafiles.source_stats import SourceStats, check_source, source_stats

__all__ = [
    "FeaturesListing",
    "FolderListing",
    "SourceStats",
    "check_source",
    "scan_features",
    "scan_folder",
    "source_stats",
]
