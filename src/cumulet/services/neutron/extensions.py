# SPDX-License-Identifier: Apache-2.0
"""The extensions that work here: clients look at them to know what they may use."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import LINKS, array, keys

_TAGGED = "floatingip, network, port, router, security_group, subnet, subnetpool"

EXTENSIONS: dict[str, tuple[str, str, str]] = {
    # alias: name, description, updated
    "address-scope": ("Address scope", "Subnet pools that share no address.", "2015-07-26"),
    "agent": ("agent", "The agents of hosts.", "2013-02-03"),
    "agent_sort_key": ("Agents Sort Key", "Lists of agents can be sorted.", "2013-02-03"),
    "allowed-address-pairs": (
        "Allowed Address Pairs",
        "Addresses that a port may use besides its own.",
        "2013-07-23",
    ),
    "availability_zone": ("Availability Zone", "The zones of agents.", "2015-01-01"),
    "availability_zone_filter": (
        "Availability Zone Filter Extension",
        "Lists of zones can be filtered.",
        "2018-06-22",
    ),
    "binding": ("Port Binding", "Where a port is plugged, and how.", "2014-02-03"),
    "default-subnetpools": (
        "Default Subnetpools",
        "A pool for subnets that name none.",
        "2016-02-18",
    ),
    "dhcp_agent_scheduler": ("DHCP Agent Scheduler", "Which hosts answer DHCP on a network.", "2013-02-07"),
    "dns-domain-ports": ("dns_domain for ports", "A port may have a domain of its own.", "2017-04-24"),
    "dns-integration": ("DNS Integration", "Names of ports, as DHCP makes them known.", "2015-08-15"),
    "empty-string-filtering": (
        "Empty String Filtering Extension",
        "Lists can be filtered by empty values.",
        "2018-05-01",
    ),
    "ext-gw-mode": (
        "Neutron L3 Configurable external gateway mode",
        "A gateway may leave addresses as they are.",
        "2013-03-28",
    ),
    "external-net": ("Neutron external network", "Networks that lead to the world.", "2013-01-14"),
    "extra_dhcp_opt": ("Neutron Extra DHCP options", "DHCP options of one port.", "2013-03-17"),
    "extraroute": ("Neutron Extra Route", "Static routes of routers.", "2013-02-01"),
    "extraroute-atomic": (
        "Atomically add/remove extra routes",
        "Static routes are added and removed one by one.",
        "2019-07-10",
    ),
    "fip-port-details": (
        "Floating IP Port Details Extension",
        "The port behind a floating IP.",
        "2018-04-09",
    ),
    "ip-substring-filtering": (
        "IP address substring filtering",
        "Ports can be found by a part of an address.",
        "2017-11-28",
    ),
    "ip_allocation": ("IP Allocation", "Whether a port has addresses.", "2016-06-10"),
    "l2_adjacency": ("L2 Adjacency", "Whether the ports of a network share a segment.", "2016-04-12"),
    "l3-port-ip-change-not-allowed": (
        "Prevent L3 router ports IP address change extension",
        "The addresses of a router's ports stay.",
        "2018-10-09",
    ),
    "l3_agent_scheduler": ("L3 Agent Scheduler", "Which host runs a router.", "2013-02-07"),
    "net-mtu": ("Network MTU", "The MTU of a network.", "2015-03-25"),
    "net-mtu-writable": ("Network MTU (writable)", "The MTU of a network can be set.", "2017-07-12"),
    "network-ip-availability": (
        "Network IP Availability",
        "How many addresses of a network are used.",
        "2015-09-24",
    ),
    "network_availability_zone": ("Network Availability Zone", "The zones of networks.", "2015-01-01"),
    "pagination": ("Pagination support", "Lists come in pages.", "2016-06-12"),
    "port-mac-address-regenerate": (
        "Neutron Port MAC address regenerate",
        "A port can be given a new MAC address.",
        "2018-05-03",
    ),
    "port-security": ("Port Security", "Ports without filters.", "2012-07-23"),
    "port-security-groups-filtering": (
        "Port filtering on security groups",
        "Ports can be found by their groups.",
        "2018-01-09",
    ),
    "project-id": ("project_id field enabled", "Owners are named project_id.", "2016-09-09"),
    "provider": ("Provider Network", "What networks are made of.", "2012-09-07"),
    "quota-check-limit": (
        "Quota engine limit check",
        "Limits below what is used can be refused.",
        "2021-09-08",
    ),
    "quota_details": ("Quota details management support", "What is used of each limit.", "2017-02-10"),
    "quotas": ("Quota management support", "The limits of projects.", "2012-07-29"),
    "router": ("Neutron L3 Router", "Routers and floating IPs.", "2012-07-20"),
    "router_availability_zone": ("Router Availability Zone", "The zones of routers.", "2015-01-01"),
    "security-group": ("security-group", "What may reach a port, and leave it.", "2012-10-05"),
    "security-groups-normalized-cidr": (
        "Normalized CIDR field for security group rules",
        "The network of a rule's prefix.",
        "2020-07-28",
    ),
    "security-groups-rules-belongs-to-default-sg": (
        "Security group rule belongs to the project's default security group",
        "Rules of default groups are marked.",
        "2023-05-23",
    ),
    "service-type": ("Neutron Service Type Management", "Who provides routers.", "2013-01-20"),
    "sorting": ("Sorting support", "Lists can be sorted.", "2016-06-12"),
    "standard-attr-description": ("standard-attr-description", "Everything has a description.", "2016-02-10"),
    "standard-attr-revisions": ("Resource revision numbers", "Changes are counted.", "2016-04-11"),
    "standard-attr-tag": (
        f"Tag support for resources with standard attribute: {_TAGGED}",
        "Words on resources.",
        "2017-01-01",
    ),
    "standard-attr-timestamp": ("Resource timestamps", "When a thing was made and changed.", "2016-09-12"),
    "stateful-security-group": (
        "Stateful security group",
        "Groups that do not follow connections.",
        "2019-11-26",
    ),
    "subnet_allocation": ("Subnet Allocation", "Subnets that are cut from pools.", "2015-03-30"),
    "subnetpool-prefix-ops": (
        "Subnet Pool Prefix Operations",
        "Prefixes are added to pools and removed one by one.",
        "2019-02-08",
    ),
    "tag-ports-during-bulk-creation": (
        "Tag Ports During Bulk Creation",
        "New ports may come with tags.",
        "2019-12-29",
    ),
}


EXTENSION = keys(alias=str, name=str, description=str, updated=str, links=LINKS)


@route("GET", "/extensions", answer=keys(extensions=array(EXTENSION)))
def list_extensions(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The extensions that work."""
    return {"extensions": [_extension(alias) for alias in EXTENSIONS]}


@route("GET", "/extensions/{alias}", answer=keys(extension=EXTENSION))
def show_extension(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One extension."""
    alias = request.params["alias"]
    if alias not in EXTENSIONS:
        raise NotFound(f"Extension with alias {alias} does not exist", kind="HTTPNotFound")
    return {"extension": _extension(alias)}


def _extension(alias: str) -> dict[str, Any]:
    name, description, updated = EXTENSIONS[alias]
    return {
        "alias": alias,
        "name": name,
        "description": description,
        "updated": f"{updated}T10:00:00-00:00",
        "links": [],
    }


ROUTES = (list_extensions, show_extension)
