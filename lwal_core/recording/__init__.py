"""Recorder: any training loop writes a run, beside the app's own trainings. No torch."""

from lwal_core.recording.recorder import Recorder
from lwal_core.recording.start import resume_run, start_run

__all__ = ["Recorder", "resume_run", "start_run"]
