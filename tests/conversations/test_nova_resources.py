# SPDX-License-Identifier: Apache-2.0
"""Nova's smaller resources, and what belongs to a server."""

from pathlib import Path
from typing import Any

from tests.conversations.nova_talk import (
    LATEST,
    SERVERS,
    address_of,
    boot,
    boot_on,
    holds,
    make_hosts_real,
    make_volume,
    nova,
    shown,
    talk,
    volume_of,
)
from tests.conversations.nova_talk import ask as ask_any

from cumulet.kernel.service import missing_rules
from cumulet.services.nova.service import SERVICE as NOVA
from cumulet.testing.cloud import Cloud
from cumulet.testing.control import rest
from cumulet.testing.people import OTHER_PROJECT, PROJECT

V = "/compute/v2.1"


def at(version: str) -> dict[str, str]:
    return {"OpenStack-API-Version": f"compute {version}"}


async def ask(cloud: Cloud, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
    answer = await cloud.request(method, f"{V}{path}", body, **more)
    assert answer.status == status, answer
    return answer


def test_every_policy_that_is_named_exists() -> None:
    assert missing_rules(NOVA.api()) == []


def test_versions_need_no_token(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            for path in ("/compute", "/compute/"):
                answer = await cloud.request("GET", path, token="")
                assert [v["id"] for v in answer["versions"]] == ["v2.0", "v2.1"]
            answer = await ask(cloud, "GET", "/", token="")
            assert answer["version"]["version"] == "2.104"
            await ask(cloud, "GET", "/flavors", token="", status=401)
            await ask(cloud, "GET", "/flavors", headers=at("2.999"), status=406)
            answer = await ask(cloud, "GET", "/flavors", headers=at("2.47"))
            assert answer.headers["openstack-api-version"] == "compute 2.47"

    talk(conversation)


def test_flavors_are_made_described_and_shared(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            listed = await ask(cloud, "GET", "/flavors?minRam=8192&limit=1")
            assert [f["name"] for f in listed["flavors"]] == ["m1.large"] and "flavors_links" in listed.body
            body = {"name": "own", "ram": "64", "vcpus": 1, "disk": 0, "os-flavor-access:is_public": "False"}
            await ask(cloud, "POST", "/flavors", {"flavor": body}, 403)
            made = await ask(cloud, "POST", "/flavors", {"flavor": body}, token="admin")
            id = made["flavor"]["id"]
            assert (made["flavor"]["ram"], made["flavor"]["swap"], made["flavor"]["rxtx_factor"]) == (
                64,
                "",
                1.0,
            )
            again = await ask(cloud, "POST", "/flavors", {"flavor": body}, 409, token="admin")
            assert again["conflictingRequest"]["message"] == "Flavor with name own already exists."
            await ask(cloud, "GET", f"/flavors/{id}", status=404, token="stranger")
            access = await ask(cloud, "GET", f"/flavors/{id}/os-flavor-access", token="admin")
            assert access["flavor_access"] == []  # not even the project that made it
            grant = {"addTenantAccess": {"tenant": OTHER_PROJECT}}
            await ask(cloud, "POST", f"/flavors/{id}/action", grant, 403, token="stranger")
            answer = await ask(cloud, "POST", f"/flavors/{id}/action", grant, token="admin")
            assert len(answer["flavor_access"]) == 1
            await ask(cloud, "GET", "/flavors/", status=404)
            await ask(cloud, "GET", f"/flavors/{id}", token="stranger")
            taken = {"removeTenantAccess": {"tenant": OTHER_PROJECT}}
            await ask(cloud, "POST", f"/flavors/{id}/action", taken, 403, token="stranger")
            specs = {"extra_specs": {"hw:cpu_policy": "shared"}}
            await ask(cloud, "POST", f"/flavors/{id}/os-extra_specs", specs, token="admin")
            answer = await ask(cloud, "GET", f"/flavors/{id}", token="stranger", headers=LATEST)
            assert answer["flavor"]["extra_specs"] == specs["extra_specs"] and answer["flavor"]["swap"] == 0
            await ask(cloud, "DELETE", f"/flavors/{id}/os-extra_specs/nothing", status=404, token="admin")
            await ask(cloud, "DELETE", f"/flavors/{id}", status=202, token="admin")

    talk(conversation)


def test_keys_are_imported_and_made(tmp_path: Path) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEB0zrBGXEq6Mqa4dMPBzCG7mPq+BlNcdkUfMFOfnSsp me"

    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            made = await ask(cloud, "POST", "/os-keypairs", {"keypair": {"name": "old"}})
            assert made["keypair"]["private_key"].startswith("-----BEGIN RSA PRIVATE KEY-----")
            assert made["keypair"]["public_key"].startswith("ssh-rsa ")
            body = {"keypair": {"name": "new", "public_key": key, "type": "ssh"}}
            made = await ask(cloud, "POST", "/os-keypairs", body, 201, headers=LATEST)
            assert made["keypair"]["type"] == "ssh" and "private_key" not in made.body["keypair"]
            again = await ask(cloud, "POST", "/os-keypairs", body, 409, headers=LATEST)
            assert again["conflictingRequest"]["message"] == "Key pair 'new' already exists."
            bad = {"keypair": {"name": "bad", "public_key": "ssh-rsa nonsense"}}
            await ask(cloud, "POST", "/os-keypairs", bad, 400)
            answer = await ask(cloud, "GET", "/os-keypairs/new")
            assert isinstance(answer["keypair"]["id"], int) and "type" not in answer["keypair"]
            listed = await ask(cloud, "GET", "/os-keypairs")
            assert [k["keypair"]["name"] for k in listed["keypairs"]] == ["new", "old"]
            await ask(cloud, "GET", "/os-keypairs?user_id=someone", headers=at("2.10"), status=403)
            await ask(cloud, "DELETE", "/os-keypairs/old", status=202)
            await ask(cloud, "DELETE", "/os-keypairs/new", status=204, headers=LATEST)
            windows = {"keypair": {"name": "w", "type": "x509"}}
            made = await ask(cloud, "POST", "/os-keypairs", windows, 201, headers=at("2.2"))
            assert "BEGIN CERTIFICATE" in made["keypair"]["public_key"]

    talk(conversation)


def test_groups_keep_servers_apart(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, around):
            body = {"server_group": {"name": "apart", "policies": ["anti-affinity"]}}
            group = (await ask(cloud, "POST", "/os-server-groups", body))["server_group"]
            hints = {"os:scheduler_hints": {"group": group["id"]}}
            ids = []
            for number in range(3):
                server = {"name": f"vm{number}", "imageRef": around.image}
                server |= {"flavorRef": "1", "networks": [{"uuid": around.network}]}
                made = await ask(cloud, "POST", "/servers", {"server": server, **hints}, 202)
                await cloud.settled()
                ids.append(made["server"]["id"])
            found = [await shown(cloud, id) for id in ids]
            assert [server["status"] for server in found] == ["ACTIVE", "ACTIVE", "ERROR"]
            assert found[2]["fault"]["message"].startswith("No valid host was found.")
            answer = await ask(cloud, "GET", f"/os-server-groups/{group['id']}", headers=LATEST)
            assert answer["server_group"]["members"] == ids
            assert answer["server_group"]["policy"] == "anti-affinity"

    talk(conversation)


def test_hosts_are_listed_and_switched_off(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, _):
            cloud.token = "admin"
            listed = (await ask(cloud, "GET", "/os-services?binary=nova-compute", headers=at("2.53")))[
                "services"
            ]
            assert [(s["host"], s["state"]) for s in listed] == [("host-1", "up"), ("host-2", "up")]
            off = {"status": "disabled", "disabled_reason": "tired"}
            answer = await ask(cloud, "PUT", f"/os-services/{listed[0]['id']}", off, headers=at("2.53"))
            assert answer["service"]["disabled_reason"] == "tired"
            id = await boot(cloud)
            server = await shown(cloud, id)
            assert server["OS-EXT-SRV-ATTR:host"] == "host-2"
            old = await ask(cloud, "GET", "/os-hypervisors/detail")
            assert [h["id"] for h in old["hypervisors"]] == [1, 2]
            assert (
                old["hypervisors"][1]["memory_mb_used"] == 512
                and old["hypervisors"][0]["status"] == "disabled"
            )
            new = await ask(cloud, "GET", "/os-hypervisors?with_servers=true", headers=LATEST)
            assert [s["uuid"] for s in new["hypervisors"][1]["servers"]] == [id]
            sums = await ask(cloud, "GET", "/os-hypervisors/statistics")
            assert (sums["hypervisor_statistics"]["count"], sums["hypervisor_statistics"]["vcpus_used"]) == (
                2,
                1,
            )
            zones = await ask(cloud, "GET", "/os-availability-zone/detail")
            assert [z["zoneName"] for z in zones["availabilityZoneInfo"]] == ["internal", "nova"]
            await ask(cloud, "GET", "/os-services", status=403, token="member")

    talk(conversation)


def test_limits_follow_quota_and_use(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            await boot(cloud)
            limits = (await ask(cloud, "GET", "/limits"))["limits"]["absolute"]
            assert (limits["maxTotalInstances"], limits["totalInstancesUsed"], limits["totalRAMUsed"]) == (
                10,
                1,
                512,
            )
            body = {"quota_set": {"instances": 1}}
            await ask(cloud, "PUT", f"/os-quota-sets/{PROJECT}", body, 403)
            await ask(cloud, "PUT", f"/os-quota-sets/{PROJECT}", body, token="admin")
            server = {"name": "two", "imageRef": around.image, "flavorRef": "1"}
            answer = await ask(cloud, "POST", "/servers", {"server": server}, 403)
            text = "Quota exceeded for instances: Requested 1, but already used 1 of 1 instances"
            assert answer["forbidden"]["message"] == text
            answer = await ask(cloud, "GET", f"/os-quota-sets/{PROJECT}/detail", headers=LATEST)
            assert answer["quota_set"]["instances"] == {"in_use": 1, "limit": 1, "reserved": 0}
            await ask(cloud, "DELETE", f"/os-quota-sets/{PROJECT}", status=202, token="admin")
            answer = await ask(cloud, "GET", f"/os-quota-sets/{PROJECT}")
            assert answer["quota_set"]["instances"] == 10 and answer["quota_set"]["floating_ips"] == -1

    talk(conversation)


def test_a_volume_comes_and_goes(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud)
            volume = await make_volume(cloud)
            path = f"/servers/{id}/os-volume_attachments"
            body = {"volumeAttachment": {"volumeId": volume}}
            made = await ask(cloud, "POST", path, body)
            assert made["volumeAttachment"] == {
                "id": volume, "volumeId": volume, "serverId": id, "device": "/dev/vdb",
            }  # fmt: skip
            await cloud.settled()
            assert (await volume_of(cloud, volume))["status"] == "in-use"
            assert cloud.worlds["host-1"].guests[id].document.disks[0].volume_id == volume
            assert (await shown(cloud, id))["os-extended-volumes:volumes_attached"] == [{"id": volume}]
            await holds(cloud)
            await ask(cloud, "DELETE", f"{path}/{volume}", status=202)
            await cloud.settled()
            assert (await volume_of(cloud, volume))["status"] == "available"
            assert not cloud.worlds["host-1"].guests[id].document.disks
            answer = await ask(cloud, "GET", f"{path}/{volume}", status=404)
            text = f"Instance {id} is not attached to volume {volume}"
            assert answer["itemNotFound"]["message"] == text

    talk(conversation)


def test_a_volume_of_another_host_is_refused_where_hosts_are_real(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, _):
            await make_hosts_real(cloud)
            volume = await make_volume(cloud)
            where = next(name for name, world in cloud.worlds.items() if volume in world.volumes)
            elsewhere = next(name for name in cloud.worlds if name != where)
            id = await boot_on(cloud, elsewhere)
            body = {"volumeAttachment": {"volumeId": volume}}
            answer = await ask(cloud, "POST", f"/servers/{id}/os-volume_attachments", body, 400)
            text = f"Invalid volume: volume {volume} is on another host than instance {id} and cannot be "
            assert answer["badRequest"]["message"].startswith(text)
            assert (await volume_of(cloud, volume))["status"] == "available"
            id = await boot_on(cloud, where)
            await ask(cloud, "POST", f"/servers/{id}/os-volume_attachments", body)
            await cloud.settled()
            assert (await volume_of(cloud, volume))["status"] == "in-use"

    talk(conversation)


def test_a_guest_sees_that_its_volume_grew(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id, volume = await boot(cloud), await make_volume(cloud)
            body = {"volumeAttachment": {"volumeId": volume}}
            await ask(cloud, "POST", f"/servers/{id}/os-volume_attachments", body)
            await cloud.settled()
            faults = cloud.worlds["host-1"].faults
            for result in ("Success", "Error"):
                size = (await volume_of(cloud, volume))["size"] + 1
                grow = {"os-extend": {"new_size": size}}
                headers = {"OpenStack-API-Version": "volume 3.42"}
                path = f"/volume/v3/volumes/{volume}/action"
                answer = await cloud.request("POST", path, grow, token="member", headers=headers)
                assert answer.status == 202, answer
                await cloud.settled()
                assert (await volume_of(cloud, volume))["size"] == size
                actions = await ask(cloud, "GET", f"/servers/{id}/os-instance-actions")
                action = actions["instanceActions"][0]
                assert action["action"] == "extend_volume"
                path = f"/servers/{id}/os-instance-actions/{action['request_id']}"
                told = (await ask(cloud, "GET", path, token="admin"))["instanceAction"]
                assert [event["result"] for event in told["events"]] == [result]
                faults.refuse("guest", "guest_extend_disk")

    talk(conversation)


def test_hosts_on_a_fabric_reach_each_others_volumes(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, _):
            volume = await make_volume(cloud)
            where = next(name for name, world in cloud.worlds.items() if volume in world.volumes)
            elsewhere = next(name for name in cloud.worlds if name != where)
            id = await boot_on(cloud, elsewhere)
            path = f"/servers/{id}/os-volume_attachments"
            await ask(cloud, "POST", path, {"volumeAttachment": {"volumeId": volume}})
            await cloud.settled()
            (disk,) = cloud.worlds[elsewhere].guests[id].document.disks
            assert (disk.volume_id, disk.volume_host) == (volume, where)
            assert cloud.worlds[where].volumes[volume].document.exported
            await holds(cloud)
            await ask(cloud, "DELETE", f"{path}/{volume}", status=202)
            await cloud.settled()
            assert not cloud.worlds[where].volumes[volume].document.exported
            assert (await volume_of(cloud, volume))["status"] == "available"

    talk(conversation)


def test_a_server_boots_from_a_volume_made_of_an_image(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            disk = {"source_type": "image", "destination_type": "volume", "boot_index": 0, "volume_size": 1}
            disk |= {"uuid": around.image, "delete_on_termination": True}
            id = await boot(cloud, imageRef="", block_device_mapping_v2=[disk])
            server = await shown(cloud, id)
            assert (server["status"], server["image"]) == ("ACTIVE", ""), server
            document = cloud.worlds["host-1"].guests[id].document
            assert (document.image_id, document.disks[0].boot_index) == (None, 0)
            await holds(cloud)
            await ask(cloud, "DELETE", f"/servers/{id}", status=204)
            await cloud.settled()
            assert (await ask_any(cloud, "GET", "/volume/v3/volumes"))["volumes"] == []
            await holds(cloud)

    talk(conversation)


def test_an_interface_comes_and_goes(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            id = await boot(cloud)
            path = f"/servers/{id}/os-interface"
            body = {"port": {"network_id": around.network}}
            port = (await ask_any(cloud, "POST", "/network/v2.0/ports", body))["port"]["id"]
            made = await ask(cloud, "POST", path, {"interfaceAttachment": {"port_id": port}})
            assert made["interfaceAttachment"]["port_id"] == port
            await cloud.settled()
            assert len(cloud.worlds["host-1"].guests[id].document.nics) == 2
            again = await ask(cloud, "POST", path, {"interfaceAttachment": {"port_id": port}}, 409)
            assert again["conflictingRequest"]["message"] == f"Port {port} is still in use."
            await ask(cloud, "DELETE", f"{path}/{port}", status=202)
            await cloud.settled()
            assert len((await ask(cloud, "GET", path))["interfaceAttachments"]) == 1
            assert len(cloud.worlds["host-1"].guests[id].document.nics) == 1

    talk(conversation)


def test_metadata_tags_and_addresses(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud, metadata={"a": "1"})
            path = f"/servers/{id}"
            await ask(cloud, "POST", f"{path}/metadata", {"metadata": {"b": "2"}})
            await ask(cloud, "PUT", f"{path}/metadata/b", {"meta": {"b": "3"}})
            await ask(cloud, "DELETE", f"{path}/metadata/a", status=204)
            assert (await ask(cloud, "GET", f"{path}/metadata"))["metadata"] == {"b": "3"}
            await ask(cloud, "GET", f"{path}/tags", headers=at("2.25"), status=404)
            await ask(cloud, "PUT", f"{path}/tags", {"tags": ["x", "y"]}, headers=LATEST)
            await ask(cloud, "PUT", f"{path}/tags/z", headers=LATEST, status=201)
            await ask(cloud, "PUT", f"{path}/tags/z", headers=LATEST, status=204)
            listed = await ask(cloud, "GET", "/servers?tags=x,z&not-tags=w", headers=LATEST)
            assert [s["id"] for s in listed["servers"]] == [id]
            addresses = (await ask(cloud, "GET", f"{path}/ips"))["addresses"]
            assert addresses == {"private": [{"version": 4, "addr": await address_of(cloud, id)}]}
            await ask(cloud, "GET", f"{path}/ips/nowhere", status=404)
            groups = await ask(cloud, "GET", f"{path}/os-security-groups")
            assert [group["name"] for group in groups["security_groups"]] == ["default"]

    talk(conversation)


def test_actions_are_remembered(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud)
            await ask(cloud, "DELETE", f"/servers/{id}", status=204)
            await cloud.settled()
            path = f"/servers/{id}/os-instance-actions"
            await ask(cloud, "GET", path, status=404)
            listed = await ask(cloud, "GET", path, headers=LATEST)
            assert [action["action"] for action in listed["instanceActions"]] == ["delete", "create"]
            request = listed["instanceActions"][1]["request_id"]
            one = await ask(cloud, "GET", f"{path}/{request}", headers=LATEST)
            event = one["instanceAction"]["events"][0]
            assert (event["event"], event["result"]) == ("compute__do_build_and_run_instance", "Success")

    talk(conversation)


def test_lists_are_filtered_sorted_and_paged(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            first = await boot(cloud, name="web-1")
            second = await boot(cloud, name="web-2")
            third = await boot(cloud, name="db")

            async def names(query: str, **more: Any) -> list[str]:
                found = await ask(cloud, "GET", f"/servers?{query}", **more)
                return [server["name"] for server in found["servers"]]

            assert await names("") == ["db", "web-2", "web-1"]
            assert await names("name=^web&sort_key=display_name&sort_dir=asc") == ["web-1", "web-2"]
            assert await names(f"limit=1&marker={third}") == ["web-2"]
            assert await names("status=ACTIVE&limit=0") == []
            assert await names(f"ip={await address_of(cloud, second)}$") == ["web-2"]
            assert await names("status=nonsense") == []
            await ask(cloud, "GET", "/servers?status=nonsense", headers=LATEST, status=400)
            await ask(cloud, "GET", "/servers?nonsense=1", headers=LATEST, status=400)
            await ask(cloud, "GET", "/servers?all_tenants=1", status=403)
            await ask(cloud, "GET", "/servers?marker=nothing", status=400)
            await ask(cloud, "GET", "/servers?name=(", status=400)
            await ask(cloud, "DELETE", f"/servers/{first}", status=204)
            await cloud.settled()
            assert await names("") == ["db", "web-2"]
            assert await names("deleted=True&all_tenants=1", token="admin") == ["web-1"]
            assert set(await names("changes-since=2020-01-01T00:00:00Z")) == {"db", "web-2", "web-1"}
            one = (await ask(cloud, "GET", f"/servers/{second}"))["server"]
            path = f"/servers?changes-before={one['updated']}"
            listed = (await ask(cloud, "GET", path, headers=LATEST))["servers"]
            assert "web-2" in [server["name"] for server in listed]  # the second that it says is meant whole
            detail = await ask(cloud, "GET", "/servers/detail?limit=1", headers=LATEST)
            assert detail["servers"][0]["flavor"]["original_name"] == "m1.tiny"
            assert "server_groups" not in detail["servers"][0] and detail["servers_links"]
            assert (await ask(cloud, "GET", f"{SERVERS[len(V) :]}/{second}", headers=LATEST))["server"][
                "tags"
            ] == []

    talk(conversation)


def test_a_guest_that_powers_itself_off_is_shut_off(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud)
            world = cloud.worlds["host-1"]
            world.guest_powers_off(id)
            await rest(cloud.agents["host-1"])
            assert (await shown(cloud, id))["status"] == "SHUTOFF"
            await holds(cloud)

    talk(conversation)


def test_a_guest_reads_its_metadata(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            id = await boot(cloud, metadata={"a": "b"}, user_data="aGVsbG8=", config_drive=True)
            address = await address_of(cloud, id)
            peer = {"remote_address": address, "network_id": around.network}

            async def read(path: str) -> str:
                status, _, body = await cloud.app.hosts.metadata(peer, path)
                assert status == 200, path
                return body.decode()

            assert "latest" in (await read("/openstack")).split("\n")
            assert '"a":"b"' in await read("/openstack/latest/meta_data.json")
            assert f'"{address}"' in await read("/openstack/latest/network_data.json")
            assert await read("/openstack/latest/user_data") == "hello"
            assert await read("/latest/meta-data/local-ipv4") == address
            assert "placement/" in (await read("/2009-04-04/meta-data/")).split("\n")
            assert (await cloud.app.hosts.metadata(peer, "/openstack/latest/nothing"))[0] == 404
            other = {"remote_address": "10.9.9.9", "network_id": around.network}
            assert (await cloud.app.hosts.metadata(other, "/openstack"))[0] == 404

    talk(conversation)


def test_usage_and_events_and_extensions_answer(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            id = await boot(cloud)
            usage = await ask(cloud, "GET", f"/os-simple-tenant-usage/{PROJECT}")
            assert usage["tenant_usage"]["server_usages"][0]["instance_id"] == id
            event = {"name": "network-changed", "server_uuid": id}
            answer = await ask(
                cloud, "POST", "/os-server-external-events", {"events": [event]}, token="service"
            )
            assert answer["events"][0]["code"] == 200
            missing = {"name": "network-changed", "server_uuid": around.network}
            body = {"events": [event, missing]}
            answer = await ask(cloud, "POST", "/os-server-external-events", body, 207, token="service")
            assert answer["events"][1]["code"] == 404
            names = {e["name"] for e in (await ask(cloud, "GET", "/extensions"))["extensions"]}
            assert "ImageSize" in names

    talk(conversation)
