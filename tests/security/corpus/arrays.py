"""Arrays whose headers lie, with the name of the file."""

from __future__ import annotations

import struct

import numpy as np

from tests.security.making import Bytes, bomb, changed, head, npy, pickled, zip_directory, zipped

ARRAYS: dict[str, tuple[str, Bytes]] = {
    name: (file, make)
    for name, file, make in [
        ("npy, huge dims", "x.npy", lambda: npy(head("(4294967295, 4294967295)"))),
        ("npy, dims beyond any number", "x.npy", lambda: npy(head(f"({'9' * 400}, 2)"))),
        ("npy, dims of 10^5 digits", "x.npy", lambda: npy(head(f"({'9' * 60_000}, 2)"))),
        ("npy, negative dims", "x.npy", lambda: npy(head("(-3, -2)"), bytes(24))),
        ("npy, product wraps to 0", "x.npy", lambda: npy(head("(4611686018427387904, 4)"))),
        ("npy, text for dims", "x.npy", lambda: npy(head("('a', 2)"))),
        ("npy, true for dims", "x.npy", lambda: npy(head("(True, 2)"), bytes(8))),
        ("npy, no dims", "x.npy", lambda: npy(head("()"), bytes(4))),
        ("npy, objects", "x.npy", lambda: npy(head("(3, 2)", "'|O'"), pickled())),
        ("npy, a record of objects", "x.npy", lambda: npy(head("(3, 2)", "[('a', '|O')]"), pickled())),
        ("npy, elements of 2 GiB", "x.npy", lambda: npy(head("(2, 2)", "'|V2147483647'"))),
        ("npy, dates", "x.npy", lambda: npy(head("(3, 2)", "'<M8[s]'"), bytes(48))),
        ("npy, text", "x.npy", lambda: npy(head("(3, 2)", "'<U1'"), bytes(24))),
        ("npy, complex", "x.npy", lambda: npy(head("(3, 2)", "'<c16'"), bytes(96))),
        ("npy, code in the header", "x.npy", lambda: npy("__import__('os').system('touch $LWAL_CANARY')")),
        ("npy, a header deep in brackets", "x.npy", lambda: npy("(" * 60_000)),
        ("npy, version 2, a header of 2 GiB", "x.npy", lambda: b"\x93NUMPY\2\0" + struct.pack("<I", 2**31 - 1) + b"{"),
        ("npy, version 9", "x.npy", lambda: npy(head("(3, 2)"), bytes(24), b"\x09\0")),
        ("npy, cut off", "x.npy", lambda: npy()[:-5]),
        ("npy, cut off in the header", "x.npy", lambda: npy()[:40]),
        ("npy, nan", "x.npy", lambda: npy(head("(3, 2)"), np.full(6, np.nan, "<f4").tobytes())),
        ("npy, infinite", "x.npy", lambda: npy(head("(3, 2)"), np.full(6, np.inf, "<f4").tobytes())),
        ("npy, beyond float32", "x.npy", lambda: npy(head("(3, 2)", "'<f8'"), np.full(6, 1e300).tobytes())),
        ("npy, a pickle", "x.npy", lambda: pickled()),
        ("npy, Fortran's order beyond the data", "x.npy", lambda: npy(head("(3000, 3000)", order="True"), bytes(24))),
        ("npy, an order that is no truth", "x.npy", lambda: npy(head("(3, 2)", order="[[]]"), bytes(24))),
        ("npy, a type of a record of records", "x.npy", lambda: npy(head("(3, 2)", "[('a', [('b', '<f4')])]"), bytes(24))),
        ("npy, a type of a subarray of 2^40", "x.npy", lambda: npy(head("(3, 2)", "('<f4', (1048576, 1048576))"), bytes(24))),
        ("npy, an unknown type", "x.npy", lambda: npy(head("(3, 2)", "'<q99'"), bytes(24))),
        ("npy, a power in the header", "x.npy", lambda: npy(head("(9**9**9, 2)"), bytes(24))),
        ("npy, a call in the shape", "x.npy", lambda: npy(head("(__import__('os').getpid(), 2)"), bytes(24))),
        ("npy, further keys", "x.npy", lambda: npy(head("(3, 2)")[:-1] + "'x': 1, }", bytes(24))),
        ("npy, a key twice", "x.npy", lambda: npy(head("(3, 2)")[:-1] + "'shape': (9**9, 2), }", bytes(24))),
        ("npy, numbers of 128 bits", "x.npy", lambda: npy(head("(3, 2)", "'<f16'"), b"\xff" * 96)),
        ("npz, a bomb", "x.npz", bomb),
        ("npz, says more than it holds", "x.npz", lambda: zipped({"w.npy": npy(head("(3, 100000)"))})),
        ("npz, objects", "x.npz", lambda: zipped({"w.npy": npy(head("(3, 2)", "'|O'"), pickled())})),
        ("npz, names that are objects", "x.npz", lambda: zipped({"w.npy": npy(),
            "names.npy": npy(head("(3,)", "'|O'"), pickled())})),
        ("npz, names of 2 GiB", "x.npz", lambda: zipped({"w.npy": npy(), "names.npy": npy(head("(9,)", "'<U536870911'"))})),
        ("npz, names that are cut off", "x.npz", lambda: zipped({"w.npy": npy(), "names.npy": npy(head("(3,)", "'<U4'"))})),
        ("npz, names beyond Unicode", "x.npz", lambda: zipped({"w.npy": npy(),
            "names.npy": npy(head("(3,)", "'<U1'"), b"\xff" * 12)})),
        ("npz, names of half surrogates", "x.npz", lambda: zipped({"w.npy": npy(),
            "names.npy": npy(head("(3,)", "'<U1'"), struct.pack("<3I", 0xD800, 97, 98))})),
        ("npz, a name that slips", "x.npz", lambda: zipped({"../../w.npy": npy()})),
        ("npz, a name with NUL", "x.npz", lambda: zipped({"a\0b.npy": npy()})),
        ("npz, one array twice", "x.npz", lambda: zipped({"w.npy": npy()}) + zipped({"w.npy": npy()})),
        ("npz, a zip in it", "x.npz", lambda: zipped({"w.npy": zipped({"w.npy": npy()})})),
        ("npz, nothing in it", "x.npz", lambda: zipped({})),
        ("npz, a million entries", "x.npz", lambda: zip_directory(10**6)),
        ("npz, 300,000 entries", "x.npz", lambda: zip_directory(300_000)),
        ("npz, encrypted", "x.npz", lambda: changed(zipped({"w.npy": npy()}), b"PK\1\2", 8, b"\1")),
        ("npz, packed in a way that is unknown", "x.npz", lambda: changed(zipped({"w.npy": npy()}), b"PK\1\2", 10, b"\x63")),
        ("npz, another checksum", "x.npz", lambda: changed(zipped({"w.npy": npy()}), b"PK\1\2", 16, b"\0\0\0\0")),
        ("npz, cut off", "x.npz", lambda: zipped({"w.npy": npy()})[:-30]),
    ]
}  # fmt: skip
"""Files of arrays: npy and npz."""
