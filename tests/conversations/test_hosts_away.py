# SPDX-License-Identifier: Apache-2.0
"""Hosts that are away for a moment: users wait for them, and are told when it takes too long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.conversations.cinder_talk import wait_until
from tests.conversations.nova_talk import (
    LATEST,
    SERVERS,
    ask,
    ask_for_a_server,
    boot,
    holds,
    make_volume,
    nova,
    shown,
    surroundings,
    talk,
    volume_of,
)
from tests.conversations.nova_talk import SERVICES as CLOUD

from cumulet.kernel.clock import ManualClock
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import HostRow
from cumulet.kernel.saga.store import SagaStep
from cumulet.services.cinder.volumes.flows import create_volume
from cumulet.services.nova.servers.flows import create_server
from cumulet.testing.cloud import Cloud
from cumulet.testing.torment import torment

VOLUMES = "/volume/v3/volumes"
COMPUTE_SERVICES = "/compute/v2.1/os-services"
AT_2_11 = {"OpenStack-API-Version": "compute 2.11"}
A_WHILE = 20
"""Seconds for which a host that is down is certainly waited for."""
LONG = 300
"""Seconds after which it certainly is no more."""


@asynccontextmanager
async def without_its_host(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Cloud]:
    """A cloud whose only host is down since a moment ago."""
    async with nova(tmp_path, clock=clock) as (cloud, _):
        await lose_the_host(cloud, clock)
        yield cloud


async def lose_the_host(cloud: Cloud, clock: ManualClock) -> None:
    async def is_missed() -> bool:
        services = (await ask(cloud, "GET", f"{COMPUTE_SERVICES}?host=host-1", token="admin"))["services"]
        return [service["state"] for service in services] == ["down"]

    await cloud.agents["host-1"].stop()
    await wait_until(clock, LONG, is_missed)


async def is_in_state(cloud: Cloud, id: str, *states: str | None) -> bool:
    server = await shown(cloud, id)
    return (server["status"], server["OS-EXT-STS:task_state"]) == states


def test_a_server_waits_for_a_host_that_comes_back(tmp_path: Path) -> None:
    async def conversation() -> None:
        clock = ManualClock()
        async with without_its_host(tmp_path, clock) as cloud:
            id = await ask_for_a_server(cloud)
            await clock.pass_time(A_WHILE)
            assert await is_in_state(cloud, id, "BUILD", "scheduling")
            await cloud.add_host("host-1")
            await wait_until(clock, LONG, lambda: is_in_state(cloud, id, "ACTIVE", None))
            await holds(cloud)

    talk(conversation)


def test_a_server_is_in_error_when_its_only_host_stays_away(tmp_path: Path) -> None:
    async def conversation() -> None:
        clock = ManualClock()
        async with without_its_host(tmp_path, clock) as cloud:
            id = await ask_for_a_server(cloud)
            await wait_until(clock, LONG, lambda: is_in_state(cloud, id, "ERROR", None))
            fault = (await shown(cloud, id))["fault"]
            assert fault["message"] == "No valid host was found. host-1 is down"
            id = await boot(cloud)
            assert await is_in_state(cloud, id, "ERROR", None), "nobody waits for a host that was given up"
            await holds(cloud)

    talk(conversation)


def test_a_server_that_waits_for_a_host_is_deleted_at_once(tmp_path: Path) -> None:
    async def conversation() -> None:
        clock = ManualClock()
        async with without_its_host(tmp_path, clock) as cloud:
            id = await ask_for_a_server(cloud)
            await clock.pass_time(1)
            assert await is_in_state(cloud, id, "BUILD", "scheduling")
            assert (await cloud.request("DELETE", f"{SERVERS}/{id}")).status == 204
            await cloud.settled()
            assert (await cloud.request("GET", f"{SERVERS}/{id}")).status == 404
            await holds(cloud)

    talk(conversation)


def test_a_wait_for_a_host_outlives_the_process(tmp_path: Path) -> None:
    async def conversation() -> None:
        clock = ManualClock()
        async with without_its_host(tmp_path, clock) as cloud:
            id = await ask_for_a_server(cloud)
            await clock.pass_time(1)
            await cloud.crash()
            await clock.pass_time(1)
            await cloud.add_host("host-1")
            await wait_until(clock, LONG, lambda: is_in_state(cloud, id, "ACTIVE", None))

    talk(conversation)


@pytest.mark.parametrize(("how", "said"), [("disable", {}), ("force-down", {"forced_down": True})])
def test_a_host_that_the_operator_took_away_is_not_waited_for(tmp_path: Path, how: str, said: Any) -> None:
    async def conversation() -> None:
        async with without_its_host(tmp_path, ManualClock()) as cloud:
            body = {"host": "host-1", "binary": "nova-compute", **said}
            await ask(cloud, "PUT", f"{COMPUTE_SERVICES}/{how}", body, token="admin", headers=AT_2_11)
            assert await is_in_state(cloud, await boot(cloud), "ERROR", None)

    talk(conversation)


def test_another_host_is_taken_before_one_is_waited_for(tmp_path: Path) -> None:
    async def conversation() -> None:
        clock = ManualClock()
        async with without_its_host(tmp_path, clock) as cloud:
            await cloud.add_host("host-2")
            id = await boot(cloud)
            assert await is_in_state(cloud, id, "ACTIVE", None)
            assert id in cloud.worlds["host-2"].guests

    talk(conversation)


def test_volumes_wait_for_a_host_likewise(tmp_path: Path) -> None:
    async def conversation() -> None:
        clock = ManualClock()
        async with without_its_host(tmp_path, clock) as cloud:

            async def ask_for_a_volume() -> str:
                made = await ask(cloud, "POST", VOLUMES, {"volume": {"size": 1}})
                return str(made["volume"]["id"])

            async def is_made() -> bool:
                return (await volume_of(cloud, patient))["status"] == "available"

            async def has_failed() -> bool:
                return (await volume_of(cloud, late))["status"] == "error"

            patient = await ask_for_a_volume()
            await clock.pass_time(A_WHILE)
            assert (await volume_of(cloud, patient))["status"] == "creating"
            await cloud.add_host("host-1")
            await wait_until(clock, LONG, is_made)
            await lose_the_host(cloud, clock)
            late = await ask_for_a_volume()
            await wait_until(clock, LONG, has_failed)
            await holds(cloud)

    talk(conversation)


def test_an_image_of_a_server_waits_for_its_host(tmp_path: Path) -> None:
    async def conversation() -> None:
        clock = ManualClock()
        async with nova(tmp_path, clock=clock) as (cloud, _):
            id = await boot(cloud)
            await cloud.agents["host-1"].stop()
            path = f"{SERVERS}/{id}/action"
            made = await ask(cloud, "POST", path, {"createImage": {"name": "copy"}}, headers=LATEST)

            async def image_is(status: str) -> bool:
                image = await cloud.request("GET", f"/image/v2/images/{made['image_id']}")
                return image.status == 200 and image["status"] == status

            await wait_until(clock, A_WHILE, lambda: is_in_state(cloud, id, "ACTIVE", "image_snapshot"))
            await clock.pass_time(A_WHILE)
            assert await image_is("queued")
            output = await cloud.request("POST", path, {"os-getConsoleOutput": {}})
            assert output.status == 404, "who looks at a console is not kept waiting"
            await cloud.add_host("host-1")
            await wait_until(clock, LONG, lambda: image_is("active"))
            await cloud.settled()

    talk(conversation)


def test_an_image_of_a_server_whose_host_stays_away_is_given_up(tmp_path: Path) -> None:
    async def conversation() -> None:
        clock = ManualClock()
        async with nova(tmp_path, clock=clock) as (cloud, _):
            id = await boot(cloud)
            await cloud.agents["host-1"].stop()
            body = {"createImage": {"name": "copy"}}
            await ask(cloud, "POST", f"{SERVERS}/{id}/action", body, headers=LATEST)
            await wait_until(clock, LONG, lambda: is_in_state(cloud, id, "ACTIVE", None))
            assert (await ask(cloud, "GET", "/image/v2/images?name=copy"))["images"] == []

    talk(conversation)


FORCED_DOWN = {"host": "host-1", "binary": "nova-compute", "forced_down": True}


@pytest.mark.parametrize("kind", ["volume", "interface"])
def test_what_is_detached_on_a_host_that_was_lost_is_free_once_the_operator_says_so(
    tmp_path: Path, kind: str
) -> None:
    async def conversation() -> None:
        clock = ManualClock()
        async with nova(tmp_path, clock=clock) as (cloud, _):
            id, volume = await boot(cloud), await make_volume(cloud)
            attached = f"{SERVERS}/{id}/os-{kind}{'_attachments' if kind == 'volume' else ''}"
            if kind == "volume":
                await ask(cloud, "POST", attached, {"volumeAttachment": {"volumeId": volume}})
                await cloud.settled()
                path = f"{attached}/{volume}"
            else:
                [port] = (await ask(cloud, "GET", attached))["interfaceAttachments"]
                path = f"{attached}/{port['port_id']}"
            await lose_the_host(cloud, clock)
            await ask(cloud, "DELETE", path)
            await ask(cloud, "DELETE", f"{SERVERS}/{id}")
            await clock.pass_time(LONG)
            assert (await shown(cloud, id))["OS-EXT-STS:task_state"] == "deleting"
            await ask(
                cloud, "PUT", f"{COMPUTE_SERVICES}/force-down", FORCED_DOWN, token="admin", headers=AT_2_11
            )

            async def is_gone() -> bool:
                return (await cloud.request("GET", f"{SERVERS}/{id}")).status == 404

            await wait_until(clock, LONG, is_gone)
            assert (await volume_of(cloud, volume))["status"] == "available"
            await holds(cloud)

    talk(conversation)


def test_a_control_process_that_just_started_misses_no_host(tmp_path: Path) -> None:
    async def conversation() -> None:
        clock = ManualClock()
        async with nova(tmp_path, clock=clock) as (cloud, _):
            await cloud.agents.pop("host-1").stop()
        clock.advance(3600)
        async with nova(tmp_path, hosts=0, clock=clock) as (cloud, _):
            id = await ask_for_a_server(cloud)
            await wait_until(clock, A_WHILE, lambda: is_in_state(cloud, id, "BUILD", "spawning"))
            await cloud.add_host("host-1")
            await wait_until(clock, LONG, lambda: is_in_state(cloud, id, "ACTIVE", None))

    talk(conversation)


# -- whatever happens while they wait ---------------------------------------------------------------------


Coming = asyncio.Task[None]


async def ask_for_a_server_too_early(cloud: Cloud) -> tuple[str, Coming]:
    """A server that was asked for while its host was away; the host is back as soon as it is waited for."""
    await surroundings(cloud)
    await go_away(cloud)
    id = await ask_for_a_server(cloud)
    return id, asyncio.create_task(come_back(cloud))


async def ask_for_a_volume_too_early(cloud: Cloud) -> tuple[str, Coming]:
    await go_away(cloud)
    id = str((await ask(cloud, "POST", VOLUMES, {"volume": {"size": 1}}))["volume"]["id"])
    return id, asyncio.create_task(come_back(cloud))


async def go_away(cloud: Cloud) -> None:
    await cloud.agents["host-1"].stop()
    await cloud.app.db.transact(Tx.update_where, HostRow, {"state": "down"}, HostRow.c.id == "host-1")


async def come_back(cloud: Cloud) -> None:
    placed = (SagaStep.c.step == "place", SagaStep.c.outcome == "done")
    while not await cloud.app.db.read(Tx.exists, SagaStep, *placed):
        await asyncio.sleep(0.005)
    await cloud.add_host("host-1")


async def active_or_nothing_is_left(cloud: Cloud, subject: tuple[str, Coming]) -> None:
    id, coming = subject
    await coming
    server = (await ask(cloud, "GET", f"{SERVERS}/{id}"))["server"]
    assert server["status"] in ("ACTIVE", "ERROR"), server["status"]
    await ask(cloud, "DELETE", f"{SERVERS}/{id}")
    await cloud.settled()
    assert not cloud.worlds["host-1"].guests
    await holds(cloud)


async def available_or_nothing_is_left(cloud: Cloud, subject: tuple[str, Coming]) -> None:
    id, coming = subject
    await coming
    assert (await volume_of(cloud, id))["status"] in ("available", "error")
    await ask(cloud, "DELETE", f"{VOLUMES}/{id}")
    await cloud.settled()
    assert not cloud.worlds["host-1"].volumes
    await holds(cloud)


test_create_server_without_a_host = torment(
    create_server, CLOUD, begin=ask_for_a_server_too_early, check=active_or_nothing_is_left
)
test_create_volume_without_a_host = torment(
    create_volume, CLOUD, begin=ask_for_a_volume_too_early, check=available_or_nothing_is_left
)
