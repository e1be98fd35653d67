# SPDX-License-Identifier: Apache-2.0
"""Host aggregates, and what they say of the hosts that are in them: their zones above all."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

from tests.conversations.nova_talk import (
    LATEST,
    SERVERS,
    ask_for_a_server,
    boot,
    boot_on,
    holds,
    nova,
    shown,
    talk,
)

from cumulet.testing.cloud import Cloud

V = "/compute/v2.1"
AGGREGATES = f"{V}/os-aggregates"


async def ask(cloud: Cloud, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
    answer = await cloud.request(method, f"{V}{path}", body, **more)
    assert answer.status == status, answer
    return answer


async def make(cloud: Cloud, name: str, zone: str | None = None, *hosts: str) -> int:
    """An aggregate with these hosts; its number."""
    body = {"name": name} | ({"availability_zone": zone} if zone else {})
    number = (await ask(cloud, "POST", "/os-aggregates", {"aggregate": body}))["aggregate"]["id"]
    for host in hosts:
        await act(cloud, number, "add_host", {"host": host})
    return int(number)


async def act(cloud: Cloud, number: int, name: str, given: Any, status: int = 200) -> Any:
    return await ask(cloud, "POST", f"/os-aggregates/{number}/action", {name: given}, status)


def said(answer: Any) -> str:
    """The sentence of a refusal."""
    return str(next(iter(answer.body.values()))["message"])


def test_aggregates_are_made_changed_and_deleted(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, database=database) as (cloud, _):
            cloud.token = "admin"
            body = {"aggregate": {"name": "ssd", "availability_zone": None}}
            made = (await ask(cloud, "POST", "/os-aggregates", body))["aggregate"]
            assert (made["id"], made["name"], made["availability_zone"]) == (1, "ssd", None)
            assert (made["updated_at"], made["deleted"], made["deleted_at"]) == (None, False, None)
            assert not made.keys() & {"hosts", "metadata", "uuid"}
            again = await ask(cloud, "POST", "/os-aggregates", body, 409)
            assert again["conflictingRequest"]["message"] == "Aggregate ssd already exists."
            second = await ask(cloud, "POST", "/os-aggregates", {"aggregate": {"name": "a"}}, headers=LATEST)
            assert uuid.UUID(second["aggregate"]["uuid"]) and second["aggregate"]["id"] == 2

            change = {"aggregate": {"name": " nvme ", "availability_zone": "fast"}}
            changed = (await ask(cloud, "PUT", "/os-aggregates/1", change))["aggregate"]
            assert (changed["name"], changed["availability_zone"]) == ("nvme", "fast")
            assert changed["metadata"] == {"availability_zone": "fast"} and changed["updated_at"]
            taken = await ask(cloud, "PUT", "/os-aggregates/1", {"aggregate": {"name": "a"}}, 409)
            assert said(taken) == "Aggregate a already exists."
            empty = {"aggregate": {"availability_zone": None}}
            refused = await ask(cloud, "PUT", "/os-aggregates/1", empty, 400)
            assert said(refused) == (
                "Cannot update aggregate 1. Reason: Aggregate nvme does not support empty named availability "
                "zone."
            )

            metadata = {"metadata": {"ssd": "true", "rack": "7"}}
            kept = (await act(cloud, 1, "set_metadata", metadata))["aggregate"]["metadata"]
            assert kept == {"availability_zone": "fast", "ssd": "true", "rack": "7"}
            left = await act(cloud, 1, "set_metadata", {"metadata": {"rack": None, "none": None}})
            assert left["aggregate"]["metadata"] == {"availability_zone": "fast", "ssd": "true"}

            listed = (await ask(cloud, "GET", "/os-aggregates"))["aggregates"]
            assert [(a["id"], a["hosts"]) for a in listed] == [(1, []), (2, [])]
            deleted = await ask(cloud, "DELETE", "/os-aggregates/1")
            assert deleted.body is None
            gone = await ask(cloud, "GET", "/os-aggregates/1", status=404)
            assert gone["itemNotFound"]["message"] == "Aggregate 1 could not be found."

    talk(conversation)


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            cloud.token = "admin"
            await make(cloud, "one")
            for name in ("", "x" * 256, " spaced "):
                await ask(cloud, "POST", "/os-aggregates", {"aggregate": {"name": name}}, 400)
            for zone in ("", "a:b", " a", "x" * 256, 1):
                body = {"aggregate": {"name": "two", "availability_zone": zone}}
                await ask(cloud, "POST", "/os-aggregates", body, 400)
            for body in ({}, {"aggregate": {}}, {"aggregate": {"name": "a", "hosts": []}}):
                await ask(cloud, "POST", "/os-aggregates", body, 400)
                await ask(cloud, "PUT", "/os-aggregates/1", body, 400)
            answer = await ask(cloud, "GET", "/os-aggregates/one", status=400)
            assert said(answer) == "Invalid input received: id must be an integer"
            for id in ("-1", "999"):
                await ask(cloud, "GET", f"/os-aggregates/{id}", status=404)
                await ask(cloud, "DELETE", f"/os-aggregates/{id}", status=404)
                await ask(cloud, "PUT", f"/os-aggregates/{id}", {"aggregate": {"name": "b"}}, 404)
            await act(cloud, 1, "set_metadata", {"metadata": {"a" * 256: "x"}}, 400)
            await act(cloud, 1, "add_host", {"host": "no spaces"}, 400)
            await act(cloud, 1, "rename", {}, 400)
            for method, path in (("GET", ""), ("POST", ""), ("GET", "/1"), ("DELETE", "/1")):
                refused = await ask(
                    cloud, method, f"/os-aggregates{path}", {"aggregate": {"name": "b"}}, 403, token="member"
                )
                assert "Policy doesn't allow os_compute_api:os-aggregates:" in said(refused)

    talk(conversation)


def test_hosts_come_and_go_here_and_in_placement(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2, database=database) as (cloud, _):
            cloud.token = "admin"
            number = await make(cloud, "rack", None, "host-2", "host-1")
            answer = await ask(cloud, "GET", f"/os-aggregates/{number}", headers=LATEST)
            aggregate = answer["aggregate"]
            assert aggregate["hosts"] == ["host-2", "host-1"] and aggregate["updated_at"]
            path = f"/placement/resource_providers?member_of={aggregate['uuid']}"
            newest = {"OpenStack-API-Version": "placement latest"}
            told = (await cloud.request("GET", path, headers=newest))["resource_providers"]
            assert {provider["name"] for provider in told} == {"host-1", "host-2"}

            twice = await act(cloud, number, "add_host", {"host": "host-1"}, 409)
            assert said(twice) == f"Aggregate {number} already has host host-1."
            unknown = await act(cloud, number, "add_host", {"host": "nowhere"}, 404)
            assert said(unknown) == "Compute host nowhere could not be found."
            full = await ask(cloud, "DELETE", f"/os-aggregates/{number}", status=400)
            assert said(full) == (
                f"Cannot remove host from aggregate {number}. Reason: Host aggregate is not empty."
            )
            await act(cloud, number, "remove_host", {"host": "host-2"})
            gone = await act(cloud, number, "remove_host", {"host": "host-2"}, 404)
            assert said(gone) == f"Cannot remove host host-2 in aggregate {number}"
            told = (await cloud.request("GET", path, headers=newest))["resource_providers"]
            assert [provider["name"] for provider in told] == ["host-1"]

            services = (await ask(cloud, "GET", "/os-services?host=host-1", headers=LATEST))["services"]
            await ask(cloud, "DELETE", f"/os-services/{services[0]['id']}", status=204, headers=LATEST)
            assert (await ask(cloud, "GET", f"/os-aggregates/{number}"))["aggregate"]["hosts"] == []
            await ask(cloud, "DELETE", f"/os-aggregates/{number}")

    talk(conversation)


def test_servers_are_put_into_the_zone_that_was_asked_for(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2, database=database) as (cloud, _):
            cloud.token = "admin"
            await make(cloud, "east", "east", "host-2")
            zones = await ask(cloud, "GET", "/os-availability-zone", token="member")
            assert [z["zoneName"] for z in zones["availabilityZoneInfo"]] == ["east", "nova"]
            zones = await ask(cloud, "GET", "/os-availability-zone/detail")
            hosts = {zone["zoneName"]: set(zone["hosts"]) for zone in zones["availabilityZoneInfo"]}
            assert (hosts["east"], hosts["nova"]) == ({"host-2"}, {"host-1"})
            services = (await ask(cloud, "GET", "/os-services?binary=nova-compute"))["services"]
            assert [s["zone"] for s in services] == ["nova", "east"]

            for zone, host in (("east", "host-2"), ("nova", "host-1"), ("east", "host-2")):
                server = await shown(cloud, await boot(cloud, availability_zone=zone))
                assert server["OS-EXT-SRV-ATTR:host"] == host, server
                assert server["OS-EXT-AZ:availability_zone"] == zone
            listed = await ask(cloud, "GET", "/servers?availability_zone=east&all_tenants=1")
            assert len(listed["servers"]) == 2
            wrong = await cloud.request(
                "POST", SERVERS, {"server": {"name": "a", "flavorRef": "1", "availability_zone": "west"}}
            )
            assert wrong.status == 400
            off = {"host": "host-2", "binary": "nova-compute"}
            await ask(cloud, "PUT", "/os-services/disable", off)
            zones = await ask(cloud, "GET", "/os-availability-zone", token="member")
            assert [z["zoneState"]["available"] for z in zones["availabilityZoneInfo"]] == [True, False]
            await holds(cloud)

    talk(conversation)


def test_a_host_with_servers_stays_in_its_zone(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2, database=database) as (cloud, _):
            cloud.token = "admin"
            east = await make(cloud, "east", "east", "host-2")
            also = await make(cloud, "also east", "east", "host-2")
            west = await make(cloud, "west", "west")
            plain = await make(cloud, "plain")
            id = await boot(cloud, availability_zone="east")

            other = await act(cloud, west, "add_host", {"host": "host-2"}, 409)
            assert said(other) == (
                f"Cannot add host to aggregate {west}. Reason: One or more hosts already in availability "
                "zone(s) ['east', 'east']."
            )
            await act(cloud, plain, "add_host", {"host": "host-2"})
            await act(cloud, plain, "remove_host", {"host": "host-2"})
            await act(cloud, also, "remove_host", {"host": "host-2"})
            stays = await act(cloud, east, "remove_host", {"host": "host-2"}, 409)
            assert said(stays).startswith(
                f"Cannot remove host from aggregate {east}. Reason: The host cannot be removed from the "
                "aggregate as the availability zone of the host would change from 'east' to 'None' but the "
                "host already has 1 instance(s)."
            )
            moved = {"aggregate": {"availability_zone": "south"}}
            refused = await ask(cloud, "PUT", f"/os-aggregates/{east}", moved, 400)
            assert said(refused) == (
                f"Cannot update aggregate {east}. Reason: One or more hosts contain instances in this zone."
            )
            refused = await act(
                cloud, east, "set_metadata", {"metadata": {"availability_zone": "south"}}, 400
            )
            assert said(refused) == (
                f"Cannot update metadata of aggregate {east}. Reason: One or more hosts contain instances in "
                "this zone."
            )
            same = {"metadata": {"availability_zone": "east", "power": "green"}}
            await act(cloud, east, "set_metadata", same)

            lonely = await boot_on(cloud, "host-1")
            entered = await act(cloud, west, "add_host", {"host": "host-1"}, 409)
            assert said(entered).startswith(
                f"Cannot add host to aggregate {west}. Reason: The host cannot be added to the aggregate as "
                "the availability zone of the host would change from 'None' to 'west' but the host already "
                "has 1 instance(s)."
            )
            for server in (id, lonely):
                await cloud.request("DELETE", f"{SERVERS}/{server}")
            await cloud.settled()
            await act(cloud, west, "add_host", {"host": "host-1"})
            await ask(cloud, "PUT", f"/os-aggregates/{east}", moved)
            zones = await ask(cloud, "GET", "/os-availability-zone")
            assert [z["zoneName"] for z in zones["availabilityZoneInfo"]] == ["south", "west"]

    talk(conversation)


def test_a_flavor_asks_for_what_aggregates_say_of_hosts(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, _):
            cloud.token = "admin"
            number = await make(cloud, "disks", None, "host-2")
            await act(cloud, number, "set_metadata", {"metadata": {"disk": "ssd, nvme", "rack": "12"}})
            wanted = {"aggregate_instance_extra_specs:disk": "<or> nvme <or> tape", "color": "red"}
            await ask(cloud, "POST", "/flavors/1/os-extra_specs", {"extra_specs": wanted})
            assert (await shown(cloud, await boot(cloud)))["OS-EXT-SRV-ATTR:host"] == "host-2"
            more = {"aggregate_instance_extra_specs:rack": ">= 13"}
            await ask(cloud, "POST", "/flavors/1/os-extra_specs", {"extra_specs": more})
            id = await ask_for_a_server(cloud, token="admin")
            await cloud.settled()
            server = await shown(cloud, id)
            assert server["status"] == "ERROR"
            assert "host-2 is in no aggregate with rack >= 13" in server["fault"]["message"]

    talk(conversation)


def test_images_are_brought_to_hosts_before_servers_need_them(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, around):
            cloud.token = "admin"
            number = await make(cloud, "near", None, "host-2")
            path, body = f"/os-aggregates/{number}/images", {"cache": [{"id": around.image}]}
            await ask(cloud, "POST", path, body, 404, headers={"OpenStack-API-Version": "compute 2.80"})
            done = await ask(cloud, "POST", path, body, 202, headers=LATEST)
            assert done.body is None
            await cloud.settled()
            assert cloud.worlds["host-2"].images == {around.image} and not cloud.worlds["host-1"].images

            twice = {"cache": [{"id": around.image}] * 2}
            refused = await ask(cloud, "POST", path, twice, 400, headers=LATEST)
            assert said(refused) == "Duplicate images in request"
            for wrong in ({}, {"cache": []}, {"cache": [{"id": "x"}]}, {"cache": [{}]}):
                await ask(cloud, "POST", path, wrong, 400, headers=LATEST)
            await ask(cloud, "POST", "/os-aggregates/9/images", body, 404, headers=LATEST)
            await ask(cloud, "POST", path, body, 403, headers=LATEST, token="member")
            nothing = {"cache": [{"id": "00000000-0000-0000-0000-000000000000"}]}
            await ask(cloud, "POST", path, nothing, 202, headers=LATEST)  # and the log says why not
            await cloud.settled()

    talk(conversation)


def test_a_host_that_changes_its_zone_while_a_server_comes_leaves_no_server_behind(
    tmp_path: Path, database: str
) -> None:
    """Either the server is there first and the host stays, or it says the zone that the host came into."""

    async def conversation() -> None:
        async with nova(tmp_path, database=database) as (cloud, _):
            cloud.token = "admin"
            east = await make(cloud, "east", "east")
            for _round in range(4):
                entry = {"add_host": {"host": "host-1"}}
                path = f"{AGGREGATES}/{east}/action"
                id, entered = await asyncio.gather(
                    ask_for_a_server(cloud), cloud.request("POST", path, entry)
                )
                await cloud.settled()
                server = await shown(cloud, id)
                assert entered.status in (200, 409), entered
                zone = "east" if entered.status == 200 else "nova"
                assert (server["status"], server["OS-EXT-AZ:availability_zone"]) == ("ACTIVE", zone)
                await cloud.request("DELETE", f"{SERVERS}/{id}")
                await cloud.settled()
                if entered.status == 200:
                    await act(cloud, east, "remove_host", {"host": "host-1"})

    talk(conversation)
