# SPDX-License-Identifier: Apache-2.0
"""Conversations about networks and subnets."""

from pathlib import Path
from typing import Any

from tests.conversations.neutron_talk import API, made, refusal, talk

from cumulet.kernel.auth.refusals import KIND, read
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import OTHER_PROJECT, PROJECT


def test_a_network_is_made_changed_and_deleted(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        network = await made(cloud, "network", name="blue", description="d")
        assert network["status"] == "ACTIVE" and network["mtu"] == 1450
        assert network["tenant_id"] == network["project_id"] == PROJECT
        assert "provider:network_type" not in network and network["subnets"] == []
        as_admin = await cloud.request("GET", f"{API}/networks/{network['id']}", token="admin")
        assert as_admin["network"]["provider:network_type"] == "vxlan"
        changed = await cloud.request(
            "PUT", f"{API}/networks/{network['id']}", {"network": {"name": "red", "admin_state_up": "false"}}
        )
        assert (changed["network"]["name"], changed["network"]["admin_state_up"]) == ("red", False)
        assert changed["network"]["revision_number"] == network["revision_number"] + 1
        assert (await cloud.request("DELETE", f"{API}/networks/{network['id']}")).status == 204
        gone = await cloud.request("GET", f"{API}/networks/{network['id']}")
        text = f"Network {network['id']} could not be found."
        assert refusal(gone) == (404, "NetworkNotFound", text)

    talk(tmp_path, script)


def test_who_may_not_make_a_subnet_is_told_that_the_network_is_theirs(tmp_path: Path) -> None:
    """Whose the network is has not been read when the rule fails for want of a role."""

    async def script(cloud: Cloud) -> None:
        network = await made(cloud, "network")
        body = {"subnet": {"network_id": network["id"], "ip_version": 4, "cidr": "10.0.0.0/24"}}
        refused = await cloud.request("POST", f"{API}/subnets", body, token="reader")
        assert refused.status == 403
        [story] = cloud.app.traces.stories(refused.headers["x-openstack-request-id"])
        [told] = [read(span.message) for span in story if span.kind == KIND]
        assert told.ways == [["the role admin"], ["the role member"]]

    talk(tmp_path, script)


def test_bad_bodies_are_refused_in_upstreams_words(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        async def tried(body: Any, path: str = "networks") -> tuple[int, str, str]:
            return refusal(await cloud.request("POST", f"{API}/{path}", body))

        bad = (400, "HTTPBadRequest")
        assert await tried([]) == (*bad, "Resource body required")
        assert await tried({"x": {}}) == (*bad, "Unable to find 'network' in request body")
        assert await tried({"network": {"colour": 1}}) == (*bad, "Unrecognized attribute(s) 'colour'")
        assert await tried({"network": {"status": "ACTIVE"}}) == (
            *bad,
            "Attribute 'status' not allowed in POST",
        )
        assert await tried({"network": {"name": 1}}) == (
            *bad,
            "Invalid input for name. Reason: '1' is not a valid string.",
        )
        assert await tried({"network": {"admin_state_up": "perhaps"}}) == (
            400,
            "InvalidInput",
            "Invalid input for operation: 'perhaps' cannot be converted to boolean.",
        )
        assert await tried({"subnet": {"ip_version": 4}}, "subnets") == (
            *bad,
            "Failed to parse request. Required attribute 'network_id' not specified",
        )
        network = await made(cloud, "network")
        changed = await cloud.request("PUT", f"{API}/networks/{network['id']}", {"network": {"id": "x"}})
        assert refusal(changed) == (*bad, "Cannot update read-only attribute id")
        other = {"network": {"tenant_id": OTHER_PROJECT}}
        assert (await tried(other))[0] == 400
        assert (await tried(b"{"))[0] == 400

    talk(tmp_path, script)


def test_only_admins_share_networks_and_others_then_see_them(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        refused = await cloud.request("POST", f"{API}/networks", {"network": {"shared": True}})
        assert refusal(refused)[:2] == (403, "PolicyNotAuthorized")
        own = await made(cloud, "network", name="own")
        shared = await made(cloud, "network", token="admin", name="shared", shared=True)
        public = await made(cloud, "network", token="admin", name="public", **{"router:external": True})
        seen = await cloud.request("GET", f"{API}/networks?sort_key=name", token="stranger")
        assert [n["name"] for n in seen["networks"]] == ["public", "shared"]
        for network, cidr in ((shared, "10.1.0.0/24"), (public, "203.0.113.0/24")):
            subnet = {"network_id": network["id"], "cidr": cidr, "ip_version": 4}
            await made(cloud, "subnet", token="admin", **subnet)
        subnets = (await cloud.request("GET", f"{API}/subnets", token="stranger"))["subnets"]
        assert [subnet["cidr"] for subnet in subnets] == ["10.1.0.0/24"]  # of an external network none
        path = f"{API}/networks/"
        assert (await cloud.request("GET", path + own["id"], token="stranger")).status == 404
        assert (await cloud.request("DELETE", path + own["id"], token="stranger")).status == 404
        assert (await cloud.request("DELETE", path + shared["id"], token="stranger")).status == 403
        body = {"network": {"name": "mine"}}
        assert (await cloud.request("PUT", path + public["id"], body, token="stranger")).status == 403
        assert (await cloud.request("PUT", path + own["id"], body, token="reader")).status == 403
        foreign = {"port": {"network_id": own["id"]}}
        assert (await cloud.request("POST", f"{API}/ports", foreign, token="stranger")).status == 404
        assert (
            await cloud.request(
                "POST", f"{API}/ports", {"port": {"network_id": public["id"]}}, token="stranger"
            )
        ).status == 403
        port = await made(cloud, "port", token="stranger", network_id=shared["id"])
        assert port["project_id"] == OTHER_PROJECT
        unshared = await cloud.request(
            "PUT", path + shared["id"], {"network": {"shared": False}}, token="admin"
        )
        assert refusal(unshared)[:2] == (409, "InvalidSharedSetting")

    talk(tmp_path, script)


def test_lists_are_filtered_sorted_paged_and_cut_to_fields(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        bulk = {"networks": [{"name": f"n{i}"} for i in range(5)]}
        answer = await cloud.request("POST", f"{API}/networks", bulk)
        assert answer.status == 201 and len(answer["networks"]) == 5
        first = await cloud.request("GET", f"{API}/networks?limit=2&sort_key=name&fields=name&fields=id")
        assert [set(n) for n in first["networks"]] == [{"name", "id"}] * 2
        names, links = [], first["networks_links"]
        page = first
        while True:
            names += [n["name"] for n in page["networks"]]
            links = {link["rel"]: link["href"] for link in page.body.get("networks_links", ())}
            if "next" not in links:
                break
            page = await cloud.request("GET", links["next"].removeprefix("http://cloud"))
        assert names == ["n0", "n1", "n2", "n3", "n4"]
        back = await cloud.request("GET", links["previous"].removeprefix("http://cloud"))
        assert [n["name"] for n in back["networks"]] == ["n2", "n3"]
        found = await cloud.request("GET", f"{API}/networks?name=n1&name=n2&unknown=1&tenant_id={PROJECT}")
        assert sorted(n["name"] for n in found["networks"]) == ["n1", "n2"]
        assert (await cloud.request("GET", f"{API}/networks?name=")).body == {"networks": []}
        assert (await cloud.request("GET", f"{API}/networks?shared=perhaps")).status == 400
        assert (await cloud.request("GET", f"{API}/networks?limit=many")).status == 400
        assert (await cloud.request("GET", f"{API}/networks?marker=nobody&limit=1")).status == 400

    talk(tmp_path, script, database=database)


def test_words_on_networks(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        one, two = [await made(cloud, "network", name=name) for name in ("one", "two")]
        tags = f"{API}/networks/{one['id']}/tags"
        assert (await cloud.request("PUT", tags, {"tags": ["red", "blue"]})).body == {"tags": ["blue", "red"]}
        assert (await cloud.request("PUT", f"{tags}/green")).status == 201
        assert (await cloud.request("GET", f"{tags}/green")).status == 204
        assert (await cloud.request("PUT", f"{API}/networks/{two['id']}/tags/green")).status == 201

        async def named(query: str) -> list[str]:
            found = await cloud.request("GET", f"{API}/networks?{query}&sort_key=name")
            return [n["name"] for n in found["networks"]]

        assert await named("tags=red,green") == ["one"]
        assert await named("tags-any=red,green") == ["one", "two"]
        assert await named("not-tags=red") == ["two"]
        assert await named("not-tags-any=red,green") == []
        assert (await cloud.request("DELETE", f"{tags}/red")).status == 204
        assert refusal(await cloud.request("DELETE", f"{tags}/red"))[:2] == (404, "TagNotFound")
        assert (await cloud.request("DELETE", tags, token="stranger")).status == 404
        assert refusal(await cloud.request("PUT", tags, {"words": []})) == (
            400,
            "HTTPBadRequest",
            "Invalid tags body",
        )
        shown = await cloud.request("GET", f"{API}/networks/{one['id']}")
        assert shown["network"]["tags"] == ["blue", "green"]

    talk(tmp_path, script, database=database)


def test_subnets_have_gateways_and_pools(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        network = await made(cloud, "network")
        subnet = await made(cloud, "subnet", network_id=network["id"], cidr="10.1.0.0/24", ip_version=4)
        assert subnet["gateway_ip"] == "10.1.0.1"
        assert subnet["allocation_pools"] == [{"start": "10.1.0.2", "end": "10.1.0.254"}]
        six = await made(
            cloud,
            "subnet",
            network_id=network["id"],
            cidr="FD00:1::/64",
            ip_version=6,
            ipv6_ra_mode="slaac",
            ipv6_address_mode="slaac",
        )
        assert (six["cidr"], six["gateway_ip"]) == ("fd00:1::/64", "fd00:1::1")
        changed = await cloud.request(
            "PUT",
            f"{API}/subnets/{subnet['id']}",
            {
                "subnet": {
                    "allocation_pools": [{"start": "10.1.0.50", "end": "10.1.0.60"}],
                    "gateway_ip": None,
                }
            },
        )
        assert changed["subnet"]["gateway_ip"] is None
        assert changed["subnet"]["allocation_pools"] == [{"start": "10.1.0.50", "end": "10.1.0.60"}]
        port = await made(cloud, "port", network_id=network["id"])
        v4, v6 = port["fixed_ips"]
        assert v4["ip_address"].startswith("10.1.0.") and 50 <= int(v4["ip_address"].split(".")[-1]) <= 60
        assert v6["subnet_id"] == six["id"] and "ff:fe" in v6["ip_address"]
        used = await cloud.request("DELETE", f"{API}/subnets/{subnet['id']}")
        assert refusal(used) == (
            409,
            "SubnetInUse",
            f"Unable to complete operation on subnet {subnet['id']}: One or more ports have an IP "
            "allocation from this "
            "subnet.",
        )
        assert (await cloud.request("DELETE", f"{API}/subnets/{six['id']}")).status == 204
        assert (await cloud.request("DELETE", f"{API}/ports/{port['id']}")).status == 204
        assert (await cloud.request("DELETE", f"{API}/subnets/{subnet['id']}")).status == 204
        assert (await cloud.request("DELETE", f"{API}/networks/{network['id']}")).status == 204

    talk(tmp_path, script)


def test_impossible_subnets_are_refused(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        network = await made(cloud, "network")
        await made(cloud, "subnet", network_id=network["id"], cidr="10.1.0.0/24", ip_version=4)

        async def tried(**values: Any) -> tuple[int, str]:
            body = {"subnet": {"network_id": network["id"], "ip_version": 4, "cidr": "10.2.0.0/24", **values}}
            return refusal(await cloud.request("POST", f"{API}/subnets", body))[:2]

        invalid = (400, "InvalidInput")
        assert await tried(cidr="10.1.0.128/25") == invalid
        assert await tried(cidr="10.1.0.0") == invalid
        assert await tried(cidr="fd00::/64") == invalid
        assert await tried(cidr="10.2.0.0/31") == invalid
        assert await tried(cidr="224.0.0.0/24") == invalid
        assert await tried(cidr="0.0.0.0/0") == invalid
        assert await tried(cidr="ten") == (400, "HTTPBadRequest")
        assert await tried(cidr=None) == (400, "BadRequest")
        assert await tried(ip_version=5) == (400, "HTTPBadRequest")
        assert await tried(gateway_ip="10.2.0.0") == invalid
        assert await tried(gateway_ip="fd00::1") == invalid
        assert await tried(ipv6_ra_mode="slaac") == invalid
        assert await tried(dns_nameservers=["nobody"]) == (400, "HTTPBadRequest")
        assert await tried(host_routes=[{"destination": "x", "nexthop": "y"}]) == (400, "HTTPBadRequest")
        pool = {"start": "10.2.0.1", "end": "10.2.0.9"}
        conflict = (409, "GatewayConflictWithAllocationPools")
        assert await tried(allocation_pools=[pool]) == conflict
        outside = {"start": "10.3.0.5", "end": "10.3.0.9"}
        assert await tried(allocation_pools=[outside]) == (400, "OutOfBoundsAllocationPool")
        turned = {"start": "10.2.0.9", "end": "10.2.0.5"}
        assert await tried(allocation_pools=[turned]) == (400, "InvalidAllocationPool")
        pools = [{"start": "10.2.0.5", "end": "10.2.0.9"}, {"start": "10.2.0.8", "end": "10.2.0.12"}]
        assert await tried(allocation_pools=pools) == (409, "OverlappingAllocationPools")
        missing = "11111111-1111-1111-1111-111111111111"
        assert await tried(network_id=missing) == (404, "NetworkNotFound")

    talk(tmp_path, script)


def test_clients_find_their_way(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        for path in ("/network", "/network/"):
            versions = await cloud.request("GET", path, token="")
            assert versions.status == 200
            assert versions["versions"][0]["links"][0]["href"] == "http://cloud/network/v2.0/"
        assert (await cloud.request("GET", f"{API}/")).body["resources"][0]["name"] == "network"
        assert (await cloud.request("GET", f"{API}/networks", token="")).status == 401
        assert (await cloud.request("GET", f"{API}/extensions/router"))["extension"]["alias"] == "router"
        missing = await cloud.request("GET", f"{API}/extensions/teleport")
        assert refusal(missing)[2] == "Extension with alias teleport does not exist"
        zones = await cloud.request("GET", f"{API}/availability_zones?resource=router")
        assert [zone["name"] for zone in zones["availability_zones"]] == ["nova"]
        assert (await cloud.request("GET", f"{API}/service-providers")).status == 200
        assert (await cloud.request("GET", f"{API}/nothing")).status == 404

    talk(tmp_path, script)


def test_limits_are_kept_and_set_by_admins(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        quotas = f"{API}/quotas/{PROJECT}"
        shown = await cloud.request("GET", quotas, token="manager")
        assert (shown["quota"]["network"], shown["quota"]["port"]) == (100, 500)
        assert (await cloud.request("PUT", quotas, {"quota": {"network": 1}})).status == 403
        unset = await cloud.request("DELETE", quotas, token="admin")
        assert refusal(unset)[:2] == (404, "TenantQuotaNotFound")
        assert (await cloud.request("PUT", quotas, {"quota": {"network": 1}}, token="admin")).status == 200
        await made(cloud, "network")
        over = await cloud.request("POST", f"{API}/networks", {"network": {}})
        assert refusal(over) == (409, "OverQuota", "Quota exceeded for resources: ['network'].")
        details = await cloud.request("GET", f"{quotas}/details.json", token="admin")
        assert details["quota"]["network"] == {"limit": 1, "used": 1, "reserved": 0}
        assert [
            q["project_id"] for q in (await cloud.request("GET", f"{API}/quotas", token="admin"))["quotas"]
        ] == [PROJECT]
        assert (await cloud.request("PUT", quotas, {"quota": {"network": -2}}, token="admin")).status == 400
        assert (await cloud.request("PUT", quotas, {"quota": {"moons": 2}}, token="admin")).status == 400
        assert (await cloud.request("DELETE", quotas, token="admin")).status == 204
        assert (await cloud.request("GET", f"{quotas}/default", token="admin"))["quota"]["network"] == 100

    talk(tmp_path, script)
