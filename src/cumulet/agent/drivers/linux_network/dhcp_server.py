# SPDX-License-Identifier: Apache-2.0
"""DHCP of one network: dnsmasq in the network's namespace, which outlives the agent.

A changed configuration restarts it; changed ports are read again on SIGHUP. dnsmasq would not give an address
to a new card while an old lease names another card, so when an address that is leased changes hands the lease
is taken out of the file between stop and start, which takes 30 ms and needs no client's help.

It parses what guests send, so it is nobody in particular, with three rights over the network of its
namespace. It writes to a folder of its own only; what lies there is never trusted.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cumulet.agent.drivers.linux_network.dhcp import (
    OWN,
    render_configuration,
    render_hosts,
    render_names,
    render_options,
)
from cumulet.agent.drivers.linux_network.namespaces import end_processes, run_inside
from cumulet.agent.drivers.linux_network.nft import find_program
from cumulet.agent.drivers.linux_network.records import write_whole
from cumulet.contracts.documents import NetworkDocument, PortDocument

CAPABILITIES = ("net_bind_service", "net_raw", "net_admin")
"""To listen on DHCP's ports; to send router advertisements; to answer cards that have no address yet."""

_SETTLE_SECONDS = 0.05

Snapshot = Callable[[], tuple[NetworkDocument, list[PortDocument]]]


class DhcpServer:
    """dnsmasq for one network, with its files in `folder`, as the user `uid`."""

    def __init__(self, folder: Path, namespace: str, interface: str, uid: int = 0) -> None:
        self._folder = folder
        self._own = folder / OWN
        self._uid = uid
        self._namespace = namespace
        self._interface = interface
        self._lock = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    async def serve(self, network: NetworkDocument, ports: list[PortDocument]) -> None:
        """dnsmasq runs with these subnets and ports; it is restarted only when that is needed."""
        async with self._lock:
            self._prepare()
            configuration = render_configuration(network, self._folder, self._interface)
            reconfigured = self._replace("configuration", configuration)
            released = self._write_ports(network, ports)
            if reconfigured or released or self.process() is None:
                await self._stop()
                self._forget_leases(released)
                await self._run()
            else:
                self._signal(signal.SIGHUP)

    async def renew(self, snapshot: Snapshot) -> None:
        """dnsmasq knows the ports; callers that come within a moment share one renewal."""
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(snapshot))
        await asyncio.shield(self._renewal)

    async def _renew(self, snapshot: Snapshot) -> None:
        await asyncio.sleep(_SETTLE_SECONDS)
        self._renewal = None
        await self.serve(*snapshot())

    async def end(self) -> None:
        """No dnsmasq, and nothing of its files."""
        async with self._lock:
            await self._stop()
            shutil.rmtree(self._folder, ignore_errors=True)

    def process(self) -> int | None:
        """The id of the running dnsmasq of this folder, whoever started it."""
        with suppress(OSError, ValueError):
            process = int((self._own / "pid").read_text())
            words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
            if os.fsencode(f"--conf-file={self._folder / 'configuration'}") in words:
                return process
        return None

    def _prepare(self) -> None:
        self._own.mkdir(parents=True, exist_ok=True)
        os.chown(self._own, self._uid, self._uid, follow_symlinks=False)

    def _replace(self, name: str, content: str) -> bool:
        path = self._folder / name
        if path.exists() and path.read_text() == content:
            return False
        write_whole(path, content.encode())
        return True

    def _write_ports(self, network: NetworkDocument, ports: list[PortDocument]) -> set[str]:
        """The addresses that left the hands of a card."""
        path = self._folder / "hosts"
        before = _holders(path.read_text()) if path.exists() else set()
        hosts = render_hosts(network, ports)
        self._replace("hosts", hosts)
        self._replace("options", render_options(network, ports))
        self._replace("names", render_names(network, ports))
        return {address for _, address in before - _holders(hosts)} & set(self._leases().split())

    def _leases(self) -> str:
        """What dnsmasq wrote down; nothing that it may have put in the place of its file is followed."""
        try:
            with open(os.open(self._own / "leases", os.O_RDONLY | os.O_NOFOLLOW)) as file:
                return file.read()
        except OSError:
            return ""

    def _forget_leases(self, addresses: set[str]) -> None:
        if not addresses:
            return
        lines = self._leases().splitlines(keepends=True)
        path = self._own / "leases"
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w") as file:
            file.writelines(line for line in lines if not addresses.intersection(line.split()[2:3]))
            os.fchown(file.fileno(), self._uid, self._uid)

    async def _run(self) -> None:
        dnsmasq = find_program("dnsmasq", "dnsmasq-base")
        command = [*self._as_user(), dnsmasq, f"--conf-file={self._folder / 'configuration'}"]
        await asyncio.to_thread(run_inside, self._namespace, command)

    def _as_user(self) -> list[str]:
        """The words before a command that give all rights away but those that dnsmasq needs."""
        if self._uid == 0:
            return []
        kept = ",".join(["-all", *(f"+{capability}" for capability in CAPABILITIES)])
        return [
            find_program("setpriv", "util-linux"),
            f"--reuid={self._uid}",
            f"--regid={self._uid}",
            "--clear-groups",
            "--no-new-privs",
            f"--inh-caps={kept}",
            f"--ambient-caps={kept}",
            f"--bounding-set={kept}",
        ]

    async def _stop(self) -> None:
        """No dnsmasq runs in the namespace, not even one whose files were lost."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for _ in range(50):
                if self.process() is None:
                    await asyncio.to_thread(end_processes, self._namespace)
                    return
                self._signal(sign)
                await asyncio.sleep(0.01)

    def _signal(self, sign: signal.Signals) -> None:
        process = self.process()
        if process is not None:
            with suppress(ProcessLookupError):
                os.kill(process, sign)


def _holders(hosts: str) -> set[tuple[str, str]]:
    """Card and address, for each address of a hosts file."""
    found = set()
    for line in hosts.splitlines():
        mac, _, *addresses, _ = line.split(",")
        found |= {(mac, address.strip("[]")) for address in addresses}
    return found
