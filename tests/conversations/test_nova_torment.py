# SPDX-License-Identifier: Apache-2.0
"""Servers' flows failed and crashed at each of their moments, with all the services around them."""

from typing import Any

from tests.conversations.nova_talk import (
    LATEST,
    SERVERS,
    SERVICES,
    ask,
    ask_for_a_server,
    holds,
    surroundings,
)

from cumulet.services.nova.aggregates import caching
from cumulet.services.nova.servers import flows, growing
from cumulet.services.nova.service import service
from cumulet.services.nova.settings import NovaSettings
from cumulet.testing.cloud import Cloud
from cumulet.testing.torment import torment


async def ask_for_one_with_a_volume(cloud: Cloud) -> str:
    image = (await surroundings(cloud)).image
    root = {"uuid": image, "source_type": "image", "destination_type": "volume", "boot_index": 0}
    root |= {"volume_size": 1, "delete_on_termination": True}
    return await ask_for_a_server(cloud, imageRef="", block_device_mapping_v2=[root])


async def calm(cloud: Cloud) -> None:
    """The next saga is left in peace."""
    hook, cloud.app.sagas.hook = cloud.app.sagas.hook, lambda moment, step: None
    await cloud.settled()
    cloud.app.sagas.hook = hook


async def a_running_server(cloud: Cloud) -> str:
    hook, cloud.app.sagas.hook = cloud.app.sagas.hook, lambda moment, step: None
    id = await ask_for_a_server(cloud)
    await cloud.settled()
    cloud.app.sagas.hook = hook
    server = (await ask(cloud, "GET", f"{SERVERS}/{id}"))["server"]
    assert server["status"] == "ACTIVE", server.get("fault")
    return id


async def a_server_that_is_stopped(cloud: Cloud) -> str:
    id = await a_running_server(cloud)
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"os-stop": None})
    return id


async def a_server_that_is_deleted(cloud: Cloud) -> str:
    id = await a_running_server(cloud)
    await ask(cloud, "DELETE", f"{SERVERS}/{id}")
    return id


async def running_or_in_error(cloud: Cloud, id: str) -> None:
    """The server runs, or says why not; deleted, it leaves nothing in either case."""
    server = (await ask(cloud, "GET", f"{SERVERS}/{id}"))["server"]
    assert server["status"] in ("ACTIVE", "ERROR"), server["status"]
    assert (server["status"] == "ERROR") == ("fault" in server)
    assert server["OS-EXT-STS:task_state"] is None
    await holds(cloud)
    await ask(cloud, "DELETE", f"{SERVERS}/{id}")
    await gone(cloud, id)


async def stopped_or_as_it_was(cloud: Cloud, id: str) -> None:
    server = (await ask(cloud, "GET", f"{SERVERS}/{id}"))["server"]
    assert server["status"] in ("ACTIVE", "SHUTOFF"), server["status"]
    assert server["OS-EXT-STS:task_state"] is None
    await holds(cloud)
    await ask(cloud, "DELETE", f"{SERVERS}/{id}")
    await gone(cloud, id)


async def gone(cloud: Cloud, id: str) -> None:
    await calm(cloud)
    assert (await cloud.request("GET", f"{SERVERS}/{id}", token="member")).status == 404
    ports = (await ask(cloud, "GET", "/network/v2.0/ports"))["ports"]
    assert [port["id"] for port in ports if port["device_id"] == id] == []
    assert (await ask(cloud, "GET", "/volume/v3/volumes"))["volumes"] == []
    assert all(id not in world.guests for world in cloud.worlds.values())
    await holds(cloud)


test_create_server = torment(flows.create_server, SERVICES, begin=ask_for_a_server, check=running_or_in_error)
test_create_server_with_a_volume = torment(
    flows.create_server, SERVICES, begin=ask_for_one_with_a_volume, check=running_or_in_error
)
test_stop_server = torment(
    flows.change_power, SERVICES, begin=a_server_that_is_stopped, check=stopped_or_as_it_was
)
test_delete_server = torment(flows.delete_server, SERVICES, begin=a_server_that_is_deleted, check=gone)


# -- changes of a server that runs ------------------------------------------------------------------------


