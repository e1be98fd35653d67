# SPDX-License-Identifier: Apache-2.0
"""The engine: where transactions run.

SQLite has one writer. Sixteen threads that wait busily for its lock were five times slower than one thread
with a queue, so writes go through one thread in the order in which they came, and long reads through another.
What a long read costs is Python, which one thread runs at a time: six readers that took it from one another
made sixteen lists at once cost twice what they cost in a row. PostgreSQL takes as many transactions as there
are threads.

SQLite runs with WAL and synchronous=NORMAL: what was acknowledged survives the death of the process. It may
lose the last moments, never its integrity, when the power fails; a cloud that must not lose those runs on
PostgreSQL.
"""

import asyncio
import contextvars
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from cumulet.kernel import trace
from cumulet.kernel.clock import Clock
from cumulet.kernel.db.tx import Retry, Tx
from cumulet.kernel.errors import BadRequest, Error, Unavailable

if TYPE_CHECKING:
    from cumulet.kernel.app import App

P = ParamSpec("P")
T = TypeVar("T")

CONNECT_SECONDS = 5
"""How long PostgreSQL may take to accept a connection: requests are refused before their clients give up."""

TIMEOUT = "connect_timeout"
"""What libpq calls it; a URL may say it otherwise."""

_ATTEMPTS = 30
_SHORT, _LONG = 0.001, 1.0
"""Seconds below which a read may hold up the event loop, and what an unknown one is taken for."""

_RETRIED_STATES = frozenset({"40001", "40P01"})
_OUT_OF_RANGE = "22003"


