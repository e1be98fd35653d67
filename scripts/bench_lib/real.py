# SPDX-License-Identifier: Apache-2.0
"""Real servers of this machine: how soon a cloud is up, and how soon a server runs whose image is cached."""

import asyncio
import json
import statistics
import time

from lab.cloud import Cloud, new_cloud

from bench_lib.client import Client, Ground
from bench_lib.servers import until_active, until_gone
from bench_lib.table import Table
from cumulet.cli import image, up

ACTIVE_SECONDS = 2.0
RUNS = 5


def measure() -> bool:
    """Print what was measured beside its limit; whether servers are soon enough."""
    up.require_real()
    guest = image.cached_or_built().read_bytes()
    table = Table("real servers, s", "Cumulet", "at most")
    with new_cloud(simulate=False) as cloud:
        table.row("up, new state folder", f"{_seconds_to_start(cloud):.1f}", "")
        fresh, cached = asyncio.run(_servers(cloud, guest))
        cloud.end()
        table.row("up again, beside a guest that runs", f"{_seconds_to_start(cloud):.1f}", "")
        [host] = json.loads(cloud.cumulet("status", "--json").stdout)["hosts"]
    middle = statistics.median(cached)
    table.row("server ACTIVE, image new to the host", f"{fresh:.2f}", "")
    table.row(f"server ACTIVE, image cached, median of {RUNS}", f"{middle:.2f}", f"{ACTIVE_SECONDS:.2f}")
    table.row("server ACTIVE, image cached, slowest", f"{max(cached):.2f}", "")
    print(f"{host['hypervisor']} {host['accelerator']}, {host['vcpus']} cores")
    table.print()
    return middle <= ACTIVE_SECONDS


def _seconds_to_start(cloud: Cloud) -> float:
    began = time.perf_counter()
    cloud.start()
    cloud.await_ready()
    return time.perf_counter() - began


async def _servers(cloud: Cloud, guest: bytes) -> tuple[float, list[float]]:
    """Seconds to ACTIVE of the first server of an image, which stays, and of others one after another."""
    client = Client(cloud.url)
    await client.log_in()
    ground = await client.prepare(guest, "qcow2", ram=128)
    fresh, _ = await _timed(ground, "first")
    cached = []
    for number in range(RUNS):
        seconds, server_id = await _timed(ground, f"next-{number}")
        cached.append(seconds)
        await client.send("DELETE", f"/compute/v2.1/servers/{server_id}")
        await until_gone(ground, server_id)
    await client.close()
    return fresh, cached


async def _timed(ground: Ground, name: str) -> tuple[float, str]:
    began = time.perf_counter()
    server_id = await ground.create_server(name)
    await until_active(ground, server_id)
    return time.perf_counter() - began, server_id
