# SPDX-License-Identifier: Apache-2.0
"""Questions, answers and hints on one stream of bytes, from both ends at once.

A frame is four bytes of length and a JSON message. A question has an id and gets one answer; a hint has
neither. The end of the stream is the end of the peer: what it was asked and has not answered fails with a
ConnectionError.
"""

import asyncio
import contextlib
import itertools
import logging
import struct
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import msgspec

LARGEST_FRAME = 16 * 2**20

OPEN_QUESTIONS = 500
"""Questions that one end has under way; more wait, and a peer that asks twice as many is cut off."""

_LENGTH = struct.Struct(">I")

T = TypeVar("T")

log = logging.getLogger(__name__)


class Refusal(Exception):
    """A question that the other end understood and refused; the text is its sentence."""


class RemoteError(Exception):
    """The other end failed in a way of its own; the text is what it said."""


class Question(msgspec.Struct, frozen=True, tag="question"):
    id: int
    body: msgspec.Raw


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    id: int
    body: msgspec.Raw


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    id: int
    message: str
    refused: bool = False


class Hint(msgspec.Struct, frozen=True, tag="hint"):
    """Nothing but itself."""


Message = Question | Answer | Failure | Hint
Respond = Callable[[msgspec.Raw], Awaitable[Any]]
"""Answers the body of a question; Refusal and RemoteError reach the one who asked as they are."""

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


class Connection:
    """One end of the stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._turns = asyncio.Semaphore(OPEN_QUESTIONS)
        self._asked: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._hint_waits = False
        self.closed = False

    async def ask(self, question: Any, answer_type: type[T]) -> T:
        """The peer's answer; Refusal, RemoteError, or ConnectionError when it goes before it answers."""
        async with self._turns:
            id = next(self._ids)
            answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
            self._asked[id] = answer
            try:
                await self._send(Question(id, _encode(question)))
                return msgspec.json.decode(await answer, type=answer_type)
            finally:
                del self._asked[id]

    def hint(self) -> None:
        """Send a hint, unless one is on its way."""
        if not self.closed and not self._hint_waits:
            self._hint_waits = True
            self._spawn(self._send_hint())

    async def run(self, respond: Respond, hinted: Callable[[], None] | None = None) -> None:
        """Read and answer until either end is gone."""
        try:
            while True:
                self._take(await self._read(), respond, hinted)
        except (EOFError, OSError):
            return
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the peer. What it asked is still carried out, and the answers are dropped."""
        self.closed = True
        self._writer.close()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(ConnectionError("The other end of the host bus went away."))

    async def _read(self) -> Message:
        (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
        if length > LARGEST_FRAME:
            log.error("A peer on the host bus announced a frame of %d bytes and is cut off.", length)
            raise ConnectionError("The frame is too large.")
        try:
            return _decoder.decode(await self._reader.readexactly(length))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error("A peer on the host bus sent what is no message and is cut off: %s", error)
            raise ConnectionError("The frame is no message.") from error

    async def _send(self, message: Message) -> None:
        frame = msgspec.json.encode(message)
        if len(frame) > LARGEST_FRAME:
            raise RemoteError(f"A message of {len(frame)} bytes is larger than the host bus carries.")
        if self.closed or self._writer.is_closing():
            raise ConnectionError("The other end of the host bus is gone.")
        self._writer.write(_LENGTH.pack(len(frame)) + frame)
        await self._writer.drain()

    async def _send_hint(self) -> None:
        self._hint_waits = False
        with contextlib.suppress(OSError):
            await self._send(Hint())

    def _take(self, message: Message, respond: Respond, hinted: Callable[[], None] | None) -> None:
        match message:
            case Question() if len(self._tasks) > 2 * OPEN_QUESTIONS:
                log.error("A peer on the host bus has %d questions open and is cut off.", len(self._tasks))
                raise ConnectionError("Too many questions.")
            case Question():
                self._spawn(self._respond(message, respond))
            case Answer(id=id, body=body):
                if (answer := self._asked.get(id)) is not None and not answer.done():
                    answer.set_result(body)
            case Failure(id=id, message=text, refused=refused):
                if (answer := self._asked.get(id)) is not None and not answer.done():
                    answer.set_exception(Refusal(text) if refused else RemoteError(text))
            case Hint() if hinted is not None:
                hinted()

    async def _respond(self, question: Question, respond: Respond) -> None:
        reply: Answer | Failure
        try:
            reply = Answer(question.id, _encode(await respond(question.body)))
        except Refusal as error:
            reply = Failure(question.id, str(error), refused=True)
        except RemoteError as error:
            reply = Failure(question.id, str(error))
        except Exception as error:
            log.exception("A question of a peer on the host bus met an unexpected error")
            reply = Failure(question.id, f"The other end met an unexpected error: {error!r}")
        await self._reply(reply)

    async def _reply(self, reply: Answer | Failure) -> None:
        with contextlib.suppress(OSError):
            try:
                await self._send(reply)
            except RemoteError as error:
                await self._send(Failure(reply.id, str(error)))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _encode(body: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(body))
