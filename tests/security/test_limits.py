"""Files that are small and unpack to gigabytes, by ratio and by sides; and the limits of the containers."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from lwal_core.data.image_files import read_image
from lwal_core.datafiles.arrays import open_arrays
from lwal_core.errors import LwalError
from lwal_core.imports import examine
from lwal_core.inference_server.pictures import read_picture
from lwal_core.runs.files import read_npz
from tests.security.conftest import ROOT
from tests.security.making import zipped
from tests.security.measure import tried


def npz_bomb(path: Path, megabytes: int = 300) -> Path:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"shape": (megabytes, 2**18), "fortran_order": False, "descr": "<f4"})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as entry:
        entry.write(header.getvalue())
        for _ in range(megabytes):
            entry.write(bytes(2**20))
    return path


def test_an_archive_of_zeros(tmp_path: Path) -> None:
    path = npz_bomb(tmp_path / "bomb.npz")
    assert path.stat().st_size < 2**20
    tracemalloc.start()
    try:
        with pytest.raises(LwalError, match="100 times its size"):
            open_arrays(path)
        with pytest.raises(ValueError, match="100 times its size"):
            read_npz(path)
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


def test_one_hot_labels_and_plain_archives_are_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "one_hot.npz", x=np.eye(4_000, dtype=np.float32))
    assert open_arrays(tmp_path / "one_hot.npz").headers["x"].shape == (4_000, 4_000)
    np.savez(tmp_path / "plain.npz", x=np.zeros((6_000, 6_000), dtype=np.float32))  # 144 MB, as large as it says
    assert open_arrays(tmp_path / "plain.npz").headers["x"].shape == (6_000, 6_000)


def picture(width: int, height: int, mode: str = "1") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, "PNG", optimize=False)
    return buffer.getvalue()


@pytest.mark.parametrize("sides", [(49_000_000, 1), (1, 49_000_000), (30_001, 2), (7_000, 7_000)])
def test_thin_and_empty_pictures(tmp_path: Path, sides: tuple[int, int]) -> None:
    data = picture(*sides)
    with pytest.raises(LwalError, match="no photograph"):
        read_picture(data, (3, 32, 32))
    (tmp_path / "thin.png").write_bytes(data)
    for file in (tmp_path / "thin.png", io.BytesIO(data)):
        with pytest.raises(ValueError, match="pixels"):
            read_image(file, 32)


@pytest.mark.parametrize("sides", [(4_000, 4_000), (29_000, 20), (1, 1)])
def test_pictures_that_are_merely_large_or_plain_are_read(sides: tuple[int, int]) -> None:
    assert read_image(io.BytesIO(picture(*sides)), 32).shape == (3, 32, 32)


def test_compose_passes_the_modes_through_and_limits_its_containers() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for name in ("app", "worker"):
        assert services[name]["pids_limit"] == 512 and "8g" in services[name]["mem_limit"]
        for variable in ("LWAL_READ_ONLY", "LWAL_SHARES_ONLY", "LWAL_HOSTS", "LWAL_MAX_UPLOAD_MB"):
            assert services[name]["environment"][variable] == f"${{{variable}:-}}"


def test_lower_bounds_are_versions_without_known_holes() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert '"torch>=2.10"' in text and '"pillow>=12.2"' in text and '"Authlib>=1.6.9"' in text


def black_png(width: int, height: int) -> bytes:
    """A PNG of one bit per pixel, written line by line: it is never in memory."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, line = zlib.compressobj(1), bytes(1 + width // 8)
    packed = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_bombs_take_less_than_a_gigabyte_and_five_seconds(
    tmp_path: Path, home: Path, scratch: Path, inbox: Path
) -> None:
    """By every door: an image and a file that somebody brings, the files of a run, a bundle."""
    npz_bomb(inbox / "bomb.npz", 1_100)
    (inbox / "thin.png").write_bytes(picture(49_000_000, 1))
    (inbox / "square.png").write_bytes(black_png(40_000, 40_000))
    (inbox / "bomb.zip").write_bytes(zipped({"manifest.json": b"{}", "run.json": bytes(10**9 // 4)}, packed=True))
    photo = (inbox / "square.png").read_bytes()
    assert all(path.stat().st_size < 2 * 2**20 for path in inbox.iterdir())

    def told(act: Callable[[], object]) -> Callable[[], object]:
        """What a reader of its own refuses by ValueError, its callers tell as a sentence."""

        def tell() -> None:
            try:
                act()
            except ValueError as error:
                raise LwalError(str(error)) from None

        return tell

    acts = {
        "npz of vectors": lambda: examine(inbox / "bomb.npz"),
        "npz as features": lambda: open_arrays(inbox / "bomb.npz"),
        "npz of a run": told(lambda: read_npz(inbox / "bomb.npz")),
        "thin image": lambda: read_picture((inbox / "thin.png").read_bytes(), (3, 32, 32)),
        "square image": lambda: read_picture(photo, (3, 32, 32)),
        "image of a data folder": told(lambda: read_image(inbox / "thin.png", 32)),
        "bundle": lambda: examine(inbox / "bomb.zip"),
    }
    found = tried(acts, home, scratch)
    assert {name: lines for name, (_, lines) in found.items() if lines} == {}
    assert all(said for said, _ in found.values()), found
