"""Vectors in safetensors and in tables of text, with the name of the file."""

from __future__ import annotations

from tests.security.making import DEEP, Bytes, encoded, safetensors, tensor

TABLES: dict[str, tuple[str, Bytes]] = {
    name: (file, make)
    for name, file, make in [
        ("safetensors, a header of 2^63 bytes", "x.safetensors", lambda: safetensors("{}", length=2**63)),
        ("safetensors, a header of 90 MB that is cut off", "x.safetensors", lambda: safetensors("{", length=90_000_000)),
        ("safetensors, a cut off header", "x.safetensors", lambda: safetensors(tensor([3, 2], 24), bytes(24))[:30]),
        ("safetensors, cut off data", "x.safetensors", lambda: safetensors(tensor([3, 2], 24), bytes(10))),
        ("safetensors, cut off in the length", "x.safetensors", lambda: b"\1\0\0"),
        ("safetensors, deep brackets", "x.safetensors", lambda: safetensors("[" * 10**5)),
        ("safetensors, deep metadata", "x.safetensors", lambda: safetensors('{"__metadata__":' + '{"a":' * 10**5)),
        ("safetensors, huge dims", "x.safetensors", lambda: safetensors(tensor([2**63 - 1, 2**63 - 1], 24), bytes(24))),
        ("safetensors, dims that wrap", "x.safetensors", lambda: safetensors(tensor([2**62, 4], 0))),
        ("safetensors, negative dims", "x.safetensors", lambda: safetensors(tensor([-3, -2], 24), bytes(24))),
        ("safetensors, offsets that go back", "x.safetensors", lambda: safetensors(tensor([3, 2], 0, start=24), bytes(24))),
        ("safetensors, offsets past the end", "x.safetensors", lambda: safetensors(tensor([3, 2], 2**40), bytes(24))),
        ("safetensors, tensors that overlap", "x.safetensors", lambda: safetensors(
            {**tensor([3, 2], 24), "v": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]}}, bytes(24))),
        ("safetensors, an unknown type", "x.safetensors", lambda: safetensors(tensor([3, 2], 24, "O64"), bytes(24))),
        ("safetensors, nan", "x.safetensors", lambda: safetensors(tensor([3, 2], 24), b"\xff" * 24)),
        ("safetensors, nan in bfloat16", "x.safetensors", lambda: safetensors(
            {**tensor([3, 2], 12, "BF16"), "v": {"dtype": "F32", "shape": [1], "data_offsets": [12, 16]}}, b"\xff" * 16)),
        ("safetensors, 100,001 tensors", "x.safetensors", lambda: safetensors(
            {str(i): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(100_001)})),
        ("safetensors, a name of 10^6 characters", "x.safetensors", lambda: safetensors(
            {"n" * DEEP: tensor([3, 2], 24)["w"], "v": {"dtype": "F32", "shape": [1], "data_offsets": [24, 28]}}, bytes(28))),
        ("safetensors, names that are no list", "x.safetensors", lambda: safetensors(
            {"__metadata__": {"class_names": '{"a":1}'}, **tensor([3, 2], 24)}, bytes(24))),
        ("safetensors, names deep in brackets", "x.safetensors", lambda: safetensors(
            {"__metadata__": {"class_names": "[" * 10**5}, **tensor([3, 2], 24)}, bytes(24))),
        ("safetensors, names of half surrogates", "x.safetensors", lambda: safetensors(
            {"__metadata__": {"class_names": '["\\ud800","b","c"]'}, **tensor([3, 2], 24)}, bytes(24))),
        ("safetensors, metadata that is no text", "x.safetensors", lambda: safetensors(
            {"__metadata__": {"class_names": 3}, **tensor([3, 2], 24)}, bytes(24))),
        ("safetensors, a key twice", "x.safetensors", lambda: safetensors(
            '{"w":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]},"w":{"dtype":"F32","shape":[9,2],"data_offsets":[0,72]}}',
            bytes(24))),
        ("safetensors, negative offsets", "x.safetensors", lambda: safetensors(tensor([3, 2], 24, start=-24), bytes(24))),
        ("safetensors, offsets beyond any number", "x.safetensors", lambda: safetensors(tensor([3, 2], 10**400), bytes(24))),
        ("safetensors, offsets that are fractions", "x.safetensors", lambda: safetensors(tensor([3, 2], 24.5), bytes(24))),
        ("safetensors, 1e999 for a dimension", "x.safetensors", lambda: safetensors(
            '{"w":{"dtype":"F32","shape":[1e999,2],"data_offsets":[0,24]}}', bytes(24))),
        ("safetensors, a gap between tensors", "x.safetensors", lambda: safetensors(tensor([3, 2], 48, start=24), bytes(48))),
        ("safetensors, bytes behind the tensors", "x.safetensors", lambda: safetensors(tensor([3, 2], 24), bytes(10**6))),
        ("safetensors, a million tensors", "x.safetensors", lambda: safetensors(
            b"{" + b",".join(b'"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % i for i in range(10**6)) + b"}")),
        ("safetensors, a header that is a list", "x.safetensors", lambda: safetensors("[1,2]")),
        ("safetensors, a header of another encoding", "x.safetensors", lambda: safetensors("{}".encode("utf-16"))),
        ("table, one line of 200 MB", "x.csv", lambda: b"1," * (100 * DEEP)),
        ("table, 10^6 columns", "x.csv", lambda: b"a" + b",1" * DEEP + b"\nb" + b",2" * DEEP),
        ("table, two encodings", "x.csv", lambda: "ä,1\n".encode() + "ö,2\n".encode("latin-1")),
        ("table, a byte order mark in the middle", "x.csv", encoded("a,1\n\ufeffb,2\n")),
        ("table, byte order marks alone", "x.csv", lambda: b"\xef\xbb\xbf" * 1000),
        ("table, infinite", "x.tsv", encoded("a\t1e999\nb\t-1e999\n")),
        ("table, script in names", "x.csv", encoded("<script>alert(1)</script>,1\n<img src=x onerror=alert(1)>,2\n")),
        ("table, names that turn the line", "x.csv", encoded("\u202egpj.exe,1\n\u2066b,2\n")),
        ("table, names that nobody can see", "x.csv", encoded("\u200b,1\n\u2060,2\n")),
        ("table, control characters", "x.csv", encoded("\x1b[31ma,1\n\x07b,2\n")),
        ("table, digits of other scripts", "x.csv", encoded("a,٣\nb,१\n")),
        ("table, one line of 8 MB", "x.csv", lambda: b"1," * (4 * DEEP)),
        ("table, 10^6 lines", "x.csv", lambda: b"a\n" * DEEP),
        ("table, 50,000 equal names", "x.csv", lambda: b"a,1\n" * 50_000),
        ("table, blank lines", "x.csv", lambda: b"\n" * DEEP),
        ("table, a quote that never ends", "x.csv", lambda: b'"a,1\nb,2\n'),
        ("table, nan", "x.csv", encoded("a,nan\nb,1\n")),
        ("table, a number of 10^5 digits", "x.csv", lambda: b"a," + b"9" * 10**5 + b"\nb,1\n"),
        ("table, NUL", "x.csv", encoded("a\0,1\nb,2\n")),
        ("table, formulas", "x.csv", encoded("=cmd|'/c calc'!A1,1\n@SUM(1),2\n")),
        ("table, a row of other length", "x.tsv", encoded("a\t1\t2\nb\t1\n")),
        ("table, UTF-16", "x.csv", lambda: "a,1\nb,2\n".encode("utf-16")),
    ]
}  # fmt: skip
"""Files of vectors: safetensors and tables of text."""
