# SPDX-License-Identifier: Apache-2.0
"""Metadata definitions: administrators say what properties mean, and everybody may read it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cumulet.services.glance.service import SERVICE as GLANCE
from cumulet.testing.asgi import Answer
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import OTHER_PROJECT, PROJECT, people

METADEFS = "/image/v2/metadefs"
NAMESPACES = f"{METADEFS}/namespaces"
DISK = {"title": "Disk", "type": "integer", "minimum": 1}


def converse(tmp_path: Path, database: str, talk: Callable[[Cloud], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Cloud.running(tmp_path, [people(), GLANCE], database=database, hosts=0) as cloud:
            cloud.token = "admin"
            await talk(cloud)

    asyncio.run(whole())


async def make(cloud: Cloud, name: str = "OS::Disks", **more: Any) -> str:
    made = await cloud.request("POST", NAMESPACES, {"namespace": name, **more})
    assert made.status == 201, made
    assert made.headers["location"] == f"/v2/metadefs/namespaces/{name}"
    return f"{NAMESPACES}/{name}"


def words(answer: Answer) -> str:
    return str(answer["message"].removesuffix("<br /><br />\n\n\n"))


def names(answer: Answer, kind: str = "namespaces", key: str = "namespace") -> list[str]:
    return [item[key] for item in answer[kind]]


def test_a_namespace_is_made_shown_changed_and_deleted_with_all_that_is_in_it(
    tmp_path: Path, database: str
) -> None:
    async def talk(cloud: Cloud) -> None:
        whole = {
            "description": "What a disk needs",
            "visibility": "public",
            "resource_type_associations": [{"name": "OS::Nova::Flavor", "prefix": "hw:"}],
            "properties": {"size": DISK},
            "objects": [{"name": "speed", "required": ["rpm"], "properties": {"rpm": DISK}}],
            "tags": [{"name": "fast"}],
        }
        namespace = await make(cloud, **whole)
        shown = (await cloud.request("GET", namespace)).body
        assert shown["owner"] == PROJECT
        assert not shown["protected"]
        assert shown["self"] == "/v2/metadefs/namespaces/OS::Disks"
        assert shown["schema"] == "/v2/schemas/metadefs/namespace"
        assert shown["properties"] == {"size": DISK}
        assert shown["objects"][0]["self"] == "/v2/metadefs/namespaces/OS::Disks/objects/speed"
        assert shown["tags"] == [{"name": "fast"}]
        assert "display_name" not in shown

        prefixed = await cloud.request("GET", f"{namespace}?resource_type=OS::Nova::Flavor")
        assert prefixed["properties"] == {"hw:size": DISK}
        assert prefixed["objects"][0]["properties"] == {"hw:rpm": DISK}
        assert prefixed["objects"][0]["required"] == ["hw:rpm"]

        changed = await cloud.request("PUT", namespace, {"namespace": "Disks", "protected": True})
        assert changed["visibility"] == "private"
        assert "description" not in changed.body
        namespace = f"{NAMESPACES}/Disks"
        for path in ("", "/objects", "/properties", "/tags"):
            refused = await cloud.request("DELETE", namespace + path)
            assert refused.status == 403
            assert words(refused) == "Metadata definition namespace Disks is protected and cannot be deleted."
        for path in ("/objects/speed", "/properties/size", "/tags/fast", "/resource_types/OS::Nova::Flavor"):
            assert (await cloud.request("DELETE", namespace + path)).status == 403
        assert (await cloud.request("PUT", namespace, {"namespace": "Disks"})).status == 200
        assert (await cloud.request("DELETE", f"{namespace}/objects")).status == 204
        assert (await cloud.request("GET", f"{namespace}/objects"))["objects"] == []
        assert (await cloud.request("DELETE", namespace)).status == 204
        assert (await cloud.request("GET", namespace)).status == 404

    converse(tmp_path, database, talk)


def test_lists_have_pages_and_filters(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        for name in ("a", "b", "c"):
            await make(cloud, name, visibility="public" if name == "b" else "private")
        await cloud.request("POST", f"{NAMESPACES}/c/resource_types", {"name": "OS::Mine", "prefix": "m_"})
        first = await cloud.request("GET", f"{NAMESPACES}?limit=2&sort_key=namespace&sort_dir=asc")
        assert names(first) == ["a", "b"]
        assert first["first"] == "/v2/metadefs/namespaces?limit=2&sort_key=namespace&sort_dir=asc"
        assert first["schema"] == "/v2/schemas/metadefs/namespaces"
        second = await cloud.request("GET", "/image" + first["next"])
        assert names(second) == ["c"]
        assert second["namespaces"][0]["resource_type_associations"][0]["prefix"] == "m_"
        assert "next" not in second.body
        assert names(await cloud.request("GET", NAMESPACES)) == ["c", "b", "a"]
        assert names(await cloud.request("GET", f"{NAMESPACES}?visibility=public")) == ["b"]
        assert names(await cloud.request("GET", f"{NAMESPACES}?resource_types=OS::Mine,OS::Other")) == ["c"]
        assert names(await cloud.request("GET", f"{NAMESPACES}?resource_types=OS::Other")) == []
        for query, status in (
            ("visibility=shared", 400), ("limit=-1", 400), ("limit=x", 400), ("sort_dir=up", 400),
            ("sort_key=secret", 400), ("marker=nowhere", 404), ("limit=0", 200),
        ):  # fmt: skip
            assert (await cloud.request("GET", f"{NAMESPACES}?{query}")).status == status, query

    converse(tmp_path, database, talk)


def test_others_do_not_hear_of_private_namespaces(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        await make(cloud, "hidden", owner=OTHER_PROJECT)
        await make(cloud, "open", visibility="public", properties={"size": DISK})
        assert names(await cloud.request("GET", NAMESPACES, token="member")) == ["open"]
        assert names(await cloud.request("GET", NAMESPACES, token="stranger")) == ["open", "hidden"]
        assert (await cloud.request("GET", f"{NAMESPACES}/hidden", token="stranger")).status == 200
        for method, path, body in (
            ("GET", "", None), ("PUT", "", {"namespace": "hidden"}), ("DELETE", "", None),
            ("GET", "/objects", None), ("POST", "/objects", {"name": "o"}), ("GET", "/objects/o", None),
            ("GET", "/properties", None), ("POST", "/properties", {**DISK, "name": "p"}),
            ("GET", "/tags", None), ("POST", "/tags/t", None), ("GET", "/resource_types", None),
            ("DELETE", "/resource_types/t", None),
        ):  # fmt: skip
            hidden = await cloud.request(method, f"{NAMESPACES}/hidden{path}", body, token="member")
            assert hidden.status == 404, (method, path)
            assert words(hidden) == "Namespace hidden not found"
        for method, path, body in (
            ("PUT", "/open", {"namespace": "open"}), ("DELETE", "/open", None),
            ("DELETE", "/open/tags", None),
            ("POST", "/open/tags", {"tags": []}), ("DELETE", "/open/properties/size", None),
            ("POST", "", {"namespace": "mine"}),
        ):  # fmt: skip
            refused = await cloud.request(method, NAMESPACES + path, body, token="member")
            assert refused.status == 403, (method, path)
        assert (
            await cloud.request("GET", f"{NAMESPACES}/open/properties/size", token="reader")
        ).status == 200
        assert (await cloud.request("GET", NAMESPACES, token="service")).status == 404

    converse(tmp_path, database, talk)


def test_objects_and_properties_come_change_and_go(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        namespace = await make(cloud)
        made = await cloud.request(
            "POST", f"{namespace}/objects", {"name": "speed", "properties": {"rpm": DISK}}
        )
        assert made.status == 201
        assert made["schema"] == "/v2/schemas/metadefs/object"
        taken = await cloud.request("POST", f"{namespace}/objects", {"name": "speed"})
        assert taken.status == 409
        assert "name=speed already exists in namespace=OS::Disks" in words(taken)
        renamed = await cloud.request("PUT", f"{namespace}/objects/speed", {"name": "pace"})
        assert renamed["name"] == "pace"
        assert "properties" not in renamed.body
        assert (await cloud.request("GET", f"{namespace}/objects/speed")).status == 404
        await cloud.request("POST", f"{namespace}/objects", {"name": "speed"})
        assert (await cloud.request("PUT", f"{namespace}/objects/pace", {"name": "speed"})).status == 409
        listed = await cloud.request("GET", f"{namespace}/objects")
        assert names(listed, "objects", "name") == ["pace", "speed"]
        assert (await cloud.request("DELETE", f"{namespace}/objects/pace")).status == 204

        made = await cloud.request("POST", f"{namespace}/properties", {**DISK, "name": "size"})
        assert made.status == 201
        assert made.body == {**DISK, "name": "size"}
        assert (await cloud.request("POST", f"{namespace}/properties", made.body)).status == 409
        assert (await cloud.request("GET", f"{namespace}/properties"))["properties"] == {"size": DISK}
        await cloud.request(
            "POST", f"{namespace}/resource_types", {"name": "OS::Nova::Flavor", "prefix": "hw:"}
        )
        flavor = "?resource_type=OS::Nova::Flavor"
        found = await cloud.request("GET", f"{namespace}/properties/hw:size{flavor}")
        assert found["name"] == "size"
        assert (await cloud.request("GET", f"{namespace}/properties/size{flavor}")).status == 404
        assert (await cloud.request("GET", f"{namespace}/properties/size?resource_type=x")).status == 404
        changed = await cloud.request(
            "PUT", f"{namespace}/properties/size", {"name": "width", "title": "Width", "type": "string"}
        )
        assert changed.body == {"name": "width", "title": "Width", "type": "string"}
        assert (await cloud.request("DELETE", f"{namespace}/properties/width")).status == 204
        assert (await cloud.request("DELETE", f"{namespace}/properties/width")).status == 404

    converse(tmp_path, database, talk)


def test_tags_are_set_appended_and_paged(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        tags = f"{await make(cloud)}/tags"

        async def put(*words: str, **headers: str) -> Answer:
            given = {"tags": [{"name": word} for word in words]}
            return await cloud.request("POST", tags, given, headers=headers)

        made = await cloud.request("POST", f"{tags}/old")
        assert made.status == 201
        assert made["name"] == "old"
        assert (await put("a", "b")).status == 201
        assert sorted(names(await cloud.request("GET", tags), "tags", "name")) == ["a", "b"]
        assert (await put("c", **{"X-Openstack-Append": "True"})).status == 201
        assert (await put("c", **{"X-Openstack-Append": "True"})).status == 409
        assert (await put("d", "d")).status == 409
        page = await cloud.request("GET", f"{tags}?limit=2&sort_key=name&sort_dir=asc")
        assert names(page, "tags", "name") == ["a", "b"]
        rest = await cloud.request("GET", f"{tags}?limit=2&sort_key=name&sort_dir=asc&marker=b")
        assert names(rest, "tags", "name") == ["c"]
        assert (await cloud.request("GET", f"{tags}?marker=z")).status == 404
        assert (await cloud.request("PUT", f"{tags}/a", {"name": "z"}))["name"] == "z"
        assert (await cloud.request("PUT", f"{tags}/z", {"name": "b"})).status == 409
        assert (await cloud.request("GET", f"{tags}/z")).status == 200
        assert (await cloud.request("DELETE", f"{tags}/z")).status == 204
        assert (await cloud.request("DELETE", tags)).status == 204
        assert (await cloud.request("GET", tags))["tags"] == []

    converse(tmp_path, database, talk)


def test_types_of_resources_are_known_and_learned(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        types = f"{METADEFS}/resource_types"
        known = names(await cloud.request("GET", types, token="reader"), "resource_types", "name")
        assert "OS::Nova::Server" in known
        about = f"{await make(cloud)}/resource_types"
        made = await cloud.request("POST", about, {"name": "OS::Mine", "properties_target": "image"})
        assert made.status == 201
        assert made["properties_target"] == "image"
        assert "prefix" not in made.body
        assert (await cloud.request("POST", about, {"name": "OS::Mine"})).status == 409
        assert names(await cloud.request("GET", about), "resource_type_associations", "name") == ["OS::Mine"]
        assert (await cloud.request("DELETE", f"{about}/OS::Mine")).status == 204
        gone = await cloud.request("DELETE", f"{about}/OS::Mine")
        assert gone.status == 404
        assert words(gone) == "Failed to find resource type OS::Mine to delete"
        assert "OS::Mine" in names(await cloud.request("GET", types), "resource_types", "name")

    converse(tmp_path, database, talk)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("", None, 400),
        ("", [], 400),
        ("", "x", 400),
        ("", {}, 400),
        ("", {"namespace": 7}, 400),
        ("", {"namespace": None}, 400),
        ("", {"namespace": "x" * 81}, 400),
        ("", {"namespace": "n", "visibility": "shared"}, 400),
        ("", {"namespace": "n", "protected": "yes"}, 400),
        ("", {"namespace": "n", "colour": "red"}, 400),
        ("", {"namespace": "n", "description": "x" * 501}, 400),
        ("", {"namespace": "n", "objects": [{}]}, 400),
        ("", {"namespace": "n", "objects": [{"name": "o", "colour": "red"}]}, 400),
        ("", {"namespace": "n", "tags": ["fast"]}, 400),
        ("", {"namespace": "n", "properties": {"p": {"type": "integer"}}}, 400),
        ("", {"namespace": "n", "properties": {"p": {"title": "P", "type": "complex"}}}, 400),
        ("", {"namespace": "n", "tags": [{"name": "a"}, {"name": "a"}]}, 409),
        ("", {"namespace": "n", "self": "/there"}, 403),
        ("", {"namespace": "n", "created_at": "now"}, 403),
        ("", {"namespace": "OS::Disks"}, 409),
        ("/OS::Disks/objects", {"name": "o", "required": ["a", "a"]}, 400),
        ("/OS::Disks/objects", {"name": "o", "properties": {"p": 1}}, 400),
        ("/OS::Disks/objects", {"name": "o", "updated_at": "now"}, 403),
        ("/OS::Disks/properties", {"name": "p", "title": "P", "type": "string", "pattern": "("}, 400),
        ("/OS::Disks/properties", {"name": "p", "title": "P", "type": "string", "maxLength": -1}, 400),
        ("/OS::Disks/properties", {"title": "P", "type": "string"}, 400),
        ("/OS::Disks/tags", {"tags": [{"name": "a", "colour": "red"}]}, 400),
        (f"/OS::Disks/tags/{'x' * 81}", None, 400),
        ("/OS::Disks/resource_types", {"prefix": "p"}, 400),
    ],
)
def test_definitions_that_are_none_are_refused(tmp_path: Path, path: str, body: Any, status: int) -> None:
    async def talk(cloud: Cloud) -> None:
        await make(cloud)
        refused = await cloud.request("POST", NAMESPACES + path, body)
        assert refused.status == status, refused.body
        assert names(await cloud.request("GET", NAMESPACES)) == ["OS::Disks"]

    converse(tmp_path, "", talk)


def test_their_schemas_are_told(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        for name, said in (
            ("namespace", "namespace"), ("namespaces", "namespaces"), ("object", "object"),
            ("objects", "objects"), ("property", "property"), ("properties", "properties"), ("tag", "tag"),
            ("tags", "tags"), ("resource_type", "resource_type_association"),
            ("resource_types", "resource_type_associations"),
        ):  # fmt: skip
            told = await cloud.request("GET", f"/image/v2/schemas/metadefs/{name}", token="reader")
            assert told["name"] == said

    converse(tmp_path, database, talk)
