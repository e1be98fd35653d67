# SPDX-License-Identifier: Apache-2.0
"""How conversations with Neutron begin and end, and what they say again and again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.hosts import DocumentRow
from cumulet.services.neutron.service import SERVICE as NEUTRON
from cumulet.testing.asgi import Answer
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import People, people

API = "/network/v2.0"
PATHS = {
    "security_group": "security-groups",
    "security_group_rule": "security-group-rules",
    "address_scope": "address-scopes",
}


def talk(
    tmp_path: Path, script: Callable[[Cloud], Awaitable[None]], *, hosts: int = 1, database: str = ""
) -> None:
    """Hold a conversation as `member`; in the end invariants hold and a sweep finds nothing to mend."""

    async def run() -> None:
        async with Cloud.running(tmp_path, [people(), NEUTRON], hosts=hosts, database=database) as cloud:
            cloud.token = "member"
            await script(cloud)
            await agree(cloud)

    asyncio.run(run())


async def agree(cloud: Cloud) -> None:
    """Rows and documents agree, and the reconciler changes no document."""
    from cumulet.services.neutron.reconcile import follow_rows

    manifest = cloud.app.services["neutron"].manifest
    for check in manifest.invariants():
        assert await cloud.app.db.read(check) == []
    before = await told(cloud)
    await cloud.app.db.transact(follow_rows)
    assert await told(cloud) == before


async def told(cloud: Cloud) -> dict[str, str]:
    """What hosts are told: the body of each document by host, kind and id."""
    rows = await cloud.app.db.read(lambda tx: tx.all(DocumentRow, DocumentRow.c.body.is_not(None)))
    return {row.id: row.body or "" for row in rows}


async def made(cloud: Cloud, kind: str, token: str = "member", **values: Any) -> dict[str, Any]:
    answer = await cloud.request("POST", f"{API}/{PATHS.get(kind, kind + 's')}", {kind: values}, token=token)
    assert answer.status == 201, answer
    found: dict[str, Any] = answer[kind]
    return found


async def shown(cloud: Cloud, kind: str, id: str, token: str = "member") -> dict[str, Any]:
    answer = await cloud.request("GET", f"{API}/{PATHS.get(kind, kind + 's')}/{id}", token=token)
    assert answer.status == 200, answer
    found: dict[str, Any] = answer[kind]
    return found


def refusal(answer: Answer) -> tuple[int, str, str]:
    error = answer["NeutronError"]
    return answer.status, error["type"], error["message"]


def as_nova(cloud: Cloud, token: str = "member") -> Context:
    """The context in which another service calls for this person."""
    return Context(cloud.app, cloud.app.service("neutron"), People().known[token], "req-1")


async def until(cloud: Cloud, kind: str, id: str, status: str) -> None:
    """Wait for what hosts report."""
    for _ in range(500):
        if (await shown(cloud, kind, id, token="admin"))["status"] == status:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{kind} {id} did not become {status}")
