"""The maker of the pictograms, on a small archive: what repeats becomes one kin, and files come out as they are read."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lwal_core.taxonomy.record import taxonomy_of_record
from tools import make_pictograms as tool

CODES = {
    "worker": ("1f468-200d-1f692", "1f469-200d-1f692", "1f9d1-200d-1f692", "1f477", "1f477-200d-2640-fe0f", "1f482"),
    "clock": ("1f550", "1f55f", "231a", "23f1-fe0f", "231b", "23f3"),
}
TREE = {"name": "thing", "children": [{"name": "person", "children": [{"name": "worker"}]}, {"name": "clock"}]}


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def write_archive(path: Path, *, without: str = "", side: int = 32) -> dict[str, np.ndarray]:
    pictures = {}
    with tarfile.open(path, "w:xz") as archive:

        def add(name: str, data: bytes) -> None:
            entry = tarfile.TarInfo(f"pictograms/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))

        add("taxonomy.json", json.dumps(TREE).encode())
        for label, codes in CODES.items():
            for code in codes:
                for style in "gto":
                    name = f"{label}/{style}-{code}"
                    if name == without:
                        continue
                    pictures[name] = picture(len(pictures))[:side, :side]
                    file = io.BytesIO()
                    Image.fromarray(pictures[name]).save(file, "PNG")
                    add(f"train/{name}.png", file.getvalue())
    return pictures


def test_genders_and_listed_codes_are_kin(tmp_path: Path):
    write_archive(tmp_path / "a.tar.xz")
    drawings, _ = tool.read_archive(tmp_path / "a.tar.xz")
    assert [sorted(group) for group in tool.kins(drawings["worker"])] == [
        ["1f468-200d-1f692", "1f469-200d-1f692", "1f9d1-200d-1f692"],
        ["1f477", "1f477-200d-2640-fe0f"],
        ["1f482"],
    ]
    found = {frozenset(group) for group in tool.kins(drawings["clock"])}
    assert found == {frozenset(group) for group in (("1f550", "1f55f"), ("231a",), ("23f1-fe0f",), ("231b", "23f3"))}


def test_pixels_that_repeat_are_kin_in_any_style_and_mirrored():
    noise = [picture(seed) for seed in range(9)]
    codes = {code: {style: noise[3 * i + j] for j, style in enumerate("gto")} for i, code in enumerate("abc")}
    assert len(tool.kins(codes)) == 3
    codes["b"]["t"] = np.clip(codes["a"]["t"][:, ::-1].astype(int) + 5, 0, 255).astype(np.uint8)
    assert tool.kins(codes) == [["a", "b"], ["c"]]


def test_sheets_and_table_hold_what_the_archive_holds(tmp_path: Path):
    pictures = write_archive(tmp_path / "a.tar.xz")
    files = tool.made(*tool.read_archive(tmp_path / "a.tar.xz"))
    rows = [line.split(",") for line in files[tool.TARGET / "drawings.csv"].decode().splitlines()[1:]]
    for initial, name in tool.INITIALS.items():
        sheet = np.asarray(Image.open(io.BytesIO(files[tool.TARGET / f"{name}.webp"])).convert("RGB"))
        for number, (label, code, _, _) in enumerate(rows):
            tile = sheet[:, 32 * number : 32 * number + 32]
            np.testing.assert_array_equal(tile, pictures[f"{label}/{initial}-{code}"])
    taxonomy = taxonomy_of_record(json.loads(files[tool.TAXONOMY]))
    assert taxonomy.distances(["worker", "clock"]).tolist() == [[0, 3], [3, 0]]
    kin_of_part = {(row[2], row[3]) for row in rows}
    assert len(kin_of_part) == len({row[2] for row in rows}) and {part for _, part in kin_of_part} == {"train", "test"}


@pytest.mark.parametrize(
    ("options", "told"), [({"without": "clock/o-231a"}, r"clock, 231a: \['g', 't'\]"), ({"side": 16}, "is RGB of")]
)
def test_an_archive_that_lacks_something_is_refused(tmp_path: Path, options: dict, told: str):
    write_archive(tmp_path / "a.tar.xz", **options)
    with pytest.raises(ValueError, match=told):
        tool.read_archive(tmp_path / "a.tar.xz")
