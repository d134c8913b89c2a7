"""Make the data set ``pictograms`` of ``lwal_core/datafiles/drawings`` and its taxonomy from an archive of single drawings.

What it needs: a tar file with ``*/CLASS/STYLE-CODE.png``, 32 x 32 RGB on white, STYLE one of g (Noto Emoji), t (Twemoji) and
o (OpenMoji), CODE the Unicode code points such as ``1f469-200d-1f692``, every drawing in all three styles, and ``*/taxonomy.json``.
Folders above CLASS are ignored: the parts are made here.

How to run it::

    python tools/make_pictograms.py pictograms.tar.xz
    python tools/make_pictograms.py pictograms.tar.xz --check   # write nothing; say which files would change

**Kin.** Drawings that nearly repeat each other are one kin, and a kin is in the training or in the test part as a whole:

- one code point sequence in the three styles;
- a person at a job or a sport, whatever the gender; anything else joined to others (black cat, burning heart) goes with what it
  begins with;
- what differs in colour, gender or the hands of a clock alone, listed in :data:`ALIKE`;
- two drawings of a class and a style whose blurred pixels differ by less than :data:`TWIN_RMS`, mirrored or not.

**Parts.** Of each class, a quarter of its kins go to the test part, in the order of a fixed random draw; one that would make the test
part more than a quarter of the drawings is passed over, so that a large kin stays in training. No training was looked at for it.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import tarfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from lwal_core.datafiles.pictograms import COLUMNS, SIDE, STYLES, drawn_kins

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "lwal_core" / "datafiles" / "drawings"
TAXONOMY = ROOT / "lwal_core" / "taxonomy" / "data" / "pictograms.json"

INITIALS = dict(zip("gto", STYLES, strict=True))
"""First letter of the names of a style's files."""
TEST_SHARE = 0.25
TWIN_RMS = 0.06
"""Root mean square of the difference of two drawings, of a range of 0 to 1, after a blur of 0.7 pixels. Below it the closest pairs
are two smiles or two clocks that a person tells apart with effort; the first pairs of different things come at 0.08."""

PERSON, GENDERS = ("1f468", "1f469", "1f9d1"), ("2640", "2642")
ALIKE = (
    tuple(f"{code:x}" for code in range(0x1F550, 0x1F568)),  # dials at twelve full and twelve half hours
    (
        "2764-fe0f",
        "1f499",
        "1f49a",
        "1f49b",
        "1f49c",
        "1f5a4",
        "1f90d",
        "1f90e",
        "1f9e1",
        "1fa75",
        "1fa76",
        "1fa77",
    ),  # hearts
    ("1f34e", "1f34f"),  # red and green apple
    ("231b", "23f3"),  # hourglasses
    ("1f930", "1fac3", "1fac4"),  # pregnant woman, man, person
    ("1f934", "1f478", "1fac5"),  # prince, princess, person with a crown
)

Drawings = dict[str, dict[str, dict[str, NDArray[np.uint8]]]]
"""Class to code to style to uint8 ``[32, 32, 3]``."""


def read_archive(path: Path) -> tuple[Drawings, Any]:
    """Drawings and the taxonomy of the archive.

    Raises:
        ValueError: A drawing is not 32 x 32 RGB, or lacks a style.
    """
    found: Drawings = defaultdict(lambda: defaultdict(dict))
    taxonomy: Any = None
    with tarfile.open(path) as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            file = archive.extractfile(member) if member.isfile() else None
            if file is None:
                continue
            if name.name == "taxonomy.json":
                taxonomy = json.load(file)
            if name.suffix == ".png":
                picture = Image.open(io.BytesIO(file.read()))
                if picture.size != (SIDE, SIDE) or picture.mode != "RGB":
                    raise ValueError(f"{name} is {picture.mode} of {picture.size}")
                style, _, code = name.stem.partition("-")
                found[name.parent.name][code][style] = np.asarray(picture)
    for label, codes in found.items():
        for code, styles in codes.items():
            if set(styles) != set(INITIALS):
                raise ValueError(f"{label}, {code}: {sorted(styles)}")
    return {label: {code: found[label][code] for code in sorted(found[label])} for label in sorted(found)}, taxonomy


