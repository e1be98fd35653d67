# SPDX-License-Identifier: Apache-2.0
"""Conversations about security groups and their rules."""

from pathlib import Path
from typing import Any

from tests.conversations.neutron_talk import API, made, refusal, talk

from cumulet.testing.cloud import Cloud

GROUPS, RULES = f"{API}/security-groups", f"{API}/security-group-rules"


def test_the_default_group_is_there_and_stays(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        for token in ("member", "stranger"):
            groups = (await cloud.request("GET", GROUPS, token=token))["security_groups"]
            assert [(g["name"], g["description"]) for g in groups] == [("default", "Default security group")]
        own = (await cloud.request("GET", GROUPS))["security_groups"][0]
        renamed = await cloud.request("PUT", f"{GROUPS}/{own['id']}", {"security_group": {"name": "x"}})
        assert refusal(renamed) == (
            409,
            "SecurityGroupCannotUpdateDefault",
            "Updating default security group not allowed.",
        )
        deleted = await cloud.request("DELETE", f"{GROUPS}/{own['id']}")
        assert refusal(deleted)[:2] == (409, "SecurityGroupCannotRemoveDefault")
        second = await cloud.request("POST", GROUPS, {"security_group": {"name": "default"}})
        assert refusal(second)[:2] == (409, "SecurityGroupDefaultAlreadyExists")
        assert (await cloud.request("DELETE", f"{GROUPS}/{own['id']}", token="admin")).status == 204
        again = (await cloud.request("GET", GROUPS))["security_groups"][0]
        assert again["name"] == "default" and again["id"] != own["id"]

    talk(tmp_path, script)


def test_a_group_is_made_changed_and_deleted(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        group = await made(cloud, "security_group", name="web")
        assert [(r["direction"], r["ethertype"]) for r in group["security_group_rules"]] in (
            [("egress", "IPv4"), ("egress", "IPv6")],
            [("egress", "IPv6"), ("egress", "IPv4")],
        )
        assert (group["stateful"], group["shared"]) == (True, False)
        changed = await cloud.request(
            "PUT", f"{GROUPS}/{group['id']}", {"security_group": {"description": "d"}}
        )
        assert changed["security_group"]["description"] == "d"
        assert (await cloud.request("GET", f"{GROUPS}/{group['id']}", token="stranger")).status == 404
        rule = await made(
            cloud,
            "security_group_rule",
            security_group_id=group["id"],
            direction="ingress",
            protocol="TCP",
            port_range_min="80",
            port_range_max=90,
            remote_ip_prefix="10.0.0.7/24",
        )
        assert (rule["protocol"], rule["port_range_min"]) == ("tcp", 80)
        assert (rule["remote_ip_prefix"], rule["normalized_cidr"]) == ("10.0.0.7/24", "10.0.0.0/24")
        assert (await cloud.request("GET", f"{RULES}/{rule['id']}", token="stranger")).status == 404
        mine = await cloud.request("GET", f"{RULES}?security_group_id={group['id']}", token="reader")
        assert rule["id"] in [row["id"] for row in mine["security_group_rules"]]
        theirs = await cloud.request("GET", f"{RULES}?security_group_id={group['id']}", token="stranger")
        assert theirs["security_group_rules"] == []
        assert (await cloud.request("DELETE", f"{RULES}/{rule['id']}")).status == 204
        assert refusal(await cloud.request("DELETE", f"{RULES}/{rule['id']}")) == (
            404,
            "SecurityGroupRuleNotFound",
            f"Security group rule {rule['id']} does not exist",
        )
        assert (await cloud.request("DELETE", f"{GROUPS}/{group['id']}")).status == 204

    talk(tmp_path, script)


def test_rules_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        group = (await made(cloud, "security_group", name="web"))["id"]

        async def tried(**values: Any) -> tuple[int, str]:
            body = {"security_group_id": group, "direction": "ingress", **values}
            return refusal(await cloud.request("POST", RULES, {"security_group_rule": body}))[:2]

        ports = {"port_range_min": 80, "port_range_max": 80}
        assert await tried(direction="sideways") == (400, "HTTPBadRequest")
        assert await tried(ethertype="IPv5") == (400, "SecurityGroupRuleInvalidEtherType")
        assert await tried(protocol="morse") == (400, "SecurityGroupRuleInvalidProtocol")
        assert await tried(protocol=256) == (400, "SecurityGroupRuleInvalidProtocol")
        assert await tried(**ports) == (400, "SecurityGroupProtocolRequiredWithPorts")
        assert await tried(protocol="tcp", port_range_min=90, port_range_max=80) == (
            400,
            "SecurityGroupInvalidPortRange",
        )
        assert await tried(protocol="tcp", port_range_min=65536, port_range_max=65536) == (
            400,
            "SecurityGroupInvalidPortValue",
        )
        assert await tried(protocol="vrrp", **ports) == (400, "SecurityGroupInvalidProtocolForPort")
        assert await tried(protocol="icmp", port_range_max=1) == (400, "SecurityGroupMissingIcmpType")
        assert await tried(protocol="icmp", port_range_min=256) == (400, "SecurityGroupInvalidIcmpValue")
        assert await tried(protocol="ipv6-icmp") == (400, "SecurityGroupEthertypeConflictWithProtocol")
        assert await tried(remote_ip_prefix="fd00::/64") == (400, "SecurityGroupRuleParameterConflict")
        assert await tried(remote_ip_prefix="ten") == (400, "InvalidCIDR")
        assert await tried(remote_ip_prefix="10.0.0.0/8", remote_group_id=group) == (
            400,
            "SecurityGroupMultipleRemoteEntites",
        )
        missing = "11111111-1111-1111-1111-111111111111"
        assert await tried(remote_group_id=missing) == (404, "SecurityGroupNotFound")
        assert await tried(security_group_id=missing) == (404, "SecurityGroupNotFound")
        assert await tried(direction="egress") == (409, "SecurityGroupRuleExists")
        body = {"security_group_rule": {"security_group_id": group, "direction": "ingress"}}
        assert (await cloud.request("POST", RULES, body, token="stranger")).status in (403, 404)

    talk(tmp_path, script)
