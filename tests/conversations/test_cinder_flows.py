# SPDX-License-Identifier: Apache-2.0
"""Every saga of Cinder, tormented: whenever it fails or dies, the thing is whole, or in error and gone."""

from typing import Any

from tests.conversations.cinder_talk import SERVICES, ask
from tests.conversations.cinder_talk import act as do

from cumulet.services.cinder.snapshots import flows as snapshots
from cumulet.services.cinder.volumes import flows as volumes
from cumulet.testing.cloud import Cloud
from cumulet.testing.torment import torment


async def calmly(cloud: Cloud, kind: str = "volume", **values: Any) -> str:
    """A thing to begin with, made before the torment."""
    hook, cloud.app.sagas.hook = cloud.app.sagas.hook, lambda moment, step: None
    id = await begin(cloud, kind, **values)
    await cloud.settled()
    cloud.app.sagas.hook = hook
    return id


async def begin(cloud: Cloud, kind: str = "volume", **values: Any) -> str:
    if kind == "volume":
        values = {"size": 1, **values}
    answer = await ask(cloud, "POST", f"/{kind}s", {kind: values}, token="admin")
    assert answer.status == 202, answer
    return str(answer[kind]["id"])


async def look(cloud: Cloud, kind: str, id: str) -> Any:
    answer = await ask(cloud, "GET", f"/{kind}s/{id}", token="admin")
    return answer[kind] if answer.status == 200 else None


async def clear(cloud: Cloud, kind: str, id: str) -> None:
    """It can be deleted, and nothing is left of it anywhere."""
    answer = await ask(cloud, "DELETE", f"/{kind}s/{id}?cascade=true", token="admin")
    assert answer.status == 202, answer
    await cloud.settled()
    await gone(cloud, kind, id)


async def gone(cloud: Cloud, kind: str, id: str) -> None:
    assert await look(cloud, kind, id) is None
    await cloud.rest()
    assert id not in cloud.worlds["host-1"].volumes and id not in cloud.worlds["host-1"].snapshots


# -- volumes --------------------------------------------------------------------------------------------


async def a_volume(cloud: Cloud) -> str:
    return await begin(cloud)


async def a_volume_is_whole(cloud: Cloud, id: str) -> None:
    """Available and on its host, or in error with nothing left there."""
    volume = await look(cloud, "volume", id)
    await cloud.rest()
    there = id in cloud.worlds["host-1"].volumes
    assert (volume["status"], there) in (("available", True), ("error", False)), (volume["status"], there)
    await clear(cloud, "volume", id)


async def a_volume_that_grows(cloud: Cloud) -> str:
    id = await calmly(cloud)
    assert (await do(cloud, id, "os-extend", {"new_size": 3}, token="admin")).status == 202
    return id


async def a_volume_has_grown(cloud: Cloud, id: str) -> None:
    """As large as was asked, or as large as before and in error; its host never has less than it shows."""
    volume = await look(cloud, "volume", id)
    await cloud.rest()
    assert (volume["status"], volume["size"]) in (("available", 3), ("error_extending", 1))
    assert cloud.worlds["host-1"].volumes[id].document.size_gb >= volume["size"]
    await clear(cloud, "volume", id)


async def a_volume_that_goes(cloud: Cloud) -> str:
    id = await calmly(cloud)
    await calmly(cloud, "snapshot", volume_id=id)
    assert (await ask(cloud, "DELETE", f"/volumes/{id}?cascade=true", token="admin")).status == 202
    return id


async def a_volume_is_gone(cloud: Cloud, id: str) -> None:
    await gone(cloud, "volume", id)
    assert not cloud.worlds["host-1"].snapshots


async def a_volume_that_becomes_an_image(cloud: Cloud) -> tuple[str, str]:
    id = await calmly(cloud)
    asked = {"image_name": "copy", "disk_format": "qcow2"}
    answer = await do(cloud, id, "os-volume_upload_image", asked, token="admin")
    assert answer.status == 202, answer
    return id, str(answer["os-volume_upload_image"]["image_id"])


async def an_image_or_none(cloud: Cloud, ids: tuple[str, str]) -> None:
    """The image is active or there is none; the volume is as it was."""
    volume_id, image_id = ids
    found = await cloud.request("GET", f"/image/v2/images/{image_id}", token="admin")
    assert found.status == 404 or found["status"] == "active", found
    assert (await look(cloud, "volume", volume_id))["status"] == "available"
    await clear(cloud, "volume", volume_id)


# -- snapshots ------------------------------------------------------------------------------------------


async def a_snapshot(cloud: Cloud) -> str:
    return await begin(cloud, "snapshot", volume_id=await calmly(cloud))


async def a_snapshot_is_whole(cloud: Cloud, id: str) -> None:
    snapshot = await look(cloud, "snapshot", id)
    await cloud.rest()
    there = id in cloud.worlds["host-1"].snapshots
    assert (snapshot["status"], there) in (("available", True), ("error", False)), (snapshot["status"], there)
    await clear(cloud, "snapshot", id)
    await clear(cloud, "volume", snapshot["volume_id"])


async def a_snapshot_that_goes(cloud: Cloud) -> tuple[str, str]:
    volume_id = await calmly(cloud)
    id = await calmly(cloud, "snapshot", volume_id=volume_id)
    assert (await ask(cloud, "DELETE", f"/snapshots/{id}", token="admin")).status == 202
    return id, volume_id


async def a_snapshot_is_gone(cloud: Cloud, ids: tuple[str, str]) -> None:
    await gone(cloud, "snapshot", ids[0])
    await clear(cloud, "volume", ids[1])


test_create_volume = torment(volumes.create_volume, SERVICES, begin=a_volume, check=a_volume_is_whole)
test_extend_volume = torment(
    volumes.extend_volume, SERVICES, begin=a_volume_that_grows, check=a_volume_has_grown
)
test_delete_volume = torment(
    volumes.delete_volume, SERVICES, begin=a_volume_that_goes, check=a_volume_is_gone
)
test_upload_volume = torment(
    volumes.upload_volume, SERVICES, begin=a_volume_that_becomes_an_image, check=an_image_or_none
)
test_create_snapshot = torment(
    snapshots.create_snapshot, SERVICES, begin=a_snapshot, check=a_snapshot_is_whole
)
test_delete_snapshot = torment(
    snapshots.delete_snapshot, SERVICES, begin=a_snapshot_that_goes, check=a_snapshot_is_gone
)
