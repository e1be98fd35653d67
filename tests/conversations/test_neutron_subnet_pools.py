# SPDX-License-Identifier: Apache-2.0
"""Conversations about subnet pools, what is cut from them, and address scopes."""

from pathlib import Path
from typing import Any

from tests.conversations.neutron_talk import API, made, refusal, shown, talk

from cumulet.testing.cloud import Cloud


async def cut(cloud: Cloud, network: str, token: str = "member", **values: Any) -> dict[str, Any]:
    return await made(cloud, "subnet", token, network_id=network, **{"ip_version": 4, **values})


async def network_of(cloud: Cloud, token: str = "member") -> str:
    return str((await made(cloud, "network", token))["id"])


async def refused(cloud: Cloud, path: str, token: str = "member", **values: Any) -> tuple[int, str, str]:
    kind = {"subnetpools": "subnetpool", "address-scopes": "address_scope", "subnets": "subnet"}[path]
    return refusal(await cloud.request("POST", f"{API}/{path}", {kind: values}, token=token))


async def changed(cloud: Cloud, pool: str, token: str = "member", **values: Any) -> Any:
    return await cloud.request("PUT", f"{API}/subnetpools/{pool}", {"subnetpool": values}, token=token)


def test_a_pool_is_made_grown_and_deleted(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        pool = await made(cloud, "subnetpool", name="stock", prefixes=["10.9.0.0/16", "10.8.0.0/16"])
        assert (pool["prefixes"], pool["ip_version"]) == (["10.8.0.0/15"], 4)
        lengths = [pool[f"{word}_prefixlen"] for word in ("min", "default", "max")]
        assert lengths == ["8", "8", "32"]
        assert (pool["default_quota"], pool["address_scope_id"], pool["shared"]) == (None, None, False)
        grown = await changed(cloud, pool["id"], prefixes=["10.8.0.0/15", "10.20.0.0/15"], max_prefixlen=28)
        assert grown["subnetpool"]["prefixes"] == ["10.8.0.0/15", "10.20.0.0/15"]
        assert refusal(await changed(cloud, pool["id"], prefixes=["10.8.0.0/16"]))[1:] == (
            "IllegalSubnetPoolPrefixUpdate",
            "Illegal update to prefixes: Existing prefixes must be a subset of the new prefixes.",
        )
        tags = {"tags": ["red"]}
        path = f"{API}/subnetpools/{pool['id']}"
        assert (await cloud.request("PUT", f"{path}/tags", tags)).status == 200
        assert (await cloud.request("GET", f"{API}/subnetpools?tags=red"))["subnetpools"][0]["tags"] == [
            "red"
        ]
        assert (await cloud.request("GET", path, token="stranger")).status == 404
        assert (await cloud.request("DELETE", path)).status == 204
        assert refusal(await cloud.request("GET", path))[:2] == (404, "SubnetPoolNotFound")

    talk(tmp_path, script, database=database)


def test_pools_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        some = {"name": "stock", "prefixes": ["10.8.0.0/16"]}

        async def kind(**values: Any) -> str:
            return (await refused(cloud, "subnetpools", **{**some, **values}))[1]

        assert await kind(prefixes=[]) == "EmptySubnetPoolPrefixList"
        assert await kind(prefixes=["10.8.0.0/16", "fd00::/48"]) == "PrefixVersionMismatch"
        for lengths in (
            {"min_prefixlen": 24, "max_prefixlen": 16},
            {"max_prefixlen": 33},
            {"min_prefixlen": 24, "default_prefixlen": 16},
            {"max_prefixlen": 24, "default_prefixlen": 26},
        ):
            assert await kind(**lengths) == "IllegalSubnetPoolPrefixBounds"
        assert (await refused(cloud, "subnetpools", **{**some, "name": " "}))[0] == 400
        assert (await refused(cloud, "subnetpools", **{**some, "prefixes": ["x"]}))[0] == 400
        assert (await refused(cloud, "subnetpools", **some, shared=True))[:2] == (403, "PolicyNotAuthorized")

    talk(tmp_path, script)


def test_subnets_are_cut_from_a_pool_and_go_back_to_it(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        stock = {"prefixes": ["10.8.0.0/24"], "min_prefixlen": 25, "default_prefixlen": 26}
        pool = (await made(cloud, "subnetpool", name="stock", **stock))["id"]
        network = await network_of(cloud)
        first = await cut(cloud, network, subnetpool_id=pool)
        assert (first["cidr"], first["gateway_ip"], first["subnetpool_id"]) == (
            "10.8.0.0/26",
            "10.8.0.1",
            pool,
        )
        named = await cut(cloud, network, subnetpool_id=pool, cidr="10.8.0.128/26")
        assert named["cidr"] == "10.8.0.128/26"
        at_gateway = await cut(cloud, network, subnetpool_id=pool, gateway_ip="10.8.0.65")
        assert at_gateway["cidr"] == "10.8.0.64/26"

        async def tried(**values: Any) -> tuple[int, str, str]:
            asked = {"network_id": network, "ip_version": 4, "subnetpool_id": pool, **values}
            return await refused(cloud, "subnets", **asked)

        assert await tried(prefixlen=25) == (
            409,
            "SubnetAllocationError",
            "Failed to allocate subnet: Insufficient prefix space to allocate subnet size /25.",
        )
        assert (await tried(cidr="10.8.0.0/27"))[1] == "SubnetAllocationError"
        assert (await tried(prefixlen=24))[1] == "MinPrefixSubnetAllocationError"
        assert (await tried(cidr="10.8.0.192/26", prefixlen=26))[0] == 400
        assert (await tried(ip_version=6))[2] == (
            "Bad subnets request: Cannot allocate IPv6 subnet from IPv4 subnet pool."
        )
        assert (await tried(subnetpool_id=network))[:2] == (404, "SubnetPoolNotFound")
        assert (await tried(subnetpool_id=None))[2] == (
            "Bad subnets request: a subnetpool must be specified in the absence of a cidr."
        )
        foreign = {"subnetpool_id": None, "cidr": "10.99.0.0/24"}
        assert (await tried(**foreign))[1] == "NetworkSubnetPoolAffinityError"
        busy = await cloud.request("DELETE", f"{API}/subnetpools/{pool}")
        assert refusal(busy)[:2] == (400, "SubnetPoolDeleteError")
        assert (await cloud.request("DELETE", f"{API}/subnets/{first['id']}")).status == 204
        assert (await cut(cloud, network, subnetpool_id=pool, prefixlen=27))["cidr"] == "10.8.0.0/27"

    talk(tmp_path, script, database=database)


def test_a_pool_has_a_quota_in_addresses(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        stock = {"prefixes": ["10.8.0.0/16"], "default_prefixlen": 26, "default_quota": 100}
        pool = (await made(cloud, "subnetpool", name="stock", **stock))["id"]
        network = await network_of(cloud)
        await cut(cloud, network, subnetpool_id=pool)
        asked = {"network_id": network, "ip_version": 4, "subnetpool_id": pool}
        assert (await refused(cloud, "subnets", **asked))[:2] == (409, "SubnetPoolQuotaExceeded")
        assert (await cut(cloud, network, subnetpool_id=pool, prefixlen=27))["cidr"] == "10.8.0.64/27"

    talk(tmp_path, script)


def test_there_is_one_default_pool_for_each_ip_version(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        network = await network_of(cloud)
        asked = {"network_id": network, "ip_version": 6, "use_default_subnetpool": True}
        assert (await refused(cloud, "subnets", **asked))[2] == (
            "Bad subnets request: No default subnetpool found for IPv6."
        )
        default = {"name": "six", "prefixes": ["fd00:8::/56"], "is_default": True, "shared": True}
        assert (await refused(cloud, "subnetpools", **default))[0] == 403
        pool = await made(cloud, "subnetpool", "admin", **default)
        again = {**default, "prefixes": ["fd00:9::/56"]}
        assert (await refused(cloud, "subnetpools", "admin", **again))[:2] == (400, "InvalidInput")
        subnet = await cut(cloud, network, ip_version=6, use_default_subnetpool=True)
        assert (subnet["cidr"], subnet["subnetpool_id"]) == ("fd00:8::/64", pool["id"])
        assert (await changed(cloud, pool["id"], "stranger", name="mine")).status == 403

    talk(tmp_path, script)


def test_prefixes_are_added_and_removed_without_knowing_the_others(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        pool = (await made(cloud, "subnetpool", name="stock", prefixes=["10.8.0.0/16"]))["id"]

        async def change(verb: str, *prefixes: str) -> Any:
            path = f"{API}/subnetpools/{pool}/{verb}_prefixes"
            return await cloud.request("PUT", path, {"prefixes": list(prefixes)})

        assert (await change("add", "10.9.0.0/16", "10.20.0.0/16"))["prefixes"] == [
            "10.8.0.0/15",
            "10.20.0.0/16",
        ]
        assert (await change("remove", "10.9.0.0/16", "10.30.0.0/16"))["prefixes"] == [
            "10.8.0.0/16",
            "10.20.0.0/16",
        ]
        assert (await change("remove", "10.31.0.0/16"))["prefixes"] == ["10.8.0.0/16", "10.20.0.0/16"]
        await cut(cloud, await network_of(cloud), subnetpool_id=pool, prefixlen=24)
        assert refusal(await change("remove", "10.8.0.0/16"))[:2] == (400, "IllegalSubnetPoolPrefixUpdate")
        assert (await change("add", "nowhere")).status == 400
        assert (await cloud.request("PUT", f"{API}/subnetpools/{pool}/add_prefixes", {})).status == 400

    talk(tmp_path, script)


def test_a_scope_keeps_the_addresses_of_its_pools_apart(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        scope = await made(cloud, "address_scope", name="site", ip_version=4)
        assert set(scope) == {"id", "name", "project_id", "tenant_id", "shared", "ip_version"}
        six = (await made(cloud, "address_scope", ip_version=6))["id"]
        scoped = {"name": "stock", "address_scope_id": scope["id"]}
        pool = (await made(cloud, "subnetpool", **scoped, prefixes=["10.8.0.0/16"]))["id"]
        assert await refused(cloud, "subnetpools", **scoped, prefixes=["10.8.4.0/24"]) == (
            409,
            "AddressScopePrefixConflict",
            "Failed to associate address scope: subnetpools within an address scope must have unique "
            "prefixes.",
        )
        wrong = {"name": "stock", "address_scope_id": six, "prefixes": ["10.20.0.0/16"]}
        assert (await refused(cloud, "subnetpools", **wrong))[1] == (
            "IllegalSubnetPoolIpVersionAssociationToAddressScope"
        )
        other = (await made(cloud, "subnetpool", **scoped, prefixes=["10.9.0.0/16"]))["id"]
        network = await network_of(cloud)
        for each in (pool, other):
            await cut(cloud, network, subnetpool_id=each, prefixlen=24)
        found = await shown(cloud, "network", network)
        assert (found["ipv4_address_scope"], found["ipv6_address_scope"]) == (scope["id"], None)
        alone = (await made(cloud, "subnetpool", name="alone", prefixes=["10.20.0.0/16"]))["id"]
        asked = {"network_id": network, "ip_version": 4, "subnetpool_id": alone, "prefixlen": 24}
        assert (await refused(cloud, "subnets", **asked))[1] == "NetworkAddressScopeAffinityError"
        path = f"{API}/address-scopes/{scope['id']}"
        assert refusal(await cloud.request("DELETE", path))[:2] == (409, "AddressScopeInUse")
        assert (await cloud.request("DELETE", f"{API}/address-scopes/{six}")).status == 204

    talk(tmp_path, script)


def test_a_shared_scope_stays_shared_and_rules_pools_of_others(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        given = {"name": "site", "ip_version": 4, "shared": True}
        assert (await refused(cloud, "address-scopes", **given))[0] == 403
        scope = (await made(cloud, "address_scope", "admin", **given))["id"]
        path = f"{API}/address-scopes/{scope}"
        private = {"address_scope": {"shared": False}}
        assert refusal(await cloud.request("PUT", path, private, token="admin"))[:2] == (
            400,
            "AddressScopeUpdateError",
        )
        scoped = {"name": "stock", "address_scope_id": scope, "prefixes": ["10.8.0.0/16"]}
        pool = (await made(cloud, "subnetpool", "stranger", **scoped))["id"]
        assert refusal(await changed(cloud, pool, "stranger", name="mine"))[:2] == (
            400,
            "IllegalSubnetPoolUpdate",
        )
        assert (await changed(cloud, pool, "admin", name="ours")).status == 200

    talk(tmp_path, script)