def kins(codes: dict[str, dict[str, NDArray[np.uint8]]]) -> list[list[str]]:
    """The codes of one class, in groups that nearly repeat each other."""
    names = list(codes)
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    def join(group: Sequence[str]) -> None:
        for name in group[1:]:
            parent[max(root(group[0]), root(name))] = min(root(group[0]), root(name))

    by_stem = defaultdict(list)
    for name in names:
        by_stem[_stem(name)].append(name)
    for group in (*by_stem.values(), *([name for name in alike if name in codes] for alike in ALIKE)):
        if group:
            join(group)
    for style in INITIALS:
        x = np.stack([codes[name][style] for name in names]).astype(np.float64) / 255
        x = gaussian_filter(x, (0, 0.7, 0.7, 0))
        for i in range(len(names)):
            for other in (x, x[:, :, ::-1]):
                distances = np.sqrt(np.square(other - x[i]).mean((1, 2, 3)))
                join([names[i], *(names[j] for j in np.flatnonzero(distances < TWIN_RMS) if j != i)])
    groups = defaultdict(list)
    for name in names:
        groups[root(name)].append(name)
    return list(groups.values())


def _stem(code: str) -> str:
    first, *rest = [part for part in code.split("-") if part not in ("fe0f", "200d", *GENDERS)]
    return "-".join(["person", *rest]) if first in PERSON and rest else first


def test_part(groups: list[list[str]], class_index: int) -> set[str]:
    """Codes of one class that are for testing."""
    chosen = drawn_kins([len(group) for group in groups], TEST_SHARE, [0, class_index])
    return {code for number in chosen for code in groups[number]}


def made(drawings: Drawings, taxonomy: Any) -> dict[Path, bytes]:
    """Every file and what is in it."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("class", "code", "kin", "part"))
    tiles: dict[str, list[NDArray[np.uint8]]] = {style: [] for style in INITIALS}
    kin = 0
    for index, (label, codes) in enumerate(drawings.items()):
        groups = kins(codes)
        test = test_part(groups, index)
        for group in groups:
            for code in group:
                writer.writerow((label, code, kin, "test" if code in test else "train"))
                for style in INITIALS:
                    tiles[style].append(codes[code][style])
            kin += 1
    files = {TARGET / "drawings.csv": table.getvalue().encode()}
    for style, name in INITIALS.items():
        files[TARGET / f"{name}.webp"] = _sheet(tiles[style])
    files[TAXONOMY] = _taxonomy_file(taxonomy, list(drawings))
    return files


def _sheet(tiles: list[NDArray[np.uint8]]) -> bytes:
    """Drawings side by side, COLUMNS in a row, without loss."""
    rows = -(-len(tiles) // COLUMNS)
    sheet = np.full((rows, COLUMNS, SIDE, SIDE, 3), 255, dtype=np.uint8)
    for number, tile in enumerate(tiles):
        sheet[divmod(number, COLUMNS)] = tile
    flat = np.ascontiguousarray(sheet.swapaxes(1, 2)).reshape(rows * SIDE, COLUMNS * SIDE, 3)
    file = io.BytesIO()
    Image.fromarray(flat).save(file, "WEBP", lossless=True, quality=100, method=6)
    return file.getvalue()


def _taxonomy_file(root: Any, classes: list[str]) -> bytes:
    parent_of: dict[str, str | None] = {}

    def walk(node: Any, above: str | None) -> None:
        parent_of[node["name"]] = above
        for child in node.get("children", ()):
            walk(child, node["name"])

    walk(root, None)
    lines = ["{", '  "format": 1,']
    facts = {
        "name": "pictograms",
        "title": "the groups of pictograms",
        "data_set": "Pictograms",
        "source": "A tree over the subcategories of Unicode's emoji list, made by hand before anything was trained.",
        "made": "Distances are the edges on the path between two classes in the tree.",
    }
    lines += [f'  "{key}": {json.dumps(value)},' for key, value in facts.items()]
    of_class = [f'    {{"name": "{name}", "parent": "{parent_of.pop(name)}"}}' for name in classes]
    of_node = [f'    {{"node": "{name}", "parent": {json.dumps(above)}}}' for name, above in parent_of.items()]
    for key, entries in (("classes", of_class), ("tree", of_node)):
        lines += [f'  "{key}": [', ",\n".join(entries), "  ]" + ("," if key == "classes" else "")]
    return ("\n".join([*lines, "}"]) + "\n").encode()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing")
    given = parser.parse_args(arguments)
    files = made(*read_archive(given.archive))
    changed = [path for path, data in files.items() if not path.is_file() or path.read_bytes() != data]
    for path in changed:
        if not given.check:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(files[path])
        print(path.relative_to(ROOT), f"{len(files[path]):,} bytes")
    return int(given.check and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
