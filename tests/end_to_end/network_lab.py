# SPDX-License-Identifier: Apache-2.0
"""A plane, its four drivers and stand-ins for guests that send and receive real packets.

A guest is a namespace with a tap of its own; a thread carries frames between that tap and the tap of the
guest's port, just as QEMU does. Drivers run in an event loop in the background, so tests may block.
"""

import asyncio
import contextlib
import json
import os
import select
import socket
import struct
import threading
import time
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from pyroute2 import IPRoute

from cumulet.agent.drivers.linux_network import Plane, linux_network, namespaces, taps
from cumulet.agent.drivers.linux_network.namespaces import inside
from cumulet.contracts.documents import (
    Document,
    FilterRule,
    FixedIp,
    NetworkDocument,
    PortDocument,
    SecurityGroupDocument,
    SubnetSpec,
)

T = TypeVar("T")
DHCP_UID = 61992
"""Nobody: DHCP servers need no rights over the machine."""
SOON = 3.0
"""Seconds within which what works must have happened."""
NEVER = 0.6
"""Seconds after which what has not happened is taken not to happen."""


def new_id() -> str:
    return str(uuid.uuid4())


def new_mac() -> str:
    return "fa:16:3e:" + ":".join(f"{byte:02x}" for byte in os.urandom(3))


class AgentStandIn:
    """Answers metadata requests with what was asked, as JSON."""

    async def image_path(self, image_id: str) -> str | None:
        return None

    async def metadata(
        self, peer: dict[str, str], path: str, posted: bytes | None = None
    ) -> tuple[int, str, bytes]:
        told = {**peer, "path": path} | ({"posted": posted.decode()} if posted is not None else {})
        return 200, "application/json", json.dumps(told).encode()

    def changed(self, kind: str, id: str, state: dict[str, Any] | None) -> None: ...


