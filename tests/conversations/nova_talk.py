# SPDX-License-Identifier: Apache-2.0
"""Talking to Nova with all the services around it that it needs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cumulet.contracts.placement import Allocator
from cumulet.kernel.clock import Clock
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import HostRow
from cumulet.kernel.service import Service
from cumulet.services.cinder.service import SERVICE as CINDER
from cumulet.services.glance.service import SERVICE as GLANCE
from cumulet.services.neutron.service import SERVICE as NEUTRON
from cumulet.services.nova.service import SERVICE as NOVA
from cumulet.services.nova.service import devstack
from cumulet.services.placement.service import SERVICE as PLACEMENT
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import people

SERVICES = [people(), PLACEMENT, GLANCE, NEUTRON, CINDER, NOVA]
SERVERS = "/compute/v2.1/servers"
LATEST = {"OpenStack-API-Version": "compute latest"}
OCTETS = {"content-type": "application/octet-stream"}


@dataclass(frozen=True)
class Surroundings:
    """What every server here is made of, by ids."""

    network: str
    image: str


def talk(conversation: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(conversation())  # type: ignore[arg-type]


@asynccontextmanager
async def nova(
    tmp_path: Path,
    *,
    hosts: int = 1,
    database: str = "",
    clock: Clock | None = None,
    compute: Service = NOVA,
) -> AsyncIterator[tuple[Cloud, Surroundings]]:
    """A cloud with flavors, a network and an image, in which `member` speaks."""
    services = [*SERVICES[:-1], compute]
    async with Cloud.running(tmp_path, services, hosts=hosts, database=database, clock=clock) as cloud:
        cloud.token = "member"
        yield cloud, await surroundings(cloud)


async def surroundings(cloud: Cloud) -> Surroundings:
    """Flavors, a network with a subnet, and an image: made once."""
    networks = (await ask(cloud, "GET", "/network/v2.0/networks?name=private"))["networks"]
    images = (await ask(cloud, "GET", "/image/v2/images?name=cirros"))["images"]
    if networks:
        return Surroundings(networks[0]["id"], images[0]["id"])
    await devstack(cloud.app, None)
    network = await make_network(cloud, "private", "10.1.0.0/16")
    body = {"name": "cirros", "disk_format": "raw", "container_format": "bare"}
    image = (await ask(cloud, "POST", "/image/v2/images", body))["id"]
    await ask(cloud, "PUT", f"/image/v2/images/{image}/file", b"\0" * 4096, headers=OCTETS)
    return Surroundings(network, image)


async def make_network(cloud: Cloud, name: str, cidr: str) -> str:
    made = await ask(cloud, "POST", "/network/v2.0/networks", {"network": {"name": name}})
    network = str(made["network"]["id"])
    subnet = {"network_id": network, "cidr": cidr, "ip_version": 4}
    await ask(cloud, "POST", "/network/v2.0/subnets", {"subnet": subnet})
    return network


async def ask(cloud: Cloud, method: str, path: str, body: Any = None, **more: Any) -> Any:
    """What `member` is answered, who must not be refused."""
    answer = await cloud.request(method, path, body, **{"token": "member", **more})
    assert answer.status < 400, answer
    return answer


async def ask_for_a_server(cloud: Cloud, *, token: str = "member", **more: Any) -> str:
    around = await surroundings(cloud)
    body = {"name": "vm", "imageRef": around.image, "flavorRef": "1", "networks": [{"uuid": around.network}]}
    made = await ask(cloud, "POST", SERVERS, {"server": body | more}, token=token)
    return str(made["server"]["id"])


async def boot(cloud: Cloud, **more: Any) -> str:
    """A server that was asked for and that is what it will be."""
    id = await ask_for_a_server(cloud, **more)
    await cloud.settled()
    return id


async def boot_on(cloud: Cloud, host: str) -> str:
    """The same on this host, which an administrator may ask for."""
    return await boot(cloud, availability_zone=f"nova:{host}", token="admin")


async def shown(cloud: Cloud, id: str, **headers: str) -> Any:
    return (await ask(cloud, "GET", f"{SERVERS}/{id}", headers=headers, token=cloud.token))["server"]


async def address_of(cloud: Cloud, id: str) -> str:
    return str((await shown(cloud, id))["addresses"]["private"][0]["addr"])


async def act(cloud: Cloud, id: str, name: str, given: Any = None, status: int = 202, **more: Any) -> Any:
    """An action on a server, and what it answered once all is done."""
    answer = await cloud.request("POST", f"{SERVERS}/{id}/action", {name: given}, **more)
    assert answer.status == status, answer
    await cloud.settled()
    return answer


async def make_volume(cloud: Cloud, **more: Any) -> str:
    """A volume of 1 GiB that is there."""
    made = await ask(cloud, "POST", "/volume/v3/volumes", {"volume": {"size": 1, **more}})
    await cloud.settled()
    return str(made["volume"]["id"])


async def volume_of(cloud: Cloud, id: str) -> Any:
    return (await ask(cloud, "GET", f"/volume/v3/volumes/{id}"))["volume"]


async def make_hosts_real(cloud: Cloud) -> None:
    """The hosts are on no fabric, as hosts are that are not simulated."""

    def make(tx: Tx) -> None:
        for row in tx.all(HostRow):
            tx.update(row, facts=row.facts | {"fabric": ""})

    await cloud.app.db.transact(make)


async def holds(cloud: Cloud) -> None:
    """No invariant of any service is violated."""
    for service in SERVICES:
        for check in service.invariants():
            assert await cloud.app.db.read(check) == []


def consumers(tx: Tx) -> set[str]:
    """The servers for which Placement holds room."""
    return tx.app.contract(Allocator).consumers(tx)
