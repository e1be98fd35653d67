# SPDX-License-Identifier: Apache-2.0
"""`cumulet up`: start a cloud.

With real servers there are two processes: the agent, which stays root, and this one, which gives its rights
away before it opens a port or a database. With --simulate everything is in this one.
"""

import asyncio
import ctypes
import gc
import os
import pkgutil
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from cumulet.cli import image, refusals, state
from cumulet.cli.state import CONTROL_UID, State
from cumulet.kernel.config import Settings

_EPILOG = """\b
Examples:
  cumulet up                                    real servers; needs root, QEMU and dnsmasq
  cumulet up --simulate --hosts 3               no root, no QEMU; ready in about a second
  cumulet up --simulate --devstack              with the users and networks that CI for DevStack expects
  cumulet up --database postgresql://u@host/db  keep the state of the control plane in PostgreSQL
  cumulet up --detach                           return once it is ready
"""

PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "qemu-storage-daemon": "qemu-system-common",
    "dnsmasq": "dnsmasq-base",
    "nft": "nftables",
}
"""What real hosts need, and Debian's package for it."""


@click.command(epilog=_EPILOG)
@state.option
@click.option(
    "--listen", default="127.0.0.1", show_default=True, metavar="ADDR", help="The address to listen on."
)
@click.option(
    "--port",
    default=9600,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port; 0 takes a free one.",
)
@click.option("--simulate", is_flag=True, help="Imagine the hosts: no root, no QEMU.")
@click.option(
    "--hosts", default=1, show_default=True, type=click.IntRange(1, 100), help="How many hosts to imagine."
)
@click.option(
    "--database", default=None, metavar="URL", help="postgresql://... in place of the built-in SQLite."
)
@click.option(
    "--admin-password",
    default=None,
    metavar="P",
    help="The admin's password at the first start; random without.",
)
@click.option("--devstack", is_flag=True, help="Add what CI for DevStack expects.")
@click.option("--services", default=None, metavar="LIST", help="Only these services, separated by commas.")
@click.option("--classic-ports", is_flag=True, help="Listen on 5000, 8774, 8778, 9292, 9696 and 8776 too.")
@click.option(
    "--unified-limits",
    default=None,
    type=click.Choice(["flat", "strict_two_level"]),
    help="Take quotas from Keystone's limits, by this model.",
)
@click.option(
    "--cors-origin", multiple=True, metavar="ORIGIN", help="Let pages of this origin call the API; * for all."
)
@click.option("--agent-process", is_flag=True, hidden=True, help="Imagine one host, in a process of its own.")
@click.option("--detach", is_flag=True, help="Return once the cloud is ready.")
@click.pass_context
def up(context: click.Context, /, state_dir: Path | None, **asked: Any) -> None:
    """Start a cloud and serve until it is ended."""
    place = State.at(state_dir)
    simulate = asked["simulate"]
    if not simulate:
        require_real()
        refusals.require_short(place, socket.gethostname())
        refusals.require_reachable(place)
        refusals.require_own_networks(place, socket.gethostname())
    place.prepare()
    if asked["detach"]:
        _detached(place)
        return
    with place.locked():
        asked["port"] = free_port(asked["listen"], asked["port"])
        _serve(context.obj, place, asked)


def require_real() -> None:
    """Refuse with one sentence when this machine cannot run real servers."""
    if os.getuid() != 0:
        raise click.ClickException(
            "Real servers need root: run it with sudo, or add --simulate to imagine the hosts."
        )
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        raise click.ClickException(
            f"Programs are missing: apt-get install {' '.join(dict.fromkeys(missing))}; or add --simulate."
        )


def free_port(listen: str, port: int) -> int:
    """The port if it can be had, a free one for 0. Raises click.ClickException when it is taken."""
    family = socket.AF_INET6 if ":" in listen else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listen, port))
        except OSError as error:
            raise click.ClickException(
                f"Nothing can listen on {listen}:{port}: {error.strerror}. "
                "Choose another with --port, or --port 0 for a free one; --classic-ports are fixed."
            ) from None
        return int(probe.getsockname()[1])


