# SPDX-License-Identifier: Apache-2.0
"""Nova answers in the name of Glance, Neutron and Cinder until 2.35, as the same caller and at once."""

from pathlib import Path
from typing import Any

from tests.conversations.nova_talk import (
    address_of,
    ask_for_a_server,
    boot,
    holds,
    nova,
    shown,
    talk,
)
from tests.conversations.nova_talk import ask as ask_any

from cumulet.testing.cloud import Cloud
from cumulet.testing.people import PROJECT

V = "/compute/v2.1"
NOTHING = "00000000-0000-0000-0000-000000000000"


def at(version: str) -> dict[str, str]:
    return {"OpenStack-API-Version": f"compute {version}"}


async def ask(cloud: Cloud, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
    answer = await cloud.request(method, f"{V}{path}", body, **more)
    assert answer.status == status, answer
    return answer


def said(answer: Any) -> str:
    """The sentence of a refusal."""
    return str(next(iter(answer.body.values()))["message"])


def test_proxies_end_with_2_35(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            for path in (
                *("/images", "/images/detail", f"/images/{around.image}"),
                *("/os-networks", f"/os-networks/{around.network}", "/os-tenant-networks"),
                *("/os-floating-ips", "/os-floating-ip-pools", "/os-security-groups"),
                *("/os-volumes", "/os-volumes/detail", "/os-snapshots", "/os-snapshots/detail"),
            ):
                await ask(cloud, "GET", path, headers=at("2.35"))
                await ask(cloud, "GET", path, status=404, headers=at("2.36"))
            path = f"/images/{around.image}/metadata"
            await ask(cloud, "GET", path, headers=at("2.38"))
            await ask(cloud, "GET", path, status=404, headers=at("2.39"))

    talk(conversation)


def test_what_upstream_removed_is_gone_in_every_version(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            for method, path in (
                *(("GET", "/os-cells"), ("GET", "/os-agents"), ("GET", "/os-fping")),
                *(("POST", "/os-networks"), ("DELETE", f"/os-networks/{around.network}")),
                *(("POST", "/os-tenant-networks"), ("GET", "/os-fixed-ips/10.0.0.1")),
                *(("GET", "/os-cloudpipe"), ("GET", "/os-security-group-default-rules")),
                *(("GET", f"/servers/{NOTHING}/consoles"), ("PUT", "/os-floating-ip-dns/a")),
            ):
                gone = await ask(cloud, method, path, {}, 410, headers=at("2.104"))
                assert said(gone).startswith("This resource is no longer available."), path
            action = f"/os-networks/{around.network}/action"
            await ask(cloud, "POST", action, {"disassociate": None}, 410)

    talk(conversation)


# -- images -----------------------------------------------------------------------------------------------


def test_images_are_told_in_novas_words(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            image = (await ask(cloud, "GET", f"/images/{around.image}"))["image"]
            assert (image["name"], image["status"], image["progress"]) == ("cirros", "ACTIVE", 100)
            assert (image["OS-EXT-IMG-SIZE:size"], image["metadata"]) == (4096, {})
            assert [link["rel"] for link in image["links"]] == ["self", "bookmark", "alternate"]
            assert image["links"][2]["href"].endswith(f"/image/images/{around.image}")
            body = {"name": "two", "auto_disk_config": "True", "instance_uuid": NOTHING}
            second = (await ask_any(cloud, "POST", "/image/v2/images", body))["id"]
            image = (await ask(cloud, "GET", f"/images/{second}"))["image"]
            assert (image["status"], image["progress"], image["OS-DCF:diskConfig"]) == ("SAVING", 25, "AUTO")
            assert image["server"]["id"] == NOTHING and "instance_uuid" in image["metadata"]

            for query, names in (
                ("", ["two", "cirros"]),
                ("?name=two", ["two"]),
                ("?status=ACTIVE", ["cirros"]),
                (f"?server=http://a/servers/{NOTHING}", ["two"]),
                ("?property-auto_disk_config=True", ["two"]),
                ("?changes-since=2031-01-01T00:00:00Z", []),
                ("?minRam=1", []),
                (f"?marker={second}", ["cirros"]),
            ):
                for path in ("/images", "/images/detail"):
                    listed = await ask(cloud, "GET", path + query)
                    assert [i["name"] for i in listed["images"]] == names, query
            first = await ask(cloud, "GET", "/images?limit=1")
            assert f"marker={second}" in first["images_links"][0]["href"]
            await ask(cloud, "GET", "/images?limit=x", status=400)
            await ask(cloud, "GET", f"/images?marker={NOTHING}", status=400)

            for id in (NOTHING, "no-id"):
                assert said(await ask(cloud, "GET", f"/images/{id}", status=404)) == "Image not found."
            await ask(cloud, "GET", f"/images/{second}", status=404, token="stranger")
            await ask_any(
                cloud,
                "PATCH",
                f"/image/v2/images/{second}",
                [{"op": "replace", "path": "/protected", "value": True}],
                headers={"content-type": "application/openstack-images-v2.1-json-patch"},
            )
            kept = await ask(cloud, "DELETE", f"/images/{second}", status=403)
            assert said(kept) == "You are not allowed to delete the image."
            await ask(cloud, "DELETE", f"/images/{around.image}", status=204)
            await ask(cloud, "GET", f"/images/{around.image}", status=404)

    talk(conversation)


def test_the_metadata_of_images_is_what_glance_keeps(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, database=database) as (cloud, around):
            path = f"/images/{around.image}/metadata"
            for method, given, expected in (
                ("POST", {"a": "1", "b": "2"}, {"a": "1", "b": "2"}),
                ("POST", {"b": "3"}, {"a": "1", "b": "3"}),
                ("PUT", {"c": "4", "b": "3"}, {"c": "4", "b": "3"}),
            ):
                answer = await ask(cloud, method, path, {"metadata": given})
                assert answer.body == {"metadata": expected}
                assert (await ask(cloud, "GET", path))["metadata"] == expected
            assert (await ask(cloud, "PUT", f"{path}/c", {"meta": {"c": "5"}}))["meta"] == {"c": "5"}
            assert (await ask(cloud, "GET", f"{path}/c"))["meta"] == {"c": "5"}
            wrong = await ask(cloud, "PUT", f"{path}/d", {"meta": {"c": "5"}}, 400)
            assert said(wrong) == "Request body and URI mismatch"
            await ask(cloud, "DELETE", f"{path}/c", status=204)
            assert said(await ask(cloud, "DELETE", f"{path}/c", status=404)) == "Invalid metadata key"
            await ask(cloud, "GET", f"{path}/c", status=404)
            for bad in ({}, {"metadata": {"a": 1}}, {"metadata": {"a" * 256: "x"}}):
                await ask(cloud, "POST", path, bad, 400)
            many = {"metadata": {str(number): "x" for number in range(129)}}
            assert said(await ask(cloud, "PUT", path, many, 403)) == "Image metadata limit exceeded"
            answer = await ask_any(cloud, "GET", f"/image/v2/images/{around.image}")
            assert answer["b"] == "3" and "a" not in answer.body
            await ask(cloud, "GET", f"/images/{NOTHING}/metadata", status=404)

    talk(conversation)


# -- networks ---------------------------------------------------------------------------------------------


def test_networks_are_told_in_the_words_of_nova_network(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            network = (await ask(cloud, "GET", f"/os-networks/{around.network}"))["network"]
            assert (network["label"], network["cidr"]) == ("private", None) and "vlan" not in network
            assert "vlan" in (await ask(cloud, "GET", "/os-networks", token="admin"))["networks"][0]
            tenant = (await ask(cloud, "GET", f"/os-tenant-networks/{around.network}"))["network"]
            assert tenant == {"id": around.network, "label": "private", "cidr": "None"}
            assert (await ask(cloud, "GET", "/os-tenant-networks"))["networks"] == [tenant]
            for path in ("/os-networks", "/os-tenant-networks"):
                assert said(await ask(cloud, "GET", f"{path}/{NOTHING}", status=404)) == "Network not found"
                assert (await ask(cloud, "GET", path, token="stranger"))["networks"] == []

    talk(conversation)


async def public_network(cloud: Cloud) -> str:
    """An external network with a router to the private one."""
    body = {"network": {"name": "public", "router:external": True}}
    made = await ask_any(cloud, "POST", "/network/v2.0/networks", body, token="admin")
    id = str(made["network"]["id"])
    subnet = {"network_id": id, "cidr": "172.24.4.0/29", "ip_version": 4}
    await ask_any(cloud, "POST", "/network/v2.0/subnets", {"subnet": subnet}, token="admin")
    gateway = {"router": {"name": "r", "external_gateway_info": {"network_id": id}}}
    router = (await ask_any(cloud, "POST", "/network/v2.0/routers", gateway))["router"]["id"]
    subnets = (await ask_any(cloud, "GET", "/network/v2.0/subnets?cidr=10.1.0.0/16"))["subnets"]
    inner = {"subnet_id": subnets[0]["id"]}
    await ask_any(cloud, "PUT", f"/network/v2.0/routers/{router}/add_router_interface", inner)
    return id


def test_floating_ips_come_from_pools_and_lead_to_servers(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, database=database) as (cloud, around):
            assert (await ask(cloud, "GET", "/os-floating-ip-pools"))["floating_ip_pools"] == []
            missing = await ask(cloud, "POST", "/os-floating-ips", {"pool": "public"}, 404)
            assert said(missing) == "Floating IP pool not found."
            await ask(cloud, "POST", "/os-floating-ips", status=404)  # there is no pool called nova
            network = await public_network(cloud)
            assert (await ask(cloud, "GET", "/os-floating-ip-pools"))["floating_ip_pools"] == [
                {"name": "public"}
            ]
            made = (await ask(cloud, "POST", "/os-floating-ips", {"pool": "public"}))["floating_ip"]
            assert (made["pool"], made["fixed_ip"], made["instance_id"]) == ("public", None, None)
            id = await boot(cloud)
            path = f"/servers/{id}/action"
            give = {"addFloatingIp": {"address": made["ip"]}}
            await ask(cloud, "POST", path, give, 202)
            found = (await ask(cloud, "GET", f"/os-floating-ips/{made['id']}"))["floating_ip"]
            fixed = await address_of(cloud, id)
            assert (found["instance_id"], found["fixed_ip"]) == (id, fixed)
            kinds = [a["OS-EXT-IPS:type"] for a in (await shown(cloud, id))["addresses"]["private"]]
            assert kinds == ["fixed", "floating"]
            assert (await ask(cloud, "GET", "/os-floating-ips"))["floating_ips"] == [found]

            other = {"addFloatingIp": {"address": made["ip"], "fixed_address": "10.1.9.9"}}
            refused = await ask(cloud, "POST", path, other, 400)
            assert said(refused) == "Specified fixed address not assigned to instance"
            unknown = {"addFloatingIp": {"address": "172.24.4.77"}}
            assert said(await ask(cloud, "POST", path, unknown, 404)) == "floating IP not found"
            await ask(cloud, "POST", path, {"addFloatingIp": {"address": "x"}}, 400)
            body = {
                "server": {"name": "bare", "imageRef": around.image, "flavorRef": "1", "networks": "none"}
            }
            bare = (await ask(cloud, "POST", "/servers", body, 202, headers=at("2.37")))["server"]["id"]
            refused = await ask(cloud, "POST", f"/servers/{bare}/action", give, 400)
            assert said(refused) == "Instance network is not ready yet"
            take = {"removeFloatingIp": {"address": made["ip"]}}
            refused = await ask(cloud, "POST", f"/servers/{bare}/action", take, 409)
            assert said(refused) == f"Floating IP {made['ip']} is not associated with instance {bare}."
            await ask(cloud, "POST", path, take, 202)
            await ask(cloud, "POST", path, take, 409)
            await ask(cloud, "POST", path, give, 400, headers=at("2.44"))

            for pool in (network, "public"):
                await ask(cloud, "POST", "/os-floating-ips", {"pool": pool})
            empty = await ask(cloud, "POST", "/os-floating-ips", {"pool": "public"}, 404)
            assert said(empty) == "No more floating IPs in pool public."
            quota = {"quota": {"floatingip": 1}}
            await ask_any(cloud, "PUT", f"/network/v2.0/quotas/{PROJECT}", quota, token="admin")
            full = await ask(cloud, "POST", "/os-floating-ips", {"pool": "public"}, 403)
            assert said(full) == "IP allocation over quota in pool public."
            await ask(cloud, "DELETE", f"/os-floating-ips/{made['id']}", status=202)
            gone = await ask(cloud, "DELETE", f"/os-floating-ips/{made['id']}", status=404)
            assert said(gone) == f"Floating IP not found for ID {made['id']}"
            await ask(cloud, "POST", "/os-floating-ips", {"pool": "public"}, 403, token="reader")
            await holds(cloud)

    talk(conversation)


def test_a_server_is_given_another_address_and_loses_it(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, database=database) as (cloud, around):
            id = await boot(cloud)
            path = f"/servers/{id}/action"
            more = {"addFixedIp": {"networkId": around.network}}
            answer = await ask(cloud, "POST", path, more, 202)
            assert answer.body is None
            listed = (await shown(cloud, id))["addresses"]["private"]
            assert len(listed) == 2
            second = listed[1]["addr"]
            port = cloud.worlds["host-1"].guests[id].document.nics[0].port_id
            await cloud.settled()
            fixed = cloud.worlds["host-1"].ports[port].fixed_ips
            assert {address.ip_address for address in fixed} == {a["addr"] for a in listed}
            less = {"removeFixedIp": {"address": second}}
            await ask(cloud, "POST", path, less, 202)
            assert len((await shown(cloud, id))["addresses"]["private"]) == 1
            refused = await ask(cloud, "POST", path, less, 400)
            assert said(refused) == f"Instance {id} does not have fixed IP '{second}'."
            nowhere = {"addFixedIp": {"networkId": NOTHING}}
            missing = await ask(cloud, "POST", path, nowhere, 404)
            assert said(missing) == f"Network could not be found for instance {id}."
            await ask(cloud, "POST", path, {"addFixedIp": {}}, 400)
            await ask(cloud, "POST", path, {"removeFixedIp": {"address": "x"}}, 400)
            await ask(cloud, "POST", path, more, 403, token="reader")
            await ask(cloud, "POST", path, more, 400, headers=at("2.44"))
            await ask(cloud, "POST", path, {"lock": None}, 202, token="admin")
            await ask(cloud, "POST", path, more, 409)
            await holds(cloud)

    talk(conversation)


def test_security_groups_and_their_rules(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, database=database) as (cloud, _):
            listed = (await ask(cloud, "GET", "/os-security-groups"))["security_groups"]
            assert [group["name"] for group in listed] == ["default"]
            body = {"security_group": {"name": "web", "description": "for browsers"}}
            web = (await ask(cloud, "POST", "/os-security-groups", body))["security_group"]
            assert (web["rules"], web["tenant_id"]) == ([], PROJECT)
            rule = {"parent_group_id": web["id"], "ip_protocol": "tcp", "from_port": "80", "to_port": 80}
            made = await ask(cloud, "POST", "/os-security-group-rules", {"security_group_rule": rule})
            first = made["security_group_rule"]
            assert (first["from_port"], first["ip_range"], first["group"]) == (80, {"cidr": "0.0.0.0/0"}, {})
            from_group = {"parent_group_id": web["id"], "group_id": listed[0]["id"], "ip_protocol": "icmp"}
            made = await ask(cloud, "POST", "/os-security-group-rules", {"security_group_rule": from_group})
            second = made["security_group_rule"]
            assert (second["from_port"], second["ip_range"]) == (-1, {})
            assert second["group"] == {"name": "default", "tenant_id": PROJECT}
            shown_group = await ask(cloud, "GET", f"/os-security-groups/{web['id']}")
            assert sorted(r["id"] for r in shown_group["security_group"]["rules"]) == sorted(
                (first["id"], second["id"])
            )
            for wrong, sentence in (
                (rule, f"This rule already exists in group {web['id']}"),
                ({**rule, "from_port": 90}, "Invalid port range 90:80. Former value cannot be greater"),
                ({**rule, "to_port": 70000}, "Invalid port range 80:70000. Valid TCP ports should be"),
                ({**rule, "ip_protocol": "gre"}, "Invalid IP protocol gre."),
                ({**rule, "from_port": "x"}, "Invalid input received: To and From ports must be integers"),
                ({**rule, "cidr": "x"}, "x is not a valid IP network."),
                ({**rule, "cidr": "10.0.0.0/0"}, "Bad prefix for network in cidr 10.0.0.0/0"),
                ({"parent_group_id": web["id"]}, "Not enough parameters to build a valid rule."),
                ({**rule, "ip_protocol": "icmp", "to_port": 256}, "Invalid port range 80:256. For ICMP"),
            ):
                answer = await ask(
                    cloud, "POST", "/os-security-group-rules", {"security_group_rule": wrong}, 400
                )
                assert said(answer).startswith(sentence), answer
            lost = {"security_group_rule": {**rule, "parent_group_id": NOTHING}}
            await ask(cloud, "POST", "/os-security-group-rules", lost, 404)
            await ask(cloud, "DELETE", f"/os-security-group-rules/{first['id']}", status=202)
            await ask(cloud, "DELETE", f"/os-security-group-rules/{first['id']}", status=404)
            await ask(cloud, "DELETE", "/os-security-group-rules/x", status=400)

            renamed = {"security_group": {"name": "www", "description": ""}}
            changed = (await ask(cloud, "PUT", f"/os-security-groups/{web['id']}", renamed))["security_group"]
            assert (changed["name"], changed["description"]) == ("www", "")
            id = await ask_for_a_server(cloud, security_groups=[{"name": "www"}])
            await cloud.settled()
            of_server = (await ask(cloud, "GET", f"/servers/{id}/os-security-groups"))["security_groups"]
            assert of_server == [{**changed, "rules": [second]}]
            used = await ask(cloud, "DELETE", f"/os-security-groups/{web['id']}", status=400)
            assert "in use" in said(used)
            await ask(cloud, "GET", f"/os-security-groups/{NOTHING}", status=404)
            wrong_id = await ask(cloud, "GET", "/os-security-groups/x", status=400)
            assert said(wrong_id) == "Security group id should be uuid"
            await ask(cloud, "POST", "/os-security-groups", {"security_group": {"name": "a"}}, 400)
            await ask(cloud, "POST", "/os-security-groups", body, 403, token="reader")
            others = await ask(cloud, "GET", "/os-security-groups?all_tenants=1", token="admin")
            assert {"www"} < {group["name"] for group in others["security_groups"]}
            some = await ask(cloud, "GET", "/os-security-groups?limit=1&offset=1")
            assert len(some["security_groups"]) == 1

    talk(conversation)


# -- volumes ----------------------------------------------------------------------------------------------


def test_volumes_and_snapshots(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, database=database) as (cloud, _):
            body = {"size": "1", "display_name": "one", "display_description": "d", "metadata": {"a": "b"}}
            answer = await ask(cloud, "POST", "/os-volumes", {"volume": body})
            made = answer["volume"]
            assert answer.headers["location"].endswith(f"/os-volumes/{made['id']}")
            assert (made["size"], made["displayName"], made["metadata"]) == (1, "one", {"a": "b"})
            assert (made["attachments"], made["availabilityZone"]) == ([{}], "nova")
            await cloud.settled()
            server = await boot(cloud)
            attach = {"volumeAttachment": {"volumeId": made["id"]}}
            await ask(cloud, "POST", f"/servers/{server}/os-volume_attachments", attach)
            await cloud.settled()
            volume = (await ask(cloud, "GET", f"/os-volumes/{made['id']}"))["volume"]
            assert (volume["status"], volume["attachments"][0]["serverId"]) == ("in-use", server)
            refused = await ask(cloud, "DELETE", f"/os-volumes/{made['id']}", status=400)
            assert "in-use" in said(refused) or "status must be" in said(refused)

            snapshot = {"snapshot": {"volume_id": made["id"], "display_name": "s"}}
            await ask(cloud, "POST", "/os-snapshots", snapshot, 400)
            snapshot["snapshot"]["force"] = "True"
            taken = (await ask(cloud, "POST", "/os-snapshots", snapshot))["snapshot"]
            assert (taken["volumeId"], taken["size"], taken["displayName"]) == (made["id"], 1, "s")
            await cloud.settled()
            assert (await ask(cloud, "GET", f"/os-snapshots/{taken['id']}"))["snapshot"][
                "status"
            ] == "available"
            copy = {"volume": {"size": 1, "snapshot_id": taken["id"]}}
            second = (await ask(cloud, "POST", "/os-volumes", copy))["volume"]
            assert second["snapshotId"] == taken["id"]
            await cloud.settled()
            for path in ("/os-volumes", "/os-volumes/detail"):
                assert len((await ask(cloud, "GET", path))["volumes"]) == 2
                assert len((await ask(cloud, "GET", f"{path}?limit=1&offset=1"))["volumes"]) == 1
                assert (await ask(cloud, "GET", path, token="stranger"))["volumes"] == []
            for path in ("/os-snapshots", "/os-snapshots/detail"):
                assert [s["id"] for s in (await ask(cloud, "GET", path))["snapshots"]] == [taken["id"]]
            await ask(cloud, "DELETE", f"/os-snapshots/{taken['id']}", status=202)
            await ask(cloud, "DELETE", f"/os-volumes/{second['id']}", status=202)
            await cloud.settled()
            for path in (f"/os-snapshots/{taken['id']}", f"/os-volumes/{second['id']}"):
                await ask(cloud, "GET", path, status=404)
                await ask(cloud, "DELETE", path, status=404)

            for wrong in ({}, {"size": 0}, {"size": "x"}, {"size": 1, "name": "x"}):
                await ask(cloud, "POST", "/os-volumes", {"volume": wrong}, 400)
            lost = {"volume": {"size": 1, "snapshot_id": NOTHING}}
            await ask(cloud, "POST", "/os-volumes", lost, 404)
            await ask(cloud, "POST", "/os-snapshots", {"snapshot": {}}, 400)
            quota = {"quota_set": {"volumes": 1}}
            await ask_any(cloud, "PUT", f"/volume/v3/os-quota-sets/{PROJECT}", quota, token="admin")
            await ask(cloud, "POST", "/os-volumes", {"volume": {"size": 1}}, 403)
            await ask(cloud, "POST", "/os-volumes", {"volume": {"size": 1}}, 403, token="reader")
            await holds(cloud)

    talk(conversation)
