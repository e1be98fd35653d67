# SPDX-License-Identifier: Apache-2.0
"""What Nova tells operators of hosts in its oldest words, and lets them do to servers."""

from datetime import datetime
from pathlib import Path
from typing import Any

from tests.conversations.nova_talk import SERVERS, act, boot, nova, surroundings, talk

from cumulet.services.nova.usage_audit_log import month_over
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import PROJECT

V = "/compute/v2.1"


def at(version: str) -> dict[str, str]:
    return {"OpenStack-API-Version": f"compute {version}"}


async def ask(cloud: Cloud, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
    answer = await cloud.request(method, f"{V}{path}", body, **more)
    assert answer.status == status, answer
    return answer


def test_hosts_are_told_by_name_until_os_services_does(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, _):
            await boot(cloud)
            await ask(cloud, "GET", "/os-hosts", status=403)
            cloud.token = "admin"
            told = (await ask(cloud, "GET", "/os-hosts"))["hosts"]
            assert {"host_name": "host-1", "service": "compute", "zone": "nova"} in told
            assert {"host_name": "control", "service": "scheduler", "zone": "internal"} in told
            assert len((await ask(cloud, "GET", "/os-hosts?zone="))["hosts"]) == len(told) == 4
            assert len((await ask(cloud, "GET", "/os-hosts?zone=nova"))["hosts"]) == 2
            assert (await ask(cloud, "GET", "/os-hosts?zone=elsewhere"))["hosts"] == []

            shown = [item["resource"] for item in (await ask(cloud, "GET", "/os-hosts/host-1"))["host"]]
            assert [item["project"] for item in shown] == ["(total)", "(used_now)", "(used_max)", PROJECT]
            assert {item["host"] for item in shown} == {"host-1"}
            assert all(item["cpu"] == 1 and item["memory_mb"] == 512 for item in shown[1:]), shown
            nobody = await ask(cloud, "GET", "/os-hosts/nowhere", status=404)
            assert nobody["itemNotFound"]["message"] == "Host 'nowhere' is not mapped to any cell"

            off = await ask(cloud, "PUT", "/os-hosts/host-1", {"status": "Disable"})
            assert off.body == {"host": "host-1", "status": "disabled"}
            assert len((await ask(cloud, "GET", "/os-hosts?zone=nova"))["hosts"]) == 1
            await ask(cloud, "PUT", "/os-hosts/host-1", {"status": "enable"})
            both = {"status": "disable", "maintenance_mode": "enable"}
            refused = await ask(cloud, "PUT", "/os-hosts/host-1", both, 501)
            assert refused["notImplemented"]["message"] == "The requested functionality is not supported."
            assert len((await ask(cloud, "GET", "/os-hosts?zone=nova"))["hosts"]) == 2
            for wrong in ({}, {"status": "on"}, {"maintenance_mode": "x"}, {"status": "enable", "a": 1}):
                await ask(cloud, "PUT", "/os-hosts/host-1", wrong, 400)
            await ask(cloud, "PUT", "/os-hosts/nowhere", both, 404)
            for verb in ("startup", "shutdown", "reboot"):
                await ask(cloud, "GET", f"/os-hosts/host-1/{verb}", status=501)
                await ask(cloud, "GET", f"/os-hosts/nowhere/{verb}", status=404)
                await ask(cloud, "GET", f"/os-hosts/host-1/{verb}", status=403, token="member")
            for path in ("/os-hosts", "/os-hosts/host-1", "/os-hosts/host-1/reboot"):
                await ask(cloud, "GET", path, status=404, headers=at("2.43"))

    talk(conversation)


def test_every_host_says_since_when_it_is_up(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            told = await ask(cloud, "GET", "/os-hypervisors/1/uptime", token="admin")
            assert " up 0 days, 0:00" in told["hypervisor"]["uptime"]
            newest = await ask(cloud, "GET", "/os-hypervisors/detail", token="admin", headers=at("2.88"))
            assert " up 0 days" in newest["hypervisors"][0]["uptime"]
            id = newest["hypervisors"][0]["id"]
            await ask(
                cloud, "GET", f"/os-hypervisors/{id}/uptime", status=404, token="admin", headers=at("2.88")
            )

    talk(conversation)


def test_no_host_has_audited_what_servers_used(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            await ask(cloud, "GET", "/os-instance_usage_audit_log", status=403)
            cloud.token = "admin"
            log = (await ask(cloud, "GET", "/os-instance_usage_audit_log"))["instance_usage_audit_logs"]
            assert (log["num_hosts"], log["num_hosts_not_run"], log["hosts_not_run"]) == (1, 1, ["host-1"])
            assert log["overall_status"] == "0 of 1 hosts done. 0 errors."
            path = "/os-instance_usage_audit_log/2012-07-06%2010:00:00.5"
            log = (await ask(cloud, "GET", path))["instance_usage_audit_log"]
            assert log["period_beginning"] == "2012-06-01 00:00:00"
            assert log["period_ending"] == "2012-07-01 00:00:00"
            wrong = await ask(cloud, "GET", "/os-instance_usage_audit_log/yesterday", status=400)
            assert wrong["badRequest"]["message"] == "Invalid timestamp for date yesterday"

    talk(conversation)


def test_a_month_is_over_when_the_next_one_has_begun() -> None:
    assert month_over(datetime(2026, 1, 1)) == (datetime(2025, 11, 1), datetime(2025, 12, 1))
    assert month_over(datetime(2026, 1, 1, 1)) == (datetime(2025, 12, 1), datetime(2026, 1, 1))
    assert month_over(datetime(1, 1, 1)) == (datetime(1, 1, 1), datetime(1, 1, 1))


def test_a_host_is_told_of_ports_again_and_networks_are_not_reset(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud)
            await act(cloud, id, "injectNetworkInfo", status=403)
            await act(cloud, id, "injectNetworkInfo", token="admin")
            gone = await act(cloud, id, "resetNetwork", status=410)
            assert gone["computeFault"]["message"].startswith("This resource is no longer available.")
            nothing = "00000000-0000-0000-0000-000000000000"
            await act(cloud, nothing, "injectNetworkInfo", status=404, token="admin")

    talk(conversation)


def test_the_groups_of_a_new_server_are_answered_as_they_were_asked_for(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            group = {"security_group": {"name": "web"}}
            made = await cloud.request("POST", "/network/v2.0/security-groups", group)
            around = await surroundings(cloud)
            body = {"name": "vm", "imageRef": around.image, "flavorRef": "1"}
            for asked in ([{"name": "web"}, {"name": made["security_group"]["id"]}], [{"name": "default"}]):
                answer = await cloud.request("POST", SERVERS, {"server": {**body, "security_groups": asked}})
                assert answer.status == 202 and answer["server"]["security_groups"] == asked, answer
            plain = await cloud.request("POST", SERVERS, {"server": body})
            assert plain["server"]["security_groups"] == [{"name": "default"}]
            await cloud.settled()

    talk(conversation)