def _serve(launcher: Any, place: State, asked: dict[str, Any]) -> None:
    simulate = asked["simulate"]
    with_agent = not simulate or asked["agent_process"]
    database = refusals.database_url(asked["database"], place)
    guest = image.cached_or_built() if asked["devstack"] and not simulate else None
    password = place.password(asked["admin_password"])
    host = "127.0.0.1" if asked["listen"] in ("0.0.0.0", "::") else asked["listen"]
    url = f"http://{f'[{host}]' if ':' in host else host}:{asked['port']}"
    state.write_clouds(place, url, password, devstack=asked["devstack"])
    settings = Settings(
        state=place.control,
        public_url=url,
        admin_password=password,
        cors_origins=asked["cors_origin"],
        classic_ports=asked["classic_ports"],
        unified_limits=asked["unified_limits"] is not None,
        limit_model=asked["unified_limits"] or "flat",
        policies=place.policies(),
        services=place.settings(),
    )
    try:
        chosen = launcher.names(asked["services"])
        manifests = launcher.services(chosen)
    except LookupError as error:
        raise click.ClickException(str(error)) from None
    refusals.require_sound_settings(launcher, place, manifests)
    if asked["classic_ports"]:
        for manifest in manifests:
            if manifest.catalog:
                free_port(asked["listen"], manifest.port)
    plan = launcher.Plan(
        settings=settings,
        database=database,
        listen=asked["listen"],
        port=asked["port"],
        services=chosen,
        simulated_hosts=0 if with_agent else asked["hosts"],
        agent_socket=place.socket if with_agent else None,
        agent_uids=(os.getuid(),),
        devstack=asked["devstack"],
        devstack_image=_readable_copy(guest, place) if guest is not None else None,
    )
    place.write_pid("up", os.getpid())
    marker = place.socket.with_name("down")
    marker.unlink(missing_ok=True)
    if with_agent:
        start_agent(place, simulate=simulate)
    try:
        control = launcher.control(plan)
        refusals.require_sound_policies(launcher, place, control.app.services)
        if not simulate:
            _give_up_rights(place, control.app.services)
        _loop(control.run_until_signalled(lambda: _ready(url, place)))
    except refusals.REFUSALS as error:
        why = refusals.sentence(error, place, database)
        words = _last_words(place) if isinstance(error, TimeoutError) else ""
        raise click.ClickException(f"{why}{words}") from None
    finally:
        marker.touch()


def _loop(main: Any) -> None:
    sys.setswitchinterval(0.0005)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def _spare_the_collector() -> None:
    """Have cycles be looked for seldom, and never among what a process keeps for its life anyway.

    Rows and answers hold no cycles, so their memory comes back without the collector; with its usual
    thresholds it went through all that is loaded during every long list.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _ready(url: str, place: State) -> None:
    _spare_the_collector()
    click.echo(f"The cloud answers at {url}; its clouds.yaml is {place.clouds}.")
    click.echo(f"ready in {_age():.1f} s")
    sys.stdout.flush()


def _age() -> float:
    """Seconds since this process was started, the loading of its code included."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return uptime - ticks / os.sysconf("SC_CLK_TCK")


def start_agent(place: State, *, simulate: bool) -> None:
    """Start the host's agent in a session of its own, unless the one of an earlier start still runs."""
    if place.pid("agent") is not None:
        return
    name = "host-1" if simulate else socket.gethostname()
    log = (place.log / "agent.log").open("ab")
    command = [sys.executable, "-m", "cumulet", "agent", "--state", str(place.path), "--name", name]
    command += ["--simulate"] if simulate else []
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
    )
    place.write_pid("agent", process.pid)


_SET_DUMPABLE = 4
"""A process that changed its user may not look at itself in /proc until it says so (prctl(2))."""


def _give_up_rights(place: State, services: Iterable[str]) -> None:
    """From here on this process is nobody in particular: what it parses cannot reach the machine."""
    place.give_to_control()
    _load_everything(services)
    os.setgroups([])
    os.setgid(CONTROL_UID)
    os.setuid(CONTROL_UID)
    ctypes.CDLL(None).prctl(_SET_DUMPABLE, 1)


_LOADED_LATE = (
    "_strptime",
    "encodings.ascii",
    "encodings.idna",
    "encodings.latin_1",
    "prometheus_client.exposition",
    "uvicorn.protocols.http.httptools_impl",
)
"""What libraries import when they first need it."""


def _load_everything(services: Iterable[str]) -> None:
    """Import what is otherwise imported when first needed: our files may lie where only root can read."""
    import cumulet

    for package in ("lib", "kernel", "contracts", *(f"services.{name}" for name in services)):
        for module in pkgutil.walk_packages(
            [f"{cumulet.__path__[0]}/{package.replace('.', '/')}"], f"cumulet.{package}."
        ):
            if ".migrations" not in module.name:
                import_module(module.name)
    for name in _LOADED_LATE:
        import_module(name)


def _readable_copy(guest: Path, place: State) -> Path:
    """The guest image where the control process may read it."""
    target = place.control / "guest.qcow2"
    shutil.copyfile(guest, target)
    return target


def _last_words(place: State) -> str:
    """The last line of the agent's log, where there is one."""
    try:
        lines = (place.log / "agent.log").read_text().strip().splitlines()
    except OSError:
        return ""
    return f"\nThe agent said: {lines[-1]}" if lines else ""


def _detached(place: State) -> None:
    """Start the same command in the background and return once it is ready.

    Raises what it said when it failed.
    """
    arguments = [word for word in sys.argv[1:] if word != "--detach"]
    log = place.log / "up.log"
    with log.open("ab") as output:
        start = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "cumulet", *arguments],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    while True:
        said = log.read_bytes()[start:].decode(errors="replace")
        if "\nready in " in f"\n{said}":
            click.echo(
                "\n".join(
                    line for line in said.splitlines() if line.startswith(("ready in ", "The cloud answers"))
                )
            )
            return
        if process.poll() is not None:
            why = said.rpartition("Error: ")[2].strip() if "\nError: " in f"\n{said}" else ""
            raise click.ClickException(why or f"The cloud ended while it started; {log} says why.")
        time.sleep(0.05)
