# SPDX-License-Identifier: Apache-2.0
"""Conversations about ports, and the ports of servers."""

import asyncio
import ipaddress
from pathlib import Path
from typing import Any

import pytest
from tests.conversations.neutron_talk import API, as_nova, made, refusal, shown, talk, told, until

from cumulet.contracts.neutron import NicRequest, Ports
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict
from cumulet.testing.cloud import Cloud

PATH = f"{API}/ports"


async def net(cloud: Cloud, cidr: str = "10.0.0.0/24", **values: Any) -> tuple[str, str]:
    network = await made(cloud, "network", **values)
    subnet = await made(cloud, "subnet", network_id=network["id"], cidr=cidr, ip_version=4)
    return network["id"], subnet["id"]


def test_a_port_gets_an_address_a_mac_and_the_default_group(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        network, subnet = await net(cloud)
        port = await made(cloud, "port", network_id=network)
        assert port["mac_address"].startswith("fa:16:3e:") and port["status"] == "DOWN"
        assert [fixed["subnet_id"] for fixed in port["fixed_ips"]] == [subnet]
        groups = (await cloud.request("GET", f"{API}/security-groups")).body["security_groups"]
        assert [(g["name"], g["id"]) for g in groups] == [("default", port["security_groups"][0])]
        assert len(groups[0]["security_group_rules"]) == 4
        assert "binding:host_id" not in port
        as_admin = await shown(cloud, "port", port["id"], token="admin")
        assert (as_admin["binding:host_id"], as_admin["binding:vif_type"]) == ("", "unbound")
        dhcp = (await cloud.request("GET", f"{PATH}?device_owner=network:dhcp"))["ports"]
        assert dhcp[0]["fixed_ips"][0]["ip_address"] in ("10.0.0.2", "10.0.0.3")
        assert (await cloud.request("GET", f"{PATH}/{port['id']}", token="stranger")).status == 404
        changed = await cloud.request(
            "PUT",
            f"{PATH}/{port['id']}",
            {"port": {"name": "p", "fixed_ips": [{"ip_address": "10.0.0.77"}], "security_groups": []}},
        )
        assert changed["port"]["fixed_ips"] == [{"subnet_id": subnet, "ip_address": "10.0.0.77"}]
        assert changed["port"]["security_groups"] == []
        found = await cloud.request("GET", f"{PATH}?fixed_ips=ip_address%3D10.0.0.77&fields=id")
        assert found["ports"] == [{"id": port["id"]}]
        assert (await cloud.request("DELETE", f"{PATH}/{port['id']}")).status == 204
        assert (await cloud.request("DELETE", f"{API}/networks/{network}")).status == 204

    talk(tmp_path, script)


def test_addresses_can_be_asked_for(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        network, subnet = await net(cloud)
        await made(cloud, "port", network_id=network, fixed_ips=[{"ip_address": "10.0.0.9"}])

        async def tried(*asked: dict[str, str]) -> tuple[int, str, str]:
            body = {"port": {"network_id": network, "fixed_ips": list(asked)}}
            return refusal(await cloud.request("POST", PATH, body))

        assert await tried({"subnet_id": subnet, "ip_address": "10.0.0.9"}) == (
            409,
            "IpAddressAlreadyAllocated",
            f"IP address 10.0.0.9 already allocated in subnet {subnet}",
        )
        assert (await tried({"ip_address": "10.9.0.9"}))[:2] == (400, "InvalidIpForNetwork")
        assert (await tried({"subnet_id": subnet, "ip_address": "10.9.0.9"}))[:2] == (
            400,
            "InvalidIpForSubnet",
        )
        assert (await tried({"subnet_id": subnet, "ip_address": "10.0.0.255"}))[:2] == (
            400,
            "InvalidIpForSubnet",
        )
        assert (await tried({"subnet_id": "11111111-1111-1111-1111-111111111111"}))[:2] == (
            400,
            "InvalidInput",
        )
        assert (await tried({"ip_address": "ten"}))[:2] == (400, "HTTPBadRequest")
        assert (await tried(*[{"subnet_id": subnet}] * 6))[:2] == (400, "InvalidInput")
        two = await made(cloud, "port", network_id=network, fixed_ips=[{"subnet_id": subnet}] * 2)
        assert len({fixed["ip_address"] for fixed in two["fixed_ips"]}) == 2
        none = await made(cloud, "port", network_id=network, fixed_ips=[])
        assert (none["fixed_ips"], none["ip_allocation"]) == ([], "none")

    talk(tmp_path, script)


def test_a_full_subnet_has_no_more_addresses(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        network, _ = await net(cloud, "10.0.0.0/29")
        for _ in range(4):  # of five: one is the gateway's, one DHCP's
            await made(cloud, "port", network_id=network)
        full = await cloud.request("POST", PATH, {"port": {"network_id": network}})
        assert refusal(full) == (
            409,
            "IpAddressGenerationFailure",
            f"No more IP addresses available on network {network}.",
        )

    talk(tmp_path, script)


def test_ports_made_at_once_get_addresses_of_their_own(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        network, _ = await net(cloud, "10.0.0.0/26")
        ports = await asyncio.gather(*(made(cloud, "port", network_id=network) for _ in range(50)))
        addresses = [port["fixed_ips"][0]["ip_address"] for port in ports]
        assert len(set(addresses)) == 50
        assert all(ipaddress.ip_address(a) in ipaddress.ip_network("10.0.0.0/26") for a in addresses)

    talk(tmp_path, script, database=database)


def test_security_of_ports(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        network, _ = await net(cloud)

        async def tried(**values: Any) -> tuple[int, str]:
            body = {"port": {"network_id": network, **values}}
            return refusal(await cloud.request("POST", PATH, body))[:2]

        missing = "11111111-1111-1111-1111-111111111111"
        pair = [{"ip_address": "10.0.0.0/28"}]
        off = {"port_security_enabled": False}
        assert await tried(security_groups=[missing]) == (404, "SecurityGroupNotFound")
        assert await tried(allowed_address_pairs=pair, **off) == (409, "AddressPairAndPortSecurityRequired")
        assert await tried(allowed_address_pairs=[{}]) == (400, "AllowedAddressPairsMissingIP")
        assert await tried(allowed_address_pairs=pair * 2) == (400, "DuplicateAddressPairInRequest")
        assert await tried(mac_address="hello") == (400, "HTTPBadRequest")
        port = await made(cloud, "port", network_id=network, allowed_address_pairs=pair)
        group = port["security_groups"]
        assert await tried(security_groups=group, **off) == (
            400,
            "PortSecurityAndIPRequiredForSecurityGroups",
        )
        assert await tried(mac_address=port["mac_address"]) == (409, "MacAddressInUse")
        changed = await cloud.request(
            "PUT", f"{PATH}/{port['id']}", {"port": {**off, "allowed_address_pairs": []}}
        )
        assert refusal(changed)[:2] == (409, "PortSecurityPortHasSecurityGroup")
        used = await cloud.request("DELETE", f"{API}/security-groups/{group[0]}", token="admin")
        assert refusal(used) == (409, "SecurityGroupInUse", f"Security Group {group[0]} in use.")

    talk(tmp_path, script)


def test_a_bound_port_is_plugged_and_follows_every_change(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        network, subnet = await net(cloud)
        port = await made(cloud, "port", network_id=network, token="member")
        group = port["security_groups"][0]
        body = {"port": {"binding:host_id": "host-1", "device_owner": "compute:nova", "device_id": "s"}}
        assert (await cloud.request("PUT", f"{PATH}/{port['id']}", body)).status == 403
        assert (await cloud.request("PUT", f"{PATH}/{port['id']}", body, token="admin")).status == 200
        await until(cloud, "port", port["id"], "ACTIVE")
        world = cloud.worlds["host-1"]
        assert world.ports[port["id"]].fixed_ips[0].ip_address == port["fixed_ips"][0]["ip_address"]
        assert len(world.security_groups[group].rules) == 4
        rule = {"security_group_id": group, "direction": "ingress", "protocol": "tcp"}
        await made(cloud, "security_group_rule", **rule, port_range_min=22, port_range_max=22)
        await cloud.request("PUT", f"{API}/subnets/{subnet}", {"subnet": {"dns_nameservers": ["9.9.9.9"]}})
        documents = await told(cloud)
        assert '"port_range_min":22' in documents[f"host-1/security_group/{group}"]
        assert "9.9.9.9" in documents[f"host-1/network/{network}"]
        down = await cloud.request("PUT", f"{PATH}/{port['id']}", {"port": {"admin_state_up": False}})
        assert down.status == 200
        await until(cloud, "port", port["id"], "DOWN")
        bound = await cloud.request(
            "PUT", f"{PATH}/{port['id']}", {"port": {"mac_address": "fa:16:3e:00:00:01"}}, token="admin"
        )
        assert refusal(bound)[:2] == (409, "PortBound")
        assert (await cloud.request("DELETE", f"{PATH}/{port['id']}")).status == 403
        assert (await cloud.request("DELETE", f"{PATH}/{port['id']}", token="admin")).status == 204
        documents = await told(cloud)
        assert (
            f"host-1/security_group/{group}" not in documents and f"host-1/port/{port['id']}" not in documents
        )

    talk(tmp_path, script, database=database)


def test_members_of_a_group_on_other_hosts_are_told(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        network, _ = await net(cloud)
        servers = cloud.app.contract(Ports)
        ctx = as_nova(cloud)

        def start(tx: Tx, server: str, host: str) -> str:
            nic = servers.plug(tx, ctx, server, "nova", NicRequest(network_id=network))
            servers.bind(tx, ctx, server, host, server)
            return str(nic.fixed_ips[0]["ip_address"])

        one = await cloud.app.db.transact(start, "one", "host-1")
        two = await cloud.app.db.transact(start, "two", "host-2")
        group = (await cloud.request("GET", f"{API}/security-groups"))["security_groups"][0]["id"]
        documents = await told(cloud)
        assert f'"remote_members":["{two}"]' in documents[f"host-1/security_group/{group}"]
        assert f'"remote_members":["{one}"]' in documents[f"host-2/security_group/{group}"]
        await cloud.app.db.transact(servers.unplug, ctx, "two")
        documents = await told(cloud)
        assert '"remote_members":[]' in documents[f"host-1/security_group/{group}"]
        assert f"host-2/network/{network}" not in documents

    talk(tmp_path, script, hosts=2)


def test_a_server_has_its_ports(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        network, _ = await net(cloud, name="blue")
        own = await made(cloud, "port", network_id=network)
        servers, ctx = cloud.app.contract(Ports), as_nova(cloud)
        transact = cloud.app.db.transact
        assert [n.name for n in await cloud.app.db.read(servers.usable_networks, ctx)] == ["blue"]
        first = await transact(servers.plug, ctx, "server", "nova", NicRequest(network_id=network, tag="wan"))
        second = await transact(servers.plug, ctx, "server", "nova", NicRequest(port_id=own["id"]))
        assert (first.made_for_server, second.made_for_server) == (True, False)
        assert first.security_groups[0][1] == "default" and first.fixed_ips[0]["cidr"] == "10.0.0.0/24"
        with pytest.raises(Conflict) as used:
            await transact(servers.plug, ctx, "other", "nova", NicRequest(port_id=own["id"]))
        assert used.value.kind == "PortInUse"
        bound = await transact(servers.bind, ctx, "server", "host-1", "vm")
        assert [id for id, _ in bound] == [first.port_id, second.port_id]
        assert await transact(servers.bind, ctx, "server", "host-1", "vm") == bound
        for id, generation in bound:
            await cloud.app.hosts.made_true("host-1", "port", id, generation)
        nics = (await cloud.app.db.read(servers.nics, ["server", "nobody"]))["server"]
        assert [(n.port_id, n.status, n.host, n.tag) for n in nics] == [
            (first.port_id, "ACTIVE", "host-1", "wan"),
            (second.port_id, "ACTIVE", "host-1", None),
        ]
        address = first.fixed_ips[0]["ip_address"]

        def found(tx: Tx) -> str | None:
            return servers.server_of_address(tx, address=address, network_id=network)

        assert await cloud.app.db.read(found) == "server"
        await made(cloud, "security_group", name="web")
        await transact(servers.add_security_group, ctx, "server", "web")
        groups = await cloud.app.db.read(servers.security_groups_of, "server")
        assert [name for _, name in groups] == ["default", "web"]
        await transact(servers.remove_security_group, ctx, "server", "web")
        await transact(servers.unbind, ctx, "server")
        assert await cloud.app.db.read(servers.bound_ports) == {}
        await transact(servers.unplug, ctx, "server")
        free = await shown(cloud, "port", own["id"])
        assert (free["device_id"], free["device_owner"], free["status"]) == ("", "", "DOWN")
        assert (await cloud.request("GET", f"{PATH}/{first.port_id}")).status == 404

    talk(tmp_path, script, database=database)


def test_dhcp_options_are_merged(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        network, _ = await net(cloud)
        options = [
            {"opt_name": "mtu", "opt_value": "1400"},
            {"opt_name": "tftp-server", "opt_value": "10.0.0.5"},
        ]
        port = await made(cloud, "port", network_id=network, extra_dhcp_opts=options)
        changes = [{"opt_name": "mtu", "opt_value": None}, {"opt_name": "domain-name", "opt_value": "x"}]
        changed = await cloud.request("PUT", f"{PATH}/{port['id']}", {"port": {"extra_dhcp_opts": changes}})
        assert sorted(o["opt_name"] for o in changed["port"]["extra_dhcp_opts"]) == [
            "domain-name",
            "tftp-server",
        ]
        bad = await cloud.request("PUT", f"{PATH}/{port['id']}", {"port": {"extra_dhcp_opts": [{"x": 1}]}})
        assert refusal(bad)[:2] == (400, "HTTPBadRequest")

    talk(tmp_path, script)
