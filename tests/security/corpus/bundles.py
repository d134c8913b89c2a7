"""Zip files that somebody brings as the bundle of a run, and the names of files in one."""

from __future__ import annotations

import json
import struct

from tests.security.making import Bytes, changed, pickled, zip_directory, zipped

_WHOLE = zipped({"manifest.json": b"{}", "run.json": b"{}"})
_MANIFEST = {"bundle": 1, "run": "a", "files": {"run.json": {"size": 2, "sha256": "0" * 64}}}

ZIPS: dict[str, tuple[str, Bytes]] = {
    name: (file, make)
    for name, file, make in [
        ("zip, an end without a beginning", "x.zip", lambda: struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 100, 0, 0)),
        ("zip, a damaged directory", "x.zip", lambda: changed(_WHOLE, b"PK\1\2", 0, b"\0")),
        ("zip, version 9.9", "x.zip", lambda: changed(_WHOLE, b"PK\1\2", 6, b"\x63")),
        ("zip, names of no encoding", "x.zip", lambda: changed(_WHOLE, b"PK\1\2", 9, b"\x08\0\0").replace(b"run.json", b"\xff\xfe.json")),
        ("zip, a million entries", "x.zip", lambda: zip_directory(10**6)),
        ("zip, 100,000 entries", "x.zip", lambda: zip_directory(10**5)),
        ("zip, an empty manifest", "x.zip", lambda: _WHOLE),
        ("zip, a manifest deep in brackets", "x.zip", lambda: zipped({"manifest.json": b"[" * 10**5, "run.json": b"{}"})),
        ("zip, a manifest that is a bomb", "x.zip", lambda: zipped({"manifest.json": bytes(10**8)}, packed=True)),
        ("zip, a manifest of other types", "x.zip", lambda: zipped({"manifest.json": b'{"bundle":1,"files":[]}', "run.json": b"{}"})),
        ("zip, a negative size", "x.zip", lambda: zipped({"manifest.json": json.dumps({**_MANIFEST,
            "files": {"run.json": {"size": -9, "sha256": "0" * 64}}}).encode(), "run.json": b"{}"})),
        ("zip, a size of 10^400", "x.zip", lambda: zipped({"manifest.json": b'{"bundle":1,"files":{"run.json":{"size":'
            + b"9" * 400 + b',"sha256":""}}}', "run.json": b"{}"})),
        ("zip, a wrong checksum", "x.zip", lambda: zipped({"manifest.json": json.dumps(_MANIFEST).encode(), "run.json": b"{}"})),
        ("zip, a zip in a zip in a zip", "x.zip", lambda: zipped({"a.zip": zipped({"b.zip": zipped({"c": b"d"})})})),
        ("zip, called torch", "x.zip", lambda: zipped({"archive/data.pkl": pickled()})),
        ("zip, nothing", "x.zip", lambda: b"PK"),
        ("an empty file", "x.npz", lambda: b""),
        ("another ending", "x.pkl", lambda: pickled()),
        ("no ending", "x", lambda: pickled()),
    ]
}  # fmt: skip
"""Zip files brought as bundles, and files of other endings."""

SLIPS = (
    "../run.json",
    "../../../../tmp/pwned",
    "/tmp/pwned",
    "labels/../../pwned",
    "labels/../run.json",
    "tested/../../pwned",
    "tested/epoch-1.safetensors/..",
    "./run.json",
    "labels//epoch-0001.safetensors",
    "labels\\..\\..\\pwned",
    "C:\\pwned",
    "//host/share",
    "labels/epoch-0001.safetensors/",
    "RUN.JSON",
    "run.json\0.txt",
    "run.json ",
    "model/../run.json",
    "~/.ssh/authorized_keys",
    "checkpoint/last.pt",
    ".lock",
    "owner.json",
    "labels/epoch-٠٠٠١.safetensors",
    "run.json\n",
    "\u202enosj.nur",
    "a" * 5_000,
)
"""Names of files in a bundle."""
