"""Limits on files made on demand (films, pictures, reports): per session and in all."""

from __future__ import annotations

from collections import Counter

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

SESSION_FILES = 2
"""Files that one connection waits for at once; what comes on top is refused, and can be asked for again."""
ALL_FILES = 20
"""Files that all connections together wait for."""
BUSY = "Files are being made. Wait for them, then try again."


class Making:
    """Requests for files that were passed on and not answered yet.

    Streamlit makes the files in a few threads that all sessions share, first come first served. Whoever asked for a
    hundred would let everybody else wait for all of them.
    """

    def __init__(self) -> None:
        self._count: Counter[object] = Counter()

    def begin(self, connection: object) -> bool:
        """Whether one more file may be asked for; it is waited for from now on."""
        if self._count[connection] >= SESSION_FILES or self._count.total() >= ALL_FILES:
            return False
        self._count[connection] += 1
        return True

    def end(self, connection: object) -> None:
        """A file was made, or could not be."""
        if self._count[connection] > 1:
            self._count[connection] -= 1
        else:
            del self._count[connection]

    def leave(self, connection: object) -> None:
        """A connection was closed; what it waited for and nobody began with is not made (:func:`app.common.widgets.downloads`)."""
        del self._count[connection]


def refused(request: str) -> bytes:
    """The answer to a request for a file that is not passed on."""
    message = ForwardMsg()
    message.backend_operation_response.request_id = request
    message.backend_operation_response.error_msg = BUSY
    return message.SerializeToString()
