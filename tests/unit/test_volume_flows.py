# SPDX-License-Identifier: Apache-2.0
"""Every saga of volumes, tormented."""

from typing import Any

from cumulet.services.cinder.service import SERVICE as CINDER
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import people
from cumulet.testing.torment import torment

VOLUMES = "/volume/v3/volumes"
SERVICES = [people(), CINDER]


async def ask_for_a_volume(cloud: Cloud) -> str:
    answer = await cloud.request("POST", VOLUMES, {"volume": {"size": 1}}, token="admin")
    assert answer.status == 202, answer
    return str(answer["volume"]["id"])


async def whole_or_in_error(cloud: Cloud, id: str) -> None:
    """Available and on its host, or in error with nothing left there; then it can be deleted."""
    volume = (await cloud.request("GET", f"{VOLUMES}/{id}", token="admin"))["volume"]
    await cloud.rest()
    there = id in cloud.worlds["host-1"].volumes
    assert (volume["status"], there) in (("available", True), ("error", False)), (volume["status"], there)
    assert (await cloud.request("DELETE", f"{VOLUMES}/{id}", token="admin")).status == 202
    await cloud.settled()
    await gone(cloud, id)


async def a_volume_that_is_deleted(cloud: Cloud) -> str:
    hook, cloud.app.sagas.hook = cloud.app.sagas.hook, lambda moment, step: None
    id = await ask_for_a_volume(cloud)
    await cloud.settled()
    cloud.app.sagas.hook = hook
    answer = await cloud.request("DELETE", f"{VOLUMES}/{id}", token="admin")
    assert answer.status == 202, answer
    return id


async def gone(cloud: Cloud, id: Any) -> None:
    assert (await cloud.request("GET", f"{VOLUMES}/{id}", token="admin")).status == 404
    await cloud.rest()
    assert id not in cloud.worlds["host-1"].volumes


test_create_volume = torment(SERVICES, begin=ask_for_a_volume, check=whole_or_in_error)
test_delete_volume = torment(SERVICES, begin=a_volume_that_is_deleted, check=gone)
