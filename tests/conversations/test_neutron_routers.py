# SPDX-License-Identifier: Apache-2.0
"""Conversations about routers, floating IPs, and who hosts what."""

from pathlib import Path
from typing import Any

from tests.conversations.neutron_talk import API, agree, made, refusal, shown, talk, told, until

from cumulet.testing.cloud import Cloud
from cumulet.testing.people import PROJECT

PATH = f"{API}/routers"


async def outside(cloud: Cloud) -> str:
    """An external network with addresses."""
    network = await made(cloud, "network", token="admin", name="public", **{"router:external": True})
    await made(
        cloud,
        "subnet",
        token="admin",
        network_id=network["id"],
        cidr="172.24.4.0/24",
        ip_version=4,
        enable_dhcp=False,
    )
    return str(network["id"])


async def inside(cloud: Cloud, cidr: str = "10.0.0.0/24") -> tuple[str, str]:
    network = await made(cloud, "network")
    subnet = await made(cloud, "subnet", network_id=network["id"], cidr=cidr, ip_version=4)
    return network["id"], subnet["id"]


async def join(cloud: Cloud, router: str, **body: Any) -> Any:
    return await cloud.request("PUT", f"{PATH}/{router}/add_router_interface", body)


async def leave(cloud: Cloud, router: str, **body: Any) -> Any:
    return await cloud.request("PUT", f"{PATH}/{router}/remove_router_interface", body)


