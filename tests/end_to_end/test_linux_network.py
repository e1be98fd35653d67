# SPDX-License-Identifier: Apache-2.0
"""The Linux network plane carries, stops and translates real packets."""

import asyncio
import multiprocessing
import os
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from network_lab import (
    DHCP_UID,
    NEVER,
    AgentStandIn,
    Guest,
    Lab,
    connects,
    group,
    inward,
    network,
    new_id,
    new_mac,
    ping,
    port,
    subnet,
)

from cumulet.agent.driver import DriverError
from cumulet.agent.drivers.linux_network import Plane, linux_network, namespaces
from cumulet.agent.drivers.linux_network.dhcp import OWN
from cumulet.agent.drivers.linux_network.names import bridge_name, leg_names
from cumulet.agent.drivers.linux_network.plane import HostTaken
from cumulet.agent.machine_link import taken_by
from cumulet.contracts.documents import (
    AddressPair,
    FloatingIpSpec,
    HostRoute,
    RouterDocument,
    RouterGateway,
    RouterInterface,
    tap_name,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and taps need root")

OUTSIDE = "198.18.77.0/24"
"""A range for network tests (RFC 2544), which no machine uses."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where planes keep their files: DHCP servers must be able to go there, as they cannot to pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="cml-net-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def lab(folder: Path) -> Iterator[Lab]:
    lab = Lab(folder / "plane", f"t{os.getpid()}")
    yield lab
    lab.close()


# -- DHCP and metadata -----------------------------------------------------------------------------


def test_a_guest_gets_its_address_and_options_by_dhcp(lab: Lab) -> None:
    inner = subnet(
        "10.9.0.0/24", dns_nameservers=("9.9.9.9",), host_routes=(HostRoute("10.99.0.0/16", "10.9.0.7"),)
    )
    net = network(inner)
    nic = port(net, "10.9.0.5", groups=(), hostname="web", dhcp_options=(("tftp-server", "10.9.0.8"),))
    lab.apply(net, nic)

    lease = lab.guest(nic).lease()

    assert lease is not None
    assert lease[0] == socket.inet_aton("10.9.0.5")
    assert lease[3] == socket.inet_aton("10.9.0.1")
    assert lease[6] == socket.inet_aton("9.9.9.9")
    assert lease[12] == b"web"
    assert struct.unpack("!H", lease[26]) == (1450,)
    assert lease[66].rstrip(b"\0") == b"10.9.0.8"
    routes = lease[121]
    assert bytes([16, 10, 99]) + socket.inet_aton("10.9.0.7") in routes
    assert bytes([32]) + socket.inet_aton("169.254.169.254") + socket.inet_aton("10.9.0.2") in routes
    assert bytes([0]) + socket.inet_aton("10.9.0.1") in routes


def test_a_guest_gets_its_ipv6_address_by_dhcp(lab: Lab) -> None:
    mode = "dhcpv6-stateful"
    net = network(subnet("fd00:9::/64", ipv6_ra_mode=mode, ipv6_address_mode=mode))
    nic = port(net, "fd00:9::55")
    lab.apply(net, nic)

    assert lab.guest(nic).lease_v6() == "fd00:9::55"


def test_an_address_that_changes_hands_is_leased_to_the_new_card(lab: Lab) -> None:
    net = network(subnet("10.9.0.0/24"))
    first, second = port(net, "10.9.0.5"), port(net, "10.9.0.5")
    lab.apply(net, first)
    assert lab.guest(first).lease()
    lab.remove(first)

    lab.apply(second)

    lease = lab.guest(second).lease()
    assert lease is not None and lease[0] == socket.inet_aton("10.9.0.5")


def test_a_dhcp_server_has_no_rights_beyond_its_namespace(lab: Lab) -> None:
    net = network(subnet("10.9.0.0/24"))
    lab.apply(net, port(net, "10.9.0.5"))

    process = (lab.plane.state / "dhcp" / net.id / OWN / "pid").read_text().strip()

    said = dict(line.split(":\t", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    assert said["Uid"].split() == said["Gid"].split() == [str(DHCP_UID)] * 4
    net_bind_service, net_admin, net_raw = 1 << 10, 1 << 12, 1 << 13
    for rights in ("CapEff", "CapPrm", "CapBnd"):
        assert int(said[rights], 16) == net_bind_service | net_admin | net_raw
    assert said["NoNewPrivs"] == "1"


def test_what_a_dhcp_server_puts_in_the_place_of_its_leases_is_not_followed(lab: Lab, folder: Path) -> None:
    net = network(subnet("10.9.0.0/24"))
    first, second = port(net, "10.9.0.5"), port(net, "10.9.0.5")
    lab.apply(net, first)
    secret = folder / "secret"
    secret.write_text("1 fa:16:3e:00:00:01 10.9.0.5 x *\nsecret\n")
    leases = lab.plane.state / "dhcp" / net.id / OWN / "leases"
    leases.unlink()
    leases.symlink_to(secret)

    lab.remove(first)
    lab.apply(second)

    assert secret.read_text().endswith("secret\n")
    assert leases.is_symlink() or "secret" not in leases.read_text()


def test_a_guest_reads_metadata_and_is_known_by_its_address(lab: Lab) -> None:
    net, everything_out = network(subnet("10.9.0.0/24")), group()
    nic = port(net, "10.9.0.5", groups=(everything_out,))
    lab.apply(net, nic, everything_out)
    guest = lab.guest(nic, "10.9.0.5/24")
    guest.add_route("169.254.169.254/32", "10.9.0.2")

    answer = guest.get("169.254.169.254", "/openstack/latest/meta_data.json")

    assert answer == {
        "remote_address": "10.9.0.5",
        "network_id": net.id,
        "path": "/openstack/latest/meta_data.json",
    }
    kept = guest.get("169.254.169.254", "/openstack/latest/password", b"secret")
    assert kept["posted"] == "secret"
    assert guest.get("fe80::a9fe:a9fe", "/latest")["network_id"] == net.id


def test_a_guest_makes_its_ipv6_address_from_the_announced_prefix(lab: Lab) -> None:
    inner = subnet("fd00:9::/64", ipv6_ra_mode="slaac", ipv6_address_mode="slaac")
    net, mac = network(inner), "fa:16:3e:00:00:05"
    nic = port(net, "fd00:9::f816:3eff:fe00:5", mac_address=mac)
    lab.apply(net, nic)

    guest = lab.guest(nic)

    until = time.monotonic() + 5
    while "fd00:9::f816:3eff:fe00:5" not in guest.addresses() and time.monotonic() < until:
        time.sleep(0.05)
    assert "fd00:9::f816:3eff:fe00:5" in guest.addresses()


# -- filters ---------------------------------------------------------------------------------------


def two_guests(lab: Lab, *rules, **more):
    """Two guests on one network; the rules are those of the second one's group."""
    net = network(subnet("10.9.0.0/24"))
    sender, receiver = group(), group(*rules)
    one = port(net, "10.9.0.5", groups=(sender,))
    two = port(net, "10.9.0.6", groups=(receiver,), **more)
    lab.apply(net, one, two, sender, receiver)
    return net, (sender, receiver), (one, two), (lab.guest(one, "10.9.0.5/24"), lab.guest(two, "10.9.0.6/24"))


def test_only_what_a_rule_accepts_comes_in_and_answers_come_back(lab: Lab) -> None:
    _, _, _, (one, two) = two_guests(lab, inward(protocol="tcp", port_range_min=80, port_range_max=90))

    with two.listening(85), two.listening(22), one.listening(22):
        assert one.connects("10.9.0.6", 85)
        assert not one.connects("10.9.0.6", 22, patience=NEVER)
        assert not two.connects("10.9.0.5", 22, patience=NEVER)
    assert not one.ping("10.9.0.6", patience=NEVER)


def test_a_datagram_in_many_fragments_passes_the_filters_whole(lab: Lab) -> None:
    _, _, _, (one, two) = two_guests(lab, inward(protocol="udp", port_range_min=9, port_range_max=9))
    with (
        two.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        one.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind(("10.9.0.6", 9))
        client.sendto(b"x" * 9000, ("10.9.0.6", 9))
        assert len(server.recv(65536)) == 9000


def test_a_rule_that_is_taken_away_ends_what_it_let_in(lab: Lab) -> None:
    _, (_, receiver), _, (one, two) = two_guests(lab, inward(protocol="tcp"))
    server = two.open_socket(socket.AF_INET, socket.SOCK_STREAM)
    server.bind(("0.0.0.0", 80))
    server.listen()
    client = one.open_socket(socket.AF_INET, socket.SOCK_STREAM)
    client.connect(("10.9.0.6", 80))
    served, _ = server.accept()
    client.sendall(b"before")
    served.settimeout(NEVER)
    assert served.recv(10) == b"before"

    lab.apply(group_without_rules(receiver))

    client.sendall(b"after")
    with pytest.raises(TimeoutError):
        served.recv(10)
    for opened in (server, client, served):
        opened.close()


def group_without_rules(known):
    return type(known)(id=known.id, rules=known.rules[:2])


def test_members_of_a_remote_group_come_in_and_others_do_not(lab: Lab) -> None:
    net = network(subnet("10.9.0.0/24"))
    friends = group()
    target_group = group(inward(remote_group_id=friends.id))
    friend = port(net, "10.9.0.5", groups=(friends,))
    stranger = port(net, "10.9.0.6", groups=(strangers := group(),))
    target = port(net, "10.9.0.7", groups=(target_group,))
    lab.apply(net, friend, stranger, target, friends, target_group, strangers)
    friend_guest, stranger_guest = lab.guest(friend, "10.9.0.5/24"), lab.guest(stranger, "10.9.0.6/24")
    lab.guest(target, "10.9.0.7/24")

    assert friend_guest.ping("10.9.0.7")
    assert not stranger_guest.ping("10.9.0.7", patience=NEVER)

    lab.apply(type(friends)(id=friends.id, rules=friends.rules, remote_members=("10.9.0.6",)))
    assert stranger_guest.ping("10.9.0.7")


def test_a_guest_cannot_borrow_an_address(lab: Lab) -> None:
    net, _, (one, _), (first, second) = two_guests(lab, inward())
    first.add_address("10.9.0.66/24")
    second.add_address("10.9.0.67/24")

    assert not first.ping("10.9.0.6", patience=NEVER, source="10.9.0.66")
    assert first.ping("10.9.0.6", source="10.9.0.5")

    pair = AddressPair("10.9.0.64/29", one.mac_address)
    lab.apply(
        port(
            net,
            "10.9.0.5",
            id=one.id,
            mac_address=one.mac_address,
            allowed_address_pairs=(pair,),
            groups=(group_named(one.security_group_ids[0]),),
        )
    )
    assert first.ping("10.9.0.6", source="10.9.0.66")


def group_named(id: str):
    return type(group())(id=id)


def test_a_guest_cannot_play_dhcp_server_or_router(lab: Lab) -> None:
    _, _, (one, _), (first, second) = two_guests(lab, inward(), inward(ethertype="IPv6"))
    own = bytes.fromhex(one.mac_address.replace(":", ""))
    offer = ethernet(own, 0x0800, ipv4("10.9.0.5", "255.255.255.255", udp(67, 68, b"offer")))
    honest = ethernet(own, 0x0800, ipv4("10.9.0.5", "255.255.255.255", udp(1067, 1068, b"honest")))
    foreign = ethernet(b"\x02" * 6, 0x0800, ipv4("10.9.0.5", "255.255.255.255", udp(1067, 1068, b"foreign")))
    tagged = ethernet(own, 0x8100, b"\0\5\x08\0" + honest[14:] + b"tagged")

    with second.hearing() as frames:
        for frame in (offer, foreign, tagged, honest):
            first.send_frame(frame)

    heard = b"".join(frames)
    assert b"honest" in heard
    assert b"offer" not in heard
    assert b"foreign" not in heard
    assert b"tagged" not in heard


def ethernet(source: bytes, kind: int, payload: bytes) -> bytes:
    return b"\xff" * 6 + source + struct.pack("!H", kind) + payload


def ipv4(source: str, target: str, payload: bytes) -> bytes:
    head = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(payload),
        0,
        0,
        64,
        17,
        0,
        socket.inet_aton(source),
        socket.inet_aton(target),
    )
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:] + payload


