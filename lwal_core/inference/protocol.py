"""Messages on the socket between the app and the inference server.

A message is a head of eight bytes (lengths of both parts, big-endian), a JSON object, and raw bytes. The server greets
every connection with its version before it reads anything, so that a client can tell a server that was just leaving from
one that broke down over its question.
"""

from __future__ import annotations

import socket
import struct
from typing import Any, NamedTuple

import orjson

PROTOCOL = 1
"""To be raised when a message means something else than before."""
MAX_IMAGE_BYTES = 20 * 2**20
"""Largest image file that is taken: a photograph of a phone has 2 to 12 MB."""
MAX_FACTS_BYTES = 2**20
MAX_ANSWER_BYTES = 64 * 2**20
"""Largest answer: an image of 512 x 512 pixels, and a few numbers for each of 10,000 classes and up to 100,000
dimensions."""

_HEAD = struct.Struct(">II")


class ProtocolError(ValueError):
    """Bytes that are no message of this protocol."""


class Message(NamedTuple):
    """Facts as plain values, and bytes."""

    facts: dict[str, Any]
    data: bytes = b""


def send(connection: socket.socket, message: Message) -> None:
    """Send a message.

    Raises:
        OSError: The other side is gone, or does not read.
    """
    facts = orjson.dumps(message.facts)
    connection.sendall(_HEAD.pack(len(facts), len(message.data)) + facts + message.data)


def receive(connection: socket.socket, most: int) -> Message:
    """Wait for a message.

    Args:
        connection: Where from; its timeout holds for each part of the message.
        most: Largest number of raw bytes to take.

    Raises:
        EOFError: The other side closed the connection first.
        OSError: The connection broke, or nothing came in time.
        ProtocolError: These bytes are no message, or a larger one; the lengths are judged before anything is read.
    """
    facts_length, length = _HEAD.unpack(_exactly(connection, _HEAD.size))
    if facts_length > MAX_FACTS_BYTES or length > most:
        raise ProtocolError(f"a message of {facts_length:,} + {length:,} bytes; at most {most:,} are taken")
    try:
        facts = orjson.loads(_exactly(connection, facts_length))
    except orjson.JSONDecodeError as error:
        raise ProtocolError(f"no JSON: {error}") from None
    if not isinstance(facts, dict):
        raise ProtocolError(f"a JSON {type(facts).__name__} instead of an object")
    return Message(facts, _exactly(connection, length))


def _exactly(connection: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = connection.recv(min(length - len(parts), 2**20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
