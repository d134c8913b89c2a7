"""Sweeps, configurations and records: nested values in YAML and JSON."""

from __future__ import annotations

from typing import Any

_GRID = "grid: {training.seed: [1]}\n"

SWEEPS: dict[str, str | bytes] = {
    "python's own tag": "name: !!python/object/apply:os.system ['touch $LWAL_CANARY']\n" + _GRID,
    "python's new object": "name: !!python/object/new:os.system ['touch $LWAL_CANARY']\n" + _GRID,
    "python's module": "name: !!python/module:os\n" + _GRID,
    "python's name": "!!python/name:os.system\n",
    "a tag that is unknown": "name: !canary x\n" + _GRID,
    "anchors of anchors": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{n}: &{n} [{','.join(['*' + m] * 9)}]\n" for m, n in zip("abcdefgh", "bcdefghi", strict=True)),
    "an anchor of itself": "a: &a [*a]\n",
    "merged keys": "a: &a {b: 1}\nname: {<<: *a}\n",
    "lists 30,000 deep": "[" * 30_000,
    "mappings 30,000 deep": "{a: " * 15_000,
    "blocks 1,000 deep": "".join(" " * i + "a:\n" for i in range(300)),
    "a key twice": "name: a\nname: b\n" + _GRID,
    "a key that is a list": "? [a, b]\n: c\n",
    "a number of 60,000 digits": "name: " + "9" * 60_000,
    "sexagesimal": "name: " + "1:" * 5_000 + "1\n",
    "1e999": "name: x\ngrid: {training.learning_rate: [1e999, .nan, -.inf]}\n",
    "dates beyond the calendar": "name: 9999-99-99\n",
    "binary that is none": "name: !!binary ====\n",
    "a billion members": "name: x\ngrid: {" + ", ".join(f"training.a{i}: [1, 2, 3, 4]" for i in range(200)) + "}\n",
    "several documents": "name: a\n---\nname: b\n",
    "a name that slips": "name: ../../x\n" + _GRID,
    "a name of Arabic digits": "name: ٣٣\n" + _GRID,
    "a name of 50,000 characters": "name: " + "x" * 50_000 + "\n" + _GRID,
    "control characters": "name: 'a\x07\x1b[31m'\n" + _GRID,
    "a path of a device": "name: x\nbase: {method: {name: static, label_vectors: /dev/zero}}\n" + _GRID,
    "a path of a device as data": "name: x\nbase: {data: 'features:/dev/zero'}\n" + _GRID,
    "a path with NUL": 'name: x\nbase: {data: "features:\\0"}\n' + _GRID,
    "half a surrogate pair": 'name: x\nbase: {data: "folder:\\ud800"}\n' + _GRID,
    "the whole machine as data": "name: x\nbase: {data: 'folder:/'}\n" + _GRID,
    "no text": b"\xff\xfe\x00",
    "nothing": b"",
    "65 KB": b"a" * 66_000,
}
"""Sweep files."""

_DEEP: Any = 1
for _ in range(20_000):
    _DEEP = [_DEEP]

CONFIGS: dict[str, Any] = {
    "no mapping": [],
    "nothing": None,
    "lists 20,000 deep": {"data": _DEEP},
    "numbers for parts": {"data": 1, "method": 2.5, "encoder": True, "training": None},
    "an unknown part": {"__class__": {"name": "x"}, "__proto__": {}},
    "an unknown option": {"training": {"__init__": 1, "\x1b[31m": 2}},
    "nan": {"training": {"learning_rate": float("nan")}},
    "infinite": {"training": {"learning_rate": float("inf"), "epochs": float("inf")}},
    "10^400": {"training": {"epochs": 10**400, "seed": -(10**400), "batch_size": 10**400}},
    "a dimension of 2^63": {"method": {"name": "lwal", "dim": 2**63}},
    "a dimension of a billion times": {"method": {"name": "lwal", "dim": "9" * 5_000 + "x"}},
    "a dimension of Arabic digits": {"method": {"name": "lwal", "dim": "٣x"}},
    "a name of 10^6 characters": {"data": {"name": "x" * 10**6}},
    "half a surrogate pair": {"data": {"name": "folder:\ud800"}},
    "half a surrogate pair for a name": {"encoder": {"name": "\ud800"}},
    "10^5 options": {"data": {f"x{i}": i for i in range(10**5)}},
    "a path for an encoder": {"encoder": {"name": "../../etc/passwd"}},
    "bytes": {"data": {"name": b"\xff"}},
}
"""Configurations as a file or a form gives them."""

RECORDS: dict[str, bytes] = {
    "no JSON": b"{",
    "nothing": b"",
    "brackets": b"[" * 10**6,
    "objects 10^5 deep": b'{"a":' * 10**5 + b"1" + b"}" * 10**5,
    "nan": b'{"format":NaN}',
    "1e999": b'{"format":1e999}',
    "a format of 5,000 digits": b'{"format":' + b"9" * 5_000 + b"}",
    "a truth for a format": b'{"format":true}',
    "a newer format": b'{"format":99}',
    "bytes that are no text": b'{"format":1,"id":"\xff"}',
    "half a surrogate pair": b'{"format":1,"id":"\\ud800"}',
    "a configuration that is a list": b'{"format":1,"id":"a","config":[1]}',
    "9 MB": b'{"a":"' + b"x" * 9_000_000 + b'"}',
    "a key twice": b'{"format":1,"format":2,"id":"a"}',
}
"""What stands where ``run.json`` is expected."""
