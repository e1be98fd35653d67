# SPDX-License-Identifier: Apache-2.0
"""Sharing: the owner offers an image to projects, and each says whether it takes it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cumulet.services.glance.service import SERVICE as GLANCE
from cumulet.testing.asgi import Answer
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import OTHER_PROJECT, PROJECT, people

IMAGES = "/image/v2/images"
THIRD_PROJECT = "c" * 32


def converse(tmp_path: Path, database: str, talk: Callable[[Cloud, str], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Cloud.running(tmp_path, [people(), GLANCE], database=database, hosts=0) as cloud:
            cloud.token = "member"
            made = await cloud.request("POST", IMAGES, {"name": "shared"})
            await talk(cloud, f"{IMAGES}/{made['id']}")

    asyncio.run(whole())


async def offer(cloud: Cloud, image: str, project: str = OTHER_PROJECT, token: str = "member") -> Answer:
    return await cloud.request("POST", f"{image}/members", {"member": project}, token=token)


async def decide(cloud: Cloud, image: str, status: Any, token: str = "stranger") -> Answer:
    return await cloud.request("PUT", f"{image}/members/{OTHER_PROJECT}", {"status": status}, token=token)


async def listed(cloud: Cloud, query: str = "", token: str = "stranger") -> int:
    return len((await cloud.request("GET", f"{IMAGES}?{query}", token=token))["images"])


def words(answer: Answer) -> str:
    return str(answer["message"].removesuffix("<br /><br />\n\n\n"))


def test_a_member_accepts_or_rejects_an_image(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud, image: str) -> None:
        assert (await cloud.request("GET", image, token="stranger")).status == 404
        added = await offer(cloud, image)
        assert added.status == 200
        assert added.body | {"created_at": "", "updated_at": ""} == {
            "member_id": OTHER_PROJECT,
            "image_id": image.rsplit("/", 1)[1],
            "status": "pending",
            "created_at": "",
            "updated_at": "",
            "schema": "/v2/schemas/member",
        }
        assert (await cloud.request("GET", image, token="stranger")).status == 200
        assert await listed(cloud) == 0
        assert await listed(cloud, "member_status=pending&visibility=shared") == 1
        assert (await decide(cloud, image, "accepted"))["status"] == "accepted"
        assert await listed(cloud) == 1
        assert await listed(cloud, "member_status=pending") == 0
        assert (await decide(cloud, image, "rejected"))["status"] == "rejected"
        assert await listed(cloud) == 0
        assert await listed(cloud, "member_status=all") == 1
        assert (await cloud.request("GET", image, token="stranger")).status == 200
        gone = await cloud.request("DELETE", f"{image}/members/{OTHER_PROJECT}")
        assert gone.status == 204
        assert (await cloud.request("GET", image, token="stranger")).status == 404

    converse(tmp_path, database, talk)


def test_only_the_owner_shares_and_only_the_member_decides(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud, image: str) -> None:
        await offer(cloud, image)
        assert (await offer(cloud, image, THIRD_PROJECT, token="stranger")).status == 403
        assert (await offer(cloud, image, THIRD_PROJECT, token="reader")).status == 403
        refused = await decide(cloud, image, "accepted", token="member")
        assert (refused.status, words(refused)) == (
            403,
            "You are not authorized to complete modify_member action.",
        )
        path = f"{image}/members/{OTHER_PROJECT}"
        assert (await cloud.request("DELETE", path, token="stranger")).status == 403
        assert (await decide(cloud, image, "accepted", token="admin")).status == 200

    converse(tmp_path, database, talk)


def test_a_member_sees_only_its_own_membership(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud, image: str) -> None:
        for project in (OTHER_PROJECT, THIRD_PROJECT):
            await offer(cloud, image, project)
        answer = await cloud.request("GET", f"{image}/members")
        assert answer["schema"] == "/v2/schemas/members"
        assert [member["member_id"] for member in answer["members"]] == [OTHER_PROJECT, THIRD_PROJECT]
        seen = await cloud.request("GET", f"{image}/members", token="stranger")
        assert [member["member_id"] for member in seen["members"]] == [OTHER_PROJECT]
        assert (
            await cloud.request("GET", f"{image}/members/{OTHER_PROJECT}", token="stranger")
        ).status == 200
        hidden = await cloud.request("GET", f"{image}/members/{THIRD_PROJECT}", token="stranger")
        assert hidden.status == 404
        assert words(hidden).startswith(f"{THIRD_PROJECT} not found in the member list of the image")

    converse(tmp_path, database, talk)


def test_memberships_that_make_no_sense_are_refused(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud, image: str) -> None:
        members = f"{image}/members"
        cases: list[tuple[Any, str]] = [
            (None, "Body expected in request."),
            ({}, "Member to be added not specified"),
            ({"member": ""}, "Member can't be empty"),
            (["x"], 'Expected a member in the form: {"member": "image_id"}'),
            ({"member": "x" * 256}, "at most 255 characters"),
            ({"member": {"id": 5}}, "at most 255 characters"),
        ]
        for body, sentence in cases:
            answer = await cloud.request("POST", members, body)
            assert answer.status == 400 and sentence in answer["message"], (body, answer)
        await offer(cloud, image)
        again = await offer(cloud, image)
        assert again.status == 409 and "is duplicated for image" in again["message"]
        for status in ("maybe", 5, None):
            answer = await decide(cloud, image, status)
            assert answer.status == 400 and "Incorrect request: Status must be" in answer["message"]
        assert words(await cloud.request("PUT", f"{members}/{OTHER_PROJECT}", {})) == "Status not specified"
        assert (await cloud.request("DELETE", f"{members}/{PROJECT}")).status == 404
        lost = await cloud.request("GET", f"{IMAGES}/nowhere/members")
        assert (lost.status, words(lost)) == (404, "Image nowhere not found.")

    converse(tmp_path, database, talk)


def test_only_shared_images_have_members(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud, image: str) -> None:
        await offer(cloud, image)
        kind = {"content-type": "application/openstack-images-v2.1-json-patch"}
        change = [{"op": "replace", "path": "/visibility", "value": "private"}]
        assert (await cloud.request("PATCH", image, change, headers=kind)).status == 200
        refused = await offer(cloud, image, THIRD_PROJECT)
        assert refused.status == 403 and "Not allowed to create members" in refused["message"]
        listing = await cloud.request("GET", f"{image}/members")
        assert listing.status == 403 and "Only shared images have members." in listing["message"]
        assert (await cloud.request("GET", f"{image}/members/{OTHER_PROJECT}")).status == 404
        assert (await cloud.request("DELETE", f"{image}/members/{OTHER_PROJECT}")).status == 403
        assert (await cloud.request("GET", image, token="stranger")).status == 404

    converse(tmp_path, database, talk)
