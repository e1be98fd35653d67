# SPDX-License-Identifier: Apache-2.0
"""What an agent remembers when it starts again: the documents it was given, and the calls it carried out.

It is a file of JSON lines that grows at its end and is written anew when most of it is past. A line that a
crash tore is skipped: the agent then knows less, and the next full fetch tells it. Of a document that is gone
nothing is kept but the watermark, the highest generation ever seen.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from cumulet.agent.needs import Key
from cumulet.kernel.bus import NEVER, Generation, Published, Written

OUTCOMES_KEPT = 1000
OUTCOME_BYTES_KEPT = 8 * 2**20
_LINES_BEFORE_REWRITING = 1000

log = logging.getLogger(__name__)


class Seen(msgspec.Struct, frozen=True, tag="seen"):
    generation: Generation


class Kept(msgspec.Struct, frozen=True, tag="kept"):
    document: Written


class Forgotten(msgspec.Struct, frozen=True, tag="forgotten"):
    kind: str
    id: str
    generation: Generation


class Outcome(msgspec.Struct, frozen=True, kw_only=True, tag="outcome"):
    """How a call ended: its result as JSON, or the sentence that it failed with."""

    operation_id: str
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: str | None = None


Line = Seen | Kept | Forgotten | Outcome

_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class Journal(Protocol):
    watermark: Generation
    documents: dict[Key, Published]
    outcomes: dict[str, Outcome]

    async def write(self, lines: Sequence[Line]) -> None:
        """The lines hold, and outlive a crash when this returns."""


class MemoryJournal:
    """A journal that ends with its process: for simulated hosts, whose guests do so too."""

    def __init__(self) -> None:
        self.watermark = NEVER
        self.documents: dict[Key, Published] = {}
        self.outcomes: dict[str, Outcome] = {}
        self._outcome_bytes = 0

    async def write(self, lines: Sequence[Line]) -> None:
        self.take(lines)

    def take(self, lines: Iterable[Line]) -> None:
        """Remember the lines, in memory only."""
        for line in lines:
            match line:
                case Kept(document=written):
                    document = written.published()
                    self.documents[document.kind, document.id] = document
                    self.watermark = max(self.watermark, document.generation)
                case Forgotten(kind=kind, id=id, generation=generation):
                    known = self.documents.get((kind, id))
                    if known is not None and known.generation == generation:
                        del self.documents[kind, id]
                case Seen(generation=generation):
                    self.watermark = max(self.watermark, generation)
                case Outcome():
                    self._take_outcome(line)

    def _take_outcome(self, outcome: Outcome) -> None:
        self.outcomes[outcome.operation_id] = outcome
        self._outcome_bytes += len(bytes(outcome.result))
        while len(self.outcomes) > OUTCOMES_KEPT or self._outcome_bytes > OUTCOME_BYTES_KEPT:
            oldest = self.outcomes.pop(next(iter(self.outcomes)))
            self._outcome_bytes -= len(bytes(oldest.result))


class FileJournal(MemoryJournal):
    """A journal in a file. One process at a time writes it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._size = 0
        self._lines = 0
        self._writing = asyncio.Lock()
        self.take(_read(path))
        self._rewrite(self._present())

    async def write(self, lines: Sequence[Line]) -> None:
        async with self._writing:
            await asyncio.to_thread(self._append, lines)
            self.take(lines)
            if self._lines > _LINES_BEFORE_REWRITING + 2 * (len(self.documents) + len(self.outcomes)):
                await asyncio.to_thread(self._rewrite, self._present())

    def _present(self) -> list[Line]:
        kept = [Kept(Written.of(document)) for document in self.documents.values()]
        return [Seen(self.watermark), *kept, *self.outcomes.values()]

    def _append(self, lines: Sequence[Line]) -> None:
        try:
            with self._path.open("ab") as file:
                _write(file.fileno(), lines)
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(self._path, self._size)
            raise
        self._size = self._path.stat().st_size
        self._lines += len(lines)

    def _rewrite(self, lines: Sequence[Line]) -> None:
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write(descriptor, lines)
        finally:
            os.close(descriptor)
        fresh.rename(self._path)
        _sync_directory(self._path.parent)
        self._size = self._path.stat().st_size
        self._lines = len(lines)


def _read(path: Path) -> Iterator[Line]:
    """The lines of the file, those that can be read."""
    if not path.exists():
        return
    for number, text in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            yield _decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            log.warning("Line %d of %s cannot be read; the host will be told again.", number, path)


def _write(descriptor: int, lines: Sequence[Line]) -> None:
    remaining = memoryview(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    while remaining:
        remaining = remaining[os.write(descriptor, remaining) :]
    os.fdatasync(descriptor)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
