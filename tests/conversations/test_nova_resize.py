# SPDX-License-Identifier: Apache-2.0
"""Servers that get another flavor or another host: tried, then confirmed or taken back."""

from pathlib import Path
from typing import Any

from tests.conversations.nova_talk import (
    LATEST,
    SERVERS,
    SERVICES,
    act,
    ask,
    boot,
    boot_on,
    consumers,
    holds,
    make_hosts_real,
    nova,
    shown,
    talk,
)
from tests.conversations.test_nova_shelve import a_running_server_with_a_volume, boot_from_volume
from tests.conversations.test_nova_torment import a_running_server, calmly, ended

from cumulet.contracts.placement import Allocator
from cumulet.kernel.db import Tx
from cumulet.services.nova.servers import reconcile
from cumulet.services.nova.servers.resize import flows
from cumulet.services.nova.service import SERVICE as NOVA
from cumulet.testing.cloud import Cloud
from cumulet.testing.torment import torment

WINDOW = [*SERVICES[:-1], NOVA.with_settings({"resize_confirm_window": 1})]
MIGRATIONS = "/compute/v2.1/os-migrations"


async def look(cloud: Cloud, id: str, **headers: str) -> Any:
    return (await ask(cloud, "GET", f"{SERVERS}/{id}", headers=headers, token="admin"))["server"]


async def state(cloud: Cloud, id: str) -> tuple[str, str | None, str]:
    server = await look(cloud, id)
    return server["status"], server["OS-EXT-STS:task_state"], server["flavor"]["id"]


async def host_of(cloud: Cloud, id: str) -> str:
    return str((await look(cloud, id))["OS-EXT-SRV-ATTR:host"])


async def migrations(cloud: Cloud, query: str = "") -> list[Any]:
    answer = await ask(cloud, "GET", MIGRATIONS + query, token="admin", headers=LATEST)
    found: list[Any] = answer["migrations"]
    return found


async def used_cores(cloud: Cloud) -> int:
    limits = await ask(cloud, "GET", "/compute/v2.1/limits")
    return int(limits["limits"]["absolute"]["totalCoresUsed"])


def memory_held(tx: Tx) -> list[int]:
    """What every consumer holds of memory, in order."""
    allocator = tx.app.contract(Allocator)
    held = allocator.held_by(tx, list(allocator.consumers(tx)))
    return sorted(amounts["MEMORY_MB"] for providers in held.values() for amounts in providers.values())


def a_size(flavor: str) -> dict[str, str]:
    return {"flavorRef": flavor}


def test_a_server_is_resized_where_it_is_and_that_is_confirmed(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, _):
            id = await boot_on(cloud, "host-2")
            await act(cloud, id, "resize", a_size("3"))
            assert await state(cloud, id) == ("VERIFY_RESIZE", None, "3")
            guest = cloud.worlds["host-2"].guests[id]
            assert (guest.power, guest.document.vcpus, guest.document.memory_mb) == ("running", 2, 4096)
            assert len(guest.console) == 2
            assert await cloud.app.db.read(memory_held) == [512, 4096]
            assert await used_cores(cloud) == 2
            await holds(cloud)
            answer = await act(cloud, id, "confirmResize", status=204)
            assert answer.body is None
            assert await state(cloud, id) == ("ACTIVE", None, "3")
            assert await cloud.app.db.read(memory_held) == [4096]
            [migration] = await migrations(cloud)
            assert (migration["status"], migration["migration_type"]) == ("confirmed", "resize")
            assert (migration["source_compute"], migration["dest_compute"]) == ("host-2", "host-2")
            assert (migration["old_instance_type_id"], migration["new_instance_type_id"]) == (1, 3)
            await holds(cloud)
            done = await ask(cloud, "GET", f"{SERVERS}/{id}/os-instance-actions", token="admin")
            names = [action["action"] for action in done["instanceActions"]]
            assert names == ["confirmResize", "resize", "create"]

    talk(conversation)


