# SPDX-License-Identifier: Apache-2.0
"""What guests tell Nova of themselves, and what their hosts tell of them."""

from pathlib import Path
from typing import Any

from tests.conversations.nova_talk import SERVERS, act, address_of, boot, nova, talk

from cumulet.testing.cloud import Cloud

V = "/compute/v2.1"


def at(version: str) -> dict[str, str]:
    return {"OpenStack-API-Version": f"compute {version}"}


async def ask(cloud: Cloud, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
    answer = await cloud.request(method, f"{V}{path}", body, **more)
    assert answer.status == status, answer
    return answer


def test_a_guest_posts_its_password_once_until_it_is_cleared(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, database=database) as (cloud, around):
            id = await boot(cloud)
            path = f"/servers/{id}/os-server-password"
            peer = {"remote_address": await address_of(cloud, id), "network_id": around.network}

            async def post(content: bytes, where: str = "/openstack/latest/password") -> int:
                status, _, _ = await cloud.app.hosts.metadata(peer, where, content)
                return status

            assert (await ask(cloud, "GET", path)).body == {"password": ""}
            assert await post(b"x" * 1021) == 400
            assert await post(b"\xff") == await post(b"\0") == 400
            assert await post(b"secret", "/openstack/2012-08-10/password") == 404
            assert await post(b"secret", "/openstack/2013-04-04/password") == 200
            assert await post(b"other") == 409
            assert (await ask(cloud, "GET", path, token="reader")).body == {"password": "secret"}
            assert await cloud.app.hosts.metadata(peer, "/openstack/latest/password") == (
                *(200, "text/plain; charset=UTF-8"),
                b"secret",
            )
            await ask(cloud, "DELETE", path, status=403, token="reader")
            cleared = await ask(cloud, "DELETE", path, status=204)
            assert cleared.body is None
            assert (await ask(cloud, "GET", path)).body == {"password": ""}
            assert await post(b"other") == 200
            assert await post(b"", "/openstack/latest/meta_data.json") == 200
            stranger = {"remote_address": "10.9.9.9", "network_id": around.network}
            answer = await cloud.app.hosts.metadata(stranger, "/openstack/latest/password", b"x")
            assert answer[0] == 404
            await ask(cloud, "GET", path, status=404, token="stranger")

    talk(conversation)


def test_a_host_tells_how_a_guest_runs(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud)
            path = f"/servers/{id}/diagnostics"
            await ask(cloud, "GET", path, status=403)
            cloud.token = "admin"
            old = (await ask(cloud, "GET", path, headers=at("2.47"))).body
            assert (old["cpu0_time"], old["vda_read"], old["memory"]) == (0, 0, 512 * 1024)
            new = (await ask(cloud, "GET", path, headers=at("2.48"))).body
            assert (new["driver"], new["hypervisor"], new["state"]) == ("libvirt", "simulated", "running")
            assert new["memory_details"] == {"maximum": 512, "used": 512}
            assert (new["num_nics"], new["nic_details"][0]["rx_octets"], new["config_drive"]) == (
                *(1, None),
                False,
            )
            await act(cloud, id, "os-stop", token="member")
            refused = await ask(cloud, "GET", path, status=409)
            assert refused["conflictingRequest"]["message"] == (
                f"Cannot 'get_diagnostics' instance {id} while it is in power_state shutdown"
            )
            await cloud.request("DELETE", f"{SERVERS}/{id}")
            await cloud.settled()
            await ask(cloud, "GET", path, status=404)

    talk(conversation)


def test_a_guest_has_one_numa_node_and_so_no_topology(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            path = f"/servers/{await boot(cloud)}/topology"
            told = await ask(cloud, "GET", path, headers=at("2.78"), token="reader")
            assert told.body == {"nodes": [], "pagesize_kb": None}
            await ask(cloud, "GET", path, status=404, headers=at("2.77"))
            await ask(cloud, "GET", path, status=404, headers=at("2.78"), token="stranger")

    talk(conversation)
