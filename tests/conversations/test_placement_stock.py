# SPDX-License-Identifier: Apache-2.0
"""Inventories, resource classes, traits, aggregates and usages."""

from pathlib import Path

from tests.conversations.placement_talk import PROJECT, Talk, named, talk


def test_inventories_are_kept_with_defaults_and_generations(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        id = await say.provider("host", VCPU={"total": 8, "allocation_ratio": 4.0})
        path = f"/resource_providers/{id}/inventories"
        terms = {
            "total": 8,
            "reserved": 0,
            "min_unit": 1,
            "max_unit": 2**31 - 1,
            "step_size": 1,
            "allocation_ratio": 4.0,
        }
        assert await say.done("GET", path) == {
            "resource_provider_generation": 1,
            "inventories": {"VCPU": terms},
        }
        made = await say.ask("POST", path, {"resource_class": "DISK_GB", "total": 100})
        assert (made.status, made["resource_provider_generation"]) == (201, 2)
        assert made.headers["location"] == f"http://cloud/placement{path}/DISK_GB"
        again = await say.ask("POST", path, {"resource_class": "DISK_GB", "total": 100})
        assert (again.status, again["errors"][0]["code"]) == (409, "placement.concurrent_update")
        old = await say.ask("PUT", f"{path}/DISK_GB", {"total": 50, "resource_provider_generation": 1})
        assert (old.status, old["errors"][0]["code"]) == (409, "placement.concurrent_update")
        new = await say.done("PUT", f"{path}/DISK_GB", {"total": 50, "resource_provider_generation": 2})
        assert (new["total"], new["resource_provider_generation"]) == (50, 3)
        assert (await say.ask("DELETE", f"{path}/DISK_GB")).status == 204
        assert (await say.ask("DELETE", f"{path}/DISK_GB")).status == 404
        assert (await say.ask("DELETE", path, version="1.4")).status == 405
        assert (await say.ask("DELETE", path)).status == 204
        assert await say.done("GET", path) == {"resource_provider_generation": 5, "inventories": {}}

    talk(tmp_path, conversation, database)


def test_an_inventory_in_use_stays(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        id = await say.provider("host", VCPU=8, DISK_GB=10)
        await say.allocate("server", host={"VCPU": 8})
        path = f"/resource_providers/{id}/inventories"
        body = {"resource_provider_generation": 2, "inventories": {"DISK_GB": {"total": 10}}}
        for method, where, sent in (("PUT", path, body), ("DELETE", path, None)):
            refused = await say.ask(method, where, sent)
            [error] = refused["errors"]
            assert (refused.status, error["code"]) == (409, "placement.inventory.inuse")
            assert f"Inventory for 'VCPU' on resource provider '{id}' in use." in error["detail"]
        shrunk = {"total": 4, "resource_provider_generation": 2}
        assert (await say.done("PUT", f"{path}/VCPU", shrunk))["total"] == 4
        usages = await say.done("GET", f"/resource_providers/{id}/usages")
        assert usages["usages"] == {"VCPU": 8, "DISK_GB": 0}

    talk(tmp_path, conversation)


def test_an_inventory_that_gives_nothing_is_refused(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        id = await say.provider("host")
        path = f"/resource_providers/{id}/inventories"
        body = {"resource_class": "VCPU", "total": 4, "reserved": 4}
        refused = await say.ask("POST", path, body, "1.25")
        assert "The reserved value is greater than or equal to total." in refused["errors"][0]["detail"]
        assert (await say.ask("POST", path, body, "1.26")).status == 201
        refused = await say.ask("POST", path, {"resource_class": "TEA", "total": 1})
        assert (refused.status, "No such resource class TEA." in refused["errors"][0]["detail"]) == (
            400,
            True,
        )
        refused = await say.ask("POST", path, {"resource_class": "DISK_GB", "total": 0})
        assert "0 is less than the minimum of 1" in refused["errors"][0]["detail"]

    talk(tmp_path, conversation)


def test_a_cloud_has_classes_of_its_own(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        made = await say.ask("POST", "/resource_classes", {"name": "CUSTOM_TEA"})
        assert (made.status, made.headers["location"]) == (
            201,
            "http://cloud/placement/resource_classes/CUSTOM_TEA",
        )
        assert (await say.ask("POST", "/resource_classes", {"name": "CUSTOM_TEA"})).status == 409
        assert (await say.ask("POST", "/resource_classes", {"name": "TEA"})).status == 400
        assert (await say.ask("PUT", "/resource_classes/CUSTOM_TEA")).status == 204
        assert (await say.ask("PUT", "/resource_classes/CUSTOM_MILK")).status == 201
        renamed = await say.done("PUT", "/resource_classes/CUSTOM_MILK", {"name": "CUSTOM_CREAM"}, "1.6")
        assert renamed["name"] == "CUSTOM_CREAM"
        listed = [one["name"] for one in (await say.done("GET", "/resource_classes"))["resource_classes"]]
        assert (listed[0], listed[-2:]) == ("VCPU", ["CUSTOM_TEA", "CUSTOM_CREAM"])
        await say.provider("kettle", CUSTOM_TEA=3)
        refused = await say.ask("DELETE", "/resource_classes/CUSTOM_TEA")
        assert (refused.status, "Class is in use in inventory." in refused["errors"][0]["detail"]) == (
            409,
            True,
        )
        refused = await say.ask("DELETE", "/resource_classes/VCPU")
        assert "Cannot delete standard resource class VCPU." in refused["errors"][0]["detail"]
        assert (await say.ask("DELETE", "/resource_classes/CUSTOM_CREAM")).status == 204
        assert (await say.ask("GET", "/resource_classes/CUSTOM_CREAM")).status == 404

    talk(tmp_path, conversation, database)


def test_a_cloud_has_traits_of_its_own(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        assert [(await say.ask("PUT", "/traits/CUSTOM_GOLD")).status for _ in range(2)] == [201, 204]
        assert (await say.ask("PUT", "/traits/GOLD")).status == 400
        assert (await say.ask("GET", "/traits/HW_CPU_X86_AVX2")).status == 204
        id = await say.provider("host")
        await say.describe(id, traits=["CUSTOM_GOLD", "HW_CPU_X86_AVX2"])
        assert (await say.done("GET", "/traits?associated=true"))["traits"] == [
            "HW_CPU_X86_AVX2",
            "CUSTOM_GOLD",
        ]
        assert (await say.done("GET", "/traits?name=startswith:CUSTOM_"))["traits"] == ["CUSTOM_GOLD"]
        assert (await say.done("GET", "/traits?name=in:CUSTOM_GOLD,CUSTOM_X"))["traits"] == ["CUSTOM_GOLD"]
        assert (await say.ask("DELETE", "/traits/CUSTOM_GOLD")).status == 409
        old = {"traits": [], "resource_provider_generation": 0}
        refused = await say.ask("PUT", f"/resource_providers/{id}/traits", old)
        assert (refused.status, refused["errors"][0]["code"]) == (409, "placement.concurrent_update")
        assert (await say.ask("DELETE", f"/resource_providers/{id}/traits")).status == 204
        assert (await say.ask("DELETE", "/traits/CUSTOM_GOLD")).status == 204
        assert (await say.ask("DELETE", "/traits/HW_CPU_X86_AVX2")).status == 400

    talk(tmp_path, conversation, database)


def test_aggregates_know_generations_from_1_19_on(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        id = await say.provider("host")
        path, rack = f"/resource_providers/{id}/aggregates", named("rack")
        assert await say.done("PUT", path, [rack], "1.18") == {"aggregates": [rack]}
        assert await say.generation(id) == 1
        new = await say.done("PUT", path, {"aggregates": [], "resource_provider_generation": 1})
        assert new == {"aggregates": [], "resource_provider_generation": 2}
        refused = await say.ask("PUT", path, {"aggregates": [rack], "resource_provider_generation": 1})
        assert (refused.status, refused["errors"][0]["code"]) == (409, "placement.concurrent_update")
        assert await say.done("GET", path, version="1.1") == {"aggregates": []}

    talk(tmp_path, conversation)


def test_a_reader_sees_what_its_project_uses(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        await say.provider("host", VCPU=8, MEMORY_MB=1024)
        for number in (1, 2):
            await say.allocate(f"server-{number}", host={"VCPU": 1, "MEMORY_MB": 100})
        by_type = await say.done("GET", f"/usages?project_id={PROJECT}")
        assert by_type["usages"] == {"INSTANCE": {"consumer_count": 2, "VCPU": 2, "MEMORY_MB": 200}}
        everything = await say.done("GET", f"/usages?project_id={PROJECT}&consumer_type=all")
        assert everything["usages"]["all"]["consumer_count"] == 2
        unknown = await say.done("GET", f"/usages?project_id={PROJECT}&consumer_type=unknown")
        assert unknown["usages"] == {}
        old = await say.done("GET", f"/usages?project_id={PROJECT}", version="1.9")
        assert old == {"usages": {"MEMORY_MB": 200, "VCPU": 2}}
        own = await say.ask("GET", f"/usages?project_id={'a' * 32}", token="reader")
        assert (own.status, own.body) == (200, {"usages": {}})
        assert (await say.ask("GET", f"/usages?project_id={PROJECT}", token="reader")).status == 403

    talk(tmp_path, conversation, database)
