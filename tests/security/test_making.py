"""Files that pages have made: a session that asks for many waits for them alone, and what nobody waits for is not made."""

from __future__ import annotations

import asyncio

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.common import background, widgets
from app.web.asgi import Message, Receive, Scope, Send
from app.web.making import ALL_FILES, BUSY, SESSION_FILES
from app.web.messages import Messages
from app.web.visitors import Visitors
from lwal_core.projections import Abandoned


def request(name: str) -> Message:
    message = BackMsg()
    message.backend_operation_request.request_id = name
    message.backend_operation_request.deferred_file.file_id = "abc"
    return {"type": "websocket.receive", "bytes": message.SerializeToString()}


def answer(name: str) -> Message:
    message = ForwardMsg()
    message.backend_operation_response.request_id = name
    return {"type": "websocket.send", "bytes": message.SerializeToString()}


class Pages:
    """Connections of pages to an app that makes files as slowly as it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.coming: list[asyncio.Queue[Message]] = []
        self.sending: list[Send] = []
        self.told: list[list[Message]] = []
        self.ends: list[asyncio.Task[None]] = []
        self.messages = Messages(self.app, Visitors(), "/srv/main.py")

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.sending[scope["number"]] = send
        while (message := await receive())["type"] == "websocket.receive":
            self.asked.append(BackMsg.FromString(message["bytes"]).backend_operation_request.request_id)

    async def open(self) -> int:
        number, queue, told = len(self.coming), asyncio.Queue[Message](), list[Message]()

        async def send(message: Message) -> None:
            told.append(message)

        self.coming.append(queue)
        self.told.append(told)
        self.sending.append(send)
        self.ends.append(asyncio.create_task(self.messages({"type": "websocket", "number": number}, queue.get, send)))
        return number

    async def says(self, number: int, *names: str) -> None:
        for name in names:
            self.coming[number].put_nowait(request(name))
        await asyncio.sleep(0.001)

    async def close(self, number: int) -> None:
        self.coming[number].put_nowait({"type": "websocket.disconnect"})
        await self.ends[number]

    def refused(self, number: int) -> list[str]:
        said = [ForwardMsg.FromString(message["bytes"]).backend_operation_response for message in self.told[number]]
        assert all(each.error_msg in (BUSY, "") for each in said)
        return [each.request_id for each in said if each.error_msg]


def test_a_session_waits_for_few_files() -> None:
    async def play() -> None:
        pages = Pages()
        one, other = await pages.open(), await pages.open()
        await pages.says(one, *(f"a{i}" for i in range(40)))
        await pages.says(other, "b0")
        assert pages.asked == ["a0", "a1", "b0"] and pages.refused(one) == [f"a{i}" for i in range(SESSION_FILES, 40)]
        await pages.sending[one](answer("b0"))  # another's answer frees nothing
        await pages.says(one, "a40")
        assert pages.asked == ["a0", "a1", "b0"]
        await pages.sending[one](answer("a0"))
        await pages.says(one, "a41", "a42")
        assert pages.asked[3:] == ["a41"] and pages.refused(other) == []
        await pages.close(one)
        await pages.close(other)

    asyncio.run(play())


def test_all_sessions_together_wait_for_few_files_and_take_theirs_along() -> None:
    async def play() -> None:
        pages = Pages()
        numbers = [await pages.open() for _ in range(15)]
        for number in numbers:
            await pages.says(number, f"{number}a", f"{number}b")
        assert len(pages.asked) == ALL_FILES and sum(len(pages.refused(number)) for number in numbers) == 10
        await pages.close(numbers[0])
        await pages.says(numbers[-1], "c")
        assert pages.asked[-1] == "c"
        for number in numbers[1:]:
            await pages.close(number)
        assert pages.messages.making._count.total() == 0

    asyncio.run(play())


def test_the_same_name_twice_and_no_name_are_not_passed_on() -> None:
    async def play() -> None:
        pages = Pages()
        one = await pages.open()
        await pages.says(one, "a", "a", "", "x" * 101)
        assert pages.asked == ["a"] and pages.refused(one) == ["a"]
        await pages.close(one)

    asyncio.run(play())


@pytest.mark.parametrize("media", ["text/html", "text/csv"])
def test_nothing_is_made_for_a_session_that_is_gone(monkeypatch: pytest.MonkeyPatch, media: str) -> None:
    made: list[bytes] = []

    def make() -> bytes:
        made.append(b"a,b\n")
        return made[-1]

    assert b"a,b" in widgets._file("", make, media) and len(made) == 1
    monkeypatch.setattr(widgets, "session_lives", lambda session: False)
    with pytest.raises(Abandoned):
        widgets._file("gone", make, media)
    assert len(made) == 1
    assert background.session_lives("")  # no server, nobody who is gone