def test_a_resize_is_reverted_also_of_a_server_that_is_stopped(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud)
            await act(cloud, id, "os-stop")
            await act(cloud, id, "resize", {**a_size("2"), "OS-DCF:diskConfig": "AUTO"})
            assert await state(cloud, id) == ("VERIFY_RESIZE", None, "2")
            assert (await look(cloud, id))["OS-DCF:diskConfig"] == "AUTO"
            assert cloud.worlds["host-1"].guests[id].power == "stopped"
            await act(cloud, id, "os-start", status=409)
            await act(cloud, id, "revertResize")
            assert await state(cloud, id) == ("SHUTOFF", None, "1")
            assert cloud.worlds["host-1"].guests[id].document.memory_mb == 512
            assert await cloud.app.db.read(memory_held) == [512]
            assert [row["status"] for row in await migrations(cloud)] == ["reverted"]
            await holds(cloud)
            for name in ("confirmResize", "revertResize"):
                answer = await act(cloud, id, name, status=409)
                text = f"Cannot '{name}' instance {id} while it is in vm_state stopped"
                assert answer["conflictingRequest"]["message"] == text

    talk(conversation)


def test_a_server_is_migrated_and_its_source_keeps_the_disk_until_that_is_confirmed(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=3) as (cloud, _):
            id = await boot_on(cloud, "host-1")
            await act(cloud, id, "migrate", {"host": "host-3"}, token="admin", headers=LATEST)
            assert (await state(cloud, id))[0] == "VERIFY_RESIZE"
            assert await host_of(cloud, id) == "host-3"
            kept, guest = cloud.worlds["host-1"].guests[id], cloud.worlds["host-3"].guests[id]
            assert (kept.power, kept.document.nics, guest.power) == ("stopped", (), "running")
            assert await cloud.app.db.transact(reconcile.withdraw_ownerless) == []
            await holds(cloud)
            await act(cloud, id, "confirmResize", status=204, token="admin")
            assert id not in cloud.worlds["host-1"].guests
            assert (await state(cloud, id))[0] == "ACTIVE"
            await holds(cloud)
            await act(cloud, id, "migrate", token="admin")
            away = await host_of(cloud, id)
            assert away != "host-3"
            await act(cloud, id, "revertResize", token="admin")
            assert await host_of(cloud, id) == "host-3"
            assert id not in cloud.worlds[away].guests
            guest = cloud.worlds["host-3"].guests[id]
            assert (guest.power, len(guest.document.nics)) == ("running", 1)
            await holds(cloud)
            done = await ask(cloud, "GET", f"{SERVERS}/{id}/os-instance-actions", token="admin")
            assert "migrate" in [action["action"] for action in done["instanceActions"]]

    talk(conversation)


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud, flavorRef="2")
            root = "Server disk was unable to be resized because: Unable to resize disk down."
            for given, text in (
                (a_size("2"), "When resizing, instances must change flavor!"),
                (a_size("nothing"), "Flavor nothing could not be found."),
                (a_size("1"), root),
            ):
                answer = await act(cloud, id, "resize", given, status=400)
                assert answer["badRequest"]["message"] == text
            await act(cloud, id, "resize", {}, status=400)
            await act(cloud, id, "resize", a_size("3"), token="reader", status=403)
            await act(cloud, id, "migrate", status=403)
            await act(cloud, id, "migrate", {"host": "host-1"}, status=403, token="manager", headers=LATEST)
            for host, text in (
                ("host-1", "Cannot migrate to the host where the server exists."),
                ("host-9", "Compute host host-9 could not be found."),
            ):
                answer = await act(
                    cloud, id, "migrate", {"host": host}, status=400, token="admin", headers=LATEST
                )
                assert answer["badRequest"]["message"] == text
            await act(cloud, id, "pause")
            await act(cloud, id, "resize", a_size("3"), status=409)

    talk(conversation)


