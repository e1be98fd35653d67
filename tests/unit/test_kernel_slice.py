# SPDX-License-Identifier: Apache-2.0
"""The kernel, told through volumes: from a request to a simulated host and back."""

import asyncio
from pathlib import Path

from cumulet.services.cinder.service import SERVICE as CINDER
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import people

VOLUMES = "/volume/v3/volumes"


def test_a_volume_is_made_grown_and_deleted(tmp_path: Path, database: str) -> None:
    async def talk() -> None:
        async with Cloud.running(tmp_path, [people(), CINDER], database=database) as cloud:
            cloud.token = "member"
            made = await cloud.request("POST", VOLUMES, {"volume": {"size": 1, "name": "disk"}})
            assert made.status == 202, made
            id = made["volume"]["id"]
            assert made["volume"]["status"] == "creating"
            await cloud.settled()
            shown = await cloud.request("GET", f"{VOLUMES}/{id}")
            assert shown["volume"]["status"] == "available", shown
            grown = await cloud.request("POST", f"{VOLUMES}/{id}/action", {"os-extend": {"new_size": 2}})
            assert grown.status == 202, grown
            await cloud.settled()
            shown = await cloud.request("GET", f"{VOLUMES}/{id}")
            assert (shown["volume"]["size"], shown["volume"]["status"]) == (2, "available")
            assert (await cloud.request("GET", f"{VOLUMES}/{id}", token="stranger")).status == 404
            assert (await cloud.request("DELETE", f"{VOLUMES}/{id}", token="reader")).status == 403
            assert (await cloud.request("GET", f"{VOLUMES}/{id}", token="nobody")).status == 401
            gone = await cloud.request("DELETE", f"{VOLUMES}/{id}")
            assert gone.status == 202, gone
            await cloud.settled()
            assert (await cloud.request("GET", f"{VOLUMES}/{id}")).status == 404
            assert (await cloud.request("GET", VOLUMES)).body == {"volumes": []}

    asyncio.run(talk())
