"""File signatures: the type of a file by its first bytes."""

from __future__ import annotations

from pathlib import Path

from lwal_core.errors import ImportFileError
from lwal_core.security.untrusted_files import MAX_HEADER_BYTES, check_zip

_HEAD_BYTES = 512
_CONVERT = "Save its vectors as .csv, .npz or .safetensors and import that file."
UNPACK = "Unpack it and import the file inside."
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (
        b"version https://git-lfs", "a pointer of Git LFS, which stands in the place of the file",
        "Fetch the file itself with `git lfs pull`, or download it from the page of the repository.",
    ),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras, MATLAB and h5py write it", _CONVERT),
    (b"MATLAB 5.0", "a MATLAB file", _CONVERT),
    (b"PAR1", "a Parquet file", _CONVERT),
    (b"ARROW1", "an Arrow file", _CONVERT),
    (b"GGUF", "a GGUF file", "Its weights are packed; import the safetensors files that it was made from."),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office file", "Save the sheet as CSV UTF-8."),
    (b"SQLite format 3", "an SQLite database", _CONVERT),
    (b"%PDF", "a PDF document", _CONVERT),
    (b"\x89PNG\r\n", "a picture", "Label vectors are tables of numbers."),
    (b"\xff\xd8\xff", "a picture", "Label vectors are tables of numbers."),
    (b"\x1f\x8b", "packed with gzip", UNPACK),
    (b"BZh", "packed with bzip2", UNPACK),
    (b"\xfd7zXZ", "packed with xz", UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed with Zstandard", UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", UNPACK),
    (b"Rar!", "a RAR archive", UNPACK),
)  # fmt: skip
_WEB_PAGE = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<!--")


def content_of(path: Path) -> str:
    """Kind of a file by its content: ``"npy"``, ``"npz"``, ``"safetensors"``, ``"torch"`` (either form of torch.save),
    ``"zip"`` (another one), ``"text"``, or ``""`` for bytes that say nothing.

    Raises:
        ImportFileError: It cannot be read, or is something that is known and not read; the message says what to do.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise ImportFileError(f"{path.name!r} cannot be read: {error.strerror}.", "Copy it to another place.") from None
    if foreign := foreign_content(head):
        raise ImportFileError(f"{path.name!r} is {foreign[0]}.", foreign[1])
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _kind_of_zip(path)
    if int.from_bytes(head[:8], "little") <= MAX_HEADER_BYTES and head[8:9] == b"{":
        return "safetensors"
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        return "torch"
    printed = head.startswith((b"\xff\xfe", b"\xfe\xff")) or not any(byte < 9 for byte in head)
    return "text" if head and printed else ""


def foreign_content(head: bytes) -> tuple[str, str] | None:
    """What a file is that is known and read nowhere, by its first bytes, and what to do; None for others."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for start, what, way_out in _FOREIGN:
        if head.startswith(start) or text.startswith(start):
            return what, way_out
    if text.lower().startswith(_WEB_PAGE):
        return (
            "a web page or XML, not the file that it is named for",
            "Download the file itself; the page may ask to sign in or say that there is no such file.",
        )
    return ("a tar archive", UNPACK) if head[257:262] == b"ustar" else None


def _kind_of_zip(path: Path) -> str:
    try:
        with check_zip(path) as archive:
            names = archive.namelist()
    except Exception:  # damaged, which the reader then says
        return "zip"
    inner = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner if "data.pkl" in inner):
        raise ImportFileError(
            f"{path.name!r} is a TorchScript archive: a program with its weights, which is not loaded.",
            "Save the weights alone: torch.save(torch.jit.load(FILE).state_dict(), 'weights.pt').",
        )
    if any(name.startswith("xl/") for name in names):
        raise ImportFileError(f"{path.name!r} is an Excel workbook.", "Save the sheet as CSV UTF-8.")
    if "content.xml" in names:
        raise ImportFileError(f"{path.name!r} is an OpenDocument file.", "Save the sheet as CSV in UTF-8.")
    if any(name.endswith("data.pkl") for name in names):
        return "torch"
    return "npz" if any(name.endswith(".npy") for name in names) else "zip"