def test_quota_counts_the_larger_flavor_until_the_resize_is_confirmed(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot_from_volume(cloud)
            limit = {"quota_set": {"cores": 4}}
            project = (await shown(cloud, id))["tenant_id"]
            await ask(cloud, "PUT", f"/compute/v2.1/os-quota-sets/{project}", limit, token="admin")
            answer = await act(cloud, id, "resize", a_size("5"), status=403)
            assert answer["forbidden"]["message"].startswith("Quota exceeded for cores: Requested 7")
            await act(cloud, id, "resize", a_size("4"))
            await act(cloud, id, "confirmResize", status=204)
            await act(cloud, id, "resize", a_size("1"))
            assert await used_cores(cloud) == 4
            await act(cloud, id, "confirmResize", status=204)
            assert await used_cores(cloud) == 1
            await holds(cloud)

    talk(conversation)


def test_a_server_that_fits_nowhere_stays_what_it_was(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=1) as (cloud, _):
            id = await boot(cloud)
            await act(cloud, id, "migrate", token="manager")
            assert await state(cloud, id) == ("ACTIVE", None, "1")
            [migration] = await migrations(cloud)
            assert (migration["status"], migration["dest_compute"]) == ("error", None)
            done = await ask(cloud, "GET", f"{SERVERS}/{id}/os-instance-actions", token="admin")
            assert (done["instanceActions"][0]["action"], done["instanceActions"][0]["message"]) == (
                "migrate",
                "Error",
            )
            cloud.worlds["host-1"].faults.fail("guest", nth=2)
            await act(cloud, id, "resize", a_size("2"))
            await cloud.rest()
            assert await state(cloud, id) == ("ACTIVE", None, "1")
            guest = cloud.worlds["host-1"].guests[id]
            assert (guest.power, guest.document.memory_mb) == ("running", 512)
            assert await cloud.app.db.read(memory_held) == [512]
            assert await used_cores(cloud) == 1
            await holds(cloud)

    talk(conversation)


def test_a_real_host_keeps_its_servers_and_a_volume_its_own(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, _):
            await make_hosts_real(cloud)
            for id in (await boot(cloud), await boot_from_volume(cloud)):
                host = await host_of(cloud, id)
                await act(cloud, id, "migrate", token="admin")
                assert (await state(cloud, id))[0] == "ACTIVE"
                await act(cloud, id, "resize", a_size("3"))
                assert (await state(cloud, id))[0] == "VERIFY_RESIZE"
                assert await host_of(cloud, id) == host

    talk(conversation)


def test_a_server_moves_with_its_volume_and_comes_back_to_it(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, _):
            id = await boot_from_volume(cloud)
            host = await host_of(cloud, id)
            (volume,) = cloud.worlds[host].volumes
            await act(cloud, id, "migrate", token="admin")
            moved = await host_of(cloud, id)
            assert (await state(cloud, id))[0] == "VERIFY_RESIZE" and moved != host
            (disk,) = cloud.worlds[moved].guests[id].document.disks
            assert (disk.volume_id, disk.volume_host) == (volume, host)
            told = await ask(cloud, "GET", f"/volume/v3/volumes/{volume}", token="admin")
            assert told["volume"]["attachments"][0]["host_name"] == moved
            await holds(cloud)
            await act(cloud, id, "revertResize")
            assert (await state(cloud, id))[0] == "ACTIVE" and await host_of(cloud, id) == host
            (disk,) = cloud.worlds[host].guests[id].document.disks
            assert (disk.volume_id, disk.volume_host) == (volume, None)
            await holds(cloud)

    talk(conversation)


def test_a_server_is_deleted_while_it_waits(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, _):
            id = await boot(cloud)
            await act(cloud, id, "migrate", token="admin")
            await ask(cloud, "DELETE", f"{SERVERS}/{id}")
            await cloud.settled()
            assert not any(world.guests for world in cloud.worlds.values())
            assert await cloud.app.db.read(consumers) == set()
            assert [row["status"] for row in await migrations(cloud)] == ["confirmed"]
            await holds(cloud)

    talk(conversation)


def test_a_resize_is_confirmed_by_itself_after_a_while(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with Cloud.running(tmp_path, WINDOW) as cloud:
            cloud.token = "member"
            id = await boot(cloud)
            await act(cloud, id, "resize", a_size("2"))
            assert await cloud.app.db.transact(reconcile.confirm_resizes) == 0
            await cloud.app.clock.sleep(1.1)
            assert await cloud.app.db.transact(reconcile.confirm_resizes) == 1
            await cloud.settled()
            assert await state(cloud, id) == ("ACTIVE", None, "2")

    talk(conversation)


def test_migrations_are_listed_by_filters_and_in_pages(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, _):
            first, second = await boot(cloud), await boot(cloud)
            await act(cloud, first, "resize", a_size("2"))
            await act(cloud, second, "migrate", token="admin")
            assert [row["instance_uuid"] for row in await migrations(cloud)] == [second, first]
            for query, expected in (
                (f"?instance_uuid={first}", [first]),
                ("?migration_type=migration", [second]),
                ("?status=error", []),
                ("?source_compute=host-9", []),
                ("?host=host-1&migration_type=migration", [second]),
                ("?limit=1", [second]),
            ):
                assert [row["instance_uuid"] for row in await migrations(cloud, query)] == expected, query
            page = await ask(cloud, "GET", f"{MIGRATIONS}?limit=1", token="admin", headers=LATEST)
            marker = page["migrations"][0]["uuid"]
            assert f"marker={marker}" in page["migrations_links"][0]["href"]
            rest = await migrations(cloud, f"?limit=1&marker={marker}")
            assert [row["instance_uuid"] for row in rest] == [first]
            nowhere = f"{MIGRATIONS}?marker=11111111-2222-3333-4444-555555555555"
            assert (await cloud.request("GET", nowhere, token="admin", headers=LATEST)).status == 400
            old = (await ask(cloud, "GET", MIGRATIONS, token="admin"))["migrations"]
            assert [row["instance_uuid"] for row in old] == [first, second]
            assert "migration_type" not in old[0]

            assert (await cloud.request("GET", MIGRATIONS, token="member")).status == 403
            assert (await cloud.request("GET", MIGRATIONS, token="manager")).status == 403
            project = (await shown(cloud, first))["tenant_id"]
            mine = await ask(
                cloud, "GET", f"{MIGRATIONS}?project_id={project}", token="manager", headers=LATEST
            )
            assert [row["dest_compute"] for row in mine["migrations"]] == [None, None]

            path = f"{SERVERS}/{first}/migrations"
            live = await ask(cloud, "GET", path, token="admin", headers=LATEST)
            assert live["migrations"] == []
            for number, text in ((1, "is not live-migration"), (99, "is not found for server")):
                answer = await cloud.request("GET", f"{path}/{number}", token="admin", headers=LATEST)
                assert answer.status == 404 and text in answer["itemNotFound"]["message"]

    talk(conversation)


# -- torment ----------------------------------------------------------------------------------------------


async def a_server_that_is_resized(cloud: Cloud) -> str:
    id = await a_running_server(cloud)
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"resize": a_size("2")})
    return id


