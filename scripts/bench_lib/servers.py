# SPDX-License-Identifier: Apache-2.0
"""Servers with one port, from the request to ACTIVE: one after another, and many at a steady rate."""

import asyncio
import statistics
import time
from contextlib import suppress

from lab.cloud import Cloud, new_cloud

from bench_lib.client import Client, Ground, Refused
from bench_lib.processes import cpu_seconds, resident_mib
from bench_lib.reference import SERVER_CPU_MS, SERVER_P50_MS
from bench_lib.table import Table

SINGLES = 50
RATE = 20
SUSTAINED = 1000
_DEADLINE = 300.0


def measure() -> bool:
    """Print what servers cost; False when one did not become ACTIVE."""
    with new_cloud("--hosts", "20") as cloud:
        cloud.start()
        cloud.await_token()
        return asyncio.run(_measure(cloud))


async def _measure(cloud: Cloud) -> bool:
    client = Client(cloud.url)
    await client.log_in()
    await client.lift_quotas()
    ground = await client.prepare()
    await until_active(ground, await ground.create_server("warm"))
    table = Table("servers with one port", "Cumulet", "reference", "ratio")
    await _one_by_one(cloud, ground, table)
    good = await _sustained(cloud, ground, table)
    table.print()
    await client.close()
    return good


async def _one_by_one(cloud: Cloud, ground: Ground, table: Table) -> None:
    times, cpu = [], cpu_seconds(cloud.pid)
    for number in range(SINGLES):
        began = time.perf_counter()
        await until_active(ground, await ground.create_server(f"one-{number}"))
        times.append((time.perf_counter() - began) * 1000)
    each = (cpu_seconds(cloud.pid) - cpu) / SINGLES * 1000
    table.compare("one by one: p50 to ACTIVE, ms", statistics.median(times), SERVER_P50_MS)
    table.compare("one by one: CPU, ms", each, SERVER_CPU_MS)


async def until_active(ground: Ground, server_id: str) -> None:
    """Ask every 10 ms, as a test of a user would. Raises RuntimeError when the server fails."""
    while True:
        server = (await ground.client.send("GET", f"/compute/v2.1/servers/{server_id}"))["server"]
        if server["status"] == "ACTIVE":
            return
        if server["status"] == "ERROR":
            raise RuntimeError(f"Server {server_id} is in ERROR: {server.get('fault')}")
        await asyncio.sleep(0.01)


async def until_gone(ground: Ground, server_id: str) -> None:
    """Ask every 10 ms until there is no such server."""
    with suppress(Refused):
        while True:
            await ground.client.send("GET", f"/compute/v2.1/servers/{server_id}")
            await asyncio.sleep(0.01)


async def _sustained(cloud: Cloud, ground: Ground, table: Table) -> bool:
    """So many servers at a steady rate; whether all became ACTIVE."""
    cpu, memory, began = cpu_seconds(cloud.pid), resident_mib(cloud.pid), time.perf_counter()
    requests = []
    for number in range(SUSTAINED):
        await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        requests.append(asyncio.create_task(_timed_create(ground, f"many-{number}")))
    times = await asyncio.gather(*requests)
    sent = time.perf_counter()
    states = await _states_when_settled(ground)
    lag = time.perf_counter() - sent
    each = (cpu_seconds(cloud.pid) - cpu) / SUSTAINED * 1000
    table.compare(f"{RATE} a second: CPU, ms", each, SERVER_CPU_MS)
    table.row(f"{RATE} a second: p50 / p99 of POST, ms", _quantiles(times), "", "")
    table.row(f"{RATE} a second: all settled after the last, s", f"{lag:.1f}", "", "")
    table.row(f"memory for {SUSTAINED} more, MiB", f"{resident_mib(cloud.pid) - memory:.0f}", "", "")
    table.row(f"not ACTIVE of {SUSTAINED}", str(SUSTAINED - states.get("ACTIVE", 0)), "", "")
    return states.get("ACTIVE", 0) == SUSTAINED


async def _timed_create(ground: Ground, name: str) -> float:
    began = time.perf_counter()
    await ground.create_server(name)
    return (time.perf_counter() - began) * 1000


def _quantiles(times: list[float]) -> str:
    times = sorted(times)
    return f"{times[len(times) // 2]:.0f} / {times[len(times) * 99 // 100]:.0f}"


async def _states_when_settled(ground: Ground) -> dict[str, int]:
    """How many of the many are in each state, once none is being built."""
    end = time.monotonic() + _DEADLINE
    while True:
        path = "/compute/v2.1/servers?limit=1000&name=%5Emany-&status="
        states = {}
        for status in ("BUILD", "ACTIVE", "ERROR"):
            states[status] = len((await ground.client.send("GET", path + status))["servers"])
        if not states["BUILD"] or time.monotonic() > end:
            return states
        await asyncio.sleep(0.25)
