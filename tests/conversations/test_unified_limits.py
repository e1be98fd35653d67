# SPDX-License-Identifier: Apache-2.0
"""Quotas that take their limits from Keystone: servers of Nova, images of Glance."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cumulet.services.cinder.service import SERVICE as CINDER
from cumulet.services.glance.service import SERVICE as GLANCE
from cumulet.services.keystone.devstack import devstack as keystone_devstack
from cumulet.services.keystone.service import SERVICE as KEYSTONE
from cumulet.services.neutron.service import SERVICE as NEUTRON
from cumulet.services.nova.service import SERVICE as NOVA
from cumulet.services.nova.service import devstack
from cumulet.services.placement.service import SERVICE as PLACEMENT
from cumulet.testing.asgi import Answer
from cumulet.testing.cloud import Cloud
from cumulet.testing.identity import Person, Talk

SERVERS = "/compute/v2.1/servers"
IMAGES = "/image/v2/images"
LATEST = {"OpenStack-API-Version": "compute latest"}
OCTETS = {"content-type": "application/octet-stream"}
MIB = 2**20


class Limits(Talk):
    """A conversation with a cloud whose quotas are unified limits."""

    image = ""

    async def service(self, kind: str) -> str:
        id: str = (await self("GET", f"/services?type={kind}"))["services"][0]["id"]
        return id

    async def registered(self, kind: str) -> dict[str, dict[str, Any]]:
        found = await self("GET", f"/registered_limits?service_id={await self.service(kind)}")
        return {row["resource_name"]: row for row in found["registered_limits"]}

    async def default(self, kind: str, resource: str, amount: int) -> None:
        """Every project may have so much."""
        known = (await self.registered(kind)).get(resource)
        if known is not None:
            body = {"registered_limit": {"default_limit": amount}}
            answer = await self("PATCH", f"/registered_limits/{known['id']}", body)
        else:
            item = {
                "service_id": await self.service(kind),
                "resource_name": resource,
                "default_limit": amount,
            }
            answer = await self("POST", "/registered_limits", {"registered_limits": [item]})
        assert answer.status in (200, 201), answer

    async def limit(self, kind: str, resource: str, amount: int, **whose: Any) -> None:
        """This project or domain may have so much."""
        known = (await self.registered(kind))[resource]
        item = {name: known[name] for name in ("service_id", "region_id", "resource_name")}
        answer = await self("POST", "/limits", {"limits": [{**item, "resource_limit": amount, **whose}]})
        assert answer.status == 201, answer

    async def boot(self, token: str, **more: Any) -> Answer:
        server = {"name": "vm", "imageRef": self.image, "flavorRef": "1", "networks": "none", **more}
        return await self.cloud.request("POST", SERVERS, {"server": server}, token=token, headers=LATEST)

    async def make_image(self, token: str = "", **more: Any) -> Answer:
        body = {"name": "x", "disk_format": "raw", "container_format": "bare", **more}
        return await self.cloud.request("POST", IMAGES, body, token=token or None)

    async def send(self, id: str, size: int, where: str = "file") -> Answer:
        return await self.cloud.request("PUT", f"{IMAGES}/{id}/{where}", b"\0" * size, headers=OCTETS)


def converse(
    path: Path,
    talk: Callable[[Limits], Awaitable[None]],
    database: str = "",
    *,
    only: Any = None,
    **settings: Any,
) -> None:
    """Run a conversation with a cloud that has an image and flavors, as its administrator."""

    async def run() -> None:
        services = only or [KEYSTONE, PLACEMENT, GLANCE, NEUTRON, CINDER, NOVA]
        async with Cloud.running(path, services, database=database, **settings) as cloud:
            limits = Limits(cloud)
            await limits.become_admin()
            if only is None:
                await devstack(cloud.app, None)
                limits.image = (await limits.make_image(visibility="public"))["id"]
                assert (await limits.send(limits.image, 4096)).status == 204
            await talk(limits)
            await cloud.settled()

    asyncio.run(run())


def over(project_id: str, *told: tuple[str, int, int, int]) -> str:
    """The sentence in which a project hears what it has too much of: resource, limit, usage, delta."""
    parts = ", ".join(
        f"Resource {resource} is over limit of {limit} due to current usage {used} and delta {delta}"
        for resource, limit, used, delta in told
    )
    return f"Project {project_id} is over a limit for [{parts}]"


def test_the_first_start_registers_what_projects_may_have_already(tmp_path: Path, database: str) -> None:
    async def before(limits: Limits) -> None:
        alice, gone = [await limits.person(name) for name in ("alice", "gone")]
        for path, member, values in (
            (f"os-quota-sets/{alice.project['id']}", "quota_set", {"instances": 3}),
            (f"os-quota-sets/{gone.project['id']}", "quota_set", {"instances": 4}),
            ("os-quota-class-sets/default", "quota_class_set", {"cores": 7}),
        ):
            answer = await limits.cloud.request("PUT", f"/compute/v2.1/{path}", {member: values})
            assert answer.status == 200
        assert (await limits("DELETE", f"/projects/{gone.project['id']}")).status == 204
        assert await limits.registered("compute") == {}

    async def after(limits: Limits) -> None:
        registered = await limits.registered("compute")
        assert {name: row["default_limit"] for name, row in registered.items()} == {
            "servers": 10,
            "class:VCPU": 7,
            "class:MEMORY_MB": 51200,
            "class:DISK_GB": -1,
            "server_metadata_items": 128,
            "server_injected_files": 5,
            "server_injected_file_content_bytes": 10240,
            "server_injected_file_path_bytes": 255,
            "server_key_pairs": 100,
            "server_groups": 10,
            "server_group_members": 10,
        }
        (own,) = (await limits("GET", "/limits"))["limits"]
        project = (await limits("GET", f"/projects/{own['project_id']}"))["project"]
        assert (project["name"], own["resource_name"], own["resource_limit"]) == ("alice's", "servers", 3)
        assert {row["region_id"] for row in (own, *registered.values())} == {"RegionOne"}
        assert (await limits("DELETE", f"/limits/{own['id']}")).status == 204

    async def later(limits: Limits) -> None:
        assert (await limits("GET", "/limits"))["limits"] == []

    converse(tmp_path, before, database)
    converse(tmp_path, after, database, unified_limits=True)
    converse(tmp_path, later, database, unified_limits=True)


def test_servers_are_limited_by_keystone(tmp_path: Path, database: str) -> None:
    async def talk(limits: Limits) -> None:
        alice, bob = await limits.person("alice"), await limits.person("bob")
        await limits.limit("compute", "servers", 1, project_id=alice.project["id"])
        await limits.default("compute", "class:MEMORY_MB", 1024)
        of_alice, of_bob = await alice.login(), await bob.login()
        first = await limits.boot(of_alice)
        assert first.status == 202
        refused = await limits.boot(of_alice)
        assert (refused.status, refused["forbidden"]["message"]) == (
            403,
            over(alice.project["id"], ("servers", 1, 1, 1)),
        )
        several = await limits.boot(of_bob, min_count=1, max_count=5)
        assert several.status == 202
        found = await limits.cloud.request("GET", SERVERS, token=of_bob)
        assert len(found["servers"]) == 2
        refused = await limits.boot(of_bob, flavorRef="3", min_count=2, max_count=2)
        assert refused["forbidden"]["message"] == over(
            bob.project["id"], ("class:MEMORY_MB", 1024, 1024, 8192)
        )
        path = f"{SERVERS}/{first['server']['id']}"
        assert (await limits.cloud.request("DELETE", path, token=of_alice)).status == 204
        await limits.cloud.settled()
        assert (await limits.boot(of_alice)).status == 202

    converse(tmp_path, talk, database, unified_limits=True)


def test_what_is_not_registered_is_unlimited_but_servers(tmp_path: Path) -> None:
    async def talk(limits: Limits) -> None:
        alice = await limits.person("alice")
        token = await alice.login()
        for row in (await limits.registered("compute")).values():
            assert (await limits("DELETE", f"/registered_limits/{row['id']}")).status == 204
        refused = await limits.boot(token)
        assert refused["forbidden"]["message"] == over(alice.project["id"], ("servers", 0, 0, 1))
        await limits.default("compute", "servers", -1)
        assert (await limits.boot(token)).status == 202
        await limits.default("compute", "class:DISK_GB", 1)
        refused = await limits.boot(token, flavorRef="2")
        assert refused["forbidden"]["message"] == over(alice.project["id"], ("class:DISK_GB", 1, 1, 20))

    converse(tmp_path, talk, unified_limits=True)


def test_resource_classes_that_a_flavor_names_are_limited(tmp_path: Path, database: str) -> None:
    async def talk(limits: Limits) -> None:
        alice = await limits.person("alice")
        token, compute = await alice.login(), "/compute/v2.1/flavors"
        flavor = {"id": "gpu", "name": "gpu", "ram": 512, "vcpus": 1, "disk": 1}
        assert (await limits.cloud.request("POST", compute, {"flavor": flavor})).status == 200
        specs = {"extra_specs": {"resources:CUSTOM_GPU": "2", "trait:CUSTOM_FAST": "required"}}
        assert (await limits.cloud.request("POST", f"{compute}/gpu/os-extra_specs", specs)).status == 200
        assert (await limits.boot(token, flavorRef="gpu")).status == 202
        await limits.default("compute", "class:CUSTOM_GPU", 5)
        assert (await limits.boot(token, flavorRef="gpu")).status == 202
        refused = await limits.boot(token, flavorRef="gpu")
        assert refused["forbidden"]["message"] == over(alice.project["id"], ("class:CUSTOM_GPU", 5, 4, 2))
        assert (await limits.boot(token)).status == 202

    converse(tmp_path, talk, database, unified_limits=True)


def test_a_region_has_limits_of_its_own(tmp_path: Path) -> None:
    async def talk(limits: Limits) -> None:
        alice = await limits.person("alice")
        token = await alice.login()
        await limits("PUT", "/regions/Elsewhere", {"region": {}})
        item = {"service_id": await limits.service("compute"), "resource_name": "servers"}
        everywhere = {**item, "default_limit": 0}
        there = {**item, "region_id": "Elsewhere", "default_limit": 0}
        body = {"registered_limits": [everywhere, there]}
        assert (await limits("POST", "/registered_limits", body)).status == 201
        assert (await limits.boot(token)).status == 202
        own = {"project_id": alice.project["id"]}
        await limits.limit("compute", "servers", 1, region_id="RegionOne", **own)
        for region in ("Elsewhere", None):
            await limits.limit("compute", "servers", 5, region_id=region, **own)
        refused = await limits.boot(token)
        assert refused["forbidden"]["message"] == over(alice.project["id"], ("servers", 1, 1, 1))

    converse(tmp_path, talk, unified_limits=True)


def test_keys_groups_and_metadata_are_limited_too(tmp_path: Path) -> None:
    async def talk(limits: Limits) -> None:
        alice = await limits.person("alice")
        token = await alice.login()
        for resource in (
            "server_key_pairs",
            "server_groups",
            "server_metadata_items",
            "server_group_members",
        ):
            await limits.default("compute", resource, 1)

        async def post(path: str, body: Any) -> Answer:
            return await limits.cloud.request("POST", f"/compute/v2.1/{path}", body, token=token)

        key = {"name": "k", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILm7lgk9WyBTbMDWUZmyFGQUTnNMZfgPI7I4a6k7EnyC"}  # fmt: skip # noqa: E501
        assert (await post("os-keypairs", {"keypair": key})).status == 200
        assert (await post("os-keypairs", {"keypair": {**key, "name": "l"}})).status == 403
        group = {"server_group": {"name": "g", "policies": ["affinity"]}}
        made = await post("os-server-groups", group)
        assert made.status == 200
        assert (await post("os-server-groups", group)).status == 403
        assert (await limits.boot(token, metadata={"a": "1", "b": "2"})).status == 403
        hints = {"group": made["server_group"]["id"]}
        server = {"name": "vm", "imageRef": limits.image, "flavorRef": "1", "networks": "none"}
        for status in (202, 403):
            body = {"server": server, "os:scheduler_hints": hints}
            answer = await limits.cloud.request("POST", SERVERS, body, token=token, headers=LATEST)
            assert answer.status == status

    converse(tmp_path, talk, unified_limits=True)


def test_quota_sets_show_unified_limits_and_do_not_set_them(tmp_path: Path) -> None:
    async def talk(limits: Limits) -> None:
        alice = await limits.person("alice")
        project_id = alice.project["id"]
        await limits.limit("compute", "servers", 3, project_id=project_id)
        assert (await limits.boot(await alice.login())).status == 202
        path = f"/compute/v2.1/os-quota-sets/{project_id}"
        found = (await limits.cloud.request("GET", path))["quota_set"]
        assert (found["instances"], found["cores"], found["key_pairs"]) == (3, 20, 100)
        detail = (await limits.cloud.request("GET", f"{path}/detail"))["quota_set"]
        assert detail["instances"] == {"in_use": 1, "limit": 3, "reserved": 0}
        assert (await limits.cloud.request("GET", f"{path}/defaults"))["quota_set"]["instances"] == 10
        for where, member in (
            (path, "quota_set"),
            ("/compute/v2.1/os-quota-class-sets/default", "quota_class_set"),
        ):
            answer = await limits.cloud.request("PUT", where, {member: {"instances": 50}})
            assert answer.status == 200
            assert answer[member]["instances"] != 50
        absolute = await limits.cloud.request("GET", "/compute/v2.1/limits", token=await alice.login())
        assert absolute["limits"]["absolute"]["maxTotalInstances"] == 3

    converse(tmp_path, talk, unified_limits=True)


def test_without_the_setting_registered_limits_of_nova_do_not_count(tmp_path: Path) -> None:
    async def talk(limits: Limits) -> None:
        await limits.default("compute", "servers", 0)
        assert (await limits.boot(limits.cloud.token)).status == 202

    converse(tmp_path, talk)


async def race(limits: Limits, *people: Person, each: int) -> int:
    """How many servers there are after everybody has asked for some at once."""
    tokens = [await person.login() for person in people]
    answers = await asyncio.gather(*(limits.boot(token) for token in tokens for _ in range(each)))
    made = sum(answer.status == 202 for answer in answers)
    assert {answer.status for answer in answers} <= {202, 403}
    found = [await limits.cloud.request("GET", SERVERS, token=token) for token in tokens]
    assert made == sum(len(answer["servers"]) for answer in found)
    return made


def test_racing_creates_do_not_pass_a_limit(tmp_path: Path, database: str) -> None:
    async def talk(limits: Limits) -> None:
        alice = await limits.person("alice")
        await limits.limit("compute", "servers", 3, project_id=alice.project["id"])
        assert await race(limits, alice, each=8) == 3

    converse(tmp_path, talk, database, unified_limits=True)


def test_the_projects_of_a_domain_share_its_limit_in_the_strict_model(tmp_path: Path, database: str) -> None:
    async def talk(limits: Limits) -> None:
        domain = await limits.make("domain", name="label")
        alice, bob = [await limits.person(name, domain_id=domain["id"]) for name in ("alice", "bob")]
        carol = await limits.person("carol")
        await limits.limit("compute", "servers", 4, domain_id=domain["id"])
        await limits.limit("compute", "servers", 3, project_id=alice.project["id"])
        assert await race(limits, alice, each=6) == 3
        assert await race(limits, bob, each=4) == 1
        refused = await limits.boot(await bob.login())
        assert refused["forbidden"]["message"] == over(bob.project["id"], ("servers", 4, 4, 1))
        assert (await limits.boot(await carol.login())).status == 202

    converse(tmp_path, talk, database, unified_limits=True, limit_model="strict_two_level")


def test_racing_projects_do_not_pass_the_limit_of_their_domain(tmp_path: Path, database: str) -> None:
    async def talk(limits: Limits) -> None:
        domain = await limits.make("domain", name="label")
        people = [await limits.person(name, domain_id=domain["id"]) for name in ("alice", "bob")]
        await limits.limit("compute", "servers", 3, domain_id=domain["id"])
        assert await race(limits, *people, each=4) == 3

    converse(tmp_path, talk, database, unified_limits=True, limit_model="strict_two_level")


def test_images_are_limited_wherever_a_limit_is_registered(tmp_path: Path, database: str) -> None:
    async def talk(limits: Limits) -> None:
        usage = "/image/v2/info/usage"
        assert (await limits.cloud.request("GET", usage))["usage"] == {}
        await limits.default("image", "image_count_total", 2)
        await limits.default("image", "image_size_total", 3)
        one, two = [(await limits.make_image())["id"] for _ in range(2)]
        refused = await limits.cloud.request(
            "POST", IMAGES, {"name": "x"}, headers={"accept": "application/json"}
        )
        project_id = (await limits("GET", "/projects?name=admin"))["projects"][0]["id"]
        assert refused.status == 413
        assert refused["message"].startswith(over(project_id, ("image_count_total", 2, 2, 1)))
        assert (await limits.send(one, 2 * MIB)).status == 204
        assert (await limits.send(two, 2 * MIB)).status == 413
        shown = await limits.cloud.request("GET", f"{IMAGES}/{two}")
        assert (shown["status"], shown["size"]) == ("queued", None)
        assert (await limits.cloud.request("GET", usage))["usage"] == {
            "image_count_total": {"usage": 2, "limit": 2},
            "image_size_total": {"usage": 2, "limit": 3},
        }
        assert (await limits.send(two, MIB)).status == 204
        alice = await (await limits.person("alice")).login()
        assert (await limits.make_image(alice)).status == 201

    converse(tmp_path, talk, database, only=[KEYSTONE, GLANCE], hosts=0)


def test_staging_and_importing_are_limited(tmp_path: Path, database: str) -> None:
    async def talk(limits: Limits) -> None:
        await limits.default("image", "image_stage_total", 2)
        await limits.default("image", "image_count_uploading", 2)
        one, two, three = [(await limits.make_image())["id"] for _ in range(3)]
        assert (await limits.send(one, 3 * MIB, "stage")).status == 413
        assert (await limits.send(one, 2 * MIB, "stage")).status == 204
        assert (await limits.send(two, MIB, "stage")).status == 413
        assert (await limits.send(two, 100, "stage")).status == 204
        assert (await limits.send(three, 100, "stage")).status == 413
        assert (await limits.send(three, 100)).status == 413
        await limits.default("image", "image_size_total", 1)
        direct = {"method": {"name": "glance-direct"}}
        assert (await limits.cloud.request("POST", f"{IMAGES}/{one}/import", direct)).status == 413
        assert (await limits.cloud.request("GET", f"{IMAGES}/{one}"))["status"] == "uploading"
        assert (await limits.cloud.request("POST", f"{IMAGES}/{two}/import", direct)).status == 202
        await limits.cloud.settled()
        assert (await limits.send(three, 100)).status == 204

    converse(tmp_path, talk, database, only=[KEYSTONE, GLANCE], hosts=0)


def test_images_are_limited_as_ci_on_devstack_expects(tmp_path: Path) -> None:
    async def talk(limits: Limits) -> None:
        app = limits.cloud.app
        await app.db.transact(keystone_devstack, app)
        await limits.default("image", "image_count_total", 1)
        await app.db.transact(keystone_devstack, app)
        assert {name: row["default_limit"] for name, row in (await limits.registered("image")).items()} == {
            "image_size_total": 2000,
            "image_stage_total": 2000,
            "image_count_total": 1,
            "image_count_uploading": 100,
        }

    converse(tmp_path, talk, only=[KEYSTONE, GLANCE], hosts=0)


def test_a_server_cannot_be_made_an_image_beyond_the_limit(tmp_path: Path) -> None:
    async def talk(limits: Limits) -> None:
        server = (await limits.boot(limits.cloud.token))["server"]["id"]
        await limits.cloud.settled()
        await limits.default("image", "image_count_total", 1)
        path = f"{SERVERS}/{server}/action"
        answer = await limits.cloud.request("POST", path, {"createImage": {"name": "copy"}})
        assert answer.status == 403

    converse(tmp_path, talk)
