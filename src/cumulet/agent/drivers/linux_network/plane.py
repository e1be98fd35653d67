# SPDX-License-Identifier: Apache-2.0
"""The plane: the namespace that holds all bridges of a host, and the pair that joins it to the machine.

Nothing of the machine's own network is touched but the machine's end of that pair, so several hosts fit on
one machine and removing one is exact. The four drivers share a plane; the first that starts opens it, the
last that stops closes it, and closing ends nothing.

    machine  cml-<host> ── machine [br-machine] ── routers' gateway legs
                                   [br-<network>] ── taps, routers' legs, the DHCP namespace's leg
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from cumulet.agent.driver import DriverError, Surroundings
from cumulet.agent.drivers.linux_network import namespaces, taps
from cumulet.agent.drivers.linux_network.failures import explained
from cumulet.agent.drivers.linux_network.links import Links
from cumulet.agent.drivers.linux_network.machine import MachineEnd
from cumulet.agent.drivers.linux_network.names import (
    MACHINE_BRIDGE,
    MACHINE_PEER,
    Names,
    bridge_name,
    tap_name,
)
from cumulet.agent.drivers.linux_network.nft import find_program
from cumulet.agent.drivers.linux_network.records import Records
from cumulet.agent.drivers.linux_network.security import FilterTable
from cumulet.agent.machine_link import machine_link, other_owner
from cumulet.contracts.documents import NetworkDocument, PortDocument, RouterDocument, SecurityGroupDocument

P = ParamSpec("P")
R = TypeVar("R")

_SETTINGS = {
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
    "bridge/bridge-nf-call-iptables": "1",
    "bridge/bridge-nf-call-ip6tables": "1",
    "bridge/bridge-nf-call-arptables": "0",
    "bridge/bridge-nf-filter-vlan-tagged": "0",
}
"""Bridges carry packets and have no addresses; br_netfilter shows IP packets to the filters."""


class HostTaken(DriverError):
    """Another cloud has this host's networks on this machine."""


