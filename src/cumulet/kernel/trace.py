# SPDX-License-Identifier: Apache-2.0
"""Traces: every write, failure and slow request as one story, with its saga steps and what hosts did.

A story is named by the request id. Its parts are spans: a request, a saga's steps, calls of hosts and what
hosts made true; they may come hours and processes apart. Spans are kept in a store of their own (an SQLite
file beside the database, also when that is PostgreSQL), written in batches; a fast read leaves nothing
behind.
"""

import contextvars
import itertools
import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

SLOW_MS = 250.0
_BATCH_SECONDS = 0.5
_KEPT_SPANS = 200_000
_MAX_BUFFER = 20_000

_current: contextvars.ContextVar["Span | None"] = contextvars.ContextVar("span", default=None)
_numbers = itertools.count(time.time_ns() // 1000)


@dataclass(slots=True)
class Span:
    """One timed part of a story. `started` is seconds since 1970, `ms` its length."""

    story: str
    kind: str
    name: str
    started: float
    parent: int = 0
    id: int = field(default_factory=lambda: next(_numbers))
    ms: float = 0.0
    status: str = "ok"
    message: str = ""
    resources: set[str] = field(default_factory=set)
    children: list["Span"] = field(default_factory=list)
    keep: bool = False

    def fail(self, status: int | str, message: str) -> None:
        self.status, self.message, self.keep = str(status), message, True

    def done(self, status: int) -> None:
        if self.status == "ok":
            self.status = str(status)

    def whole(self) -> Iterator["Span"]:
        yield self
        for child in self.children:
            yield from child.whole()


class Traces:
    """The store of stories."""

    def __init__(self, path: Path | None) -> None:
        """Without a path stories are kept in memory until the process ends."""
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._lock = threading.Lock()
        self._buffer: list[Span] = []
        self._timer: threading.Timer | None = None
        self._connection.executescript(_SCHEMA)
        if path is not None:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=OFF")

    def keep(self, span: Span) -> None:
        """Store a finished span and its children, soon."""
        with self._lock:
            if len(self._buffer) >= _MAX_BUFFER:
                return
            self._buffer.append(span)
            if self._timer is None:
                self._timer = threading.Timer(_BATCH_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what is waiting; what a full disk does not take is lost, and the next is tried again."""
        with self._lock:
            waiting, self._buffer, self._timer = self._buffer, [], None
        spans = [part for span in waiting for part in span.whole()]
        if not spans:
            return
        rows = [
            (s.id, s.story, s.parent, s.kind, s.name, s.started, s.ms, s.status, s.message) for s in spans
        ]
        links = {(resource, s.story) for s in spans for resource in s.resources}
        with self._lock:
            try:
                self._store(rows, links)
            except sqlite3.OperationalError as error:
                if self._connection.in_transaction:
                    self._connection.rollback()
                structlog.get_logger().warning("traces lost", spans=len(rows), why=str(error))

    def _store(self, rows: list[tuple[Any, ...]], links: set[tuple[str, str]]) -> None:
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT OR REPLACE INTO spans VALUES (?,?,?,?,?,?,?,?,?)", rows)
        self._connection.executemany("INSERT OR IGNORE INTO stories VALUES (?,?)", list(links))
        self._connection.execute(
            "DELETE FROM spans WHERE id <= (SELECT id FROM spans ORDER BY id DESC LIMIT 1 OFFSET ?)",
            (_KEPT_SPANS,),
        )
        self._connection.execute("COMMIT")

    def stories(self, id: str) -> list[list[Span]]:
        """The spans of a request, or of every request that touched a resource, oldest first."""
        self.flush()
        with self._lock:
            names = [
                row[0]
                for row in self._connection.execute("SELECT story FROM stories WHERE resource=?", (id,))
            ]
            found = []
            for name in dict.fromkeys([id, *names]):
                rows = self._connection.execute(
                    "SELECT * FROM spans WHERE story=? ORDER BY started, id", (name,)
                )
                spans = [_span(row) for row in rows]
                if spans:
                    found.append(spans)
        return sorted(found, key=lambda spans: spans[0].started)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.flush()
        self._connection.close()


_SCHEMA = """
CREATE TABLE IF NOT EXISTS spans (
    id INTEGER PRIMARY KEY, story TEXT, parent INTEGER, kind TEXT, name TEXT,
    started REAL, ms REAL, status TEXT, message TEXT
);
CREATE INDEX IF NOT EXISTS spans_story ON spans (story);
CREATE TABLE IF NOT EXISTS stories (resource TEXT, story TEXT, PRIMARY KEY (resource, story)) WITHOUT ROWID;
"""


def _span(row: Iterable[Any]) -> Span:
    id, story, parent, kind, name, started, ms, status, message = row
    return Span(story, kind, name, started, parent, id, ms, status, message)


@contextmanager
def request(traces: Traces, story: str, name: str) -> Iterator[Span]:
    """The outermost span of a request; it is kept if it wrote, failed, or was slow."""
    span = Span(story, "request", name, time.time())
    token = _current.set(span)
    begun = time.perf_counter()
    try:
        yield span
    finally:
        _current.reset(token)
        span.ms = (time.perf_counter() - begun) * 1000
        if span.keep or span.ms > SLOW_MS:
            traces.keep(span)


@contextmanager
def part(traces: Traces, story: str, kind: str, name: str, resources: Iterable[str] = ()) -> Iterator[Span]:
    """A span of a story that is told elsewhere: a saga's step, a host's work.

    A failure marks it and goes on.
    """
    span = Span(story, kind, name, time.time(), resources=set(resources))
    token = _current.set(span)
    begun = time.perf_counter()
    try:
        yield span
    except BaseException as error:
        span.fail("failed", f"{type(error).__name__}: {error}")
        raise
    finally:
        _current.reset(token)
        span.ms = (time.perf_counter() - begun) * 1000
        if story:
            traces.keep(span)


def touch(resource: str) -> None:
    """The running request or step concerns this resource: `cumulet trace` finds it by its id."""
    span = _current.get()
    if span is not None:
        span.resources.add(resource)


def wrote() -> None:
    """The running request has committed a change, so its story is kept."""
    span = _current.get()
    if span is not None:
        span.keep = True


def current_story() -> str:
    """The request id of what is running now, empty outside any."""
    span = _current.get()
    return span.story if span is not None else ""


def as_json(spans: list[Span]) -> str:
    return json.dumps([{name: getattr(s, name) for name in _SHOWN} for s in spans])


_SHOWN = ("story", "kind", "name", "started", "ms", "status", "message")