def udp(source: int, target: int, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source, target, 8 + len(payload), 0) + payload


def test_a_port_without_security_is_not_filtered(lab: Lab) -> None:
    _, _, _, (one, two) = two_guests(lab, port_security=False)
    two.add_address("10.9.0.99/24")

    assert one.ping("10.9.0.6")
    assert two.ping("10.9.0.2", source="10.9.0.99")


def test_a_port_that_is_down_carries_nothing(lab: Lab) -> None:
    net, _, (_, two), (first, second) = two_guests(lab, inward())
    assert first.ping("10.9.0.6")

    lab.apply(
        type(two)(
            id=two.id,
            network_id=net.id,
            mac_address=two.mac_address,
            fixed_ips=two.fixed_ips,
            security_group_ids=two.security_group_ids,
            admin_state_up=False,
        )
    )

    assert not first.ping("10.9.0.6", patience=NEVER)
    assert not second.ping("10.9.0.5", patience=NEVER)
    assert second.lease(patience=NEVER) is None


def test_a_stateless_group_lets_no_answer_in_by_itself(lab: Lab) -> None:
    net = network(subnet("10.9.0.0/24"))
    open_group, blind = group(inward()), group(stateful=False)
    one, two = port(net, "10.9.0.5", groups=(blind,)), port(net, "10.9.0.6", groups=(open_group,))
    lab.apply(net, one, two, open_group, blind)
    first, _ = lab.guest(one, "10.9.0.5/24"), lab.guest(two, "10.9.0.6/24")

    assert not first.ping("10.9.0.6", patience=NEVER)
    lab.apply(type(blind)(id=blind.id, stateful=False, rules=(*blind.rules, inward(protocol="icmp"))))
    assert first.ping("10.9.0.6")


