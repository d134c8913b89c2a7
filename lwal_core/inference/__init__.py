"""Asking a trained model about an image. The model lives in a process of its own; no torch here."""

from lwal_core.inference.answer import Answer, DataGone, Question, Source
from lwal_core.inference.client import ask, stop

__all__ = ["Answer", "DataGone", "Question", "Source", "ask", "stop"]
