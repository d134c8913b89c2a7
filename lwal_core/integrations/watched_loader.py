"""A pass of the program's own over a test set, recorded while it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from lwal_core.integrations.batches import split
from lwal_core.integrations.watched import WatchedPass
from lwal_core.recording import Recorder

Unpack = Callable[[Any], tuple[Any, Any]]


@contextmanager
def recorded(
    run: Recorder,
    epoch: int,
    model: nn.Module,
    loader: Iterable[Any],
    head: nn.Module | str | None = None,
    *,
    unpack: Unpack = split,
    mean: Any = None,
    std: Any = None,
) -> Iterator[Any]:
    """Record an epoch from a pass of your own over the test set; costs no pass.

    ``with recorded(run, epoch, model, loader) as batches: accuracy = evaluate(model, batches)``. The network is run once on each
    batch, in whatever mode you choose. Arguments are as for :func:`record_epoch`.
    """
    watched = None
    if run.recording:
        with run.careful("recorded"):
            say_if_shared(run, loader)
            watched = WatchedPass(run, model, head, mean=mean, std=std)
    if watched is None:
        yield loader
        return
    try:
        batches = WatchedLoader(run, watched, loader, unpack)
        yield batches
        with run.careful("recorded"):
            if batches.whole:
                watched.write(epoch)
    finally:
        watched.close()


class WatchedLoader:
    """A loader whose batches are counted as soon as the network has seen them; otherwise the loader that it stands for."""

    def __init__(self, run: Recorder, watched: WatchedPass, loader: Iterable[Any], unpack: Unpack) -> None:
        self._run, self._watched, self._loader, self._unpack = run, watched, loader, unpack
        self.whole = False

    def __iter__(self) -> Iterator[Any]:
        self.whole, counted = False, True
        for batch in self._loader:
            yield batch
            if counted:
                counted = False
                with self._run.careful("recorded"):
                    self._watched.add(*self._unpack(batch))
                    counted = True
        self.whole = counted

    def __len__(self) -> int:
        return len(self._loader)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def say_if_shared(run: Recorder, loader: Any) -> None:
    """Warn where a loader gives this process only its share of the samples."""
    parts = getattr(getattr(loader, "sampler", None), "num_replicas", 1)
    if isinstance(parts, int) and parts > 1:
        run.warn(
            "share of the test set",
            f"The loader gives this process one of {parts:,} shares of its samples, and figures are those of this share; "
            "one without a DistributedSampler gives them all.",
        )