def test_two_networks_may_use_the_same_addresses(lab: Lab) -> None:
    guests = []
    for _ in range(2):
        _, _, _, pair = two_guests(lab, inward(protocol="tcp"))
        guests.append(pair)

    for one, two in guests:
        with two.listening(80) as came:
            assert one.connects("10.9.0.6", 80)
        assert came == ["10.9.0.5"]


# -- routers ---------------------------------------------------------------------------------------


class Campus:
    """Two inner networks, an outer one and a router between them, with a guest in each inner network."""

    def __init__(self, lab: Lab, outer=None, address: str = "198.18.77.10") -> None:
        self.lab, self.address = lab, address
        self.outer = outer or network(
            subnet(OUTSIDE, enable_dhcp=False, dhcp_ip=None), external=True, mtu=1500
        )
        self.open = group(inward(), inward(ethertype="IPv6"))
        self.nets = [network(subnet("10.9.1.0/24")), network(subnet("10.9.2.0/24"))]
        self.ports = [
            port(net, f"10.9.{n}.5", groups=(self.open,)) for n, net in enumerate(self.nets, start=1)
        ]
        self.router_id, self.legs = new_id(), tuple(self.leg(n, net) for n, net in enumerate(self.nets, 1))
        self.gateway_port = new_id(), new_mac()
        lab.apply(self.outer, *self.nets, *self.ports, self.open, self.router())
        self.guests = self.plug()

    def plug(self) -> list[Guest]:
        return [
            self.lab.guest(nic, f"10.9.{n}.5/24", gateway=f"10.9.{n}.1")
            for n, nic in enumerate(self.ports, 1)
        ]

    def leg(self, n: int, net) -> RouterInterface:
        return RouterInterface(
            port_id=new_id(), network_id=net.id, mac_address=new_mac(), mtu=1450, cidrs=(f"10.9.{n}.1/24",)
        )

    def router(self, *floating: tuple[str, str], **more) -> RouterDocument:
        port_id, mac = self.gateway_port
        gateway = RouterGateway(
            port_id=port_id,
            network_id=self.outer.id,
            mac_address=mac,
            cidrs=(f"{self.address}/24",),
            next_hops=("198.18.77.1",),
        )
        specs = tuple(
            FloatingIpSpec(id=new_id(), floating_ip_address=outer, fixed_ip_address=inner)
            for outer, inner in floating
        )
        known = {"id": self.router_id, "interfaces": self.legs, "gateway": gateway, "floating_ips": specs}
        return RouterDocument(**{**known, **more})


