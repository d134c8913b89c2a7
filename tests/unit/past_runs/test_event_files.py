"""Event files of TensorBoard, written by its own writer."""

from __future__ import annotations

import builtins
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.errors import ImportFileError, LwalError
from lwal_core.past_runs.curve_files import read_curves


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Five epochs of ten steps: a loss at each step, an accuracy at each epoch's end."""
    events = pytest.importorskip("tensorboard.compat.proto.event_pb2")
    summaries = pytest.importorskip("tensorboard.compat.proto.summary_pb2")
    writers = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
    folder = tmp_path_factory.mktemp("events")
    writer = writers.EventFileWriter(str(folder))

    def add(tag: str, value: float, step: int, time: float) -> None:
        scalar = summaries.Summary.Value(tag=tag, simple_value=value)
        writer.add_event(events.Event(wall_time=time, step=step, summary=summaries.Summary(value=[scalar])))

    for epoch in range(1, 6):
        for step in range(10):
            add("train/loss", 2 / epoch + step, (epoch - 1) * 10 + step + 1, 1000 + epoch * 10 + step)
        add("val/acc", 0.1 * epoch, epoch * 10, 1000 + epoch * 10 + 9.5)
    writer.close()
    return next(folder.iterdir())


def framed(data: bytes) -> bytes:
    """A record with the checksums of the format, by the package's own function."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))


def test_scalars_become_curves(written):
    for source in (written, written.parent):
        found = read_curves(source)
        assert found.epochs == (1, 2, 3, 4, 5)
        np.testing.assert_allclose(found.columns["train_loss"], [2 / e + 4.5 for e in range(1, 6)], rtol=1e-6)
        np.testing.assert_allclose(found.columns["test_accuracy"], [0.1, 0.2, 0.3, 0.4, 0.5], rtol=1e-6)
        np.testing.assert_allclose(found.columns["seconds"], [9.5, 19.5, 29.5, 39.5, 49.5])


def test_lightning_logs_the_epoch_beside(tmp_path, written):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    data = b""
    for step, epoch, value in [(99, 0, 0.3), (199, 1, 0.4)]:
        for tag, number in (("epoch", epoch), ("val_acc", value), ("train_loss_epoch", 1 - value)):
            data += framed(
                Event(
                    step=step, wall_time=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=number)])
                ).SerializeToString()
            )
    (tmp_path / "events.out.tfevents.1").write_bytes(data)
    found = read_curves(tmp_path)
    assert found.epochs == (1, 2) and found.shifted
    np.testing.assert_allclose(found.columns["test_accuracy"], [0.3, 0.4], rtol=1e-6)


def test_tensors_of_one_number_are_scalars_and_larger_ones_are_not_built(tmp_path, written):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    def event(step: int, tensor: TensorProto) -> bytes:
        return framed(
            Event(
                step=step, summary=Summary(value=[Summary.Value(tag="epoch_accuracy", tensor=tensor)])
            ).SerializeToString()
        )

    huge = TensorShapeProto(dim=[TensorShapeProto.Dim(size=2**40)])
    data = event(1, TensorProto(dtype=1, float_val=[0.25])) + event(
        2, TensorProto(dtype=1, float_val=[1.0], tensor_shape=huge)
    )
    data += event(3, TensorProto(dtype=1, tensor_content=struct.pack("<f", 0.75)))
    (tmp_path / "events.tfevents").write_bytes(data)
    found = read_curves(tmp_path / "events.tfevents")
    assert found.columns["test_accuracy"].tolist() == [0.25, 0.75]


@pytest.mark.parametrize(("end", "first"), [(1000, 2), (1001, 2), (1500, 6.5)])
def test_a_file_that_is_cut_off_gives_what_is_whole(tmp_path, written, end, first):
    file = tmp_path / "cut.tfevents"
    file.write_bytes(written.read_bytes()[:end])
    found = read_curves(file)
    assert "is cut off or damaged after" in found.notes[0]
    assert found.columns["train_loss"][0] == first


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"hello", struct.pack("<Q", 2**62) + bytes(8)])
def test_what_is_no_event_file(tmp_path, written, data):
    file = tmp_path / "x.tfevents"
    file.write_bytes(data)
    with pytest.raises(ImportFileError):
        read_curves(file)


def test_a_length_beyond_the_file_with_a_right_checksum(tmp_path, written):
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    for size in (2**33, 2**63, 2**64 - 1):
        length = struct.pack("<Q", size)
        (tmp_path / "x.tfevents").write_bytes(length + struct.pack("<I", masked_crc32c(length)))
        with pytest.raises(ImportFileError):
            read_curves(tmp_path / "x.tfevents")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1199), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_anywhere_is_read_up_to_it_or_refused(tmp_path_factory, written, damage):
    data = bytearray(written.read_bytes()[:1200])
    for place, byte in damage:
        data[place] = byte
    file = tmp_path_factory.getbasetemp() / "damaged.tfevents"
    file.write_bytes(data)
    try:
        found = read_curves(file)
    except LwalError:
        return
    assert all(not np.isinf(values).any() for values in found.columns.values())


def test_without_the_package_it_is_said_how_to_have_it(tmp_path, monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.startswith("tensorboard"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    (tmp_path / "events.out.tfevents.1").write_bytes(b"x" * 40)
    with pytest.raises(ImportFileError, match=r"lwal-explorer\[tensorboard\]"):
        read_curves(tmp_path)


def test_a_folder_without_event_files(tmp_path):
    with pytest.raises(ImportFileError, match="holds no event files"):
        read_curves(tmp_path)