async def a_volume_backed_server_that_is_resized(cloud: Cloud) -> str:
    id = await a_running_server_with_a_volume(cloud)
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"resize": a_size("2")})
    return id


async def a_server_that_is_migrated(cloud: Cloud) -> str:
    id = await a_running_server(cloud)
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"migrate": None}, token="admin")
    return id


async def a_migrated_server(cloud: Cloud) -> str:
    id = await a_running_server(cloud)
    await calmly(cloud, f"{SERVERS}/{id}/action", {"migrate": None}, token="admin")
    return id


async def a_migration_that_is_confirmed(cloud: Cloud) -> str:
    id = await a_migrated_server(cloud)
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"confirmResize": None})
    return id


async def a_migration_that_is_reverted(cloud: Cloud) -> str:
    id = await a_migrated_server(cloud)
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"revertResize": None})
    return id


async def moved_or_not(cloud: Cloud, id: str) -> None:
    """The server runs on one host; another has its disk only while the move waits."""
    await cloud.rest()
    server = await look(cloud, id)
    assert server["OS-EXT-STS:task_state"] is None
    powers = sorted(world.guests[id].power for world in cloud.worlds.values() if id in world.guests)
    waits = server["status"] == "VERIFY_RESIZE"
    assert server["status"] in ("ACTIVE", "VERIFY_RESIZE"), server["status"]
    assert powers in ([["running"], ["running", "stopped"]] if waits else [["running"]]), powers
    host = server["OS-EXT-SRV-ATTR:host"]
    guest = cloud.worlds[host].guests[id]
    assert guest.power == "running"
    assert guest.document.memory_mb == {"1": 512, "2": 2048}[server["flavor"]["id"]]
    held = await cloud.app.db.read(memory_held)
    assert len(held) == 1 + waits
    await holds(cloud)
    await ended(cloud, id)
    assert await cloud.app.db.read(consumers) == set()


test_resize = torment(flows.move_server, SERVICES, begin=a_server_that_is_resized, check=moved_or_not)
test_resize_with_a_volume = torment(
    flows.move_server, SERVICES, begin=a_volume_backed_server_that_is_resized, check=moved_or_not
)
test_migrate = torment(
    flows.move_server, SERVICES, begin=a_server_that_is_migrated, check=moved_or_not, hosts=2
)
test_confirm = torment(
    flows.confirm_move, SERVICES, begin=a_migration_that_is_confirmed, check=moved_or_not, hosts=2
)
test_revert = torment(
    flows.revert_move, SERVICES, begin=a_migration_that_is_reverted, check=moved_or_not, hosts=2
)
