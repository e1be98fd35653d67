# SPDX-License-Identifier: Apache-2.0
"""The command line of scripts/bench; the exit status says whether every figure is good."""

import random
import sys

import click

from bench_lib import fuzz, keystone, kills, real, requests, servers, start


@click.group(invoke_without_command=True)
@click.pass_context
def bench(context: click.Context) -> None:
    """Measure everything but real servers, kills and fuzz."""
    if context.invoked_subcommand is None:
        good = [start.measure(), requests.measure((), 5.0), keystone.measure(), servers.measure()]
        sys.exit(not all(good))


@bench.command("start")
def start_() -> None:
    """Time to the first token, and memory."""
    sys.exit(not start.measure())


@bench.command("requests")
@click.option("--seconds", default=5.0, show_default=True, help="How long each case runs.")
@click.argument("cases", nargs=-1)
def requests_(seconds: float, cases: tuple[str, ...]) -> None:
    """CPU for each request."""
    sys.exit(not requests.measure(cases, seconds))


@bench.command("servers")
def servers_() -> None:
    """Servers to ACTIVE."""
    sys.exit(not servers.measure())


@bench.command("real")
def real_() -> None:
    """Real servers to ACTIVE; needs root and QEMU."""
    sys.exit(not real.measure())


@bench.command("keystone")
def keystone_() -> None:
    """What tokens cost in a cloud with many users."""
    sys.exit(not keystone.measure())


@bench.command("kills")
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--seed", type=int, default=None, help="The same kills again; random without.")
@click.argument("count", default=50)
def kills_(database: str, seed: int | None, count: int) -> None:
    """kill -9 at random instants, and what is true afterwards."""
    sys.exit(not kills.measure(count, database, random.randrange(10**6) if seed is None else seed))


@bench.command("fuzz")
@click.option("--seed", type=int, default=None, help="The same requests again; random without.")
@click.argument("service")
@click.argument("count", default=20_000)
def fuzz_(service: str, count: int, seed: int | None) -> None:
    """Requests that nobody thought of."""
    sys.exit(not fuzz.measure(service, count, seed))


if __name__ == "__main__":
    bench(prog_name="scripts/bench")
