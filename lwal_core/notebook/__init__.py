"""Notebook: runs and comparisons as plotly figures and tables, the same that the pages show. No torch."""

from lwal_core.notebook.comparison import Comparison, compare
from lwal_core.notebook.page import embed_figures
from lwal_core.notebook.run import NotebookRun, RunList, list_runs, open_run

__all__ = ["Comparison", "NotebookRun", "RunList", "compare", "embed_figures", "list_runs", "open_run"]
