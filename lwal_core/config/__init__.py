"""What a run is made of: data, encoder, label method and training, validated once and all at once.

Every option carries its unit, its allowed range and the reason for its default as the field's description; the command
line and the training form show the same sentences. No torch here: the web process builds and reads configurations.
"""

from lwal_core.config.data import BUILT_IN_DATA, IMPORTED_DATA, PATH_DATA, DataConfig
from lwal_core.config.encoder import ENCODER_TITLES, EncoderConfig
from lwal_core.config.method import (
    IMPORTED_METHOD,
    MAX_LABEL_DIM,
    METHOD_OPTIONS,
    METHOD_TITLES,
    SENTENCE_VECTORS,
    MethodConfig,
)
from lwal_core.config.run import RunConfig, differences
from lwal_core.config.training import PAPER_SEEDS, TrainingConfig

__all__ = [
    "BUILT_IN_DATA",
    "ENCODER_TITLES",
    "IMPORTED_DATA",
    "IMPORTED_METHOD",
    "MAX_LABEL_DIM",
    "METHOD_OPTIONS",
    "METHOD_TITLES",
    "PAPER_SEEDS",
    "PATH_DATA",
    "SENTENCE_VECTORS",
    "DataConfig",
    "EncoderConfig",
    "MethodConfig",
    "RunConfig",
    "TrainingConfig",
    "differences",
]
