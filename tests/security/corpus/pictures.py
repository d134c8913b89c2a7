"""Pictures that somebody shows to a network."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

from tests.security.making import Bytes, pickled


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, *chunks: bytes, data: bytes = b"") -> bytes:
    first = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + first + b"".join(chunks) + _chunk(b"IDAT", zlib.compress(data)) + _chunk(b"IEND", b"")


def _saved(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, kind, **options)
    return out.getvalue()


def _frames(count: int) -> bytes:
    out = io.BytesIO()
    frames = [Image.new("P", (2, 2), i % 2) for i in range(count)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def _exif(value: bytes) -> bytes:
    return _saved("JPEG", exif=b"Exif\0\0" + value)


PICTURES: dict[str, Bytes] = {
    "png of 50,000 x 50,000": lambda: _png(50_000, 50_000),
    "png of 7,000 x 7,000 without pixels": lambda: _png(7_000, 7_000),
    "png of 2^31 - 1 pixels a side": lambda: _png(2**31 - 1, 2**31 - 1),
    "png of no pixels": lambda: _png(0, 0),
    "png, 100 MB of pixels for 8 x 8": lambda: _png(8, 8, data=bytes(10**8)),
    "png, a text that unpacks to 100 MB": lambda: _png(
        8, 8, _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8))), data=bytes(8 * 25)
    ),
    "png, a profile that unpacks to 100 MB": lambda: _png(
        8, 8, _chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(10**8))), data=bytes(8 * 25)
    ),
    "png, cut off": lambda: _saved("PNG")[:-20],
    "png, a chunk of 4 GB": lambda: b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR",
    "jpeg, cut off": lambda: _saved("JPEG")[:200],
    "jpeg of 65,500 x 65,500": lambda: _saved("JPEG").replace(b"\0\x08\0\x08\x03", b"\xff\xdc\xff\xdc\x03"),
    "jpeg, EXIF that points to itself": lambda: _exif(
        b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0"
    ),
    "jpeg, EXIF of 65,535 entries": lambda: _exif(b"II*\0\x08\0\0\0\xff\xff" + b"\x12\1\3\0\1\0\0\0\1\0\0\0" * 5_000),
    "jpeg, EXIF of 4 GB": lambda: _exif(b"II*\0\x08\0\0\0\x01\0\x12\1\x07\0\xff\xff\xff\xff\0\0\0\0"),
    "jpeg, an orientation of 99": lambda: _exif(b"II*\0\x08\0\0\0\x01\0\x12\1\3\0\1\0\0\0\x63\0\0\0\0\0\0\0"),
    "gif of 3,000 frames": lambda: _frames(3_000),
    "gif of 65,535 x 65,535": lambda: _frames(1)[:6] + b"\xff\xff\xff\xff" + _frames(1)[10:],
    "webp, cut off": lambda: _saved("WEBP")[:30],
    "bmp of 2^31 pixels a side": lambda: (
        b"BM"
        + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 2**31 - 1, -(2**31), 1, 24, 0, 0, 0, 0, 0, 0)
    ),
    "svg called png": lambda: (
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>"
    ),
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%touch $LWAL_CANARY) (w) file\n",
    "tiff": lambda: _saved("TIFF"),
    "a pickle": pickled,
    "zeros": lambda: bytes(10**6),
    "nothing": lambda: b"",
}