def test_a_router_joins_subnets_and_hides_them_outside(lab: Lab) -> None:
    campus = Campus(lab)
    one, two = campus.guests

    with two.listening(80) as came:
        assert one.connects("10.9.2.5", 80)
    assert came == ["10.9.1.5"]
    with machine_listening("198.18.77.1", 8099) as seen:
        assert one.connects("198.18.77.1", 8099)
    assert seen == ["198.18.77.10"]
    answer = one.get("169.254.169.254", "/latest")
    assert answer == {"remote_address": "10.9.1.5", "router_id": campus.router_id, "path": "/latest"}


def test_a_floating_ip_answers_the_machine_and_ends_when_it_is_taken_away(lab: Lab) -> None:
    campus = Campus(lab)
    one, two = campus.guests
    assert not ping("198.18.77.20", patience=NEVER)

    lab.apply(campus.router(("198.18.77.20", "10.9.1.5")))

    with one.listening(80) as came:
        assert connects("198.18.77.20", 80)
        assert two.connects("198.18.77.20", 80)
    assert came == ["198.18.77.1", "198.18.77.10"]
    with machine_listening("198.18.77.1", 8099) as seen:
        assert one.connects("198.18.77.1", 8099)
    assert seen == ["198.18.77.20"]

    lab.apply(campus.router())
    assert not ping("198.18.77.20", patience=NEVER)


