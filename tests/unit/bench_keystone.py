# SPDX-License-Identifier: Apache-2.0
"""What tokens cost: CPU time of a whole request, on SQLite, in process. Run it as a program.

python tests/unit/bench_keystone.py
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cumulet.kernel.db import Tx
from cumulet.lib.timestamps import LATEST
from cumulet.services.keystone.service import SERVICE as KEYSTONE
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.model import RevokedToken
from cumulet.testing.cloud import Cloud
from cumulet.testing.identity import ADMIN_PROJECT, Talk, rescope

ROUNDS = 1000


async def measure(name: str, ask: Callable[[], Awaitable[Any]], rounds: int = ROUNDS) -> None:
    for _ in range(20):
        await ask()
    before = time.process_time()
    for _ in range(rounds):
        await ask()
    spent = (time.process_time() - before) / rounds
    print(f"{name:55} {spent * 1e3:7.3f} ms CPU")


def revoke_many(tx: Tx) -> None:
    """A hundred thousand revocations, to show that they cost nothing."""
    tx.insert_many([RevokedToken(id=f"{number:022}", expires_at=LATEST) for number in range(100_000)])


async def main() -> None:
    with tempfile.TemporaryDirectory() as state:
        async with Cloud.running(Path(state), [KEYSTONE], hosts=0) as cloud:
            keystone = Talk(cloud)
            token = await keystone.become_admin()
            authority = cloud.app.contract(Authority)
            subject = {"X-Subject-Token": token}

            async def validate() -> None:
                assert (await keystone("GET", "/auth/tokens", headers=subject)).status == 200

            async def validate_unknown() -> None:
                authority._tokens.clear()
                await validate()

            async def validate_cold() -> None:
                authority.moved()
                await validate()

            async def issue() -> None:
                assert (await keystone.ask_token(rescope(token, ADMIN_PROJECT))).status == 201

            async def show_project() -> None:
                assert (await keystone("GET", "/projects/default")).status == 200

            await measure("validate a known token", validate)
            await measure("validate a token that was not seen before", validate_unknown)
            await measure("validate after a change of rights (caller and subject)", validate_cold)
            await measure("a token by a token", issue)
            await measure("show a project", show_project)
            await cloud.app.db.transact(revoke_many)
            await measure("not seen before, among 100,000 revocations", validate_unknown)
            await measure("after a change of rights, among as many", validate_cold)


if __name__ == "__main__":
    asyncio.run(main())
