# SPDX-License-Identifier: Apache-2.0
"""Servers' flows failed and crashed at each of their moments, with all the services around them."""

from typing import Any

from cumulet.services.cinder.service import SERVICE as CINDER
from cumulet.services.glance.service import SERVICE as GLANCE
from cumulet.services.neutron.service import SERVICE as NEUTRON
from cumulet.services.nova.service import SERVICE as NOVA
from cumulet.services.nova.service import devstack
from cumulet.services.placement.service import SERVICE as PLACEMENT
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import people
from cumulet.testing.torment import torment

SERVICES = [people(), PLACEMENT, GLANCE, NEUTRON, CINDER, NOVA]
SERVERS = "/compute/v2.1/servers"
OCTETS = {"content-type": "application/octet-stream"}


async def ask(cloud: Cloud, method: str, path: str, body: Any = None, **more: Any) -> Any:
    answer = await cloud.request(method, path, body, token="member", **more)
    assert answer.status < 400, answer
    return answer


async def surroundings(cloud: Cloud) -> tuple[str, str]:
    """A network with a subnet, and an image: made once."""
    networks = (await ask(cloud, "GET", "/network/v2.0/networks"))["networks"]
    images = (await ask(cloud, "GET", "/image/v2/images"))["images"]
    if networks:
        return networks[0]["id"], images[0]["id"]
    await devstack(cloud.app, None)
    made = await ask(cloud, "POST", "/network/v2.0/networks", {"network": {"name": "private"}})
    network = made["network"]["id"]
    subnet = {"network_id": network, "cidr": "10.1.0.0/16", "ip_version": 4}
    await ask(cloud, "POST", "/network/v2.0/subnets", {"subnet": subnet})
    body = {"name": "cirros", "disk_format": "raw", "container_format": "bare"}
    image = (await ask(cloud, "POST", "/image/v2/images", body))["id"]
    await ask(cloud, "PUT", f"/image/v2/images/{image}/file", b"\0" * 4096, headers=OCTETS)
    return network, image


async def ask_for_a_server(cloud: Cloud, **more: Any) -> str:
    network, image = await surroundings(cloud)
    body = {"name": "vm", "imageRef": image, "flavorRef": "1", "networks": [{"uuid": network}], **more}
    return str((await ask(cloud, "POST", SERVERS, {"server": body}))["server"]["id"])


async def ask_for_one_with_a_volume(cloud: Cloud) -> str:
    _, image = await surroundings(cloud)
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


async def holds(cloud: Cloud) -> None:
    for check in NOVA.invariants():
        assert await cloud.app.db.read(check) == []


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


test_create_server = torment(SERVICES, begin=ask_for_a_server, check=running_or_in_error)
test_create_server_with_a_volume = torment(
    SERVICES, begin=ask_for_one_with_a_volume, check=running_or_in_error
)
test_stop_server = torment(SERVICES, begin=a_server_that_is_stopped, check=stopped_or_as_it_was)
test_delete_server = torment(SERVICES, begin=a_server_that_is_deleted, check=gone)
