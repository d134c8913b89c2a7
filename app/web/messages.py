"""Middleware on a page's connection: messages that no page of this app sends are dropped, files are made for each in turn,
and paths are taken out."""

from __future__ import annotations

from pathlib import PurePath
from urllib.parse import parse_qs

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.state.query_params import sanitize_query_string

from app.common.sign_in import LINK
from app.web.asgi import ASGIApp, Message, Receive, Scope, Send
from app.web.making import Making, refused
from app.web.visitors import Visitors

MESSAGES = frozenset({"rerun_script", "stop_script", "app_heartbeat", "file_urls_request", "backend_operation_request"})
"""Messages that are passed on. ``clear_cache`` would empty everybody's caches, ``load_git_info`` tells of the installation's
files, ``set_run_on_save`` and the two for debugging are for developers."""
OPERATIONS = frozenset({"deferred_file", "dataframe_chunk"})
"""Of the operations; the others write files beside the app."""


class Messages:
    """Reads along on the connections of pages.

    Args:
        app: What comes behind.
        visitors: Gets the sessions of those who came by a link.
        main: Path of the entry point, which Streamlit tells every page.
    """

    def __init__(self, app: ASGIApp, visitors: Visitors, main: str) -> None:
        self.app, self.visitors, self.main = app, visitors, main
        self.making = Making()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        by_link = False
        session = ""
        connection = object()
        awaited: set[bytes] = set()

        async def passed_on() -> Message:
            nonlocal by_link
            while True:
                message = await receive()
                said = _read(message.get("bytes"))
                if said is None:
                    return message
                if not _known(said):
                    continue
                file = _file_asked_for(said)
                if file is not None:
                    if file.encode() in awaited or not self.making.begin(connection):
                        await send({"type": "websocket.send", "bytes": refused(file)})
                        continue
                    awaited.add(file.encode())
                if said.WhichOneof("type") == "rerun_script":
                    asked = said.rerun_script.query_string
                    query = kept_by_link(asked, by_link)
                    by_link = by_link or LINK in parse_qs(query, keep_blank_values=True)
                    if query != asked:
                        said.rerun_script.query_string = query
                        message = {**message, "bytes": said.SerializeToString()}
                if by_link and session:
                    self.visitors.add(session)
                return message

        async def sent(message: Message) -> None:
            nonlocal session
            data = message.get("bytes")
            # Looked for in the bytes first: reading each message anew would take longer than writing it.
            for file in [each for each in awaited if data and each in data]:
                if data and _answers(data, file):
                    awaited.discard(file)
                    self.making.end(connection)
            if data and self.main.encode() in data:
                told = ForwardMsg.FromString(data)
                if told.WhichOneof("type") == "new_session":
                    session = told.new_session.initialize.session_id
                    if by_link:
                        self.visitors.add(session)
                    told.new_session.main_script_path = PurePath(self.main).name
                    message = {**message, "bytes": told.SerializeToString()}
            await send(message)

        try:
            await self.app(scope, passed_on, sent)
        finally:
            self.making.leave(connection)
            self.visitors.left()


def kept_by_link(query: str, by_link: bool) -> str:
    """The address's parameters as a page's connection may say them.

    Who came by a link stays with a link: of an address with more parameters than it reads, Streamlit drops all, the link
    among them, and would draw the app itself, perhaps in another site's frame.

    Args:
        query: What the page says.
        by_link: Whether it has come by a link before.
    """
    read = sanitize_query_string(query)
    by_link = by_link or (read != query and LINK in query)
    return query if not by_link or LINK in parse_qs(read, keep_blank_values=True) else f"{LINK}="


def _read(data: bytes | None) -> BackMsg | None:
    """A message of a page; None for what is none, which Streamlit closes the connection for."""
    try:
        return None if data is None else BackMsg.FromString(data)
    except Exception:
        return None


def _known(said: BackMsg) -> bool:
    kind = said.WhichOneof("type")
    if kind == "backend_operation_request":
        asked = said.backend_operation_request
        return asked.WhichOneof("payload") in OPERATIONS and 0 < len(asked.request_id) <= 100
    return kind in MESSAGES


def _file_asked_for(said: BackMsg) -> str | None:
    """Name of the request, where a page asks for a file that is to be made."""
    asked = said.backend_operation_request
    return asked.request_id if asked.WhichOneof("payload") == "deferred_file" else None


def _answers(data: bytes, file: bytes) -> bool:
    """Whether a message is the answer to a request for a file; it may merely hold the same bytes."""
    told = ForwardMsg.FromString(data)
    return (
        told.WhichOneof("type") == "backend_operation_response"
        and told.backend_operation_response.request_id.encode() == file
    )