class Lab:
    """One host's plane under test."""

    def __init__(self, state: Path, host: str) -> None:
        self.state, self.host = state, host
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.guests: list[Guest] = []
        self.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def start(self) -> None:
        self.plane = Plane(self.state, self.host, dhcp_uid=DHCP_UID)
        self.drivers = {driver.kind: driver for driver in linux_network(self.plane)}
        for driver in self.drivers.values():
            self.run(driver.start(AgentStandIn()))

    def stop(self) -> None:
        for driver in reversed(list(self.drivers.values())):
            self.run(driver.stop())

    def restart(self) -> None:
        self.stop()
        self.start()

    def apply(self, *documents: Document) -> None:
        for document in documents:
            self.run(self.drivers[document.kind].apply(document))

    def remove(self, *documents: Document) -> None:
        for document in documents:
            self.run(self.drivers[document.kind].remove(document.id))

    def observe(self, kind: str) -> dict[str, Any]:
        return self.run(self.drivers[kind].observe())

    def guest(self, port: PortDocument, *addresses: str, gateway: str | None = None) -> "Guest":
        """A guest plugged into the port, with these addresses set by hand."""
        guest = Guest(self, port)
        self.guests.append(guest)
        for address in addresses:
            guest.add_address(address)
        if gateway is not None:
            guest.add_route("0.0.0.0/0", gateway)
        return guest

    def purge(self) -> None:
        for driver in reversed(list(self.drivers.values())):
            self.run(driver.purge())

    def close(self) -> None:
        for guest in self.guests:
            guest.close()
        self.purge()
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Guest:
    """A namespace whose `eth0` is the port's tap at one remove."""

    def __init__(self, lab: Lab, port: PortDocument) -> None:
        self.namespace = f"cmltest-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self.mac, self._mtu = port.mac_address, lab.plane.networks.documents[port.network_id].mtu
        namespaces.ensure_namespace(self.namespace)
        at_once = {"ipv6/conf/all/accept_dad": "0", "ipv6/conf/default/accept_dad": "0"}
        namespaces.write_settings(self.namespace, at_once)
        self._own = taps.open_tap(self.namespace, "eth0")
        self._worker = ThreadPoolExecutor(1)
        self._port_file = lab.run(lab.plane.open_tap(port.id, offload=False))
        self._ending = threading.Event()
        self._pump = threading.Thread(target=self._carry, daemon=True)
        self._pump.start()
        self.inside(self._configure)

    def _configure(self) -> None:
        with IPRoute() as ip:
            ip.link("set", index=1, state="up")
            self.index = ip.link_lookup(ifname="eth0")[0]
            ip.link("set", index=self.index, address=self.mac, mtu=self._mtu)
            ip.link("set", index=self.index, state="up")

    def _carry(self) -> None:
        pairs = {self._own: self._port_file, self._port_file: self._own}
        while not self._ending.is_set():
            ready, _, _ = select.select(list(pairs), [], [], 0.1)
            for file in ready:
                with contextlib.suppress(OSError):
                    os.write(pairs[file], os.read(file, 65536))

    def inside(self, function: Any, *arguments: Any) -> Any:
        """The function's result, run in the guest's namespace."""

        def entered() -> Any:
            with inside(self.namespace):
                return function(*arguments)

        return self._worker.submit(entered).result()

    def open_socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        opened = namespaces.socket_inside(self.namespace, family, kind, protocol)
        opened.settimeout(SOON)
        return opened

    def close(self) -> None:
        self._ending.set()
        self._pump.join()
        os.close(self._own)
        os.close(self._port_file)
        self._worker.shutdown()
        namespaces.remove_namespace(self.namespace)

    # -- configuration -----------------------------------------------------------------------------

    def add_address(self, address: str) -> None:
        ip, length = address.split("/")

        def add() -> None:
            with IPRoute() as handle:
                handle.addr("add", index=self.index, address=ip, prefixlen=int(length))

        self.inside(add)

    def add_route(self, destination: str, gateway: str) -> None:
        def add() -> None:
            with IPRoute() as handle:
                family = socket.AF_INET6 if ":" in gateway else socket.AF_INET
                handle.route("add", dst=destination, gateway=gateway, oif=self.index, family=family)

        self.inside(add)

    def addresses(self) -> set[str]:
        def read() -> set[str]:
            with IPRoute() as handle:
                return {message.get("address") for message in handle.get_addr(index=self.index)}

        return self.inside(read)

    # -- packets -----------------------------------------------------------------------------------

    def ping(self, address: str, *, patience: float = SOON, source: str | None = None) -> bool:
        """Whether an echo request is answered; asked again until then."""
        return ping(address, patience=patience, namespace=self.namespace, source=source)

    @contextlib.contextmanager
    def listening(self, port: int) -> Iterator[list[str]]:
        """A TCP server that says "hello"; the list holds the addresses of those who came."""
        server = self.open_socket(socket.AF_INET, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("0.0.0.0", port))
        server.listen()
        server.settimeout(0.1)
        came: list[str] = []
        ending = threading.Event()

        def accept() -> None:
            while not ending.is_set():
                with contextlib.suppress(TimeoutError):
                    opened, (address, _) = server.accept()
                    came.append(address)
                    opened.sendall(b"hello")
                    opened.close()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield came
        finally:
            ending.set()
            thread.join()
            server.close()

    def connects(self, address: str, port: int, *, patience: float = SOON) -> bool:
        return connects(address, port, patience=patience, namespace=self.namespace)

    def get(self, address: str, path: str, posted: bytes | None = None) -> Any:
        """The JSON that a web server says, to a POST when there is something to post."""
        verb = "GET" if posted is None else "POST"
        request = f"{verb} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(posted or b'')}\r\n\r\n"
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.open_socket(family, socket.SOCK_STREAM) as opened:
            target = (address, 80, 0, self.index) if family == socket.AF_INET6 else (address, 80)
            opened.connect(target)
            opened.sendall(request.encode() + (posted or b""))
            said = b""
            while part := opened.recv(4096):
                said += part
        head, body = said.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 200 ")
        return json.loads(body)

    def send_frame(self, frame: bytes) -> None:
        with namespaces.socket_inside(self.namespace, socket.AF_PACKET, socket.SOCK_RAW) as opened:
            opened.bind(("eth0", 0))
            opened.send(frame)

    @contextlib.contextmanager
    def hearing(self) -> Iterator[list[bytes]]:
        """Every frame that arrives at the guest meanwhile, and shortly after."""
        frames: list[bytes] = []
        opened = namespaces.socket_inside(self.namespace, socket.AF_PACKET, socket.SOCK_RAW, 0x0300)
        opened.bind(("eth0", 0x0003))
        yield frames
        time.sleep(0.2)
        while True:
            try:
                frame, origin = opened.recvfrom(65536)
            except BlockingIOError:
                break
            if origin[2] != socket.PACKET_OUTGOING:
                frames.append(frame)
        opened.close()

    def lease(self, *, patience: float = SOON) -> dict[int, bytes] | None:
        """What a DHCP server offers and then confirms: options by number, the address under 0."""
        with self.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
            opened.bind(("", 68))
            opened.settimeout(0.5)
            offer = self._ask_dhcp(opened, 1, {}, patience)
            if offer is None:
                return None
            return self._ask_dhcp(opened, 3, {50: offer[0], 54: offer[54]}, patience)

    def _ask_dhcp(
        self, opened: socket.socket, kind: int, options: dict[int, bytes], patience: float
    ) -> dict[int, bytes] | None:
        mac = bytes.fromhex(self.mac.replace(":", ""))
        number = os.urandom(4)
        message = struct.pack("!BBBB4sHH16x16s64x128x", 1, 1, 6, 0, number, 0, 0x8000, mac)
        message += bytes.fromhex("63825363") + bytes([53, 1, kind])
        for option, value in {**options, 55: bytes([1, 3, 6, 12, 26, 42, 66, 67, 121])}.items():
            message += bytes([option, len(value)]) + value
        until = time.monotonic() + patience
        while time.monotonic() < until:
            opened.sendto(message + b"\xff", ("255.255.255.255", 67))
            with contextlib.suppress(TimeoutError):
                answer = opened.recv(4096)
                if answer[4:8] == number:
                    return {0: answer[16:20], **_dhcp_options(answer[240:])}
        return None

    def lease_v6(self, *, patience: float = SOON) -> str | None:
        """The address that a DHCPv6 server advertises."""
        mac = bytes.fromhex(self.mac.replace(":", ""))
        card = struct.pack("!HHHH", 1, 10, 3, 1) + mac
        wish = struct.pack("!HHIII", 3, 12, 1, 0, 0)
        message = b"\x01" + os.urandom(3) + card + wish
        until = time.monotonic() + patience
        with self.open_socket(socket.AF_INET6, socket.SOCK_DGRAM) as opened:
            opened.bind(("::", 546))
            opened.settimeout(0.5)
            while time.monotonic() < until:
                with contextlib.suppress(OSError):
                    opened.sendto(message, ("ff02::1:2", 547, 0, self.index))
                    answer = opened.recv(4096)
                    at = answer.find(struct.pack("!HH", 5, 24))
                    if answer[1:4] == message[1:4] and at > 0:
                        return socket.inet_ntop(socket.AF_INET6, answer[at + 4 : at + 20])
        return None