def test_floating_ips_reach_one_another(lab: Lab) -> None:
    campus = Campus(lab)
    one, two = campus.guests
    lab.apply(campus.router(("198.18.77.20", "10.9.1.5"), ("198.18.77.21", "10.9.2.5")))

    with two.listening(80) as came:
        assert one.connects("198.18.77.21", 80)
    assert came == ["198.18.77.20"]


def test_a_router_that_is_down_carries_nothing_and_comes_back(lab: Lab) -> None:
    campus = Campus(lab)
    one, _ = campus.guests
    assert one.ping("10.9.2.5")

    lab.apply(campus.router(admin_state_up=False))
    assert not one.ping("10.9.2.5", patience=NEVER)

    lab.apply(campus.router())
    assert one.ping("10.9.2.5")


def test_a_router_follows_its_static_routes(lab: Lab) -> None:
    campus = Campus(lab)
    one, two = campus.guests
    two.add_address("10.50.0.1/32")
    second = campus.ports[1]
    pair = AddressPair("10.50.0.0/24", second.mac_address)
    lab.apply(
        type(second)(
            id=second.id,
            network_id=second.network_id,
            mac_address=second.mac_address,
            fixed_ips=second.fixed_ips,
            security_group_ids=second.security_group_ids,
            allowed_address_pairs=(pair,),
        )
    )
    assert not one.ping("10.50.0.1", patience=NEVER)

    lab.apply(campus.router(routes=(HostRoute("10.50.0.0/24", "10.9.2.5"),)))
    assert one.ping("10.50.0.1")