class Plane:
    """One host's network: `state` is a folder of its own.

    `owner` is the user id that QEMU runs as, `dhcp_uid` that of DHCP servers.
    """

    def __init__(self, state: Path, host: str, *, owner: int = 0, dhcp_uid: int = 0) -> None:
        self.state = state
        self.names = Names(host)
        self.link = machine_link(host)
        self.owner = owner
        self.dhcp_uid = dhcp_uid
        self.namespace = self.names.plane
        self.links = Links(self.namespace)
        self.filters = FilterTable(self.namespace)
        self.networks = Records(state / "networks", NetworkDocument)
        self.ports = Records(state / "ports", PortDocument)
        self.groups = Records(state / "security_groups", SecurityGroupDocument)
        self.routers = Records(state / "routers", RouterDocument)
        self.machine = MachineEnd(self)
        self.network_changed: list[Callable[[str], None]] = []
        """Called with a network's id after it changed; routers announce its prefixes."""
        self._around: Surroundings | None = None
        self._users = 0
        self._worker: ThreadPoolExecutor | None = None
        self._opening = asyncio.Lock()
        self._under_way: set[asyncio.Task[None]] = set()

    # -- life --------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self._users > 0

    @property
    def around(self) -> Surroundings:
        if self._around is None:
            raise RuntimeError("the plane is not open")
        return self._around

    async def open(self, around: Surroundings) -> None:
        """The plane exists, its filters are those of its records, and it can be worked on."""
        async with self._opening:
            if not self.is_open:
                require_host()
                self._around = around
                with explained("The network plane of this host"):
                    await self.work(self._lay)
                    await self._recall()
            self._users += 1

    async def ensure(self) -> None:
        """The plane exists, even if someone removed its namespace since it was opened."""
        if namespaces.namespace_exists(self.namespace):
            return
        async with self._opening:
            with explained("The network plane of this host"):
                await self.work(self.links.close)
                await self.work(self._lay)
                await self._recall()

    async def close(self) -> None:
        """Once the last driver let go no handle is open; all that was made stays."""
        await self.settle()
        async with self._opening:
            self._users = max(0, self._users - 1)
            if not self.is_open:
                await self._let_go()

    async def purge(self) -> None:
        """Nothing of the plane is left on the machine, whether it is open or not."""
        with explained("The network plane of this host"):
            await self.work(self._clear)
        for records in (self.networks, self.ports, self.groups, self.routers):
            records.documents.clear()
        self.filters.forget()
        if not self.is_open:
            await self._let_go()

    async def _let_go(self) -> None:
        await self.work(self.links.close)
        if self._worker is not None:
            self._worker.shutdown()
            self._worker = None

    async def work(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of a blocking function, run in the one thread that owns the netlink handles."""
        if self._worker is None:
            self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=self.namespace)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, lambda: function(*args, **kwargs))

    async def whole(self, change: Coroutine[Any, Any, None]) -> None:
        """The change was made. A caller that is cancelled does not wait, but the change is made all the same.

        A thread that works on the kernel cannot be called back, so nobody may begin anew beside it.
        """
        await asyncio.shield(self.begin(change))

    def begin(self, change: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """The change is under way; the plane does not close before it is made."""
        task = asyncio.create_task(change)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def settle(self) -> None:
        """No change is under way any more."""
        while self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)

    # -- what the drivers ask ----------------------------------------------------------------------

    def bridge_of(self, network_id: str) -> str:
        """The bridge that carries a network."""
        network = self.networks.documents.get(network_id)
        if network is None:
            raise DriverError(f"The network {network_id} is not on this host yet.", retry=True)
        return MACHINE_BRIDGE if network.external else bridge_name(network_id)

    def ports_of(self, network_id: str) -> list[PortDocument]:
        return [port for port in self.ports.documents.values() if port.network_id == network_id]

    def labelled(self, label: str) -> set[str]:
        """The ids in the aliases, "label:id", of the plane's links. Runs in the worker thread."""
        if not namespaces.namespace_exists(self.namespace):
            return set()
        aliases = (link.alias.partition(":") for link in self.links.all(self.namespace))
        return {id for head, _, id in aliases if head == label and id}

    def owned(self, kind: str) -> set[str]:
        """The ids that have a namespace of this kind."""
        found = [self.names.owned(name) for name in namespaces.list_namespaces()]
        return {owned.id for owned in found if owned is not None and owned.kind == kind}

    async def open_tap(self, port_id: str, *, offload: bool = True) -> int:
        """A file descriptor of a port's tap, to be handed to the process of its guest."""
        tap = await self.work(self.links.find, self.namespace, tap_name(port_id))
        if tap is None:
            raise DriverError(f"The port {port_id} is not plugged on this host.", retry=True)
        with explained(f"The tap of port {port_id}"):
            return await asyncio.to_thread(taps.open_tap, self.namespace, tap_name(port_id), offload=offload)

    # -- the plane itself, in the worker thread ----------------------------------------------------

    def _lay(self) -> None:
        if other := self._other_owner():
            raise HostTaken(f"The networks of this host belong to the cloud that has {other}.")
        self.state.mkdir(parents=True, exist_ok=True)
        namespaces.ensure_namespace(self.namespace)
        namespaces.write_settings(self.namespace, _SETTINGS)
        self.links.raise_loopback(self.namespace)
        self.links.ensure_bridge(MACHINE_BRIDGE, mtu=1500, alias="machine")
        self.links.ensure_machine_pair(self.link, MACHINE_PEER, alias=f"{self.namespace} {self.state}")
        self.links.enslave(MACHINE_PEER, MACHINE_BRIDGE, mtu=1500, alias="machine")

    async def _recall(self) -> None:
        for records in (self.networks, self.ports, self.groups, self.routers):
            records.load()
        await self.filters.rebuild(self.ports.documents, self.groups.documents, await self.work(self._zones))

    def _zones(self) -> dict[str, int]:
        """Each bridge's conntrack zone: its index, which outlives the agent."""
        return {
            link.name: link.index for link in self.links.all(self.namespace) if link.name.startswith("br-")
        }

    def _other_owner(self) -> Path | None:
        link = self.links.find(namespaces.MACHINE, self.link)
        return other_owner(link.alias, self.state) if link is not None else None

    def _clear(self) -> None:
        if self._other_owner():
            shutil.rmtree(self.state, ignore_errors=True)
            return
        self.links.close()
        for name in namespaces.list_namespaces():
            if self.names.owned(name):
                namespaces.end_processes(name)
                namespaces.remove_namespace(name)
        self.links.remove_pair(self.link)
        namespaces.remove_namespace(self.namespace)
        shutil.rmtree(self.state, ignore_errors=True)


def require_host() -> None:
    """This machine can carry a plane; DriverError says what it lacks."""
    if os.geteuid() != 0:
        raise DriverError("The Linux network plane needs root; start the agent as root.")
    find_program("nft", "nftables")
    find_program("dnsmasq", "dnsmasq-base")
    if not Path(taps.DEVICE).exists():
        raise DriverError(f"This host has no {taps.DEVICE}; load the kernel module tun.")
    if not Path("/proc/sys/net/bridge").exists():
        modprobe = find_program("modprobe", "kmod")
        subprocess.run([modprobe, "br_netfilter"], capture_output=True, check=False)
        if not Path("/proc/sys/net/bridge").exists():
            raise DriverError(
                "Security groups need the kernel module br_netfilter, which could not be loaded."
            )