async def calmly(cloud: Cloud, path: str, body: Any, **more: Any) -> Any:
    """What a request made, with all that it started come to its end before the torment."""
    hook, cloud.app.sagas.hook = cloud.app.sagas.hook, lambda moment, step: None
    answer = await ask(cloud, "POST", path, body, **more)
    await cloud.settled()
    cloud.app.sagas.hook = hook
    return answer


async def ended(cloud: Cloud, id: str) -> None:
    """The server can be deleted, and nothing is left of it."""
    await ask(cloud, "DELETE", f"{SERVERS}/{id}")
    await gone(cloud, id)


async def still_active(cloud: Cloud, id: str) -> None:
    server = (await ask(cloud, "GET", f"{SERVERS}/{id}"))["server"]
    assert (server["status"], server["OS-EXT-STS:task_state"]) == ("ACTIVE", None), server
    await holds(cloud)
    await cloud.rest()


async def a_server_that_is_rebuilt(cloud: Cloud) -> str:
    id = await a_running_server(cloud)
    image = (await surroundings(cloud)).image
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"rebuild": {"imageRef": image}})
    return id


async def a_server_that_becomes_an_image(cloud: Cloud) -> tuple[str, str]:
    id = await a_running_server(cloud)
    asked = {"createImage": {"name": "copy"}}
    answer = await ask(cloud, "POST", f"{SERVERS}/{id}/action", asked, headers=LATEST)
    return id, str(answer["image_id"])


async def an_image_or_none(cloud: Cloud, ids: tuple[str, str]) -> None:
    """The image is active or there is none; the server runs on."""
    server_id, image_id = ids
    await still_active(cloud, server_id)
    found = await cloud.request("GET", f"/image/v2/images/{image_id}", token="member")
    assert found.status == 404 or found["status"] == "active", found
    if found.status == 200:
        await ask(cloud, "DELETE", f"/image/v2/images/{image_id}")
    await ended(cloud, server_id)


async def a_server_that_is_backed_up(cloud: Cloud) -> tuple[str, str]:
    id = await a_running_server(cloud)
    asked = {"createBackup": {"name": "copy", "backup_type": "daily", "rotation": 1}}
    answer = await ask(cloud, "POST", f"{SERVERS}/{id}/action", asked, headers=LATEST)
    return id, str(answer["image_id"])


async def a_server_that_can_be_restored(cloud: Cloud) -> str:
    id = await a_running_server(cloud)
    await ask(cloud, "DELETE", f"{SERVERS}/{id}")
    return id


async def put_off_or_as_it_was(cloud: Cloud, id: str) -> None:
    server = (await ask(cloud, "GET", f"{SERVERS}/{id}"))["server"]
    assert server["status"] in ("ACTIVE", "SOFT_DELETED"), server["status"]
    assert server["OS-EXT-STS:task_state"] is None
    await holds(cloud)
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"forceDelete": None})
    await gone(cloud, id)


async def a_volume_backed_server_that_becomes_an_image(cloud: Cloud) -> tuple[str, str]:
    hook, cloud.app.sagas.hook = cloud.app.sagas.hook, lambda moment, step: None
    id = await ask_for_one_with_a_volume(cloud)
    await cloud.settled()
    cloud.app.sagas.hook = hook
    asked = {"createImage": {"name": "copy"}}
    answer = await ask(cloud, "POST", f"{SERVERS}/{id}/action", asked, headers=LATEST)
    return id, str(answer["image_id"])


async def an_image_with_its_snapshot_or_nothing(cloud: Cloud, ids: tuple[str, str]) -> None:
    """The image is active and its snapshot available, or there is neither; the server runs on."""
    server_id, image_id = ids
    await still_active(cloud, server_id)
    snapshots = (await ask(cloud, "GET", "/volume/v3/snapshots"))["snapshots"]
    found = await cloud.request("GET", f"/image/v2/images/{image_id}", token="member")
    states = [snapshot["status"] for snapshot in snapshots]
    assert (found.status, states) in ((404, []), (200, ["available"])), (found, states)
    for snapshot in snapshots:
        assert found["status"] == "active" and snapshot["id"] in found["block_device_mapping"]
        await ask(cloud, "DELETE", f"/image/v2/images/{image_id}")
        await ask(cloud, "DELETE", f"/volume/v3/snapshots/{snapshot['id']}")
        await calm(cloud)
    await ended(cloud, server_id)