class Database:
    """The control database, and the threads in which its transactions run."""

    def __init__(self, url: str, clock: Clock, *, threads: int = 6) -> None:
        """`url` is sqlite:///PATH or postgresql://..., whose transactions run in so many threads.

        Nothing is opened before the first use.
        """
        self.clock = clock
        self.app: App | None = None
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if not self.is_sqlite:
            self.url = self.url.set(drivername="postgresql+psycopg")
        self.engine = self._sqlite_engine() if self.is_sqlite else self._postgresql_engine(threads)
        sa.event.listen(self.engine, "handle_error", _refuse_unstorable)
        self._writers = ThreadPoolExecutor(1 if self.is_sqlite else threads, "write")
        self._readers = ThreadPoolExecutor(1, "read") if self.is_sqlite else self._writers
        self._local = threading.local()
        self._costs: dict[object, float] = {}
        self._open: list[sa.Connection] = []

    # -- transactions -----------------------------------------------------------------------------------

    async def transact(
        self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a plain function in one write transaction, again when it must be, and commit it."""
        return await self._in_thread(self._writers, self.transact_here, function, *args, **kwargs)

    async def read(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a plain function in one read-only transaction.

        On SQLite a function that has been short so far runs right here: to hand it to a thread would cost
        more than it does itself.
        """
        return await self.read_as(getattr(function, "__code__", function), function, *args, **kwargs)

    async def read_as(
        self, key: object, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`read` of a function whose cost is remembered under a key of its own."""
        if self.is_sqlite and self._costs.get(key, _LONG) < _SHORT:
            return self._timed(key, function, *args, **kwargs)
        return await self._in_thread(self._readers, self._timed, key, function, *args, **kwargs)

    def _timed(
        self, key: object, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`read_here`, and its CPU time is remembered: the average of some calls, the last ones most."""
        began = time.thread_time()
        try:
            return self.read_here(function, *args, **kwargs)
        finally:
            took = time.thread_time() - began
            self._costs[key] = 0.8 * self._costs.get(key, took) + 0.2 * took

    def transact_here(
        self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`transact` in the calling thread.

        On SQLite only the writer thread may, or a process without one.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return self._transact_once(function, *args, **kwargs)
            except Retry:
                pass
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _RETRIED_STATES:
                    raise _meaning(error) from error
            time.sleep(random.uniform(0, 0.002 * attempt))
        raise Unavailable("The database was too busy with other changes of the same things; ask again.")

    def _transact_once(
        self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with self._connection(write=True) as connection:
            tx = Tx(connection, self.clock.now(), self.app)
            refusal: Error | None = None
            try:
                result = function(tx, *args, **kwargs)
            except Error as error:
                if not error.commit:
                    raise
                refusal = error
            connection.commit()
        trace.wrote()
        for call in tx.committed:
            self._announce(call)
        if refusal is not None:
            raise refusal
        return result

    def read_here(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`read` in the calling thread: for reads short enough for the event loop itself."""
        try:
            with self._connection(write=False) as connection:
                return function(Tx(connection, self.clock.now(), self.app), *args, **kwargs)
        except DBAPIError as error:
            raise _meaning(error) from error

    async def _in_thread(
        self, pool: ThreadPoolExecutor, run: Callable[..., T], *args: Any, **kwargs: Any
    ) -> T:
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, lambda: context.run(run, *args, **kwargs))

    def _announce(self, call: Callable[[], None]) -> None:
        loop = self.app.loop if self.app is not None else None
        if loop is None or loop.is_closed():
            call()
        else:
            loop.call_soon_threadsafe(call)

    # -- connections ------------------------------------------------------------------------------------

    @contextmanager
    def _connection(self, *, write: bool) -> Iterator[sa.Connection]:
        """A connection inside a transaction, rolled back unless it was committed."""
        if not self.is_sqlite:
            with self.engine.connect() as connection:
                if not write:
                    connection = connection.execution_options(postgresql_readonly=True)
                yield connection
            return
        connection = self._mine(write)
        raw: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]
        raw.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        if write:
            connection.begin()  # What is written past SQLAlchemy is committed by it all the same.
        try:
            yield connection
        finally:
            if raw.in_transaction:
                raw.rollback()
            connection.rollback()

    def _mine(self, write: bool) -> sa.Connection:
        """The connection of this thread, kept for its life; readers may not write."""
        name = "write" if write else "read"
        connection: sa.Connection | None = getattr(self._local, name, None)
        if connection is None:
            connection = self.engine.connect()
            if not write:
                raw: Any = connection.connection.dbapi_connection
                raw.execute("PRAGMA query_only = ON")
            setattr(self._local, name, connection)
            self._open.append(connection)
        return connection

    def _sqlite_engine(self) -> sa.Engine:
        engine = sa.create_engine(
            self.url,
            poolclass=sa.pool.NullPool,
            connect_args={
                "check_same_thread": False,
                "isolation_level": None,
                "timeout": 30,
                "cached_statements": 512,
            },
        )

        @sa.event.listens_for(engine, "connect")
        def prepare(connection: sqlite3.Connection, record: Any) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-8000"):
                connection.execute(f"PRAGMA {pragma}")

        return engine

    def _postgresql_engine(self, threads: int) -> sa.Engine:
        return sa.create_engine(
            self.url,
            pool_size=threads + 1,
            max_overflow=2,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            connect_args={} if TIMEOUT in self.url.query else {TIMEOUT: CONNECT_SECONDS},
        )

    def close(self) -> None:
        """Let running transactions end, and close every connection."""
        self._writers.shutdown()
        self._readers.shutdown()
        for connection in self._open:
            connection.close()
        self.engine.dispose()

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None


def _refuse_unstorable(context: sa.engine.ExceptionContext) -> None:
    """Raise BadRequest where a value is none that a database can hold: only a caller can have sent it.

    What declarations know is refused by their schemas before; this catches the rest: ids in paths, filters,
    markers, and numbers that grew on their way.
    """
    error = context.original_exception
    if isinstance(error, OverflowError) or getattr(error, "sqlstate", None) == _OUT_OF_RANGE:
        raise BadRequest("A number of the request is larger than any that can be stored.") from error
    if isinstance(error, UnicodeEncodeError) or "NUL (0x00)" in str(error):
        raise BadRequest("A text of the request holds characters that cannot be stored.") from error


def _meaning(error: DBAPIError) -> Exception:
    """What a failure of the database itself means for whoever asked."""
    text = str(error.orig)
    if isinstance(error, OperationalError) and ("full" in text or "disk I/O" in text):
        return Unavailable(
            "The database cannot write: the disk is full or failing. Free some space and ask again."
        )
    if isinstance(error, OperationalError) and not isinstance(error.orig, sqlite3.Error):
        return Unavailable("The database cannot be reached now; ask again in a moment.", retry_after=5)
    return error
