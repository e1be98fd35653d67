# SPDX-License-Identifier: Apache-2.0
"""What no client sends by accident is refused too, and never breaks anything."""

import asyncio
from pathlib import Path
from typing import Any

from cumulet.services.glance.service import SERVICE as GLANCE
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import people

IMAGES = "/image/v2/images"
PATCH = {"content-type": "application/openstack-images-v2.1-json-patch"}
HUGE = "9" * 30


def test_hostile_requests_are_refused(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        id = (await cloud.request("POST", IMAGES, {"name": "x"})).body["id"]
        requests: list[tuple[str, str, Any]] = [
            ("GET", f"{IMAGES}?min_disk={HUGE}", None),
            ("GET", f"{IMAGES}?size={HUGE}", None),
            ("GET", f"{IMAGES}?size_min={HUGE}", None),
            ("GET", f"{IMAGES}?limit={HUGE}", None),
            ("GET", f"{IMAGES}?name=%00", None),
            ("GET", f"{IMAGES}?tag=%00", None),
            ("GET", f"{IMAGES}?custom=%00", None),
            ("GET", f"{IMAGES}?marker=%00", None),
            ("GET", f"{IMAGES}?name=%ff%fe", None),
            ("GET", f"{IMAGES}/%00", None),
            ("GET", f"{IMAGES}/..%2f..%2fetc", None),
            ("GET", f"{IMAGES}/{id}/members/%00", None),
            ("POST", IMAGES, {"name": "a\0b"}),
            ("POST", IMAGES, {"custom": "a\0b"}),
            ("POST", IMAGES, {"a\0b": "x"}),
            ("POST", IMAGES, {"tags": ["a\0b"]}),
            ("POST", IMAGES, {"owner": "a\0b"}),
            ("POST", IMAGES, {"min_disk": int(HUGE)}),
            ("POST", IMAGES, {"min_disk": 1e300}),
            ("POST", IMAGES, {"min_disk": True}),
            ("POST", IMAGES, b'{"name": "\\ud800"}'),
            ("POST", IMAGES, b"[" * 100_000),
            ("POST", f"{IMAGES}/{id}/members", {"member": "a\0b"}),
            ("PUT", f"{IMAGES}/{id}/tags/%00", None),
            ("PATCH", f"{IMAGES}/{id}", [{"op": "add", "path": "/c", "value": "a\0b"}]),
            ("PATCH", f"{IMAGES}/{id}", [{"op": "replace", "path": "/min_ram", "value": int(HUGE)}]),
            ("PATCH", f"{IMAGES}/{id}", [{"op": ["add"], "path": "/c", "value": "x"}]),
            ("PATCH", f"{IMAGES}/{id}", [{"op": "add", "path": {"a": 1}, "value": "x"}]),
            ("POST", f"{IMAGES}/{id}/import", {"method": {"name": ["glance-direct"]}}),
        ]
        for method, path, body in requests:
            headers = PATCH if method == "PATCH" else {}
            answer = await cloud.request(method, path, body, headers=headers, token="admin")
            assert answer.status < 500, (method, path, body, answer)

    async def whole() -> None:
        async with Cloud.running(tmp_path, [people(), GLANCE], database=database, hosts=0) as cloud:
            cloud.token = "member"
            await talk(cloud)

    asyncio.run(whole())