async def a_server_and_a_volume(cloud: Cloud) -> tuple[str, str]:
    id = await a_running_server(cloud)
    made = await calmly(cloud, "/volume/v3/volumes", {"volume": {"size": 1}})
    return id, str(made["volume"]["id"])


def to_end_with_its_server(volume: str) -> dict[str, Any]:
    return {"volumeAttachment": {"volumeId": volume, "delete_on_termination": True}}


async def a_volume_that_is_attached(cloud: Cloud) -> tuple[str, str]:
    id, volume = await a_server_and_a_volume(cloud)
    path = f"{SERVERS}/{id}/os-volume_attachments"
    await ask(cloud, "POST", path, to_end_with_its_server(volume), headers=LATEST)
    return id, volume


async def a_volume_that_is_detached(cloud: Cloud) -> tuple[str, str]:
    id, volume = await a_server_and_a_volume(cloud)
    path = f"{SERVERS}/{id}/os-volume_attachments"
    await calmly(cloud, path, to_end_with_its_server(volume), headers=LATEST)
    await ask(cloud, "DELETE", f"{path}/{volume}")
    return id, volume


def disks(cloud: Cloud, server_id: str) -> list[str]:
    return [disk.volume_id for disk in cloud.worlds["host-1"].guests[server_id].document.disks]


async def attached_or_free(cloud: Cloud, ids: tuple[str, str]) -> None:
    """The volume is in use and in the guest, or available and not; it ends with the server if it has it."""
    server_id, volume_id = ids
    await still_active(cloud, server_id)
    volume = (await ask(cloud, "GET", f"/volume/v3/volumes/{volume_id}"))["volume"]
    has = [item["server_id"] for item in volume["attachments"]]
    expected = (["in-use", [server_id], [volume_id]], ["available", [], []])
    assert [volume["status"], has, disks(cloud, server_id)] in expected, volume
    if not has:
        await ask(cloud, "DELETE", f"/volume/v3/volumes/{volume_id}")
    await ended(cloud, server_id)


async def a_volume_that_has_grown(cloud: Cloud) -> tuple[str, str]:
    id, volume = await a_server_and_a_volume(cloud)
    path = f"{SERVERS}/{id}/os-volume_attachments"
    await calmly(cloud, path, to_end_with_its_server(volume), headers=LATEST)
    event = {"name": "volume-extended", "server_uuid": id, "tag": volume}
    path = "/compute/v2.1/os-server-external-events"
    await ask(cloud, "POST", path, {"events": [event]}, headers=LATEST, token="admin")
    return id, volume


async def seen_or_said_why(cloud: Cloud, ids: tuple[str, str]) -> None:
    server_id, _ = ids
    await still_active(cloud, server_id)
    path = f"{SERVERS}/{server_id}/os-instance-actions"
    [action] = [
        item
        for item in (await ask(cloud, "GET", path))["instanceActions"]
        if item["action"] == "extend_volume"
    ]
    found = await ask(cloud, "GET", f"{path}/{action['request_id']}", token="admin")
    [event] = found["instanceAction"]["events"]
    assert (event["event"], event["result"] in ("Success", "Error")) == ("compute_extend_volume", True)
    await ended(cloud, server_id)


async def detached(cloud: Cloud, ids: tuple[str, str]) -> None:
    server_id, volume_id = ids
    await still_active(cloud, server_id)
    assert disks(cloud, server_id) == []
    volume = (await ask(cloud, "GET", f"/volume/v3/volumes/{volume_id}"))["volume"]
    assert (volume["status"], volume["attachments"]) == ("available", [])
    await ask(cloud, "DELETE", f"/volume/v3/volumes/{volume_id}")
    await ended(cloud, server_id)


async def a_port_that_is_attached(cloud: Cloud) -> tuple[str, str]:
    id = await a_running_server(cloud)
    network = (await surroundings(cloud)).network
    made = await ask(cloud, "POST", "/network/v2.0/ports", {"port": {"network_id": network}})
    port = str(made["port"]["id"])
    await ask(cloud, "POST", f"{SERVERS}/{id}/os-interface", {"interfaceAttachment": {"port_id": port}})
    return id, port


