"""What a run is made of: data, encoder, label method and training, validated once and all at once.

Every option carries its unit, its allowed range and the reason for its default as the field's description; the command
line, the training form and the documents are made from the fields. No torch here: the web process builds and reads
configurations.
"""

from lwal_core.config.base.method import MAX_LABEL_DIM, METHODS, MethodConfig, TaskInfo, Variant, parse_method, register
from lwal_core.config.data import BUILT_IN_DATA, EXTERNAL_DATA, IMAGE_DATA, IMPORTED_DATA, PATH_DATA, DataConfig
from lwal_core.config.encoder import ENCODER_TITLES, EncoderConfig
from lwal_core.config.methods.external import EXTERNAL_METHOD
from lwal_core.config.methods.imported import IMPORTED_METHOD
from lwal_core.config.methods.static import SENTENCE_VECTORS
from lwal_core.config.options import Option, run_options
from lwal_core.config.ready_model import MODEL_SOURCES, ReadyModelConfig
from lwal_core.config.run import RunConfig, differences
from lwal_core.config.training import PAPER_SEEDS, TrainingConfig

__all__ = [
    "BUILT_IN_DATA",
    "ENCODER_TITLES",
    "EXTERNAL_DATA",
    "EXTERNAL_METHOD",
    "IMAGE_DATA",
    "IMPORTED_DATA",
    "IMPORTED_METHOD",
    "MAX_LABEL_DIM",
    "METHODS",
    "MODEL_SOURCES",
    "PAPER_SEEDS",
    "PATH_DATA",
    "SENTENCE_VECTORS",
    "DataConfig",
    "EncoderConfig",
    "MethodConfig",
    "Option",
    "ReadyModelConfig",
    "RunConfig",
    "TaskInfo",
    "TrainingConfig",
    "Variant",
    "differences",
    "parse_method",
    "register",
    "run_options",
]
