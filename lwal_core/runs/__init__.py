"""The run folder: read, write and list. The only code that knows the file names; see docs/run-folder.md. No torch."""

from lwal_core.runs.annotations import CladeNote, annotate_clade, read_annotations
from lwal_core.runs.cuts import KeptCut, forget_cut, keep_cut, read_cuts
from lwal_core.runs.estimate import estimate_seconds
from lwal_core.runs.evaluation import Evaluation, FeatureSample, Layer
from lwal_core.runs.listing import (
    RunGroup,
    RunSummary,
    baseline_among,
    group_runs,
    list_runs,
    one_per_seed,
    with_labels,
)
from lwal_core.runs.metrics import (
    EVERY_READING,
    PREDICTOR_TITLES,
    READING_TITLES,
    RULE_TITLES,
    Metrics,
    Predictor,
    Reading,
)
from lwal_core.runs.owner import Owner
from lwal_core.runs.paths import home, run_folder, runs_folder
from lwal_core.runs.record import ACTIVE, Job, Origin, RunRecord
from lwal_core.runs.run import (
    SOURCE_TITLES,
    LabelSnapshot,
    Progress,
    Pulse,
    Run,
    Samples,
    VectorSource,
    open_run,
)
from lwal_core.runs.writer import RunWriter, create_run

__all__ = [
    "ACTIVE",
    "EVERY_READING",
    "PREDICTOR_TITLES",
    "READING_TITLES",
    "RULE_TITLES",
    "SOURCE_TITLES",
    "CladeNote",
    "Evaluation",
    "FeatureSample",
    "Job",
    "KeptCut",
    "LabelSnapshot",
    "Layer",
    "Metrics",
    "Origin",
    "Owner",
    "Predictor",
    "Progress",
    "Pulse",
    "Reading",
    "Run",
    "RunGroup",
    "RunRecord",
    "RunSummary",
    "RunWriter",
    "Samples",
    "VectorSource",
    "annotate_clade",
    "baseline_among",
    "create_run",
    "estimate_seconds",
    "forget_cut",
    "group_runs",
    "home",
    "keep_cut",
    "list_runs",
    "one_per_seed",
    "open_run",
    "read_annotations",
    "read_cuts",
    "run_folder",
    "runs_folder",
    "with_labels",
]
