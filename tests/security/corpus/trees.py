"""Trees that somebody uploads as a taxonomy or a dendrogram, with the name of the file."""

from __future__ import annotations

import json

from tests.security.making import DEEP, Bytes, encoded

TREES: dict[str, tuple[str, Bytes]] = {
    name: (f"tree.{ending}", make)
    for name, ending, make in [
        ("newick, 10^6 deep", "nwk", lambda: b"(" * DEEP + b"a,b" + b")" * DEEP + b";"),
        ("newick, 10^6 deep, never closed", "nwk", lambda: b"(" * DEEP),
        ("newick, 10^6 closed, never opened", "nwk", lambda: b")" * DEEP + b";"),
        ("newick, a comb 10^6 deep", "nwk", lambda: b"(a," * DEEP),
        ("newick, 10^6 classes", "nwk", lambda: b"(" + b",".join(b"%d" % i for i in range(600_000)) + b");"),
        ("newick, a quote that never ends", "nwk", lambda: b"('" + b"''" * DEEP),
        ("newick, comments in rows", "nwk", lambda: b"[" * DEEP + b"]" * DEEP),
        ("newick, brackets of comments by turns", "nwk", lambda: b"[]" * DEEP),
        ("newick, a number of 10^6 digits", "nwk", lambda: b"(a:" + b"9" * DEEP + b",b:1);"),
        ("newick, an exponent of 10^6 digits", "nwk", lambda: b"(a:1e" + b"9" * DEEP + b",b:1);"),
        ("newick, a name of 10^6 characters", "nwk", lambda: b"(" + b"x" * DEEP + b",b);"),
        ("newick, only commas", "nwk", lambda: b"(" + b"," * DEEP + b");"),
        ("newick, only colons", "nwk", lambda: b"(a" + b":" * DEEP + b");"),
        ("newick, blanks", "nwk", lambda: b" " * (4 * DEEP)),
        ("newick, NUL", "nwk", encoded("(\0,b);")),
        ("newick, nan for a length", "nwk", encoded("(a:nan,b:inf);")),
        ("newick, half a surrogate pair", "nwk", encoded("(\ud800,b);")),
        ("newick, over the limit", "nwk", lambda: b"(a,b);" * DEEP),
        ("newick, ends after the name", "nwk", encoded("(a,b")),
        ("newick, UTF-16", "nwk", lambda: "(a,b);".encode("utf-16")),
        ("json, lists 10^6 deep", "json", lambda: b"[" * DEEP + b"]" * DEEP),
        ("json, lists 10^6 deep, never closed", "json", lambda: b"[" * DEEP),
        ("json, objects 10^5 deep", "json", lambda: b'{"a":' * 10**5 + b"[]" + b"}" * 10**5),
        ("json, children 10^5 deep", "json", lambda: b'{"name":"a","children":[' * 10**5 + b"]}" * 10**5),
        ("json, 10^6 classes", "json", lambda: b'{"a":[' + b",".join(b"%d" % i for i in range(600_000)) + b"]}"),
        ("json, 10^5 equal keys", "json", lambda: b"{" + b",".join(b'"a":[]' for _ in range(10**5)) + b"}"),
        ("json, a number of 10^6 digits", "json", lambda: b"[" + b"9" * DEEP + b"]"),
        ("json, quotes and backslashes", "json", lambda: b'["' + b"\\" * (2 * DEEP) + b'"]'),
        ("json, a key that is no text", "json", encoded("{1:2}")),
        ("json, constants", "json", encoded("[NaN,Infinity,-Infinity]")),
        ("json, half a surrogate pair", "json", encoded('{"a":["\\ud800","b"]}')),
        ("json, python's own", "json", encoded("__import__('os').system('touch $LWAL_CANARY')")),
        ("json, prototype", "json", encoded('{"__proto__":["a","b"],"constructor":["c","d"]}')),
        ("json, a record with a circle", "json", encoded(json.dumps({"format": 1, "name": "x", "classes": {"a": "p"},
            "tree": {"p": "q", "q": "p"}}))),
        ("json, a record of other types", "json", encoded(json.dumps({"format": 1, "classes": [[]], "tree": {"a": {}}}))),
        ("json, a record with 10^5 nested lists", "json",
            lambda: b'{"format":1,"classes":' + b"[" * 10**5 + b"]" * 10**5 + b',"tree":{}}'),
        ("table, one line of 5 MB", "csv", lambda: b"a" * (5 * DEEP)),
        ("table, 10^6 columns", "csv", lambda: b"a" + b"," * DEEP),
        ("table, 10^6 rows", "csv", lambda: b"a,b\n" * DEEP),
        ("table, a chain of 20,000", "csv", lambda: b"".join(b"n%d,n%d\n" % (i, i + 1) for i in range(19_999))),
        ("table, a circle of 20,000", "csv", lambda: b"".join(b"n%d,n%d\n" % (i, (i + 1) % 19_999) for i in range(19_999))),
        ("table, a quote that never ends", "csv", lambda: b'"' + b"a,b\n" * 10**5),
        ("table, quotes", "csv", lambda: b'"' * DEEP),
        ("table, NUL", "csv", encoded("a\0,b\nc,b\n")),
        ("table, line ends by carriage return", "csv", lambda: b"a,b\rc,b\r" * 10**4),
        ("table, tabs", "tsv", lambda: b"\t" * DEEP),
        ("table, a class above itself", "csv", encoded("a,a\nb,a\n")),
        ("table, two circles", "csv", encoded("a,b\nb,a\nc,d\nd,c\n")),
        ("xml, entities of entities", "owl", encoded('<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>')),
        ("xml, an entity of a file", "xml", encoded('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>')),
        ("nexus, cut off", "nex", encoded("#NEXUS\nBEGIN TREES;\ntree a = (a,b")),
        ("no ending, bytes of a zip", "x", lambda: b"PK\3\4" + bytes(1000)),
        ("no ending, zeros", "x", lambda: bytes(DEEP)),
    ]
}  # fmt: skip
