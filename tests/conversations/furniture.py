# SPDX-License-Identifier: Apache-2.0
"""What stands in a furnished cloud, in the order in which it is made.

Each thing is posted by somebody, at a path, under a member; what it is called in paths is `{member}_id`, or
what stands behind a colon. A value "*" is the first id that is known by its key's name, "*name" by another.
"""

from typing import Any

Thing = tuple[str, str, str, dict[str, Any]]

_FILTERED = {"name": "one", "filters": {"interface": "public"}}
_IMAGE = {"name": "one", "disk_format": "raw", "container_format": "bare"}
_ADDRESSES = {"cidr": "10.8.0.0/24", "ip_version": 4}

THINGS: tuple[Thing, ...] = (
    ("admin", "identity/v3/domains", "domain", {"name": "second"}),
    ("admin", "identity/v3/projects", "project", {"name": "second", "domain_id": "default"}),
    ("admin", "identity/v3/users", "user", {"name": "second", "password": "old", "domain_id": "default"}),
    ("admin", "identity/v3/groups", "group", {"name": "second", "domain_id": "default"}),
    ("admin", "identity/v3/roles", "role", {"name": "second"}),
    ("admin", "identity/v3/roles", "role:implied_role_id", {"name": "implied"}),
    ("admin", "identity/v3/regions", "region", {"id": "second"}),
    ("admin", "identity/v3/services", "service", {"type": "second", "name": "second"}),
    (
        "admin",
        "identity/v3/endpoints",
        "endpoint",
        {"service_id": "*", "interface": "public", "url": "http://a"},
    ),
    ("admin", "identity/v3/policies", "policy", {"type": "text/plain", "blob": "all"}),
    ("admin", "identity/v3/credentials", "credential", {"type": "cert", "blob": "x", "user_id": "*"}),
    ("admin", "identity/v3/OS-EP-FILTER/endpoint_groups", "endpoint_group", _FILTERED),
    ("admin", "identity/v3/users/{user_id}/credentials/OS-EC2", ":", {"tenant_id": "*project_id"}),
    ("member", "image/v2/images", ":image_id", _IMAGE),
    ("member", "network/v2.0/networks", "network", {"name": "one"}),
    ("member", "network/v2.0/subnets", "subnet", {"network_id": "*", "cidr": "10.9.0.0/24", "ip_version": 4}),
    ("member", "network/v2.0/subnetpools", "subnetpool", {"name": "one", "prefixes": ["10.20.0.0/16"]}),
    ("member", "network/v2.0/address-scopes", "address_scope", {"name": "one", "ip_version": 4}),
    ("member", "network/v2.0/ports", "port", {"network_id": "*"}),
    ("member", "network/v2.0/routers", "router", {"name": "one"}),
    ("member", "network/v2.0/security-groups", "security_group", {"name": "one"}),
    ("admin", "network/v2.0/networks", "network:outside", {"name": "outside", "router:external": True}),
    ("admin", "network/v2.0/subnets", "subnet", {"network_id": "*outside", **_ADDRESSES}),
    ("member", "network/v2.0/floatingips", "floatingip", {"floating_network_id": "*outside"}),
    ("member", "volume/v3/volumes", "volume", {"size": 1, "name": "one", "metadata": {"one": "1"}}),
    ("member", "volume/v3/volumes", "volume", {"size": 1, "name": "two"}),
    ("admin", "volume/v3/types", "volume_type", {"name": "second", "extra_specs": {"one": "1"}}),
    ("admin", "compute/v2.1/flavors", "flavor", {"name": "one", "ram": 64, "vcpus": 1, "disk": 1}),
    ("admin", "compute/v2.1/os-aggregates", "aggregate", {"name": "one"}),
    ("member", "compute/v2.1/os-keypairs", "keypair", {"name": "one"}),
    ("member", "compute/v2.1/os-server-groups", "server_group", {"name": "one", "policies": ["affinity"]}),
)
"""What is created."""

_GRANTS = ("projects/{project_id}", "domains/{domain_id}", "system")
_ACTORS = ("users/{user_id}", "groups/{group_id}")
_ROLES = [f"{place}/{actor}/roles/{{role_id}}" for place in _GRANTS for actor in _ACTORS]
_TAGGED = ("networks/{network_id}", "subnets/{subnet_id}", "ports/{port_id}", "routers/{router_id}")
_MAPPING = {"rules": [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "REMOTE_USER"}]}]}
_PROTOCOL = "OS-FEDERATION/identity_providers/one/protocols/mapped"

PUTS: tuple[tuple[str, Any], ...] = (
    *((f"identity/v3/{path}", None) for path in _ROLES),
    *((f"identity/v3/OS-INHERIT/{path}/inherited_to_projects", None) for path in _ROLES[:4]),
    ("identity/v3/groups/{group_id}/users/{user_id}", None),
    ("identity/v3/projects/{project_id}/tags/one", None),
    ("identity/v3/domains/{domain_id}/config", {"config": {"ldap": {"url": "ldap://one"}}}),
    ("identity/v3/roles/{role_id}/implies/{implied_role_id}", None),
    ("identity/v3/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}", None),
    ("identity/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}", None),
    ("identity/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints/{endpoint_id}", None),
    ("identity/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}", None),
    ("identity/v3/OS-FEDERATION/identity_providers/one", {"identity_provider": {}}),
    ("identity/v3/OS-FEDERATION/mappings/one", {"mapping": _MAPPING}),
    (f"identity/v3/{_PROTOCOL}", {"protocol": {"mapping_id": "one"}}),
    *((f"network/v2.0/{path}/tags/one", None) for path in _TAGGED),
    ("network/v2.0/floatingips/{floatingip_id}/tags/one", None),
    ("network/v2.0/subnetpools/{subnetpool_id}/tags/one", None),
    ("network/v2.0/security-groups/{security_group_id}/tags/one", None),
    ("placement/resource_classes/CUSTOM_ONE", None),
    ("placement/traits/CUSTOM_ONE", None),
    ("compute/v2.1/servers/{server_id}/tags/one", None),
    ("compute/v2.1/flavors/{flavor_id}/os-extra_specs/one", {"one": "1"}),
)
"""What is put, by the administrator."""

WORDS = {
    "tag": "one", "key": "one", "value": "one", "group": "ldap", "option": "url", "protocol_id": "mapped",
    "identity_provider_id": "one", "mapping_id": "one", "resource_class": "VCPU",
}  # fmt: skip
"""How paths name what has no id."""
