"""What stays in memory is set aside, and found again when nobody needs it any more."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from types import ModuleType

import pytest

from app.common import start
from app.common.start import set_aside


class Ring:
    """Garbage that only a search finds, once nobody else has it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(start, "_aside", (0, 0.0))
    yield
    gc.unfreeze()


def test_what_stays_is_set_aside_once() -> None:
    gc.unfreeze()
    assert set_aside() and gc.get_freeze_count() > 10_000
    assert len(gc.get_objects()) < 1_000  # a search has next to nothing to look at
    assert not set_aside()


def test_more_modules_are_set_aside_too(monkeypatch: pytest.MonkeyPatch) -> None:
    set_aside()
    for number in range(int(len(sys.modules) * (start.MORE_MODULES - 1)) + 2):
        monkeypatch.setitem(sys.modules, f"made.for.this.{number}", ModuleType("made"))
    assert set_aside() and not set_aside()


def test_what_nobody_needs_any_more_is_found_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Ring()
    kept = weakref.ref(ring)
    set_aside()
    del ring
    gc.collect()
    assert kept() is not None  # it was set aside
    monkeypatch.setattr(start, "ASIDE_SECONDS", 0.0)
    assert set_aside() and kept() is None