def test_a_router_announces_itself_and_routes_ipv6(lab: Lab) -> None:
    open_group = group(inward(), inward(ethertype="IPv6"))
    nets, nics, legs = [], [], []
    for n in (1, 2):
        net = network(subnet(f"fd00:{n}::/64", ipv6_ra_mode="slaac", ipv6_address_mode="slaac"))
        nics.append(
            port(
                net, f"fd00:{n}::f816:3eff:fe00:{n}", groups=(open_group,), mac_address=f"fa:16:3e:00:00:0{n}"
            )
        )
        legs.append(
            RouterInterface(
                port_id=new_id(), network_id=net.id, mac_address=new_mac(), cidrs=(f"fd00:{n}::1/64",)
            )
        )
        nets.append(net)
    lab.apply(*nets, *nics, open_group, RouterDocument(id=new_id(), interfaces=tuple(legs)))
    one, _ = lab.guest(nics[0]), lab.guest(nics[1])

    assert one.ping("fd00:2::f816:3eff:fe00:2", patience=8)


def machine_listening(address: str, number: int):
    """Like Guest.listening, on the machine's own end."""
    from contextlib import contextmanager, suppress

    @contextmanager
    def listen():
        came, ending = [], threading.Event()
        server = socket.create_server((address, number))
        server.settimeout(0.1)

        def accept():
            while not ending.is_set():
                with suppress(TimeoutError):
                    opened, (peer, _) = server.accept()
                    came.append(peer)
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

    return listen()


# -- life ------------------------------------------------------------------------------------------


def test_applying_twice_changes_nothing(lab: Lab) -> None:
    campus = Campus(lab)
    one, _ = campus.guests
    before = kernel_view(lab)

    lab.apply(campus.outer, *campus.nets, *campus.ports, campus.open, campus.router())

    assert kernel_view(lab) == before
    assert one.ping("10.9.2.5")


def kernel_view(lab: Lab):
    plane = lab.plane
    spaces = [name for name in namespaces.list_namespaces() if name.startswith(plane.namespace)]
    links = {space: lab.run(plane.work(plane.links.all, space)) for space in spaces}
    processes = sorted(p.read_text() for p in plane.state.glob(f"dhcp/*/{OWN}/pid"))
    ruleset = namespaces.run_inside(plane.namespace, ["/usr/sbin/nft", "list", "ruleset"])
    return links, processes, ruleset


def test_a_new_agent_takes_over_what_runs(lab: Lab) -> None:
    campus = Campus(lab)
    one, _ = campus.guests
    pids = sorted(p.read_text() for p in lab.state.glob(f"dhcp/*/{OWN}/pid"))
    observed = {kind: lab.observe(kind) for kind in lab.drivers}

    lab.restart()

    assert {kind: lab.observe(kind) for kind in lab.drivers} == observed
    assert sorted(p.read_text() for p in lab.state.glob(f"dhcp/*/{OWN}/pid")) == pids
    assert one.ping("10.9.2.5")
    assert one.get("169.254.169.254", "/latest")["router_id"] == campus.router_id
    assert one.lease()


def test_a_dead_dhcp_server_is_started_again(lab: Lab) -> None:
    net = network(subnet("10.9.0.0/24"))
    nic = port(net, "10.9.0.5")
    lab.apply(net, nic)
    guest = lab.guest(nic)
    lab.stop()
    os.kill(int(next(lab.state.glob(f"dhcp/*/{OWN}/pid")).read_text()), 9)

    lab.start()

    assert guest.lease()


def test_filters_that_someone_flushed_are_loaded_whole_again(lab: Lab) -> None:
    _, (_, receiver), _, (first, second) = two_guests(lab, inward(protocol="icmp"))
    namespaces.run_inside(lab.plane.namespace, ["/usr/sbin/nft", "flush", "ruleset"])

    lab.apply(receiver)

    with second.listening(80):
        assert not first.connects("10.9.0.6", 80, patience=NEVER)
    assert first.ping("10.9.0.6")


def test_a_port_waits_for_its_network(lab: Lab) -> None:
    net = network(subnet("10.9.0.0/24"))
    with pytest.raises(DriverError, match="not on this host yet") as failure:
        lab.apply(port(net, "10.9.0.5"))
    assert failure.value.retry


