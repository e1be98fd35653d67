# SPDX-License-Identifier: Apache-2.0
"""How conversations with Cinder begin and end, and what they say again and again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.clock import Clock, ManualClock
from cumulet.kernel.hosts import DocumentRow
from cumulet.lib.qcow2 import empty_qcow2
from cumulet.services.cinder.service import SERVICE as CINDER
from cumulet.services.glance.service import SERVICE as GLANCE
from cumulet.testing import asgi
from cumulet.testing.asgi import Answer
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import People, people

API = "/volume/v3"
SERVICES = [people(), GLANCE, CINDER]
NOBODY = "00000000-0000-4000-8000-000000000000"


def talk(
    tmp_path: Path,
    script: Callable[[Cloud], Awaitable[None]],
    *,
    hosts: int = 1,
    database: str = "",
    clock: Clock | None = None,
) -> None:
    """Hold a conversation as `member`; in the end rows, hosts and documents agree."""

    async def run() -> None:
        async with Cloud.running(tmp_path, SERVICES, hosts=hosts, database=database, clock=clock) as cloud:
            cloud.token = "member"
            await script(cloud)
            await cloud.settled()
            await agree(cloud)

    asyncio.run(run())


async def wait_until(clock: ManualClock, seconds: float, true: Callable[[], Awaitable[bool]]) -> None:
    """Let time pass until this is true, at most so many seconds of the clock."""
    for _ in range(int(seconds)):
        await clock.pass_time(1)
        await asyncio.sleep(0.002)
        if await true():
            return
    raise TimeoutError(f"It did not come true within {seconds:g} seconds.")


async def agree(cloud: Cloud) -> None:
    """Every invariant holds, and hosts have exactly what they are told to have."""
    for check in cloud.app.services["cinder"].manifest.invariants():
        assert await cloud.app.db.read(check) == []
    await cloud.rest()
    rows = await cloud.app.db.read(lambda tx: tx.all(DocumentRow, DocumentRow.c.body.is_not(None)))
    told = {(row.host, row.kind, row.thing_id) for row in rows if row.kind.startswith("volume")}
    have = {(host, "volume", id) for host, world in cloud.worlds.items() for id in world.volumes}
    have |= {(host, "volume_snapshot", id) for host, world in cloud.worlds.items() for id in world.snapshots}
    assert told == have


async def ask(
    cloud: Cloud, method: str, path: str, body: Any = None, *, at: str = "3.0", token: str | None = None
) -> Answer:
    """One request in a microversion."""
    headers = {"OpenStack-API-Version": f"volume {at}"}
    return await cloud.request(method, API + path, body, token=token, headers=headers)


async def made(
    cloud: Cloud, kind: str = "volume", *, at: str = "3.0", token: str | None = None, **values: Any
) -> Any:
    """A new thing, once it can be used."""
    answer = await ask(cloud, "POST", f"/{kind}s", {kind: values}, at=at, token=token)
    assert answer.status == 202, answer
    await cloud.settled()
    return await shown(cloud, kind, answer[kind]["id"], at=at)


async def volume(cloud: Cloud, size: int = 1, **values: Any) -> Any:
    return await made(cloud, "volume", size=size, **values)


async def shown(cloud: Cloud, kind: str, id: str, *, at: str = "3.0", token: str | None = "admin") -> Any:
    answer = await ask(cloud, "GET", f"/{kind}s/{id}", at=at, token=token)
    assert answer.status == 200, answer
    return answer[kind]


async def act(
    cloud: Cloud, id: str, name: str, arguments: Any = None, *, at: str = "3.0", token: str | None = None
) -> Answer:
    return await ask(cloud, "POST", f"/volumes/{id}/action", {name: arguments}, at=at, token=token)


async def image(cloud: Cloud, size_gb: int = 1, **more: Any) -> str:
    """An active image of a disk of this size; its id."""
    body = {"name": "cirros", "container_format": "bare", "disk_format": "qcow2", **more}
    answer = await cloud.request("POST", "/image/v2/images", body, token="admin")
    assert answer.status == 201, answer
    headers = {"content-type": "application/octet-stream", "x-auth-token": "admin"}
    url = f"http://cloud/image/v2/images/{answer['id']}/file"
    sent = await asgi.request(cloud.app.root, "PUT", url, body=empty_qcow2(size_gb * 2**30), headers=headers)
    assert sent.status == 204, sent
    return str(answer["id"])


def refusal(answer: Answer) -> tuple[int, str]:
    """Status and message; the name of the fault must go with the status."""
    ((name, fault),) = answer.body.items()
    names = {
        400: "badRequest",
        403: "forbidden",
        404: "itemNotFound",
        409: "conflictingRequest",
        413: "overLimit",
    }
    assert (name, fault["code"]) == (names[answer.status], answer.status), answer
    return answer.status, fault["message"]


def as_nova(cloud: Cloud, token: str = "member") -> Context:
    """The context in which another service calls for this person."""
    return Context(cloud.app, cloud.app.service("glance"), People().known[token], "req-1")
