# SPDX-License-Identifier: Apache-2.0
"""Rules of security groups in Nova's words: only for what comes in, and with ports from and to."""

from collections.abc import Iterable, Mapping
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.peers import Asked, ask
from cumulet.kernel.resource.shapes import either, keys

_KEYS = {"id": str, "parent_group_id": str, "ip_protocol": str | None}
RULE = keys(
    {**_KEYS, "from_port": int | None, "to_port": int | None},
    group=either(keys(name=str, tenant_id=str), keys()),
    ip_range=either(keys(cidr=str), keys()),
)
ANYWHERE = "0.0.0.0/0"
WITH_PORTS = ("TCP", "UDP")


def ingress(group: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rules of a group, as Neutron shows it, that let something in."""
    return [rule for rule in group["security_group_rules"] if rule["direction"] == "ingress"]


def plain(rule: Mapping[str, Any]) -> dict[str, Any]:
    """What a rule says, as two rules are compared."""
    low, high = rule["port_range_min"], rule["port_range_max"]
    if rule["protocol"] and low is None and high is None:
        low, high = (1, 65535) if rule["protocol"].upper() in WITH_PORTS else (-1, -1)
    return {
        "protocol": rule["protocol"],
        "from_port": low,
        "to_port": high,
        "group_id": rule["remote_group_id"],
        "cidr": rule["remote_ip_prefix"] or ANYWHERE,
    }


def rule_views(tx: Tx, ctx: Context, rules: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rules as Nova shows them, without those whose remote group the caller may not see."""
    names: dict[str, dict[str, Any] | None] = {}
    found = []
    for rule in rules:
        remote = rule["remote_group_id"]
        if remote and remote not in names:
            names[remote] = _remote(tx, ctx, remote)
        group = names[remote] if remote else {}
        if group is not None:
            found.append(_view(rule, group))
    return found


def _view(rule: Mapping[str, Any], group: dict[str, Any]) -> dict[str, Any]:
    said = plain(rule)
    return {
        "id": rule["id"],
        "parent_group_id": rule["security_group_id"],
        "ip_protocol": said["protocol"],
        "from_port": said["from_port"],
        "to_port": said["to_port"],
        "group": group,
        "ip_range": {} if group else {"cidr": said["cidr"]},
    }


def _remote(tx: Tx, ctx: Context, id: str) -> dict[str, Any] | None:
    path, params = "/security-groups/{security_group_id}", {"security_group_id": id}
    try:
        group = ask(tx, ctx, Asked(service="neutron", method="GET", path=path, params=params))
    except NotFound:
        return None
    return {"name": group["security_group"]["name"], "tenant_id": group["security_group"]["project_id"]}
