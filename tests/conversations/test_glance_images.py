# SPDX-License-Identifier: Apache-2.0
"""Images as records: made, shown, listed, changed and deleted."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cumulet.services.glance.service import SERVICE as GLANCE
from cumulet.testing.asgi import Answer
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import OTHER_PROJECT, PROJECT, people

IMAGES = "/image/v2/images"
PATCH = {"content-type": "application/openstack-images-v2.1-json-patch"}
OLD_PATCH = {"content-type": "application/openstack-images-v2.0-json-patch"}


def converse(tmp_path: Path, database: str, talk: Callable[[Cloud], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Cloud.running(tmp_path, [people(), GLANCE], database=database, hosts=0) as cloud:
            cloud.token = "member"
            await talk(cloud)

    asyncio.run(whole())


async def make(cloud: Cloud, token: str = "", **body: Any) -> dict[str, Any]:
    answer = await cloud.request("POST", IMAGES, body, token=token or "member")
    assert answer.status == 201, answer
    found: dict[str, Any] = answer.body
    return found


async def patch(cloud: Cloud, id: str, *steps: dict[str, Any], token: str = "member") -> Answer:
    return await cloud.request("PATCH", f"{IMAGES}/{id}", list(steps), headers=PATCH, token=token)


async def names(cloud: Cloud, query: str = "", token: str = "member") -> list[str]:
    answer = await cloud.request("GET", f"{IMAGES}?sort=name:asc&{query}", token=token)
    assert answer.status == 200, answer
    return [image["name"] for image in answer["images"]]


def told(answer: Answer) -> tuple[int, str]:
    """The status, and the sentence of an error."""
    return answer.status, answer["message"].removesuffix("<br /><br />\n\n\n")


def test_an_image_is_flat_and_keeps_custom_properties(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        answer = await cloud.request(
            "POST",
            IMAGES,
            {
                "name": "jammy",
                "disk_format": "qcow2",
                "container_format": "bare",
                "tags": ["lts", "ubuntu", "lts"],
                "os_distro": "ubuntu",
                "owner_specified.openstack.md5": "abc",
                "properties": "a property called properties",
            },
        )
        assert answer.status == 201
        assert answer.headers["openstack-image-import-methods"] == "glance-direct"
        id = answer["id"]
        assert answer.headers["location"] == f"http://cloud{IMAGES}/{id}"
        shown = (await cloud.request("GET", f"{IMAGES}/{id}")).body
        assert shown == answer.body
        assert shown | {"created_at": "", "updated_at": ""} == {
            "id": id,
            "name": "jammy",
            "status": "queued",
            "visibility": "shared",
            "protected": False,
            "os_hidden": False,
            "owner": PROJECT,
            "size": None,
            "virtual_size": None,
            "checksum": None,
            "os_hash_algo": None,
            "os_hash_value": None,
            "disk_format": "qcow2",
            "container_format": "bare",
            "min_disk": 0,
            "min_ram": 0,
            "created_at": "",
            "updated_at": "",
            "tags": ["lts", "ubuntu"],
            "self": f"/v2/images/{id}",
            "file": f"/v2/images/{id}/file",
            "schema": "/v2/schemas/image",
            "os_distro": "ubuntu",
            "owner_specified.openstack.md5": "abc",
            "properties": "a property called properties",
        }

    converse(tmp_path, database, talk)


def test_an_image_that_makes_no_sense_is_refused(tmp_path: Path, database: str) -> None:
    cases: list[tuple[Any, int, str]] = [
        ({"name": "x" * 256}, 400, "schema 'image'"),
        ({"name": 5}, 400, "schema 'image'"),
        ({"id": "no-uuid"}, 400, "schema 'image'"),
        ({"disk_format": "vfat"}, 400, "schema 'image'"),
        ({"container_format": "tin"}, 400, "schema 'image'"),
        ({"visibility": "secret"}, 400, "schema 'image'"),
        ({"min_disk": "5"}, 400, "schema 'image'"),
        ({"min_disk": -1}, 400, "Invalid value '-1' for parameter 'min_disk': Cannot be a negative value"),
        ({"min_ram": 2**31}, 400, "must not exceed 2147483647"),
        ({"tags": ["x" * 256]}, 400, "schema 'image'"),
        ({"tags": "x"}, 400, "schema 'image'"),
        ({"custom": 5}, 400, "schema 'image'"),
        ({"custom": None}, 400, "schema 'image'"),
        ({"k" * 256: "v"}, 400, "Custom property should not be greater than 255 characters."),
        ({"status": "active"}, 403, "Attribute 'status' is read-only."),
        ({"size": 5}, 403, "Attribute 'size' is read-only."),
        ({"self": "/"}, 403, "Attribute 'self' is read-only."),
        ({"location": "/"}, 403, "Attribute 'location' is reserved."),
        ({"os_glance_stage_host": "x"}, 403, "Attribute 'os_glance_stage_host' is reserved."),
        ({"owner": OTHER_PROJECT}, 403, f"You are not permitted to create images owned by '{OTHER_PROJECT}'"),
        ({"visibility": "public"}, 403, "You are not authorized to complete publicize_image action."),
        ({str(n): "v" for n in range(129)}, 413, "Attempted: 129, Maximum: 128"),
        ({"tags": [str(n) for n in range(129)]}, 413, "image tags"),
        ([], 400, "must be a JSON object"),
        ("text", 400, "must be a JSON object"),
        (b"{", 400, "not valid JSON"),
        (None, 400, "must be a JSON object"),
    ]

    async def talk(cloud: Cloud) -> None:
        for body, status, words in cases:
            answer = await cloud.request("POST", IMAGES, body)
            assert answer.status == status and words in answer["message"], (body, answer)
        assert await names(cloud) == []

    converse(tmp_path, database, talk)


def test_an_id_can_be_chosen_once(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        id = "11111111-2222-3333-4444-555555555555"
        assert (await make(cloud, id=id))["id"] == id
        again = await cloud.request("POST", IMAGES, {"id": id}, token="stranger")
        assert told(again) == (409, f"Image ID {id} already exists!")

    converse(tmp_path, database, talk)


def test_roles_decide_who_makes_images(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        refused = await cloud.request("POST", IMAGES, {"name": "x"}, token="reader")
        assert told(refused) == (403, "You are not authorized to complete add_image action.")
        assert (await cloud.request("GET", IMAGES, token="")).status == 401
        public = await make(cloud, "admin", name="for all", visibility="public", owner=OTHER_PROJECT)
        assert public["owner"] == OTHER_PROJECT

    converse(tmp_path, database, talk)


def test_errors_come_in_the_type_that_is_accepted(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        kinds = {
            "*/*": "text/html; charset=UTF-8",
            "text/html;q=0.2, application/json": "application/json",
            "application/json": "application/json",
            "text/plain": "text/plain; charset=UTF-8",
            "": "text/plain; charset=UTF-8",
            "nonsense": "text/plain; charset=UTF-8",
        }
        for accept, kind in kinds.items():
            answer = await cloud.request("GET", f"{IMAGES}/<b>", headers={"accept": accept})
            assert (answer.status, answer.headers["content-type"]) == (404, kind), accept
        page = await cloud.request("GET", f"{IMAGES}/1", headers={"accept": "*/*"})
        assert b"<title>404 Not Found</title>" in page.body
        assert b"No image found with ID 1<br /><br />" in page.body

    converse(tmp_path, database, talk)


def test_who_sees_an_image_depends_on_its_visibility(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        made = {}
        for visibility in ("public", "community", "shared", "private"):
            made[visibility] = (await make(cloud, "admin", name=visibility, visibility=visibility))["id"]
        for visibility, id in made.items():
            seen = await cloud.request("GET", f"{IMAGES}/{id}", token="stranger")
            assert seen.status == (200 if visibility in ("public", "community") else 404), visibility
        assert await names(cloud, token="member") == ["community", "private", "public", "shared"]
        assert await names(cloud, token="stranger") == ["public"]
        assert await names(cloud, "visibility=community", token="stranger") == ["community"]
        assert await names(cloud, "visibility=all", token="stranger") == ["community", "public"]
        assert await names(cloud, "visibility=private", token="stranger") == []
        assert await names(cloud, "visibility=shared", token="member") == ["shared"]
        assert await names(cloud, "visibility=public") == ["public"]
        for id in made.values():
            refused = await cloud.request("DELETE", f"{IMAGES}/{id}", token="stranger")
            assert refused.status in (403, 404)
        bad = await cloud.request("GET", f"{IMAGES}?visibility=secret")
        assert told(bad) == (400, "Invalid visibility value: secret")

    converse(tmp_path, database, talk)


def test_a_list_is_narrowed_by_filters(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        await make(cloud, name="a", disk_format="raw", container_format="bare", os="linux", tags=["x", "y"])
        await make(cloud, name="b,c", disk_format="qcow2", container_format="bare", os="bsd", tags=["x"])
        await make(cloud, name="d", os_hidden=True, min_ram=512)
        await make(cloud, name="e", protected=True, min_disk=3)
        assert await names(cloud) == ["a", "b,c", "e"]
        expected = {
            "name=a": ["a"],
            'name=in:a,"b,c"': ["a", "b,c"],
            "name=eq:e": ["e"],
            "disk_format=raw": ["a"],
            "disk_format=in:raw,qcow2": ["a", "b,c"],
            "container_format=bare": ["a", "b,c"],
            "status=queued": ["a", "b,c", "e"],
            "status=active": [],
            "os=linux": ["a"],
            "os=linux&name=e": [],
            "tag=x": ["a", "b,c"],
            "tag=x&tag=y": ["a"],
            "os_hidden=true": ["d"],
            "os_hidden=True&min_ram=512": ["d"],
            "protected=true": ["e"],
            "min_disk=3": ["e"],
            f"owner={PROJECT}": ["a", "b,c", "e"],
            f"owner={OTHER_PROJECT}": [],
            "size_min=1": [],
            "created_at=gt:2000-01-01T00:00:00Z": ["a", "b,c", "e"],
            "created_at=lt:2000-01-01T00:00:00Z": [],
            "updated_at=neq:2000-01-01T00:00:00Z": ["a", "b,c", "e"],
            "created_at=2000-01-01T00:00:00Z": [],
        }
        for query, found in expected.items():
            assert await names(cloud, query) == found, query

    converse(tmp_path, database, talk)


def test_queries_that_make_no_sense_are_refused(tmp_path: Path, database: str) -> None:
    cases = {
        "limit=many": "limit param must be an integer",
        "limit=-1": "limit param must be positive",
        "limit=": "limit param must be an integer",
        "marker=nothing": "marker [nothing] not found",
        "sort_key=owner": "Invalid sort key: owner.",
        "sort_dir=up": "Invalid sort direction: up",
        "sort=name:up": "Invalid sort direction: up",
        "sort=name&sort_key=name": "Old and new sorting syntax cannot be combined",
        "sort_key=name&sort_dir=asc&sort_dir=desc": "Number of sort dirs does not match",
        "member_status=maybe": "Invalid status: maybe",
        "os_hidden=maybe": "Invalid value 'maybe' for 'os_hidden' filter.",
        "protected=maybe": "Invalid value 'maybe' for 'protected' filter.",
        "name=gt:a": "Unable to filter by unknown operator 'gt'.",
        'name=in:"a': "The quote is not closed.",
        'name=in:a"b"': "There is no comma before opening quotation mark.",
        'name=in:"a"b': "There is no comma after closing quotation mark.",
        "created_at=gt:yesterday": 'Bad "created_at" query filter format.',
        "created_at=is:2000-01-01T00:00:00Z": "Unable to filter on a unknown operator.",
        "size_min=big": "Unable to filter on a range with a non-numeric value.",
        "changes-since=2000-01-01": 'The "changes-since" filter is no longer available on v2.',
    }

    async def talk(cloud: Cloud) -> None:
        for query, words in cases.items():
            answer = await cloud.request("GET", f"{IMAGES}?{query}")
            assert answer.status == 400 and words in answer["message"], (query, answer)

    converse(tmp_path, database, talk)


def test_a_list_comes_in_pages(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        for number in range(5):
            await make(cloud, name=f"n{number}")
        pages, path = [], "/v2/images?limit=2&sort_key=name&sort_dir=asc"
        while path:
            answer = await cloud.request("GET", f"/image{path}")
            assert answer["first"] == "/v2/images?limit=2&sort_key=name&sort_dir=asc"
            assert answer["schema"] == "/v2/schemas/images"
            pages.append([image["name"] for image in answer["images"]])
            path = answer.body.get("next", "")
        assert pages == [["n0", "n1"], ["n2", "n3"], ["n4"]]
        newest_first = await cloud.request("GET", IMAGES)
        assert [image["name"] for image in newest_first["images"]] == ["n4", "n3", "n2", "n1", "n0"]
        assert (await cloud.request("GET", f"{IMAGES}?limit=0"))["images"] == []

    converse(tmp_path, database, talk)


def test_a_patch_is_applied_whole_or_not_at_all(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        id = (await make(cloud, name="old", os="linux", tags=["a"]))["id"]
        changed = await patch(
            cloud,
            id,
            {"op": "replace", "path": "/name", "value": "new"},
            {"op": "replace", "path": "/tags", "value": ["b", "c"]},
            {"op": "add", "path": "/hw~1disk~0bus", "value": "scsi"},
            {"op": "remove", "path": "/os"},
            {"op": "add", "path": "/min_disk", "value": 7},
        )
        assert changed.status == 200, changed
        body = changed.body
        assert (body["name"], body["tags"], body["hw/disk~bus"], body["min_disk"]) == (
            "new",
            ["b", "c"],
            "scsi",
            7,
        )
        assert "os" not in body
        refused = await patch(
            cloud,
            id,
            {"op": "replace", "path": "/name", "value": "newer"},
            {"op": "remove", "path": "/nothing"},
        )
        assert told(refused) == (409, "Property nothing does not exist.")
        assert (await cloud.request("GET", f"{IMAGES}/{id}"))["name"] == "new"
        assert (await patch(cloud, id)).status == 200
        old = [{"replace": "/name", "value": "older"}, {"add": "/x", "value": "1"}]
        answer = await cloud.request("PATCH", f"{IMAGES}/{id}", old, headers=OLD_PATCH)
        assert (answer["name"], answer["x"]) == ("older", "1")

    converse(tmp_path, database, talk)


def test_patches_that_make_no_sense_are_refused(tmp_path: Path, database: str) -> None:
    step = {"op": "replace", "path": "/name", "value": "x"}
    cases: list[tuple[Any, int, str]] = [
        ({}, 400, "Request body must be a JSON array of operation objects."),
        (["x"], 400, "Operations must be JSON objects."),
        ([{"path": "/name"}], 400, "Unable to find `op` in JSON Schema change."),
        ([step | {"op": "move"}], 400, "Invalid operation: `move`."),
        ([{"op": "replace", "value": "x"}], 400, "Unable to find 'path' in JSON Schema change"),
        ([{"op": "replace", "path": "/name"}], 400, 'Operation "replace" requires a member named "value".'),
        ([step | {"path": "name"}], 400, 'does not start with "/"'),
        ([step | {"path": 5}], 400, 'does not start with "/"'),
        ([step | {"path": "/a//b"}], 400, 'contains adjacent "/"'),
        ([step | {"path": "/a/"}], 400, 'end with "/"'),
        ([step | {"path": "/"}], 400, "does not contains valid token"),
        ([step | {"path": "/a~2"}], 400, 'contains "~" not part of a recognized escape sequence'),
        ([step | {"path": "/name/x"}], 400, "Invalid JSON pointer for this resource: '/name/x'"),
        ([step | {"value": 5}], 400, "schema 'image'"),
        ([step | {"path": "/custom", "op": "add", "value": 5}], 400, "schema 'image'"),
        ([step | {"path": "/min_disk", "value": -5}], 400, "Cannot be a negative value"),
        ([step | {"path": "/visibility", "value": "secret"}], 400, "schema 'image'"),
        ([step | {"path": "/status", "value": "active"}], 403, "Attribute 'status' is read-only."),
        ([step | {"path": "/id"}], 403, "Attribute 'id' is read-only."),
        ([step | {"path": "/deleted"}], 403, "Attribute 'deleted' is reserved."),
        ([step | {"path": "/os_glance_x"}], 403, "Attribute 'os_glance_x' is reserved."),
        ([step | {"path": "/owner"}], 403, "Owner can't be updated by non admin."),
        ([step | {"path": "/visibility", "value": "public"}], 403, "publicize_image"),
        ([step | {"path": "/locations", "value": []}], 403, "It's not allowed to update locations"),
        ([{"op": "remove", "path": "/name"}], 403, "Property name may not be removed."),
        ([step | {"path": "/custom"}], 409, "Property custom does not exist."),
    ]

    async def talk(cloud: Cloud) -> None:
        id = (await make(cloud, name="x"))["id"]
        for body, status, words in cases:
            answer = await cloud.request("PATCH", f"{IMAGES}/{id}", body, headers=PATCH)
            assert answer.status == status and words in answer["message"], (body, answer)
        plain = await cloud.request("PATCH", f"{IMAGES}/{id}", [step])
        assert plain.status == 415 and "Image PATCH expects Content-Type one of:" in plain["message"]
        both = [{"add": "/a", "replace": "/a", "value": "x"}]
        answer = await cloud.request("PATCH", f"{IMAGES}/{id}", both, headers=OLD_PATCH)
        assert answer.status == 400 and "only one member" in answer["message"]
        once = await cloud.request(
            "PATCH", f"{IMAGES}/{id}", [{"add": "/name", "value": "x"}], headers=OLD_PATCH
        )
        assert told(once) == (409, "Property name already present.")
        assert (await patch(cloud, id, step, token="stranger")).status == 404
        reader = await patch(cloud, id, step, token="reader")
        assert told(reader) == (403, "You are not authorized to complete modify_image action.")

    converse(tmp_path, database, talk)


def test_a_protected_image_cannot_be_deleted(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        id = (await make(cloud, protected=True, tags=["a"], custom="b"))["id"]
        refused = await cloud.request("DELETE", f"{IMAGES}/{id}")
        assert told(refused) == (403, f"Image {id} is protected and cannot be deleted.")
        await patch(cloud, id, {"op": "replace", "path": "/protected", "value": False})
        assert (await cloud.request("DELETE", f"{IMAGES}/{id}")).status == 204
        again = await cloud.request("DELETE", f"{IMAGES}/{id}")
        assert told(again) == (404, f"No image found with ID {id}")

    converse(tmp_path, database, talk)


def test_tags_are_put_on_and_taken_off(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        id = (await make(cloud))["id"]
        for word in ("b", "a", "a", "with%20space"):
            assert (await cloud.request("PUT", f"{IMAGES}/{id}/tags/{word}")).status == 204
        assert (await cloud.request("GET", f"{IMAGES}/{id}"))["tags"] == ["a", "b", "with space"]
        assert (await cloud.request("DELETE", f"{IMAGES}/{id}/tags/a")).status == 204
        assert (await cloud.request("DELETE", f"{IMAGES}/{id}/tags/a")).status == 404
        assert (await cloud.request("PUT", f"{IMAGES}/{id}/tags/{'x' * 256}")).status == 400
        assert (await cloud.request("PUT", f"{IMAGES}/{id}/tags/x", token="stranger")).status == 404
        assert (await cloud.request("PUT", f"{IMAGES}/{id}/tags/x", token="reader")).status == 403
        for number in range(126):
            assert (await cloud.request("PUT", f"{IMAGES}/{id}/tags/{number}")).status == 204
        full = await cloud.request("PUT", f"{IMAGES}/{id}/tags/more")
        assert full.status == 413 and "Image tag limit exceeded" in full["message"]

    converse(tmp_path, database, talk)


def test_clients_learn_what_there_is(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        root = await cloud.request("GET", "/image/", token="")
        assert root.status == 300
        current = [version for version in root["versions"] if version["status"] == "CURRENT"]
        links = [{"rel": "self", "href": "http://cloud/image/v2/"}]
        assert current == [{"id": "v2.17", "status": "CURRENT", "links": links}]
        assert (await cloud.request("GET", "/image/versions", token="")).status == 200
        schema = (await cloud.request("GET", "/image/v2/schemas/image")).body
        assert schema["name"] == "image" and schema["additionalProperties"] == {"type": "string"}
        assert schema["properties"]["status"]["readOnly"] is True
        image = await make(cloud)
        assert set(image) <= set(schema["properties"])
        for name in ("images", "member", "members"):
            assert (await cloud.request("GET", f"/image/v2/schemas/{name}"))["name"] == name
        methods = (await cloud.request("GET", "/image/v2/info/import"))["import-methods"]
        assert methods["value"] == ["glance-direct"]
        stores = await cloud.request("GET", "/image/v2/info/stores")
        assert told(stores) == (404, "Multi backend is not supported at this site.")
        assert (await cloud.request("GET", "/image/v2/nothing")).status == 404
        assert (await cloud.request("PUT", IMAGES)).status == 405

    converse(tmp_path, database, talk)
