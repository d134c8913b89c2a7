"""What other programs left of a training, with a lie somewhere, with the name of the file."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import numpy as np

from tests.security.making import DEEP, Bytes, bomb, encoded, head, npy, pickled, zipped

_FORMULA = '=HYPERLINK("http://evil.example","x")'


def _log(*rows: str) -> Bytes:
    return encoded('{"log_history": [' + ", ".join(rows) + "]}")


def _parquet(make: Callable[[], dict[str, object]], end: int | None = None, **options: object) -> Bytes:
    def write() -> bytes:
        import pyarrow as pa
        from pyarrow import parquet

        out = io.BytesIO()
        parquet.write_table(pa.table(make()), out, **options)
        return out.getvalue()[:end]

    return write


def _repeated(text: str, rows: int) -> object:
    """A column that holds one text and repeats it: a few bytes a row in a file."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [text])


PAST_RUNS: dict[str, tuple[str, Bytes]] = {
    name: (file, make)
    for name, file, make in [
        ("curves, one line of 100 MB", "x.csv", lambda: b"epoch,loss\n1," + b"1" * (100 * DEEP)),
        ("curves, 10^6 columns", "x.csv", lambda: b"epoch" + b",loss" * DEEP + b"\n1" + b",2" * DEEP),
        ("curves, 3 * 10^6 rows", "x.csv", lambda: b"epoch,loss\n" + b"1,2\n" * (3 * DEEP)),
        ("curves, 200,000 epochs", "x.csv",
            lambda: b"epoch,loss\n" + b"".join(b"%d,2\n" % i for i in range(200_000))),
        ("curves, numbers of 10^5 digits", "x.csv", lambda: b"epoch,loss\n" + b"9" * 10**5 + b"," + b"9" * 10**5 + b"\n1,2\n"),
        ("curves, huge epochs", "x.csv", encoded("epoch,loss\n1e308,1\n-1e308,2\n1,3\n")),
        ("curves, nan and infinite everywhere", "x.csv", encoded("epoch,loss,val_acc\nnan,nan,nan\ninf,inf,-inf\n1,1e999,nan\n")),
        ("curves, one epoch many times", "x.csv", lambda: b"epoch,step,loss,val_acc\n" + b"3,1,1e308,0.5\n" * 10_000),
        ("curves, losses whose sum is infinite", "x.csv", encoded("epoch,step,loss\n1,1,1e308\n1,2,1e308\n2,3,1\n")),
        ("curves, formulas for names", "x.csv", encoded(f'epoch,loss,"{_FORMULA.replace(chr(34), chr(34) * 2)}",+1,@x\n1,2,3,4,5\n')),
        ("curves, script for names", "x.csv", encoded("epoch,loss,<script>alert(1)</script>,![x](http://e)\n1,2,3,4\n")),
        ("curves, changed direction in names", "x.csv", encoded("epoch,loss,\u202etxt.exe\u2066\n1,2,3\n")),
        ("curves, one name many times", "x.csv", encoded("epoch,loss,loss,loss\n1,2,3,4\n2,3,4\n")),
        ("curves, names of the record's own columns", "x.csv",
            encoded("epoch,loss,epoch,samples,pull,self,test_accuracy_own\n1,2,1,-3,1,2,900\n")),
        ("curves, times that go back", "x.csv", encoded("epoch,seconds,step\n1,5,9\n2,1,3\n3,2,1\n")),
        ("curves, quotation marks that stay open", "x.csv", encoded('epoch,"loss\n1,2\n' * 100)),
        ("curves, rows of other lengths", "x.csv", encoded("epoch,loss,val_acc\n1\n2,3,4,5,6,7\n,,,,\n3,1\n")),
        ("curves, a pickle", "trainer_state.json", pickled),
        ("log, deep in brackets", "x.json", lambda: b'{"log_history": ' + b"[" * 10**5),
        ("log, deep in objects", "x.json", lambda: b'{"log_history": [' + b'{"a":' * 10**5),
        ("log, 400,000 entries", "x.json",
            lambda: b'{"log_history": [' + b",".join([b'{"epoch": 1, "loss": 2, "a": 3}'] * 400_000) + b"]}"),
        ("log, numbers beyond any range", "x.json", _log('{"epoch": 1e999, "loss": 1}', '{"epoch": 1, "loss": ' + "9" * 400 + "}")),
        ("log, a number of 10^5 digits", "x.json", _log('{"epoch": 1, "loss": ' + "9" * 10**5 + "}")),
        ("log, values that are no numbers", "x.json",
            _log('{"epoch": "1", "loss": [1]}', '{"epoch": true, "loss": null}', '{"epoch": 1, "loss": NaN}')),
        ("log, half a surrogate for a name", "x.json", _log('{"epoch": 1, "loss": 1, "\\ud800": 2}')),
        ("log, names of 10^6 characters", "x.json", _log('{"epoch": 1, "loss": 1, "' + "n" * DEEP + '": 2}')),
        ("log, an entry that is a list", "x.json", _log("[1, 2]")),
        ("table, 3,000 classes by name", "x.csv", lambda: b"target,predicted\n" + b"".join(b"a%d,b\n" % i for i in range(3_000))),
        ("table, a class of number 10^400", "x.csv", encoded("target,predicted\n" + "9" * 400 + ",1\n")),
        ("table, classes 0 and 999,999,999", "x.csv", encoded("target,predicted\n0,999999999\n")),
        ("table, negative classes", "x.csv", encoded("target,predicted\n-1,-2\n0,1\n")),
        ("table, nan for a class", "x.csv", encoded("target,predicted\nnan,1\n0,1\n")),
        ("table, formulas and script for classes", "x.csv", encoded("target,predicted\n=1+1,<b>x</b>\n@x,-2+3\n<b>x</b>,=1+1\n")),
        ("table, a name of 10^6 characters", "x.csv", lambda: b"target,predicted\n" + b"n" * DEEP + b",b\n"),
        ("table, 20,000 columns of scores", "x.csv", lambda:
            b"target" + b"".join(b",score_%d" % i for i in range(20_000)) + b"\n0" + b",1" * 20_000 + b"\n"),
        ("table, scores that are nan", "x.csv", encoded("target,score_a,score_b\na,nan,inf\n")),
        ("table, scores beyond single precision", "x.csv", encoded("target,score_a,score_b\na,1e300,-1e300\n")),
        ("table, a row too short", "x.csv", encoded("target,predicted,score_a,score_b\na,b,1,2\na,b,1\n")),
        ("Parquet, no such file", "x.parquet", lambda: b"PAR1" + bytes(100) + b"PAR1"),
        ("Parquet, a footer of 4 GiB", "x.parquet", lambda: b"PAR1" + bytes(100) + b"\xff\xff\xff\xffPAR1"),
        ("Parquet, cut off", "x.parquet", _parquet(lambda: {"target": [0, 1], "predicted": [0, 1]}, 200)),
        ("Parquet, a text of 10^6 characters in 50,000 rows", "x.parquet", _parquet(
            lambda: {"target": _repeated("x" * DEEP, 50_000), "predicted": _repeated("y", 50_000)}, store_schema=False)),
        ("Parquet, 6 * 10^6 rows", "x.parquet", _parquet(
            lambda: {"target": np.zeros(6 * DEEP, np.int8), "predicted": np.zeros(6 * DEEP, np.int8)})),
        ("Parquet, lists for classes", "x.parquet", _parquet(lambda: {"target": [[0], [1]], "predicted": [0, 1]})),
        ("Parquet, one column twice", "x.parquet", _parquet(lambda: {"target": [0, 1], "predicted": [0, 1], "y": [1, 1]})),
        ("Parquet, empty", "x.parquet", _parquet(lambda: {"target": np.zeros(0, int), "predicted": np.zeros(0, int)})),
        ("npz, huge dims", "x.npz", lambda:
            zipped({"y.npy": npy(head("(4294967295,)", "'<i8'")), "pred.npy": npy(head("(4294967295,)", "'<i8'"))})),
        ("npz, objects", "x.npz", lambda:
            zipped({"y.npy": npy(head("(3,)", "'|O'"), pickled()), "pred.npy": npy(head("(3,)", "'<i4'"), bytes(12))})),
        ("npz, embeddings that unpack to 100 times their size", "x.npz", lambda: zipped(
            {"y.npy": npy(head("(1000,)", "'<i8'"), bytes(8000)), "z.npy": npy(head("(1000, 100000)"), bytes(4 * 10**8))}, packed=True)),
        ("npz, a bomb beside", "x.npz", lambda: zipped({"y.npy": npy(head("(2,)", "'<i8'"), bytes(16)), "z.npz": bomb()})),
        ("npz, arrays of other lengths", "x.npz", lambda: zipped(
            {"y.npy": npy(head("(2,)", "'<i8'"), bytes(16)), "pred.npy": npy(head("(3,)", "'<i8'"), bytes(24))})),
        ("npz, a class of number 2^63 - 1", "x.npz", lambda: zipped(
            {"y.npy": npy(head("(2,)", "'<i8'"), b"\xff" * 7 + b"\x7f" + bytes(8)), "pred.npy": npy(head("(2,)", "'<i8'"), bytes(16))})),
        ("npz, a class of number 2^64 - 1", "x.npz", lambda: zipped(
            {"y.npy": npy(head("(2,)", "'<u8'"), b"\xff" * 8 + bytes(8)), "pred.npy": npy(head("(2,)", "'<i8'"), bytes(16))})),
        ("npz, dates for classes", "x.npz", lambda: zipped(
            {"y.npy": npy(head("(2,)", "'<M8[s]'"), bytes(16)), "pred.npy": npy(head("(2,)", "'<i8'"), bytes(16))})),
        ("npz, numbers beyond single precision", "x.npz", lambda: zipped(
            {"y.npy": npy(head("(2,)", "'<i8'"), bytes(8) + b"\1" + bytes(7)), 
             "z.npy": npy(head("(2, 1)", "'<f8'"), np.full(2, 1e300).tobytes())})),
        ("index, parts elsewhere", "x.index.json", encoded(json.dumps({"weight_map": {"classifier.weight": "../../../etc/passwd"}}))),
        ("index, itself for a part", "x.index.json", encoded(json.dumps({"weight_map": {"classifier.weight": "x.index.json"}}))),
        ("index, 10^5 tensors", "x.index.json", lambda:
            json.dumps({"weight_map": {f"h.{i}.weight": f"{i}" for i in range(10**5)}}).encode()),
    ]
}  # fmt: skip
"""By what it is; the first word says what it would be."""
