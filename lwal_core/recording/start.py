"""Begin a run that a program records, or go on with one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from lwal_core.errors import TrainingError
from lwal_core.recording.options import class_names, configuration, taxonomy_name
from lwal_core.recording.recorder import Recorder
from lwal_core.runs import create_run, open_run
from lwal_core.runs.home_folder import check_home
from lwal_core.runs.record import DataInfo
from lwal_core.security.permissions import check_writable


def start_run(
    name: str | None = "",
    *,
    classes: Iterable[str],
    method: str,
    data: str,
    seed: int = 0,
    config: Any = None,
    taxonomy: str | os.PathLike[str] | None = None,
    home: str | os.PathLike[str] | None = None,
    epochs: int | None = None,
    tags: Iterable[str] = (),
    strict: bool = False,
    push_to: str | None = None,
    push_every: int = 0,
) -> Recorder:
    """Begin a run that this program records.

    Runs of one method, data and configuration but different seeds are repeats: one group on every page.

    Args:
        name: A name for people; one is made of method and data where it is empty.
        classes: C class names, 2 to 10,000, in the order of the class numbers; a dictionary of numbers by name
            (``class_to_idx``) or of names by number (``id2label``) is read in their order.
        method: What you call your method, at most 120 characters.
        data: What you call your data. The name of a data set that the app knows (such as ``"cifar10"``) stands for that one,
            and the run is compared with the app's own trainings on it.
        seed: From 0 to 2,147,483,647.
        config: Options of your program, to be shown where runs differ: a mapping, a namespace or a dataclass, nested or
            not; at most 200 values. An option that says the seed once more (``seed``, ``random_state``) is left out.
        taxonomy: A reference hierarchy of the classes: name of a shipped one, or path of a Newick, JSON or CSV file.
        home: Where; default ``$LWAL_HOME`` or ``./var``.
        epochs: How many there will be, where that is known.
        tags: Words to find the run by.
        strict: Whether what cannot be recorded later on is an error that ends the program, rather than a warning.
        push_to: Address of an app elsewhere that the run is pushed to when it ends, with the token in ``LWAL_PUSH_TOKEN``. A push
            that fails is a warning.
        push_every: Epochs after which it is pushed while it is recorded, too; 0 for never.

    Returns:
        The recorder; also a context manager that finishes the run. In a process of rank 1 or more of a distributed training
        (``RANK``, or where that is not set ``LOCAL_RANK`` and ``NODE_RANK``) it records nothing.

    Raises:
        LwalError: The run cannot be begun: a name or number is wrong, or the home cannot be written.
    """
    check_writable("record a run")
    names = class_names(classes)
    values, notes = configuration(method, data, seed, config, epochs)
    if push_to is not None:
        from lwal_core.recording.push import check_address

        push_to = check_address(push_to)
    if not is_first_process():
        return Recorder(None, names, strict=strict)
    check_home(home)
    reference = taxonomy_name(taxonomy, home)
    run = create_run(values, name="" if name is None else str(name), tags=tuple(map(str, tags)), home=home)
    recorder = Recorder(
        run.path, names, strict=strict, epochs_known=epochs is not None, push_to=push_to, push_every=push_every
    )
    info = DataInfo(fingerprint="", kind="unknown", input_shape=[], train_size=0, test_size=0, taxonomy=reference)
    recorder.update(class_names=names, data=info, vectors=[])
    for note in notes:
        recorder.warn("config", note)
    return recorder


def is_first_process() -> bool:
    """Whether this is the process of a distributed training that records, by what its launcher set: rank 0."""
    rank, *others = (os.environ.get(name, "").strip() for name in ("RANK", "LOCAL_RANK", "NODE_RANK"))
    return rank == "0" if rank else all(other in ("", "0") for other in others)


def resume_run(
    run_id: str,
    *,
    home: str | os.PathLike[str] | None = None,
    strict: bool = False,
    push_to: str | None = None,
    push_every: int = 0,
) -> Recorder:
    """Go on recording a run of your own that is not finished.

    An epoch that is logged again takes the place of what it was.

    Args:
        run_id: Its id.
        home: Where it is; default ``$LWAL_HOME`` or ``./var``.
        strict: As for :func:`start_run`.
        push_to: As for :func:`start_run`.
        push_every: As for :func:`start_run`.

    Raises:
        RunNotFound: There is no such run.
        LwalError: It is finished, it is being recorded already, or no program recorded it.
    """
    check_writable("record a run")
    run = open_run(run_id, home)
    if not run.config.external:
        raise TrainingError(
            f"Run {run.id} was trained here.", "Only a run that a program of yours recorded can be continued by it."
        )
    if run.record.status == "done":
        raise TrainingError(f"Run {run.id} is finished.", "Start a new one.")
    return Recorder(run.path, list(run.class_names), strict=strict, again=True, push_to=push_to, push_every=push_every)
