# SPDX-License-Identifier: Apache-2.0
"""What the six services make of requests that are broken, foreign, late, or of the same thing at once."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cumulet.kernel.clock import Clock, ManualClock
from cumulet.main import services
from cumulet.testing.asgi import Answer
from cumulet.testing.cloud import Cloud
from cumulet.testing.identity import Talk

HUGE = 2**63
NOWHERE = "00000000-0000-4000-8000-000000000000"
NAME = "x" * 256
PROVIDERS = {"OpenStack-API-Version": "placement 1.39"}
FLAVOR = {"name": "tiny", "ram": 64, "vcpus": 1, "disk": 1}

CREATES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "keystone": ("/identity/v3/projects", "project", {"name": "one", "domain_id": "default"}),
    "placement": ("/placement/resource_providers", "", {"name": "one"}),
    "glance": ("/image/v2/images", "", {"name": "one"}),
    "neutron": ("/network/v2.0/networks", "network", {"name": "one"}),
    "cinder": ("/volume/v3/volumes", "volume", {"name": "one", "size": 1}),
    "nova": ("/compute/v2.1/flavors", "flavor", FLAVOR),
}
"""Where each service makes something, in which envelope, and of what."""

Conversation = Callable[["Whole"], Awaitable[None]]


class Whole:
    """A whole cloud with its administrator and one plain member."""

    def __init__(self, cloud: Cloud, member: str) -> None:
        self.cloud = cloud
        self.admin, self.member = cloud.token, member

    async def __call__(self, method: str, path: str, body: Any = None, **how: Any) -> Answer:
        """One request as the administrator; whatever comes back is no 5xx and names its request."""
        headers = {**(PROVIDERS if path.startswith("/placement") else {}), **how.pop("headers", {})}
        answer = await self.cloud.request(method, path, body, headers=headers, **how)
        assert answer.status < 500, (method, path, answer)
        assert answer.headers["x-openstack-request-id"].startswith("req-")
        return answer

    async def make(self, path: str, member: str, values: dict[str, Any], **how: Any) -> Any:
        answer = await self("POST", path, {member: values} if member else values, **how)
        assert answer.status in (200, 201, 202), (path, answer)
        return answer[member] if member else answer.body

    async def names(self, service: str) -> list[Any]:
        """What a list of the service tells of names, in order."""
        path, member, _ = CREATES[service]
        answer = await self("GET", path)
        return sorted(str(item["name"]) for item in answer[f"{member or path.rpartition('/')[2][:-1]}s"])


def hold(tmp_path: Path, conversation: Conversation, clock: Clock | None = None) -> None:
    async def run() -> None:
        async with Cloud.running(tmp_path, services(), clock=clock) as cloud:
            keystone = Talk(cloud)
            await keystone.become_admin()
            person = await keystone.person("somebody")
            await conversation(Whole(cloud, await person.login()))

    asyncio.run(run())


def enveloped(member: str, values: Any) -> Any:
    return {member: values} if member else values


BROKEN: dict[str, bytes] = {
    "half": b'{"a": ',
    "no JSON": b"name=one",
    "no UTF-8": b'{"a": "\xff"}',
    "an unpaired surrogate": b'{"a": "\\ud800"}',
    "a raw surrogate": b'{"a": "\xed\xa0\x80"}',
    "a NUL": b'{"a": "\\u0000"}',
    "a NUL in a key": b'{"\\u0000": 1}',
    "not a number": b'{"a": NaN}',
    "too deep": b'{"a": ' + b"[" * 500 + b"]" * 500 + b"}",
    "far too deep": b"[" * 100_000,
    "a list": b"[]",
    "a text": b'"one"',
    "nothing": b"null",
    "empty": b"{}",
}


def test_bodies_that_cannot_be_read_are_400_and_make_nothing(tmp_path: Path) -> None:
    async def conversation(ask: Whole) -> None:
        for service, (path, _, _) in CREATES.items():
            before = await ask.names(service)
            for kind, body in BROKEN.items():
                if (service, kind) == ("glance", "empty"):
                    continue  # an image needs no name
                answer = await ask("POST", path, body)
                assert answer.status == 400, (service, kind, answer)
            assert await ask.names(service) == before

    hold(tmp_path, conversation)


def test_bodies_that_are_too_large_are_413(tmp_path: Path) -> None:
    async def conversation(ask: Whole) -> None:
        for service, (path, member, values) in CREATES.items():
            body = enveloped(member, {**values, "description": "x" * (1 << 20)})
            answer = await ask("POST", path, body)
            assert answer.status == 413, (service, answer)

    hold(tmp_path, conversation)


WRONG: dict[str, list[dict[str, Any]]] = {
    "keystone": [
        {"name": NAME}, {"name": ""}, {"name": 5}, {"name": None}, {"name": ["one"]}, {"enabled": "perhaps"},
        {"description": {}}, {"tags": "one"}, {"parent_id": HUGE},
    ],
    "placement": [
        {"name": "x" * 201}, {"name": ""}, {"name": 5}, {"name": None}, {"uuid": "one"}, {"uuid": HUGE},
        {"parent_provider_uuid": "one"}, {"colour": "red"},
    ],
    "glance": [
        {"name": NAME}, {"name": 5}, {"name": ["one"]}, {"min_disk": -1}, {"min_disk": HUGE},
        {"min_ram": 2**200}, {"min_ram": "much"}, {"visibility": "some"}, {"disk_format": "tape"},
        {"id": "one"}, {"tags": [NAME]}, {"tags": "one"}, {"protected": "perhaps"}, {"colour": 5},
        {"colour": {"a": {"b": []}}},
    ],
    "neutron": [
        {"name": NAME}, {"name": 5}, {"name": ["one"]}, {"admin_state_up": "perhaps"}, {"mtu": HUGE},
        {"mtu": "9" * 5000}, {"mtu": -1}, {"mtu": {}}, {"shared": 7}, {"colour": "red"}, {"id": NOWHERE},
        {"provider:segmentation_id": HUGE, "provider:network_type": "vlan"},
    ],
    "cinder": [
        {"name": NAME}, {"name": 5}, {"size": 0}, {"size": -1}, {"size": HUGE}, {"size": 2**200},
        {"size": "much"}, {"size": "9" * 5000}, {"size": 1.5}, {"size": None}, {"size": []},
        {"metadata": {"a": NAME}}, {"metadata": []}, {"snapshot_id": "one"},
    ],
    "nova": [
        {"name": NAME}, {"name": ""}, {"name": 5}, {"ram": 0}, {"ram": HUGE}, {"ram": "9" * 5000},
        {"ram": 2**31}, {"vcpus": -1}, {"vcpus": 2**200}, {"disk": HUGE}, {"disk": {}}, {"id": NAME},
        {"rxtx_factor": "1" * 400}, {"rxtx_factor": 1e300}, {"swap": HUGE}, {"colour": "red"},
    ],
}  # fmt: skip


def test_values_that_no_field_can_have_are_400_and_make_nothing(tmp_path: Path) -> None:
    async def conversation(ask: Whole) -> None:
        for service, (path, member, values) in CREATES.items():
            before = await ask.names(service)
            for wrong in WRONG[service]:
                answer = await ask("POST", path, enveloped(member, {**values, **wrong}))
                assert answer.status == 400, (service, str(wrong)[:80], answer)
            assert await ask.names(service) == before

    hold(tmp_path, conversation)


LISTS = {
    "keystone": "/identity/v3/users",
    "glance": "/image/v2/images",
    "neutron": "/network/v2.0/networks",
    "cinder": "/volume/v3/volumes",
    "nova": "/compute/v2.1/servers",
    "placement": "/placement/resource_providers",
}
QUERIES: list[tuple[str, str, int]] = [
    *((service, "name=a%00b", 400) for service in LISTS),
    *((service, "name=%ED%A0%80", 200) for service in LISTS),
    *((service, f"limit={HUGE}", 400) for service in ("glance", "neutron", "cinder", "nova")),
    *((service, "limit=many", 400) for service in ("glance", "neutron", "cinder", "nova")),
    *((service, "limit=-1", 400) for service in ("glance", "neutron", "cinder", "nova")),
    *((service, f"marker={HUGE}", 400) for service in ("glance", "nova")),
    ("cinder", f"marker={NOWHERE}", 404),
    ("neutron", f"marker={NOWHERE}", 400),
    *((service, "sort_key=colour", 400) for service in ("glance", "neutron", "cinder", "nova")),
    ("glance", f"size_min={HUGE}", 200),
    ("glance", f"size_min={'9' * 5000}", 400),
    ("neutron", f"mtu={HUGE}", 400),
    ("cinder", f"size={HUGE}", 400),
    ("nova", f"limit={'9' * 5000}", 400),
    ("placement", f"resources=VCPU:{HUGE}", 200),
    ("placement", f"resources=VCPU:{'9' * 5000}", 400),
    ("placement", "colour=red", 400),
]


@pytest.mark.parametrize("service", LISTS)
def test_queries_that_make_no_sense_are_refused(tmp_path: Path, service: str) -> None:
    async def conversation(ask: Whole) -> None:
        for asked, query, status in QUERIES:
            if asked == service:
                answer = await ask("GET", f"{LISTS[service]}?{query}")
                assert answer.status == status, (service, query[:60], answer)

    hold(tmp_path, conversation)


ITEMS = (
    "/identity/v3/users/{}", "/identity/v3/projects/{}", "/identity/v3/roles/{}", "/identity/v3/domains/{}",
    "/placement/resource_providers/{}", "/placement/resource_classes/{}", "/placement/traits/{}",
    "/image/v2/images/{}", "/network/v2.0/networks/{}", "/network/v2.0/subnets/{}", "/network/v2.0/ports/{}",
    "/network/v2.0/routers/{}", "/network/v2.0/floatingips/{}", "/network/v2.0/security-groups/{}",
    "/volume/v3/volumes/{}", "/volume/v3/snapshots/{}", "/volume/v3/types/{}", "/compute/v2.1/servers/{}",
    "/compute/v2.1/flavors/{}", "/compute/v2.1/os-keypairs/{}", "/compute/v2.1/os-server-groups/{}",
    "/compute/v2.1/os-hypervisors/{}",
)  # fmt: skip
NAMES = (
    "one",
    NOWHERE,
    str(HUGE),
    "9" * 5000,
    "-1",
    "a%00b",
    "%FF",
    "%ED%A0%80",
    "..%2Fone",
    "'",
    "%25",
    " ",
)


def test_names_that_nothing_has_are_404_to_read_and_to_delete(tmp_path: Path) -> None:
    async def conversation(ask: Whole) -> None:
        for path in ITEMS:
            for name in NAMES:
                for method in ("GET", "DELETE"):
                    answer = await ask(method, path.format(name))
                    assert answer.status in (404, 405, 400), (method, path, name[:20], answer)
                    if name in ("one", NOWHERE) and "traits" not in path and "classes" not in path:
                        assert answer.status in (404, 405), (method, path, name, answer)

    hold(tmp_path, conversation)


def test_tokens_that_are_foreign_broken_or_late_are_401(tmp_path: Path) -> None:
    clock = ManualClock()
    foreign = base64.urlsafe_b64encode(b"\x80" + b"x" * 120).decode()

    async def conversation(ask: Whole) -> None:
        for token in ("", "x", "x" * 9000, foreign, ask.member[:-4] + "AAAA", "\xff\xfe", "null", "gAAAAA"):
            for service, path in LISTS.items():
                assert (await ask("GET", path, token=token)).status == 401, (service, token[:20])
        await clock.pass_time(7200)
        for service, path in LISTS.items():
            assert (await ask("GET", path, token=ask.member)).status == 401, service

    hold(tmp_path, conversation, clock)


FOREIGN: list[tuple[str, str, dict[str, Any], tuple[int, ...]]] = [
    ("/identity/v3/users", "user", {"name": "two", "domain_id": "default"}, (403,)),
    ("/placement/resource_providers", "", {"name": "two"}, (403,)),
    ("/image/v2/images", "", {"name": "two"}, (404,)),
    ("/network/v2.0/networks", "network", {"name": "two"}, (404,)),
    ("/network/v2.0/routers", "router", {"name": "two"}, (404,)),
    ("/volume/v3/volumes", "volume", {"name": "two", "size": 1}, (404,)),
    ("/compute/v2.1/os-server-groups", "server_group", {"name": "two", "policies": ["affinity"]}, (404,)),
]


def test_what_belongs_to_another_project_cannot_be_seen_changed_or_deleted(tmp_path: Path) -> None:
    async def conversation(ask: Whole) -> None:
        for path, member, values, expected in FOREIGN:
            made = await ask.make(path, member, values)
            item = f"{path}/{made.get('id') or made['uuid']}"
            for method, body in (
                ("GET", None),
                ("DELETE", None),
                ("PUT", enveloped(member, {"name": "mine"})),
            ):
                if method == "PUT" and "identity" in path:
                    continue
                answer = await ask(method, item, body, token=ask.member)
                assert answer.status in (*expected, 405, *((404,) if method == "PUT" else ())), (item, answer)
            assert (await ask("GET", item)).status == 200
        elsewhere = {"network": {"name": "three", "project_id": "f" * 32}}
        assert (await ask("POST", "/network/v2.0/networks", elsewhere, token=ask.member)).status == 400

    hold(tmp_path, conversation)


def test_a_ratio_beyond_what_a_float_holds_is_refused(tmp_path: Path) -> None:
    async def conversation(ask: Whole) -> None:
        provider = (await ask.make("/placement/resource_providers", "", {"name": "one"}))["uuid"]
        path = f"/placement/resource_providers/{provider}/inventories"
        for ratio in (1e300, -1e307, "much", None, [1]):
            body = {"resource_class": "VCPU", "total": 176, "reserved": 644006605, "allocation_ratio": ratio}
            assert (await ask("POST", path, body)).status == 400, ratio
        assert (await ask("GET", path))["inventories"] == {}

    hold(tmp_path, conversation)


def test_a_key_that_is_sent_twice_counts_as_it_was_sent_last(tmp_path: Path) -> None:
    async def conversation(ask: Whole) -> None:
        body = b'{"network": {"name": "first", "name": "last"}}'
        answer = await ask("POST", "/network/v2.0/networks", body)
        assert answer["network"]["name"] == "last"
        body = b'{"volume": {"size": 1}, "volume": {"size": 2}}'
        assert (await ask("POST", "/volume/v3/volumes", body))["volume"]["size"] == 2

    hold(tmp_path, conversation)


SUBNETS = "/network/v2.0/subnets"


def test_subnets_of_one_network_and_of_one_router_do_not_overlap(tmp_path: Path) -> None:
    async def conversation(ask: Whole) -> None:
        one = (await ask.make("/network/v2.0/networks", "network", {}))["id"]
        two = (await ask.make("/network/v2.0/networks", "network", {}))["id"]
        values = {"network_id": one, "ip_version": 4, "cidr": "10.0.0.0/24"}
        first = await ask.make(SUBNETS, "subnet", values)
        for cidr in (
            "10.0.0.0/24",
            "10.0.0.128/25",
            "10.0.0.0/16",
            "0.0.0.0/0",
            "10.0.0.0/33",
            "10.0.0/24",
            "::/0",
        ):
            answer = await ask("POST", SUBNETS, {"subnet": {**values, "cidr": cidr}})
            assert answer.status == 400, (cidr, answer)
        second = await ask.make(SUBNETS, "subnet", {**values, "network_id": two})
        router = (await ask.make("/network/v2.0/routers", "router", {}))["id"]
        add = f"/network/v2.0/routers/{router}/add_router_interface"
        assert (await ask("PUT", add, {"subnet_id": first["id"]})).status == 200
        assert (await ask("PUT", add, {"subnet_id": second["id"]})).status == 400
        assert len((await ask("GET", SUBNETS))["subnets"]) == 2

    hold(tmp_path, conversation)


def test_of_racing_subnets_one_is_made(tmp_path: Path) -> None:
    async def conversation(ask: Whole) -> None:
        network = (await ask.make("/network/v2.0/networks", "network", {}))["id"]
        body = {"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24"}}
        answers = await asyncio.gather(*(ask("POST", SUBNETS, body) for _ in range(8)))
        assert sorted(answer.status for answer in answers) == [201] + [400] * 7
        assert len((await ask("GET", SUBNETS))["subnets"]) == 1

    hold(tmp_path, conversation)


DELETED: list[tuple[str, str, dict[str, Any]]] = [
    *((path, member, values) for path, member, values in CREATES.values()),
    ("/network/v2.0/routers", "router", {}),
    ("/network/v2.0/security-groups", "security_group", {"name": "one"}),
    ("/identity/v3/users", "user", {"name": "two", "domain_id": "default"}),
    ("/identity/v3/roles", "role", {"name": "two"}),
    ("/volume/v3/types", "volume_type", {"name": "two"}),
    ("/compute/v2.1/os-server-groups", "server_group", {"name": "two", "policies": ["affinity"]}),
]


def test_who_delete_the_same_thing_at_once_are_all_answered_and_it_is_gone(tmp_path: Path) -> None:
    async def conversation(ask: Whole) -> None:
        for path, member, values in DELETED:
            made = await ask.make(path, member, values)
            await ask.cloud.settled()
            item = f"{path}/{made.get('id') or made['uuid']}"
            answers = await asyncio.gather(*(ask("DELETE", item) for _ in range(6)))
            statuses = {answer.status for answer in answers}
            assert statuses & {202, 204} and statuses <= {202, 204, 404, 400, 409}, (path, statuses)
            await asyncio.wait_for(ask.cloud.settled(), 10)
            assert (await ask("GET", item)).status == 404, path
        for running in ask.cloud.app.services.values():
            for check in running.manifest.invariants():
                assert await ask.cloud.app.db.read(check) == []

    hold(tmp_path, conversation)


def test_who_delete_one_server_and_one_volume_at_once_leave_nothing(tmp_path: Path) -> None:
    async def conversation(ask: Whole) -> None:
        flavor = (await ask.make("/compute/v2.1/flavors", "flavor", FLAVOR))["id"]
        image = {"name": "one", "disk_format": "raw", "container_format": "bare"}
        image_id = (await ask.make("/image/v2/images", "", image))["id"]
        octets = {"Content-Type": "application/octet-stream"}
        await ask("PUT", f"/image/v2/images/{image_id}/file", b"\0" * 512, headers=octets)
        values = {"name": "one", "flavorRef": flavor, "imageRef": image_id, "networks": "none"}
        latest = {"OpenStack-API-Version": "compute latest"}
        for settle in (True, False):
            server = (await ask.make("/compute/v2.1/servers", "server", values, headers=latest))["id"]
            if settle:
                await ask.cloud.settled()
            item = f"/compute/v2.1/servers/{server}"
            answers = await asyncio.gather(*(ask("DELETE", item) for _ in range(6)))
            assert {answer.status for answer in answers} <= {204, 404, 409}
            await asyncio.wait_for(ask.cloud.settled(), 10)
            assert (await ask("GET", item)).status == 404
        assert ask.cloud.worlds["host-1"].guests == {}

    hold(tmp_path, conversation)
