# SPDX-License-Identifier: Apache-2.0
"""Providers, their trees, and what the letter of the API says of them."""

from pathlib import Path

from tests.conversations.placement_talk import Talk, named, talk


def test_versions_are_told_without_a_token(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        answer = await say.cloud.request("GET", "/placement", token="")
        version = {"id": "v1.0", "max_version": "1.39", "min_version": "1.0", "status": "CURRENT"}
        assert answer.body == {"versions": [{**version, "links": [{"rel": "self", "href": ""}]}]}
        assert (await say.ask("GET", "/resource_providers", token="")).status == 401

    talk(tmp_path, conversation)


def test_a_version_that_there_is_not_is_refused(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        refused = await say.ask("GET", "/resource_providers", version="1.40")
        [error] = refused["errors"]
        assert (refused.status, error["min_version"], error["max_version"]) == (406, "1.0", "1.39")
        assert "Unacceptable version header: 1.40" in error["detail"]
        strange = await say.ask("GET", "/resource_providers", version="newest")
        assert (strange.status, "invalid version string: newest" in strange["errors"][0]["detail"]) == (
            400,
            True,
        )

    talk(tmp_path, conversation)


def test_a_provider_is_shown_as_its_version_knows_it(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        id = await say.provider("host-1")
        old = await say.ask("GET", f"/resource_providers/{id}", version="1.0")
        url = f"/placement/resource_providers/{id}"
        links = [{"rel": "self", "href": url}]
        links += [{"rel": rel, "href": f"{url}/{rel}"} for rel in ("inventories", "usages")]
        assert old.body == {"uuid": id, "name": "host-1", "generation": 1, "links": links}
        assert "last-modified" not in old.headers
        new = await say.ask("GET", f"/resource_providers/{id}")
        rels = [link["rel"] for link in new["links"]]
        assert rels == ["self", "inventories", "usages", "aggregates", "traits", "allocations"]
        assert (new["parent_provider_uuid"], new["root_provider_uuid"]) == (None, id)
        assert new.headers["cache-control"] == "no-cache" and new.headers["last-modified"].endswith("GMT")

    talk(tmp_path, conversation)


def test_creation_answers_with_a_body_only_from_1_20_on(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        old = await say.ask("POST", "/resource_providers", {"name": "a", "uuid": named("a")}, "1.19")
        assert (old.status, old.body) == (201, None)
        assert old.headers["location"] == f"http://cloud/placement/resource_providers/{named('a')}"
        new = await say.ask("POST", "/resource_providers", {"name": "b"}, "1.20")
        assert (new.status, new["name"]) == (200, "b")

    talk(tmp_path, conversation)


def test_names_and_ids_are_taken_once(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        id = await say.provider("a")
        other = await say.provider("b")
        for body in ({"name": "a"}, {"name": "c", "uuid": id}):
            refused = await say.ask("POST", "/resource_providers", body)
            assert (refused.status, refused["errors"][0]["code"]) == (409, "placement.duplicate_name")
        refused = await say.ask("PUT", f"/resource_providers/{other}", {"name": "a"})
        assert "Conflicting resource provider a already exists." in refused["errors"][0]["detail"]

    talk(tmp_path, conversation, database)


def test_a_tree_moves_with_all_that_is_below(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        root, other = await say.provider("root"), await say.provider("other")
        child = await say.provider("child", root)
        leaf = await say.provider("leaf", child)

        async def move(provider: str, name: str, parent: str | None, version: str) -> str:
            body = {"name": name, "parent_provider_uuid": parent}
            answer = await say.ask("PUT", f"/resource_providers/{provider}", body, version)
            return "" if answer.status == 200 else answer["errors"][0]["detail"]

        assert "re-parenting a provider is not currently" in await move(child, "child", other, "1.36")
        assert "un-parenting a provider is not currently" in await move(child, "child", None, "1.36")
        assert "creating loop in the provider tree" in await move(child, "child", leaf, "1.37")
        assert "parent provider UUID does not exist" in await move(child, "child", named("nobody"), "1.37")
        assert await move(child, "child", other, "1.37") == ""
        moved = await say.done("GET", f"/resource_providers/{leaf}")
        assert (moved["parent_provider_uuid"], moved["root_provider_uuid"]) == (child, other)
        tree = await say.done("GET", f"/resource_providers?in_tree={leaf}")
        assert {one["name"] for one in tree["resource_providers"]} == {"other", "child", "leaf"}
        assert await move(child, "child", None, "1.37") == ""
        assert (await say.done("GET", f"/resource_providers/{leaf}"))["root_provider_uuid"] == child

    talk(tmp_path, conversation, database)


def test_what_somebody_needs_is_not_deleted(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        root = await say.provider("root", VCPU=2)
        child = await say.provider("child", root)
        refused = await say.ask("DELETE", f"/resource_providers/{root}")
        code = refused["errors"][0]["code"]
        assert (refused.status, code) == (409, "placement.resource_provider.cannot_delete_parent")
        await say.done("DELETE", f"/resource_providers/{child}")
        await say.allocate("server", root={"VCPU": 1})
        refused = await say.ask("DELETE", f"/resource_providers/{root}")
        assert (refused.status, refused["errors"][0]["code"]) == (409, "placement.resource_provider.inuse")
        await say.done("DELETE", f"/allocations/{named('server')}")
        assert (await say.ask("DELETE", f"/resource_providers/{root}")).status == 204
        assert (await say.done("GET", "/resource_providers")) == {"resource_providers": []}
        assert (await say.ask("DELETE", f"/resource_providers/{root}")).status == 404

    talk(tmp_path, conversation, database)


def test_providers_are_found_by_what_they_are_and_have(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        one, two = await say.provider("one", VCPU=4), await say.provider("two", VCPU=8)
        await say.describe(one, traits=["HW_CPU_X86_AVX2", "CUSTOM_GOLD"], aggregates=[named("rack-1")])
        await say.describe(two, traits=["HW_CPU_X86_AVX2"], aggregates=[named("rack-2")])

        async def found(query: str, version: str = "1.39") -> list[str]:
            body = await say.done("GET", f"/resource_providers?{query}", version=version)
            return [provider["name"] for provider in body["resource_providers"]]

        assert await found("name=two") == await found(f"uuid={two}") == ["two"]
        assert await found("resources=VCPU:5") == ["two"]
        assert await found("required=HW_CPU_X86_AVX2,!CUSTOM_GOLD") == ["two"]
        assert await found("required=in:CUSTOM_GOLD,HW_CPU_X86_SSE") == ["one"]
        assert await found(f"member_of=in:{named('rack-1')},{named('rack-3')}") == ["one"]
        assert await found(f"member_of=!{named('rack-1')}") == ["two"]
        for query, version, words in (
            ("color=red", "1.39", "Additional properties are not allowed"),
            ("resources=VCPU", "1.39", "Badly formed resources parameter."),
            (
                "resources=TEA:1",
                "1.39",
                "Invalid resource class in resources parameter: No such resource class TEA.",
            ),
            ("required=CUSTOM_X", "1.39", "No such trait(s): CUSTOM_X."),
            ("required=!HW_CPU_X86_AVX2", "1.18", "Expected 'required' parameter value of the form"),
            (f"member_of=!{named('rack-1')}", "1.31", "Forbidden member_of parameters are not supported"),
            ("member_of=rack", "1.39", "Expected 'member_of' parameter to contain valid UUID(s). Got: rack"),
        ):
            refused = await say.ask("GET", f"/resource_providers?{query}", version=version)
            assert (refused.status, words in refused["errors"][0]["detail"]) == (400, True), refused

    talk(tmp_path, conversation)


def test_what_makes_no_sense_gets_upstreams_words(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        text = {"headers": {"Content-Type": "text/plain"}}
        plain = {"headers": {"Accept": "text/plain"}}
        path = "/resource_providers"
        for method, where, body, rules, status, words in (
            ("GET", "/nothing", None, {}, 404, "The resource could not be found."),
            ("GET", "/traits", None, {"version": "1.5"}, 404, "The resource could not be found."),
            ("PATCH", path, None, {}, 405, "The method PATCH is not allowed for this resource."),
            ("POST", path, b"{", {}, 400, "Malformed JSON: "),
            ("POST", path, {"name": "a"}, text, 415, "use application/json"),
            ("POST", path, None, {}, 415, "The media type None is not supported"),
            ("POST", path, {}, {}, 400, "JSON does not validate: 'name' is a required property"),
            ("GET", path, None, plain, 406, "Only application/json"),
            ("GET", path, None, {"token": "member"}, 403, "Policy does not allow placement"),
            ("POST", "/reshaper", {}, {}, 403, "Policy does not allow placement"),
        ):  # fmt: skip
            refused = await say.ask(method, where, body, **rules)
            [error] = refused["errors"]
            assert (refused.status, words in error["detail"]) == (status, True), refused
            assert error["request_id"] == refused.headers["x-openstack-request-id"]
            assert ("code" in error) == ("version" not in rules)
        refused = await say.ask("PATCH", "/resource_providers")
        assert refused.headers["allow"] == "GET, POST"

    talk(tmp_path, conversation)
