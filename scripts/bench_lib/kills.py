# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random instants, while clients work; afterwards nothing may be lost, stuck or left over.

The control process, the agent of its (imagined) host, or both are killed and started again, often while
they still start. Clients go on as clients do: what was not answered may have happened or not; what was
answered has. Ctrl-C ends the killing early, and what was done until then is judged.
"""

import asyncio
import random
import signal
from collections import Counter
from contextlib import nullcontext
from typing import Any

import httpx
from lab.cloud import Cloud, new_cloud
from rich.console import Console
from rich.progress import track

from bench_lib.client import Client, Ground
from bench_lib.workload import Ledger, work
from cumulet.cli.up import start_agent
from cumulet.testing import postgres

CLIENTS = 8
QUIET = 30.0
"""Seconds after the last restart in which everything must have come to rest."""

_TARGETS = ("control", "agent", "both")
_RESTING_SERVER = ("ACTIVE", "SHUTOFF", "ERROR")
_RESTING_VOLUME = ("available", "in-use", "error")


def measure(kills: int, database: str, seed: int) -> bool:
    """Print what was done and what is wrong; whether all is well."""
    print(f"{kills} kills, {CLIENTS} clients, {database}; again with --seed {seed}")
    with postgres.server() if database == "postgresql" else nullcontext("") as url:
        options = ("--database", url) if url else ()
        with new_cloud("--agent-process", *options) as cloud:
            cloud.start()
            cloud.await_ready()
            wrong = asyncio.run(_torment(cloud, kills, random.Random(seed)))
    for line in wrong:
        print(f"WRONG: {line}")
    print("All is well." if not wrong else f"{len(wrong)} things are wrong.")
    return not wrong


async def _torment(cloud: Cloud, kills: int, chance: random.Random) -> list[str]:
    client = Client(cloud.url)
    await client.log_in()
    await client.lift_quotas()
    ground, ledger = await client.prepare(), Ledger()
    stop = asyncio.Event()
    chances = [random.Random(chance.random()) for _ in range(CLIENTS)]
    clients = [asyncio.create_task(work(ground, ledger, stop, own)) for own in chances]
    struck: Counter[str] = Counter()
    enough = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, enough.set)
    for number in track(range(kills), "kills", console=Console(stderr=True), transient=True):
        if enough.is_set():
            break
        await asyncio.sleep(chance.uniform(0.0, 3.0))
        target = chance.choice(_TARGETS)
        struck[target] += 1
        await asyncio.to_thread(_strike, cloud, target)
        if number % 4:  # each fourth kill may find the cloud still starting
            await asyncio.to_thread(cloud.await_token)
    await asyncio.to_thread(cloud.await_token)
    stop.set()
    await asyncio.gather(*clients)
    print(f"{struck.total()} kills: {dict(struck)}; {ledger.summary()}; {QUIET:.0f} s of rest")
    await asyncio.sleep(QUIET)
    wrong = await _judge(cloud, ground, ledger)
    await client.close()
    return wrong


def _strike(cloud: Cloud, target: str) -> None:
    """Kill a process, or both, and start again what is gone."""
    if target in ("agent", "both"):
        cloud.kill_agent()
    if target in ("control", "both"):
        cloud.kill()
        cloud.start()
    else:
        start_agent(cloud.place, simulate=True)


async def _judge(cloud: Cloud, ground: Ground, ledger: Ledger) -> list[str]:
    """A line for everything that is not as it should be."""
    servers = await _all(ground, "/compute/v2.1/servers/detail", "servers")
    volumes = await _all(ground, "/volume/v3/volumes/detail", "volumes")
    shown = Counter(f"server {row['status']}" for row in servers.values())
    shown += Counter(f"volume {row['status']}" for row in volumes.values())
    print(f"left: {dict(shown)}")
    for message, count in Counter(row.get("fault", {}).get("message") for row in servers.values()).items():
        if message is not None:
            print(f"{count} servers say: {message}")
    wrong = [f"server {id} is lost" for id in ledger.servers - servers.keys()]
    wrong += [f"volume {id} is lost" for id in ledger.volumes - volumes.keys()]
    wrong += [f"server {id} was deleted and is there" for id in ledger.gone & servers.keys()]
    wrong += [f"volume {id} was deleted and is there" for id in ledger.gone & volumes.keys()]
    for id, server in servers.items():
        if server["status"] not in _RESTING_SERVER or server["OS-EXT-STS:task_state"] is not None:
            wrong.append(f"server {id} is {server['status']}, {server['OS-EXT-STS:task_state']}")
    for id, volume in volumes.items():
        if volume["status"] not in _RESTING_VOLUME:
            wrong.append(f"volume {id} is {volume['status']}")
    sagas = await asyncio.to_thread(cloud.cumulet, "saga", "list")
    wrong += [f"saga {line}" for line in sagas.stdout.splitlines()]
    doctor = await asyncio.to_thread(cloud.cumulet, "doctor")
    if doctor.returncode != 0:
        wrong += (doctor.stdout + doctor.stderr).splitlines()
    return wrong


async def _all(ground: Ground, path: str, plural: str) -> dict[str, Any]:
    """Every row of a list by its id, page by page."""
    found: dict[str, Any] = {}
    marker = ""
    while True:
        page = (await _patient(ground.client, f"{path}?limit=500{marker}"))[plural]
        found |= {row["id"]: row for row in page}
        if len(page) < 500:
            return found
        marker = f"&marker={page[-1]['id']}"


async def _patient(client: Client, path: str) -> Any:
    for _ in range(20):
        try:
            return await client.send("GET", path)
        except httpx.TransportError:
            await asyncio.sleep(0.5)
    raise RuntimeError("The cloud does not answer any more.")
