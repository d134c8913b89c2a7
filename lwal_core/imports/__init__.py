"""What comes in from elsewhere: run bundles, tables of label vectors, checkpoints, files of a model hub (:mod:`.hub`). Shown
before it is kept. No torch.

:func:`examine` says what a file is without keeping anything, :func:`keep` makes a run of it.
"""

from lwal_core.imports.choice import TensorRefusedError
from lwal_core.imports.heads import TensorInfo
from lwal_core.imports.incoming import ENDINGS, Incoming, examine, existing, import_folder, import_run, log_refused

__all__ = [
    "ENDINGS",
    "Incoming",
    "TensorInfo",
    "TensorRefusedError",
    "examine",
    "existing",
    "import_folder",
    "import_run",
    "log_refused",
]