def _dhcp_options(text: bytes) -> dict[int, bytes]:
    found = {}
    while text and text[0] != 255:
        if text[0] == 0:
            text = text[1:]
            continue
        found[text[0]] = text[2 : 2 + text[1]]
        text = text[2 + text[1] :]
    return found


def connects(address: str, port: int, *, patience: float = SOON, namespace: str = "") -> bool:
    """Whether a TCP server says hello, seen from a namespace; the machine's own by default."""
    until = time.monotonic() + patience
    while (left := until - time.monotonic()) > 0:
        with namespaces.socket_inside(namespace, socket.AF_INET, socket.SOCK_STREAM) as opened:
            opened.settimeout(left)
            with contextlib.suppress(OSError):
                opened.connect((address, port))
                return opened.recv(5) == b"hello"
        time.sleep(0.02)
    return False


def ping(address: str, *, patience: float = SOON, namespace: str = "", source: str | None = None) -> bool:
    """Whether an echo request is answered, seen from a namespace; the machine's own by default."""
    if ":" in address:
        family, protocol, request, reply = socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, 129
    else:
        family, protocol, request, reply = socket.AF_INET, socket.IPPROTO_ICMP, 8, 0
    number = int.from_bytes(os.urandom(2), "big")
    message = struct.pack("!BBHHH", request, 0, 0, number, 1)
    if family == socket.AF_INET:
        message = message[:2] + struct.pack("!H", ~_sum(message) & 0xFFFF) + message[4:]
    until = time.monotonic() + patience
    with namespaces.socket_inside(namespace, family, socket.SOCK_RAW, protocol) as opened:
        opened.settimeout(0.2)
        if source is not None:
            opened.bind((source, 0))
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                opened.sendto(message, (address, 0))
            heard = time.monotonic() + 0.2
            while time.monotonic() < heard:
                with contextlib.suppress(TimeoutError):
                    packet = opened.recv(2048)
                    answer = packet[(packet[0] & 15) * 4 :] if family == socket.AF_INET else packet
                    if answer[0] == reply and answer[4:6] == message[4:6]:
                        return True
    return False


def _sum(message: bytes) -> int:
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    return (total & 0xFFFF) + (total >> 16)


# -- documents -------------------------------------------------------------------------------------


def subnet(cidr: str, **more: Any) -> SubnetSpec:
    """A subnet whose gateway is .1 and whose DHCP port is .2."""
    base = cidr.split("/")[0].removesuffix("0")
    version = 6 if ":" in cidr else 4
    known = {"gateway_ip": base + "1", "dhcp_ip": base + "2", **more}
    return SubnetSpec(id=new_id(), cidr=cidr, ip_version=version, **known)


def network(*subnets: SubnetSpec, **more: Any) -> NetworkDocument:
    return NetworkDocument(id=new_id(), dhcp_mac=new_mac(), subnets=subnets, **{"mtu": 1450, **more})


def port(
    net: NetworkDocument, *addresses: str, groups: tuple[SecurityGroupDocument, ...] = (), **more: Any
) -> PortDocument:
    """A port with one address in each of the network's first subnets."""
    fixed = tuple(FixedIp(spec.id, address) for spec, address in zip(net.subnets, addresses, strict=False))
    known = {"id": new_id(), "mac_address": new_mac(), **more}
    return PortDocument(
        network_id=net.id, fixed_ips=fixed, security_group_ids=tuple(g.id for g in groups), **known
    )


OUTWARD = (
    FilterRule(direction="egress", ethertype="IPv4"),
    FilterRule(direction="egress", ethertype="IPv6"),
)


def group(*rules: FilterRule, **more: Any) -> SecurityGroupDocument:
    """A group that lets everything out, and in what the rules say."""
    return SecurityGroupDocument(id=new_id(), rules=(*OUTWARD, *rules), **more)


def inward(**more: Any) -> FilterRule:
    return FilterRule(**{"direction": "ingress", "ethertype": "IPv4", **more})