def test_an_external_range_that_the_machine_uses_is_refused(lab: Lab) -> None:
    theirs = network(subnet("127.0.0.0/8", dhcp_ip=None), external=True)
    with pytest.raises(DriverError, match="overlaps with lo"):
        lab.apply(theirs)
    assert lab.observe("network") == {}


def test_removing_is_exact_and_may_be_repeated(lab: Lab) -> None:
    campus = Campus(lab)
    for _ in range(2):
        lab.remove(campus.router(), campus.open, *campus.ports, *campus.nets, campus.outer)

    assert all(lab.observe(kind) == {} for kind in lab.drivers)
    assert lab.plane.links.home in namespaces.list_namespaces()
    links, processes, ruleset = kernel_view(lab)
    assert list(links) == [lab.plane.namespace]
    assert sorted(link.name for link in links[lab.plane.namespace]) == ["br-machine", "lo", "machine"]
    assert processes == []
    assert not [word for word in ("-egress", "-from", "group-", "members") if word in ruleset]


def test_two_hosts_on_one_machine_share_an_external_network(lab: Lab, folder: Path) -> None:
    other = Lab(folder / "other", f"t{os.getpid()}b")
    campus = Campus(lab)
    there = Campus(other, outer=campus.outer, address="198.18.77.11")
    other.apply(there.router(("198.18.77.21", "10.9.2.5")))
    lab.apply(campus.router(("198.18.77.20", "10.9.1.5")))

    try:
        assert all(ping(f"198.18.77.{last}") for last in (10, 11, 20, 21))
        with machine_listening("198.18.77.1", 8099) as seen:
            assert campus.guests[0].connects("198.18.77.1", 8099)
            assert there.guests[1].connects("198.18.77.1", 8099)
        assert seen == ["198.18.77.20", "198.18.77.21"]
    finally:
        other.close()
    assert ping("198.18.77.20")
    assert not ping("198.18.77.21", patience=NEVER)


def test_two_hosts_on_one_machine_do_not_clash_and_purge_leaves_nothing(lab: Lab, folder: Path) -> None:
    before = set(os.listdir("/sys/class/net"))
    other = Lab(folder / "other", f"t{os.getpid()}b")
    net = network(subnet("10.9.0.0/24"))
    nic = port(net, "10.9.0.5")
    for each in (lab, other):
        each.apply(net, nic)
    guest = lab.guest(nic)
    namespace = other.plane.namespace

    other.close()

    assert guest.lease()
    assert not [name for name in namespaces.list_namespaces() if name.startswith(namespace)]
    assert set(os.listdir("/sys/class/net")) == before
    assert not other.state.exists()
    assert tap_name(nic.id) not in os.listdir("/sys/class/net")


def test_a_rule_that_cannot_be_spoils_nothing_but_itself(lab: Lab) -> None:
    good, bad = group(inward(protocol="tcp")), group(inward(protocol="carrier-pigeon"))
    wrong = group(inward(protocol="tcp", port_range_min=9, port_range_max=7))
    driver = lab.drivers["security_group"]

    async def together():
        return await asyncio.gather(*map(driver.apply, (good, bad, wrong)), return_exceptions=True)

    one, two, three = lab.run(together())

    assert one == {}
    assert isinstance(two, DriverError) and "no protocol carrier-pigeon" in str(two)
    assert isinstance(three, DriverError) and "Range" in str(three)
    lab.restart()
    assert set(lab.observe("security_group")) == {good.id}


