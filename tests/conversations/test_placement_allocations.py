# SPDX-License-Identifier: Apache-2.0
"""Allocations: who holds what, one at a time, many at once, and while others do the same."""

import asyncio
from pathlib import Path
from typing import Any

from tests.conversations.placement_talk import PROJECT, USER, Talk, named, talk

SERVER = named("server")


def wish(generation: int | None, **by_provider: dict[str, int]) -> dict[str, Any]:
    allocations = {named(name): {"resources": taken} for name, taken in by_provider.items()}
    owner = {"project_id": PROJECT, "user_id": USER, "consumer_generation": generation}
    return {"allocations": allocations, **owner, "consumer_type": "INSTANCE"}


def test_a_consumer_holds_what_it_was_last_given(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        host = await say.provider("host", VCPU=8)
        other = await say.provider("other", VCPU=8)
        assert await say.done("GET", f"/allocations/{SERVER}") == {"allocations": {}}
        assert (await say.allocate("server", host={"VCPU": 2})).status == 204
        held = await say.done("GET", f"/allocations/{SERVER}")
        assert held == {
            "allocations": {host: {"generation": 2, "resources": {"VCPU": 2}}},
            "project_id": PROJECT, "user_id": USER, "consumer_generation": 1, "consumer_type": "INSTANCE",
        }  # fmt: skip
        assert (await say.allocate("server", 1, other={"VCPU": 3})).status == 204
        held = await say.done("GET", f"/allocations/{SERVER}", version="1.0")
        assert held == {"allocations": {other: {"generation": 2, "resources": {"VCPU": 3}}}}
        users = await say.done("GET", f"/resource_providers/{other}/allocations")
        assert users["allocations"] == {SERVER: {"resources": {"VCPU": 3}, "consumer_generation": 2}}
        assert (await say.done("GET", f"/resource_providers/{host}/allocations"))["allocations"] == {}
        assert (await say.ask("DELETE", f"/allocations/{SERVER}")).status == 204
        gone = await say.ask("DELETE", f"/allocations/{SERVER}")
        assert (gone.status, f"No allocations for consumer '{SERVER}'" in gone["errors"][0]["detail"]) == (
            404,
            True,
        )

    talk(tmp_path, conversation, database)


def test_old_versions_say_less(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        host = await say.provider("host", VCPU=8)
        listed = {"allocations": [{"resource_provider": {"uuid": host}, "resources": {"VCPU": 1}}]}
        assert (await say.ask("PUT", f"/allocations/{SERVER}", listed, "1.0")).status == 204
        held = await say.done("GET", f"/allocations/{SERVER}")
        nobody = "00000000-0000-0000-0000-000000000000"
        assert (held["project_id"], held["user_id"], held["consumer_type"]) == (nobody, nobody, "unknown")
        assert (await say.ask("PUT", f"/allocations/{SERVER}", listed, "1.8")).status == 400
        assert (await say.ask("POST", "/allocations", {}, "1.12")).status == 404

    talk(tmp_path, conversation)


def test_a_consumer_that_has_changed_is_not_overwritten(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        await say.provider("host", VCPU=8)
        for generation, words in ((3, "expected null but got 3"), (None, "")):
            answer = await say.allocate("server", generation, host={"VCPU": 1})
            assert answer.status == 204 or words in answer["errors"][0]["detail"]
        refused = await say.allocate("server", None, host={"VCPU": 1})
        [error] = refused["errors"]
        assert (refused.status, error["code"]) == (409, "placement.concurrent_update")
        assert "consumer generation conflict - expected 1 but got None" in error["detail"]
        assert (await say.ask("PUT", f"/allocations/{SERVER}", wish(1))).status == 204
        assert await say.done("GET", f"/allocations/{SERVER}") == {"allocations": {}}

    talk(tmp_path, conversation, database)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        terms = {"total": 10, "min_unit": 2, "max_unit": 6, "step_size": 2}
        host = await say.provider("host", DISK_GB=terms)
        path = f"/allocations/{SERVER}"
        for status, words, body in (
            (409, "would violate inventory constraints", wish(None, host={"DISK_GB": 3})),
            (409, "would violate inventory constraints", wish(None, host={"DISK_GB": 8})),
            (
                409,
                f"Inventory for 'VCPU' on resource provider '{host}' invalid.",
                wish(None, host={"VCPU": 1}),
            ),
            (400, f"'{named('x')}' that does not exist", wish(None, x={"VCPU": 1})),
            (400, "No such resource class TEA.", wish(None, host={"TEA": 1})),
            (400, "0 is less than the minimum of 1", wish(None, host={"DISK_GB": 0})),
        ):
            refused = await say.ask("PUT", path, body)
            assert (refused.status, words in refused["errors"][0]["detail"]) == (status, True), refused
        for number in (1, 2):
            answer = await say.allocate(f"server-{number}", host={"DISK_GB": 6})
        assert (answer.status, "would exceed the capacity" in answer["errors"][0]["detail"]) == (409, True)
        assert (await say.ask("PUT", "/allocations/me", wish(None, host={"DISK_GB": 2}))).status == 400

    talk(tmp_path, conversation)


def test_a_consumer_of_too_much_may_take_less(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        host = await say.provider("host", VCPU=8)
        await say.allocate("server", host={"VCPU": 8})
        shrunk = {"total": 2, "resource_provider_generation": 2}
        await say.done("PUT", f"/resource_providers/{host}/inventories/VCPU", shrunk)
        assert (await say.allocate("server", 1, host={"VCPU": 9})).status == 409
        assert (await say.allocate("server", 1, host={"VCPU": 7})).status == 204

    talk(tmp_path, conversation)


def test_many_consumers_change_together_or_not_at_all(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        host, target = await say.provider("host", VCPU=8), await say.provider("target", VCPU=4)
        migration = named("migration")
        await say.allocate("server", host={"VCPU": 4})
        too_much = {SERVER: wish(1, target={"VCPU": 5}), migration: wish(None, host={"VCPU": 4})}
        assert (await say.ask("POST", "/allocations", too_much)).status == 409
        assert await say.done("GET", f"/allocations/{migration}") == {"allocations": {}}
        swap = {SERVER: wish(1, target={"VCPU": 4}), migration: wish(None, host={"VCPU": 4})}
        assert (await say.ask("POST", "/allocations", swap)).status == 204
        assert list((await say.done("GET", f"/allocations/{SERVER}"))["allocations"]) == [target]
        assert list((await say.done("GET", f"/allocations/{migration}"))["allocations"]) == [host]
        assert (await say.ask("POST", "/allocations", {migration: wish(1)})).status == 204
        assert await say.done("GET", f"/allocations/{migration}") == {"allocations": {}}

    talk(tmp_path, conversation, database)


def test_of_many_for_the_last_unit_one_gets_it(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        host = await say.provider("host", VCPU=2)
        asked = (say.allocate(f"server-{number}", host={"VCPU": 1}) for number in range(6))
        answers = sorted(answer.status for answer in await asyncio.gather(*asked))
        assert answers == [204] * 2 + [409] * 4
        assert (await say.done("GET", f"/resource_providers/{host}/usages"))["usages"] == {"VCPU": 2}

    talk(tmp_path, conversation, database)


def test_of_two_who_saw_the_same_generation_one_is_told(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        host = await say.provider("host", VCPU=2)
        path = f"/resource_providers/{host}/inventories/VCPU"
        asked = (say.ask("PUT", path, {"total": n, "resource_provider_generation": 1}) for n in (3, 4, 5))
        assert sorted(answer.status for answer in await asyncio.gather(*asked)) == [200, 409, 409]

    talk(tmp_path, conversation, database)


def test_a_host_becomes_a_tree_with_all_who_use_it(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        host = await say.provider("host", VCPU=8, DISK_GB=100)
        await say.allocate("server", host={"VCPU": 8, "DISK_GB": 10})
        numa = await say.provider("numa", host)
        body: dict[str, Any] = {
            "inventories": {
                host: {"resource_provider_generation": 2, "inventories": {"DISK_GB": {"total": 100}}},
                numa: {"resource_provider_generation": 1, "inventories": {"VCPU": {"total": 8}}},
            },
            "allocations": {SERVER: wish(1, host={"DISK_GB": 10}, numa={"VCPU": 8})},
        }
        assert (await say.ask("POST", "/reshaper", body)).status == 403
        stale = {**body, "allocations": {SERVER: wish(7, host={"DISK_GB": 10})}}
        assert (await say.ask("POST", "/reshaper", stale, token="service")).status == 409
        assert (await say.ask("POST", "/reshaper", body, token="service")).status == 204
        held = await say.done("GET", f"/allocations/{SERVER}")
        taken = {id: one["resources"] for id, one in held["allocations"].items()}
        assert taken == {host: {"DISK_GB": 10}, numa: {"VCPU": 8}}
        assert list((await say.done("GET", f"/resource_providers/{host}/inventories"))["inventories"]) == [
            "DISK_GB"
        ]
        again = await say.ask("POST", "/reshaper", body, token="service")
        assert (again.status, again["errors"][0]["code"]) == (409, "placement.concurrent_update")

    talk(tmp_path, conversation, database)
