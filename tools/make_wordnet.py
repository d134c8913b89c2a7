"""Make ``lwal_core/taxonomy/data/wordnet_nouns.npz``: the nouns of WordNet 3.0 in compact form.

What it needs is WordNet 3.0's database, the files ``data.noun``, ``index.noun``, ``cntlist.rev`` and ``noun.exc``;
Debian's package
``wordnet-base`` has them::

    apt-get download wordnet-base && dpkg -x wordnet-base_*.deb wordnet
    python tools/make_wordnet.py wordnet/usr/share/wordnet

The file holds arrays only, which are compressed one by one and read when they are asked for:

- ``offsets``: ``[S]``, the place of each synset in ``data.noun``, rising; it stands for the synset in ImageNet's ``n02084071``;
- ``above``, ``above_counts``: the hypernyms of all synsets (instance hypernyms among them) one after the other, as positions
  in ``offsets``, and how many each has, ``[S]``;
- ``words``: the different words, one a line, as WordNet spells them, in the order of their bytes;
- ``lemmas``, ``lemma_counts``: the words of all synsets one after the other, as positions in ``words``, and how many each has,
  ``[S]``; ``ranks``: which sense of its word each is, 1 for the commonest; ``counts``: how often it was met with that sense
  in the texts that WordNet's authors read;
- ``definitions``: one a line, ``[S]`` lines, without the examples;
- ``plurals``: irregular ones, one a line, each with its singular.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np

TARGET = Path(__file__).resolve().parents[1] / "lwal_core" / "taxonomy" / "data" / "wordnet_nouns.npz"


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="latin-1").splitlines() if line and not line.startswith("  ")]


def _text(lines: list[str]) -> np.ndarray:
    return np.frombuffer("\n".join(lines).encode(), dtype=np.uint8)


def nouns(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of the file, from WordNet's own."""
    senses = {}
    for line in _lines(folder / "index.noun"):
        fields = line.split()
        senses[fields[0]] = {int(offset): rank for rank, offset in enumerate(fields[-int(fields[2]) :], start=1)}
    offsets: list[int] = []
    lemmas: list[list[str]] = []
    keys: list[str] = []
    above: list[list[int]] = []
    definitions: list[str] = []
    for line in _lines(folder / "data.noun"):
        data, gloss = line.split(" | ", maxsplit=1)
        fields = data.split()
        words = int(fields[3], 16)
        pointers = 4 + 2 * words
        offsets.append(int(fields[0]))
        lemmas.append(fields[4:pointers:2])
        keys += [f"{fields[at].lower()}%1:{fields[1]}:{int(fields[at + 1], 16):02d}::" for at in range(4, pointers, 2)]
        above.append(
            [
                int(fields[at + 1])
                for at in range(pointers + 1, pointers + 1 + 4 * int(fields[pointers]), 4)
                if fields[at] in ("@", "@i")
            ]
        )
        definitions.append(re.split(r';\s*"', gloss.strip())[0].strip())
    counted = {key: int(count) for key, _, count in map(str.split, _lines(folder / "cntlist.rev"))}
    position = {offset: i for i, offset in enumerate(offsets)}
    words_in_order = sorted({word for found in lemmas for word in found})
    place = {word: i for i, word in enumerate(words_in_order)}
    ranks = [senses[word.lower()][offset] for offset, found in zip(offsets, lemmas, strict=True) for word in found]
    return {
        "offsets": np.array(offsets, dtype=np.uint32),
        "above": np.array([position[offset] for found in above for offset in found], dtype=np.uint32),
        "above_counts": np.array([len(found) for found in above], dtype=np.uint8),
        "words": _text(words_in_order),
        "lemmas": np.array([place[word] for found in lemmas for word in found], dtype=np.uint32),
        "lemma_counts": np.array([len(found) for found in lemmas], dtype=np.uint8),
        "ranks": np.array(ranks, dtype=np.uint8),
        "counts": np.array([counted.get(key, 0) for key in keys], dtype=np.uint16),
        "definitions": _text(definitions),
        "plurals": _text(_lines(folder / "noun.exc")),
    }


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Make the file of WordNet's nouns.")
    parser.add_argument("wordnet", type=Path, help="folder of data.noun, index.noun, cntlist.rev and noun.exc")
    parser.add_argument("--target", type=Path, default=TARGET)
    args = parser.parse_args()
    np.savez_compressed(args.target, **nouns(args.wordnet))  # type: ignore[arg-type]
    print(f"{args.target}: {args.target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