def test_an_agent_killed_at_any_time_is_continued_by_the_next(lab: Lab) -> None:
    campus = Campus(lab)
    documents = (campus.outer, *campus.nets, *campus.ports, campus.open, campus.router())
    lab.remove(campus.router(), *campus.ports)
    for guest in campus.guests:
        guest.close()
        lab.guests.remove(guest)
    lab.stop()
    for lifetime in (0.02, 0.05, 0.1, 0.15, 0.25, 0.4):
        builder = multiprocessing.get_context("spawn").Process(
            target=build_and_raze, args=(lab.state, lab.host, documents)
        )
        builder.start()
        until = time.monotonic() + 20
        while not (lab.state / "started").exists() and time.monotonic() < until:
            time.sleep(0.005)
        time.sleep(lifetime)
        builder.kill()
        builder.join()
        (lab.state / "started").unlink()

        lab.start()
        lab.apply(*documents)
        one, two = campus.plug()
        assert one.ping("10.9.2.5") and one.lease()
        for guest in (one, two):
            guest.close()
            lab.guests.remove(guest)
        lab.remove(campus.router(), *campus.ports)
        lab.stop()
    lab.start()


def test_the_networks_of_a_host_are_one_clouds(lab: Lab, folder: Path) -> None:
    net = network(subnet("10.9.0.0/24"))
    lab.apply(net)
    other = Plane(folder / "other", lab.host)
    drivers = linux_network(other)

    with pytest.raises(HostTaken, match=str(lab.state)):
        lab.run(drivers[0].start(AgentStandIn()))

    assert taken_by(lab.host, other.state) == lab.state
    assert taken_by(lab.host, lab.state) is None
    for driver in drivers:
        lab.run(driver.purge())
    assert lab.plane.namespace in namespaces.list_namespaces()
    lab.apply(net)


def test_networks_whose_cloud_is_gone_are_taken_over(folder: Path) -> None:
    host = f"t{os.getpid()}c"
    gone = Lab(folder / "gone", host)
    gone.stop()
    shutil.rmtree(gone.state)

    heir = Lab(folder / "heir", host)

    heir.close()
    assert heir.plane.namespace not in namespaces.list_namespaces()


def build_and_raze(state: Path, host: str, documents) -> None:
    """An agent that makes everything and removes it, over and over."""
    lab = Lab(state, host)
    (state / "started").touch()
    while True:
        lab.apply(*documents)
        lab.remove(*reversed(documents))


@pytest.mark.parametrize("lost", ["bridge", "tap", "leg", "dhcp namespace", "router namespace", "records"])
def test_what_was_lost_in_part_is_made_whole_again(lab: Lab, lost: str) -> None:
    campus = Campus(lab)
    one, two = campus.guests
    if lost == "tap":  # the guest's end holds the tap, as QEMU would
        one.close()
        lab.guests.remove(one)
    destroy(lab, campus, lost)

    lab.apply(campus.outer, *campus.nets, *campus.ports, campus.open, campus.router())

    if lost == "tap":
        one = lab.guest(campus.ports[0], "10.9.1.5/24", gateway="10.9.1.1")
    assert one.ping("10.9.2.5")
    assert two.ping("10.9.1.5")
    assert one.get("169.254.169.254", "/latest")["router_id"] == campus.router_id
    assert one.lease()


def destroy(lab: Lab, campus: Campus, what: str) -> None:
    """One part is gone, behind the driver's back."""
    plane, links = lab.plane, lab.plane.links
    net = campus.nets[0].id
    match what:
        case "bridge":
            lab.run(plane.work(links.remove, plane.namespace, bridge_name(net)))
        case "tap":
            lab.run(plane.work(links.remove, plane.namespace, tap_name(campus.ports[0].id)))
        case "leg":
            lab.run(plane.work(links.remove, plane.namespace, leg_names(campus.legs[0].port_id)[0]))
        case "dhcp namespace":
            namespaces.end_processes(plane.names.dhcp(net))
            namespaces.remove_namespace(plane.names.dhcp(net))
        case "router namespace":
            namespaces.remove_namespace(plane.names.router(campus.router_id))
        case "records":
            lab.stop()
            shutil.rmtree(lab.state)
            lab.start()
            assert set(lab.observe("network")) == {net.id for net in campus.nets}
            assert set(lab.observe("port")) == {nic.id for nic in campus.ports}
            assert set(lab.observe("router")) == {campus.router_id}
