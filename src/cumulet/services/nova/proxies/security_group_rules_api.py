# SPDX-License-Identifier: Apache-2.0
"""os-security-group-rules until 2.35: what a new rule may say, in upstream's words, and rules made and
deleted.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.http.peers import Asked, ask
from cumulet.kernel.ids import is_uuid
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import keys
from cumulet.services.nova.proxies.security_group_rules import (
    ANYWHERE,
    RULE,
    WITH_PORTS,
    ingress,
    plain,
    rule_views,
)
from cumulet.services.nova.proxies.security_groups import group_of
from cumulet.services.nova.proxies.words import LAST, retold
from cumulet.services.nova.servers.schemas import UUID, obj

_RULE = "os_compute_api:os-security-groups:rule"
_INNER = obj(
    {
        "parent_group_id": UUID,
        "group_id": {"type": ["string", "null"], "format": "uuid"},
        **{name: {} for name in ("ip_protocol", "from_port", "to_port", "cidr")},
    },
    "parent_group_id",
    more=True,
)
CREATE = Checked(obj({"security_group_rule": _INNER}, "security_group_rule", more=True))


@route(
    "POST",
    "/os-security-group-rules",
    until=LAST,
    policy=f"{_RULE}:create",
    schema=CREATE.at,
    answer=keys(security_group_rule=RULE),
)
def create_rule(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """A group lets in what comes from a range of addresses or from another group."""
    ctx.require(f"{_RULE}:create")
    given = CREATE(ctx, request.body)["security_group_rule"]
    group = group_of(tx, ctx, given["parent_group_id"])
    if given.get("group_id"):
        group_of(tx, ctx, given["group_id"])
    wanted = rule_of(given)
    if wanted in [plain(rule) for rule in ingress(group)]:
        raise BadRequest(f"This rule already exists in group {group['id']}")
    body = {"security_group_rule": _in_neutrons_words(group["id"], wanted)}
    asked = Asked(service="neutron", method="POST", path="/security-group-rules", body=body)
    with retold((409, Forbidden)):
        made = ask(tx, ctx, asked)
    return {"security_group_rule": rule_views(tx, ctx, [made["security_group_rule"]])[0]}


def rule_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the rule says, whole. Raises BadRequest for what makes no sense."""
    group_id, protocol = given.get("group_id"), given.get("ip_protocol") or None
    low, high = given.get("from_port"), given.get("to_port")
    cidr = ANYWHERE if group_id else _cidr(given.get("cidr"))
    word = str(protocol or "").upper()
    if group_id and low is None and high is None:
        low, high = {"ICMP": (-1, -1), "TCP": (1, 65535), "UDP": (1, 65535)}.get(word, (None, None))
    if protocol is None or low is None or high is None:
        if not group_id:
            raise BadRequest("Not enough parameters to build a valid rule.")
        protocol = low = high = None
    else:
        low, high = _ports(str(protocol), low, high)
    names = ("protocol", "from_port", "to_port", "group_id", "cidr")
    return dict(zip(names, (protocol, low, high, group_id or None, cidr), strict=True))


def _cidr(given: Any) -> str:
    if not given:
        return ANYWHERE
    text = unquote(str(given))
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        network = None
    if network is None or "/" not in text:
        raise BadRequest(f"{text} is not a valid IP network.")
    if network.prefixlen == 0 and text.partition("/")[0] not in ("0.0.0.0", "::"):
        raise BadRequest(f"Bad prefix for network in cidr {text}")
    return text


def _ports(protocol: str, low: Any, high: Any) -> tuple[int, int]:
    word = protocol.upper()
    try:
        low, high = int(low), int(high)
    except (TypeError, ValueError):
        if word == "ICMP":
            what = "Type and Code must be integers for ICMP protocol type"
        else:
            what = "To and From ports must be integers"
        raise BadRequest(f"Invalid input received: {what}") from None
    if word not in (*WITH_PORTS, "ICMP"):
        raise BadRequest(f"Invalid IP protocol {protocol}.")
    if word in WITH_PORTS and low > high:
        raise _range(low, high, "Former value cannot be greater than the later")
    if word in WITH_PORTS and (low < 1 or high > 65535):
        raise _range(low, high, f"Valid {word} ports should be between 1-65535")
    if word == "ICMP" and not (-1 <= low <= 255 and -1 <= high <= 255):
        raise _range(low, high, "For ICMP, the type:code must be valid")
    return low, high


def _range(low: int, high: int, why: str) -> BadRequest:
    return BadRequest(f"Invalid port range {low}:{high}. {why}")


def _in_neutrons_words(group_id: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    """From a group, a rule is for IPv4 alone: Nova's rules do not say for what they are."""
    body: dict[str, Any] = {"direction": "ingress", "security_group_id": group_id}
    body |= {"protocol": rule["protocol"], "remote_group_id": rule["group_id"], "ethertype": "IPv4"}
    if rule["group_id"] is None:
        body["remote_ip_prefix"] = rule["cidr"]
        body["ethertype"] = "IPv6" if ":" in rule["cidr"] else "IPv4"
    ends = {"port_range_min": rule["from_port"], "port_range_max": rule["to_port"]}
    return body | {name: port for name, port in ends.items() if port not in (None, -1)}


@route("DELETE", "/os-security-group-rules/{rule_id}", until=LAST, policy=f"{_RULE}:delete", status=202)
def delete_rule(tx: Tx, ctx: Context, request: Request) -> None:
    """The rule is gone."""
    ctx.require(f"{_RULE}:delete")
    rule_id = request.params["rule_id"]
    if not is_uuid(rule_id):
        raise BadRequest("Security group id should be uuid")
    path = "/security-group-rules/{security_group_rule_id}"
    params = {"security_group_rule_id": rule_id}
    with retold((404, NotFound), message=f"Security group rule {rule_id} does not exist"):
        ask(tx, ctx, Asked(service="neutron", method="DELETE", path=path, params=params))


ROUTES = (create_rule, delete_rule)