def test_a_router_joins_subnets_and_the_world(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        public = await outside(cloud)
        network, subnet = await inside(cloud)
        router = await made(cloud, "router", name="r", external_gateway_info={"network_id": public})
        assert (router["status"], router["routes"]) == ("ACTIVE", [])
        info = router["external_gateway_info"]
        assert (info["network_id"], info["enable_snat"], len(info["external_fixed_ips"])) == (public, True, 1)
        joined = await join(cloud, router["id"], subnet_id=subnet)
        assert joined.status == 200
        assert {key: joined[key] for key in ("id", "tenant_id", "network_id", "subnet_id", "subnet_ids")} == {
            "id": router["id"],
            "tenant_id": PROJECT,
            "network_id": network,
            "subnet_id": subnet,
            "subnet_ids": [subnet],
        }
        await until(cloud, "port", joined["port_id"], "ACTIVE")
        document = cloud.worlds["host-1"].routers[router["id"]]
        assert document.interfaces[0].cidrs == ("10.0.0.1/24",)
        assert document.gateway is not None and document.gateway.next_hops == ("172.24.4.1",)
        assert set(cloud.worlds["host-1"].networks) == {public, network}
        assert refusal(await cloud.request("DELETE", f"{API}/ports/{joined['port_id']}"))[:2] == (
            409,
            "ServicePortInUse",
        )
        used = await cloud.request("DELETE", f"{PATH}/{router['id']}")
        assert refusal(used) == (409, "RouterInUse", f"Router {router['id']} still has ports")
        changed = await cloud.request(
            "PUT",
            f"{PATH}/{router['id']}",
            {"router": {"routes": [{"destination": "10.9.0.0/16", "nexthop": "10.0.0.9"}]}},
        )
        assert changed["router"]["routes"] == [{"destination": "10.9.0.0/16", "nexthop": "10.0.0.9"}]
        needed = await leave(cloud, router["id"], subnet_id=subnet)
        assert refusal(needed)[:2] == (409, "RouterInterfaceInUseByRoute")
        bad = {"router": {"routes": [{"destination": "10.9.0.0/16", "nexthop": "10.8.0.9"}]}}
        assert refusal(await cloud.request("PUT", f"{PATH}/{router['id']}", bad))[:2] == (
            400,
            "InvalidRoutes",
        )
        await cloud.request("PUT", f"{PATH}/{router['id']}", {"router": {"routes": []}})
        left = await leave(cloud, router["id"], port_id=joined["port_id"])
        assert (left.status, left["subnet_id"]) == (200, subnet)
        assert (await cloud.request("DELETE", f"{PATH}/{router['id']}")).status == 204
        # DHCP still answers on the inner network
        assert set(await told(cloud)) == {f"host-1/network/{network}"}
        assert (await cloud.request("DELETE", f"{API}/networks/{network}")).status == 204
        assert (await cloud.request("DELETE", f"{API}/networks/{public}", token="admin")).status == 204

    talk(tmp_path, script)


def test_routes_are_added_and_removed_without_knowing_the_others(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        _, subnet = await inside(cloud)
        router = (await made(cloud, "router"))["id"]
        await join(cloud, router, subnet_id=subnet)

        async def change(
            verb: str, *destinations: str, nexthop: str = "10.0.0.9", token: str = "member"
        ) -> Any:
            routes = [{"destination": destination, "nexthop": nexthop} for destination in destinations]
            path = f"{PATH}/{router}/{verb}_extraroutes"
            return await cloud.request("PUT", path, {"router": {"routes": routes}}, token=token)

        async def changed(verb: str, *destinations: str) -> list[str]:
            answer = await change(verb, *destinations)
            assert answer.status == 200, answer
            return [route["destination"] for route in answer["router"]["routes"]]

        one, two, three = "10.7.0.0/16", "10.8.0.0/16", "10.9.0.0/16"
        assert await changed("add", one, two) == [one, two]
        assert await changed("add", two, three) == [one, two, three]
        assert await changed("remove", one, "10.6.0.0/16") == [two, three]
        assert refusal(await change("add", one, nexthop="10.8.0.9"))[:2] == (400, "InvalidRoutes")
        assert (await change("add", "nowhere")).status == 400
        assert (await change("add", one, token="stranger")).status == 404
        nothing = await cloud.request("PUT", f"{PATH}/{router}/add_extraroutes", {"router": {}})
        assert nothing.status == 400
        assert (await shown(cloud, "router", router))["routes"] == [
            {"destination": destination, "nexthop": "10.0.0.9"} for destination in (two, three)
        ]

    talk(tmp_path, script)


def test_what_a_router_cannot_join(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        network, subnet = await inside(cloud)
        _, twin = await inside(cloud)
        router = (await made(cloud, "router"))["id"]

        async def tried(**body: Any) -> tuple[int, str, str]:
            return refusal(await join(cloud, router, **body))

        bad, missing = (400, "BadRequest"), "11111111-1111-1111-1111-111111111111"
        assert await tried() == (*bad, "Bad router request: Either subnet_id or port_id must be specified.")
        assert (await tried(subnet_id="x"))[:2] == bad
        assert await tried(subnet_id=subnet, port_id=missing) == (
            *bad,
            "Bad router request: Cannot specify both subnet-id and port-id.",
        )
        assert (await tried(subnet_id=missing))[:2] == (404, "SubnetNotFound")
        assert (await tried(port_id=missing))[:2] == (404, "PortNotFound")
        no_gateway = await made(
            cloud, "subnet", network_id=network, cidr="10.5.0.0/24", ip_version=4, gateway_ip=None
        )
        assert await tried(subnet_id=no_gateway["id"]) == (
            *bad,
            "Bad router request: Subnet for router interface must have a gateway IP.",
        )
        assert (await join(cloud, router, subnet_id=subnet)).status == 200
        assert await tried(subnet_id=subnet) == (
            *bad,
            f"Bad router request: Router already has a port on subnet {subnet}.",
        )
        assert (await tried(subnet_id=twin))[:2] == bad
        used = await made(cloud, "port", network_id=network, device_id="something")
        assert (await tried(port_id=used["id"]))[:2] == (409, "PortInUse")
        free = await made(cloud, "port", network_id=network, fixed_ips=[{"subnet_id": no_gateway["id"]}])
        assert (await join(cloud, router, port_id=free["id"])).status == 200
        assert refusal(await leave(cloud, router, subnet_id=missing))[:2] == (
            404,
            "RouterInterfaceNotFoundForSubnet",
        )
        assert refusal(await leave(cloud, router, port_id=missing))[:2] == (404, "RouterInterfaceNotFound")
        assert refusal(await leave(cloud, router, port_id=free["id"], subnet_id=subnet))[:2] == (
            400,
            "SubnetMismatchForPort",
        )
        foreign = await cloud.request("PUT", f"{PATH}/{router}/add_router_interface", {}, token="stranger")
        assert refusal(foreign)[:2] == (404, "RouterNotFound")
        inner = {"router": {"external_gateway_info": {"network_id": network}}}
        assert refusal(await cloud.request("POST", PATH, inner))[:2] == bad
        snat = {"router": {"external_gateway_info": {"network_id": network, "enable_snat": False}}}
        assert (await cloud.request("POST", PATH, snat)).status == 403
        unnamed = {"router": {"external_gateway_info": {"enable_snat": False}}}
        assert (await cloud.request("POST", PATH, unnamed, token="admin")).status == 400

    talk(tmp_path, script)


def test_ipv6_subnets_of_a_network_share_a_leg(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        network, _ = await inside(cloud)
        modes = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
        one, two = [
            await made(cloud, "subnet", network_id=network, cidr=f"fd00:{n}::/64", ip_version=6, **modes)
            for n in (1, 2)
        ]
        router = (await made(cloud, "router"))["id"]
        first = await join(cloud, router, subnet_id=one["id"])
        second = await join(cloud, router, subnet_id=two["id"])
        assert first["port_id"] == second["port_id"]
        port = await shown(cloud, "port", first["port_id"])
        assert [f["ip_address"] for f in port["fixed_ips"]] == ["fd00:1::1", "fd00:2::1"]
        assert (await leave(cloud, router, subnet_id=one["id"])).status == 200
        port = await shown(cloud, "port", first["port_id"])
        assert [f["ip_address"] for f in port["fixed_ips"]] == ["fd00:2::1"]

    talk(tmp_path, script)


def test_a_floating_ip_leads_to_a_port_behind_a_router(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        public = await outside(cloud)
        network, subnet = await inside(cloud)
        port = await made(cloud, "port", network_id=network)
        fixed = port["fixed_ips"][0]["ip_address"]
        floating = await made(cloud, "floatingip", floating_network_id=public)
        assert (floating["status"], floating["port_id"], floating["port_details"]) == ("DOWN", None, None)
        path = f"{API}/floatingips/{floating['id']}"
        lead = {"floatingip": {"port_id": port["id"]}}
        assert refusal(await cloud.request("PUT", path, lead)) == (
            404,
            "ExternalGatewayForFloatingIPNotFound",
            f"External network {public} is not reachable from subnet {subnet}. Therefore, cannot "
            "associate Port "
            f"{port['id']} with a Floating IP.",
        )
        router = (await made(cloud, "router", external_gateway_info={"network_id": public}))["id"]
        await join(cloud, router, subnet_id=subnet)
        led = (await cloud.request("PUT", path, lead))["floatingip"]
        assert (led["status"], led["fixed_ip_address"], led["router_id"]) == ("ACTIVE", fixed, router)
        assert led["port_details"]["network_id"] == network
        assert (
            f'"floating_ip_address":"{floating["floating_ip_address"]}"'
            in (await told(cloud))[f"host-1/router/{router}"]
        )
        outer = (await cloud.request("GET", f"{API}/ports?device_id={floating['id']}", token="admin"))[
            "ports"
        ]
        assert [(p["device_owner"], p["status"], p["project_id"]) for p in outer] == [
            ("network:floatingip", "N/A", "")
        ]
        again = {"floatingip": {"floating_network_id": public, "port_id": port["id"]}}
        assert refusal(await cloud.request("POST", f"{API}/floatingips", again))[:2] == (
            409,
            "FloatingIPPortAlreadyAssociated",
        )
        assert refusal(await leave(cloud, router, subnet_id=subnet))[:2] == (
            409,
            "RouterInterfaceInUseByFloatingIP",
        )
        cleared = await cloud.request("PUT", f"{PATH}/{router}", {"router": {"external_gateway_info": {}}})
        assert refusal(cleared)[:2] == (409, "RouterExternalGatewayInUseByFloatingIp")
        assert (await cloud.request("GET", path, token="stranger")).status == 404
        assert (await cloud.request("DELETE", f"{API}/ports/{port['id']}")).status == 204
        free = await shown(cloud, "floatingip", floating["id"])
        assert (free["status"], free["port_id"], free["router_id"]) == ("DOWN", None, None)
        assert (await cloud.request("DELETE", path)).status == 204
        assert (
            await cloud.request("PUT", f"{PATH}/{router}", {"router": {"external_gateway_info": None}})
        ).status == 200

    talk(tmp_path, script, database=database)


def test_a_floating_ip_leads_to_a_leg_of_a_router_and_for_admins_to_ports_of_others(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        public = await outside(cloud)
        network, subnet = await inside(cloud)
        router = (await made(cloud, "router", external_gateway_info={"network_id": public}))["id"]
        leg = (await join(cloud, router, subnet_id=subnet))["port_id"]
        port = (await made(cloud, "port", network_id=network))["id"]
        own = await made(cloud, "floatingip", floating_network_id=public, port_id=leg)
        assert (own["port_id"], own["fixed_ip_address"]) == (leg, "10.0.0.1")
        foreign = await made(cloud, "floatingip", "admin", floating_network_id=public, port_id=port)
        assert (foreign["port_id"], foreign["router_id"]) == (port, router)

    talk(tmp_path, script)


def test_floating_ips_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        public = await outside(cloud)
        network, _ = await inside(cloud)

        async def tried(token: str = "member", **values: Any) -> tuple[int, str]:
            body = {"floatingip": {"floating_network_id": public, **values}}
            return refusal(await cloud.request("POST", f"{API}/floatingips", body, token=token))[:2]

        missing = "11111111-1111-1111-1111-111111111111"
        assert await tried(floating_network_id=network) == (400, "BadRequest")
        assert await tried(floating_network_id=missing) == (404, "NetworkNotFound")
        assert await tried(fixed_ip_address="10.0.0.4") == (400, "BadRequest")
        assert await tried(port_id=missing) == (404, "PortNotFound")
        assert await tried(floating_ip_address="172.24.4.99") == (403, "PolicyNotAuthorized")
        assert await tried("admin", floating_ip_address="10.1.1.1") == (400, "InvalidIpForNetwork")
        named = await made(
            cloud, "floatingip", "admin", floating_network_id=public, floating_ip_address="172.24.4.99"
        )
        assert named["floating_ip_address"] == "172.24.4.99"
        assert await tried("admin", floating_ip_address="172.24.4.99") == (409, "IpAddressAlreadyAllocated")

    talk(tmp_path, script)


def test_an_external_network_takes_its_idle_floating_ips_along(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        public = await outside(cloud)
        await made(cloud, "floatingip", floating_network_id=public)
        gone = await cloud.request("DELETE", f"{API}/networks/{public}", token="admin")
        assert gone.status == 204, gone
        assert (await cloud.request("GET", f"{API}/floatingips"))["floatingips"] == []

    talk(tmp_path, script)


def test_agents_stand_for_hosts(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        assert (await cloud.request("GET", f"{API}/agents"))["agents"] == []  # a list is sifted, not refused
        agents = (await cloud.request("GET", f"{API}/agents", token="admin"))["agents"]
        assert sorted((a["agent_type"], a["alive"]) for a in agents) == [
            ("DHCP agent", True),
            ("L3 agent", True),
            ("Linux bridge agent", True),
        ]
        by_type = {a["agent_type"]: a["id"] for a in agents}
        public = await outside(cloud)
        network, _ = await inside(cloud)
        await made(cloud, "port", network_id=network)
        router = (await made(cloud, "router", external_gateway_info={"network_id": public}))["id"]

        async def hosting(path: str) -> list[str]:
            answer = await cloud.request("GET", f"{API}/{path}", token="admin")
            return [item["id"] for item in next(iter(answer.body.values()))]

        assert await hosting(f"networks/{network}/dhcp-agents") == [by_type["DHCP agent"]]
        assert await hosting(f"routers/{router}/l3-agents") == [by_type["L3 agent"]]
        assert network in await hosting(f"agents/{by_type['DHCP agent']}/dhcp-networks")
        routers = f"{API}/agents/{by_type['L3 agent']}/l3-routers"
        assert await hosting(f"agents/{by_type['L3 agent']}/l3-routers") == [router]
        assert (await cloud.request("DELETE", f"{routers}/{router}", token="admin")).status == 204
        assert await hosting(f"routers/{router}/l3-agents") == []
        added = {"router_id": router}
        for _ in range(2):
            answer = await cloud.request("POST", routers, added, token="admin")
            assert (answer.status, answer.body, answer.headers["content-length"]) == (201, None, "4")
        assert await hosting(f"agents/{by_type['L3 agent']}/l3-routers") == [router]
        networks = f"{API}/agents/{by_type['DHCP agent']}/dhcp-networks"
        assert (await cloud.request("DELETE", f"{networks}/{network}", token="admin")).status == 204
        assert await hosting(f"networks/{network}/dhcp-agents") == []
        assert (await cloud.request("POST", networks, {"network_id": network}, token="admin")).status == 201
        wrong = await cloud.request("GET", f"{API}/agents/{by_type['L3 agent']}/dhcp-networks", token="admin")
        assert refusal(wrong)[:2] == (404, "InvalidDHCPAgent")
        changed = {"agent": {"admin_state_up": False, "description": "d"}}
        answer = await cloud.request("PUT", f"{API}/agents/{by_type['L3 agent']}", changed, token="admin")
        assert answer["agent"]["admin_state_up"] is False
        used = await cloud.request("GET", f"{API}/network-ip-availabilities/{network}", token="admin")
        assert used["network_ip_availability"]["used_ips"] == 2

    talk(tmp_path, script, database=database)


def test_a_sweep_mends_what_was_lost(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        from cumulet.kernel.hosts import DocumentRow
        from cumulet.services.neutron.reconcile import follow_rows

        public = await outside(cloud)
        _, subnet = await inside(cloud)
        router = (await made(cloud, "router", external_gateway_info={"network_id": public}))["id"]
        await join(cloud, router, subnet_id=subnet)
        before = set(await told(cloud))
        await cloud.app.db.transact(
            lambda tx: tx.delete_where(DocumentRow, DocumentRow.c.kind.in_(("router", "network")))
        )
        await cloud.app.db.transact(follow_rows)
        assert set(await told(cloud)) == before
        await agree(cloud)

    talk(tmp_path, script)


def test_what_was_made_before_there_was_a_host_is_placed_when_one_comes(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        public = await outside(cloud)
        network, subnet = await inside(cloud)
        router = (await made(cloud, "router", external_gateway_info={"network_id": public}))["id"]
        joined = await join(cloud, router, subnet_id=subnet)
        assert await told(cloud) == {}
        await cloud.add_host("late")
        await until(cloud, "port", joined["port_id"], "ACTIVE")
        assert set(cloud.worlds["late"].networks) == {public, network}

    talk(tmp_path, script, hosts=0)
