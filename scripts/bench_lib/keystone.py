# SPDX-License-Identifier: Apache-2.0
"""What tokens cost in a cloud with many users: CPU time of whole requests, in process, on SQLite.

Beside logins, whose passwords are hashed slowly on purpose, what counts is how long others wait.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import uvloop

from bench_lib.table import Table
from cumulet.kernel.db import Row, Tx
from cumulet.lib.timestamps import LATEST
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles.model import Role, assignment
from cumulet.services.keystone.service import SERVICE as KEYSTONE
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.model import RevokedToken
from cumulet.testing import asgi
from cumulet.testing.asgi import Answer
from cumulet.testing.cloud import ADMIN_PASSWORD, Cloud
from cumulet.testing.identity import ADMIN_PROJECT, DEFAULT, V3, Talk, password, rescope

USERS, PROJECTS, EACH, REVOCATIONS = 10_000, 1_000, 10, 10_000
ROUNDS = 1000
LOGINS = 16
SECONDS = 8.0
SWITCH_INTERVAL = 0.0005
"""As `cumulet up` has it."""


def measure() -> bool:
    """Print each figure beside its limit; False when one is above it."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure())


class _Unjudged(Talk):
    """A conversation whose answers are not held against the documents: that would cost more than they do."""

    async def __call__(self, method: str, path: str, body: Any = None, **how: Any) -> Answer:
        token = how.get("token", self.cloud.token)
        headers = {**how.get("headers", {}), **({"X-Auth-Token": token} if token else {})}
        address = f"http://cloud{V3}{path}"
        return await asgi.request(self.cloud.app.root, method, address, body=body, headers=headers)


async def _measure() -> bool:
    with tempfile.TemporaryDirectory() as state:
        async with Cloud.running(Path(state), [KEYSTONE], hosts=0) as cloud:
            keystone = _Unjudged(cloud)
            await keystone.become_admin()
            await cloud.app.db.transact(_fill)
            table = Table(f"keystone ({USERS:,} users, {USERS * EACH:,} assignments)", "ms", "at most", "")
            good = [await case(keystone, table) for case in (_cpu, _beside_logins)]
            table.print()
            return all(good)


def _report(table: Table, what: str, milliseconds: float, limit: float | None) -> bool:
    good = limit is None or milliseconds <= limit
    table.row(what, f"{milliseconds:.3f}", f"{limit:g}" if limit else "", "" if good else "too much")
    return good


# -- the cloud ------------------------------------------------------------------------------------------


def _fill(tx: Tx) -> None:
    """Many users with roles on some projects each, and many tokens that were ended one by one."""
    member = tx.first_by(Role, domain_id="", name="member")
    assert member is not None
    for rows in _batches(_rows(member.id)):
        tx.insert_many(rows)


def _rows(role_id: str) -> Iterator[Row]:
    for number in range(PROJECTS):
        yield Project(id=_id("p", number), name=f"p{number}", domain_id="default", parent_id="default")
    for number in range(USERS):
        yield User(id=_id("a", number), name=f"u{number}", domain_id="default")
    for number in range(USERS * EACH):
        user, project = _id("a", number // EACH), _id("p", number * 7 % PROJECTS)
        yield assignment(("user", user), ("project", project), role_id)
    for number in range(REVOCATIONS):
        yield RevokedToken(id=f"{number:022}", expires_at=LATEST)


def _id(kind: str, number: int) -> str:
    return f"{ord(kind):02x}{number:030x}"


def _batches(rows: Iterator[Row]) -> Iterator[Sequence[Row]]:
    """Rows of one class at a time, some hundred at once."""
    batch: list[Row] = []
    for row in rows:
        if batch and (type(row) is not type(batch[0]) or len(batch) == 500):
            yield batch
            batch = []
        batch.append(row)
    yield batch


# -- the figures ----------------------------------------------------------------------------------------


async def _cpu(keystone: Talk, table: Table) -> bool:
    token = keystone.cloud.token
    authority = keystone.cloud.app.contract(Authority)
    somebody = f"/role_assignments?user.id={_id('a', 77)}&effective"

    async def validate() -> None:
        assert (await keystone("GET", "/auth/tokens", headers={"X-Subject-Token": token})).status == 200

    async def validate_unseen() -> None:
        authority._tokens.clear()
        await validate()

    async def validate_after_a_change() -> None:
        authority.moved()
        await validate()

    async def issue() -> None:
        assert (await keystone.ask_token(rescope(token, ADMIN_PROJECT))).status == 201

    async def assignments() -> None:
        assert len((await keystone("GET", somebody))["role_assignments"]) == 2 * EACH

    cases: tuple[tuple[str, Callable[[], Awaitable[None]], float | None], ...] = (
        ("validate a known token", validate, 0.25),
        ("validate one that was not seen before", validate_unseen, 0.5),
        ("validate after a change of rights", validate_after_a_change, None),
        ("a token by a token", issue, 1.0),
        ("effective assignments of one user", assignments, 3.0),
    )
    good = [_report(table, f"{name}, CPU", await _spent(ask), limit) for name, ask, limit in cases]
    return all(good)


async def _spent(ask: Callable[[], Awaitable[Any]]) -> float:
    """Milliseconds of CPU for each call."""
    for _ in range(20):
        await ask()
    before = time.process_time()
    for _ in range(ROUNDS):
        await ask()
    return (time.process_time() - before) / ROUNDS * 1e3


async def _beside_logins(keystone: Talk, table: Table) -> bool:
    """How long one waits who validates tokens while others log in as fast as they can."""
    ended = asyncio.Event()
    body = password({"name": "admin", "domain": DEFAULT, "password": ADMIN_PASSWORD}, ADMIN_PROJECT)
    subject = {"X-Subject-Token": keystone.cloud.token}
    logins = 0

    async def log_in() -> None:
        nonlocal logins
        while not ended.is_set():
            assert (await keystone.ask_token(body)).status == 201
            logins += 1

    others = [asyncio.create_task(log_in()) for _ in range(LOGINS)]
    waits = []
    began = time.perf_counter()
    while (now := time.perf_counter()) < began + SECONDS:
        assert (await keystone("GET", "/auth/tokens", headers=subject)).status == 200
        waits.append(time.perf_counter() - now)
        await asyncio.sleep(0.001)
    ended.set()
    await asyncio.gather(*others)
    waits.sort()
    what = f"validate beside {LOGINS} who log in ({logins / SECONDS:.0f} a second)"
    _report(table, f"{what}, p50", waits[len(waits) // 2] * 1e3, None)
    return _report(table, f"{what}, p99", waits[len(waits) * 99 // 100] * 1e3, 20.0)