async def a_port_that_is_detached(cloud: Cloud) -> tuple[str, str]:
    id = await a_running_server(cloud)
    network = (await surroundings(cloud)).network
    path = f"{SERVERS}/{id}/os-interface"
    made = await calmly(cloud, path, {"interfaceAttachment": {"net_id": network}})
    port = str(made["interfaceAttachment"]["port_id"])
    await ask(cloud, "DELETE", f"{path}/{port}")
    return id, port


async def plugged_or_free(cloud: Cloud, ids: tuple[str, str]) -> None:
    """The guest has the NIC and the port says so, or neither; the user's port is there in any case."""
    server_id, port_id = ids
    await still_active(cloud, server_id)
    port = (await ask(cloud, "GET", f"/network/v2.0/ports/{port_id}"))["port"]
    nics = [nic.port_id for nic in cloud.worlds["host-1"].guests[server_id].document.nics]
    assert (port["device_id"], port_id in nics, len(nics)) in ((server_id, True, 2), ("", False, 1)), port
    await ended(cloud, server_id)
    await ask(cloud, "DELETE", f"/network/v2.0/ports/{port_id}")


async def unplugged(cloud: Cloud, ids: tuple[str, str]) -> None:
    """The guest has the NIC no more, and the port that was made for it is gone."""
    server_id, port_id = ids
    await still_active(cloud, server_id)
    assert (await cloud.request("GET", f"/network/v2.0/ports/{port_id}", token="member")).status == 404
    assert len(cloud.worlds["host-1"].guests[server_id].document.nics) == 1
    await ended(cloud, server_id)


test_rebuild_server = torment(
    flows.rebuild_server, SERVICES, begin=a_server_that_is_rebuilt, check=running_or_in_error
)
test_create_image = torment(
    flows.create_image, SERVICES, begin=a_server_that_becomes_an_image, check=an_image_or_none
)
test_create_backup = torment(
    flows.create_backup, SERVICES, begin=a_server_that_is_backed_up, check=an_image_or_none
)
test_soft_delete_server = torment(
    flows.change_power,
    [*SERVICES[:-1], service(NovaSettings(reclaim_instance_interval=3600))],
    begin=a_server_that_can_be_restored,
    check=put_off_or_as_it_was,
)
test_create_volume_image = torment(
    flows.create_volume_image,
    SERVICES,
    begin=a_volume_backed_server_that_becomes_an_image,
    check=an_image_with_its_snapshot_or_nothing,
)
test_attach_volume = torment(
    flows.attach_volume, SERVICES, begin=a_volume_that_is_attached, check=attached_or_free
)
test_detach_volume = torment(flows.detach_volume, SERVICES, begin=a_volume_that_is_detached, check=detached)
test_extend_volume = torment(
    growing.extend_volume, SERVICES, begin=a_volume_that_has_grown, check=seen_or_said_why
)
test_attach_interface = torment(
    flows.attach_interface, SERVICES, begin=a_port_that_is_attached, check=plugged_or_free
)
test_detach_interface = torment(
    flows.detach_interface, SERVICES, begin=a_port_that_is_detached, check=unplugged
)


# -- images for the hosts of an aggregate -------------------------------------------------------------------


async def images_that_are_asked_for(cloud: Cloud) -> tuple[int, str]:
    image = (await surroundings(cloud)).image
    cloud.worlds["host-1"].images.clear()
    path = "/compute/v2.1/os-aggregates"
    made = await ask(cloud, "POST", path, {"aggregate": {"name": "near"}}, token="admin")
    number = int(made["aggregate"]["id"])
    await ask(cloud, "POST", f"{path}/{number}/action", {"add_host": {"host": "host-1"}}, token="admin")
    cache = {"cache": [{"id": image}]}
    await ask(cloud, "POST", f"{path}/{number}/images", cache, token="admin", headers=LATEST)
    return number, image


async def there_or_not(cloud: Cloud, asked: tuple[int, str]) -> None:
    """The host has the image or nothing, and the aggregate can go."""
    number, image = asked
    assert cloud.worlds["host-1"].images <= {image}
    path = f"/compute/v2.1/os-aggregates/{number}"
    await ask(cloud, "POST", f"{path}/action", {"remove_host": {"host": "host-1"}}, token="admin")
    await ask(cloud, "DELETE", path, token="admin")


test_bring_images = torment(
    caching.bring_images, SERVICES, begin=images_that_are_asked_for, check=there_or_not
)
