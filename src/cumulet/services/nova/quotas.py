# SPDX-License-Identifier: Apache-2.0
"""What a project can run out of in Nova, and limits that only bound one request."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.kernel.quota import UNLIMITED, Quota
from cumulet.services.nova.flavors.model import Flavor
from cumulet.services.nova.server_groups import ServerGroup
from cumulet.services.nova.servers.demand import USUAL, asked_for
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.resize.model import Migration, other_flavors
from cumulet.services.nova.servers.states import SOFT_DELETED


def _live(project_ids: tuple[str, ...]) -> tuple[sa.ColumnElement[bool], ...]:
    """The servers that count: not those that are deleted, though they could be restored."""
    c = Server.c
    counts = sa.or_(c.vm_state != SOFT_DELETED, c.task_state == "restoring")
    return c.project_id.in_(project_ids), c.deleted.is_(False), counts


def _instances(tx: Tx, *project_ids: str) -> int:
    return tx.count(Server, *_live(project_ids))


def _cores(tx: Tx, *project_ids: str) -> int:
    extra = tx.sum(Migration, Migration.c.extra_vcpus, Migration.c.project_id.in_(project_ids))
    return extra + tx.sum(Server, Server.c.vcpus, *_live(project_ids))


def _ram(tx: Tx, *project_ids: str) -> int:
    extra = tx.sum(Migration, Migration.c.extra_memory_mb, Migration.c.project_id.in_(project_ids))
    return extra + tx.sum(Server, Server.c.memory_mb, *_live(project_ids))


def _disk(tx: Tx, *project_ids: str) -> int:
    extra = tx.sum(Migration, Migration.c.extra_disk_gb, Migration.c.project_id.in_(project_ids))
    return extra + tx.sum(Server, Server.c.disk_gb, *_live(project_ids))


def _server_groups(tx: Tx, *project_ids: str) -> int:
    return tx.count(ServerGroup, ServerGroup.c.project_id.in_(project_ids))


def _none(tx: Tx, *project_ids: str) -> int:
    """Counted for each user, group or request where it is used, not for the project."""
    return 0


PROXIED = ("floating_ips", "fixed_ips", "security_groups", "security_group_rules")
"""Neutron's business since long: below 2.36 their limits can be set and read, and bound nothing."""
QUOTAS = (
    Quota("instances", 10, _instances, unified="servers", required=True),
    Quota("cores", 20, _cores, unified="class:VCPU"),
    Quota("ram", 51200, _ram, unified="class:MEMORY_MB"),
    Quota("disk", UNLIMITED, _disk, unified="class:DISK_GB"),
    Quota("metadata_items", 128, _none, unified="server_metadata_items"),
    Quota("injected_files", 5, _none, unified="server_injected_files"),
    Quota("injected_file_content_bytes", 10240, _none, unified="server_injected_file_content_bytes"),
    Quota("injected_file_path_bytes", 255, _none, unified="server_injected_file_path_bytes"),
    Quota("key_pairs", 100, _none, unified="server_key_pairs"),
    Quota("server_groups", 10, _server_groups, unified="server_groups"),
    Quota("server_group_members", 10, _none, unified="server_group_members"),
    *(Quota(name, UNLIMITED, _none) for name in PROXIED),
)


def of_classes(flavor: Flavor) -> dict[str, Quota]:
    """The quotas of the resource classes that a flavor names beside the usual ones; only unified limits
    bound them.
    """
    names = (f"class:{name}" for name in asked_for(flavor.extra_specs) if name not in USUAL)
    return {name: Quota(name, UNLIMITED, _counted(name), unified=name) for name in names}


def _counted(name: str) -> Callable[..., int]:
    """Usage of a resource class that no column holds: the live servers' flavors tell, the larger of two
    where a server is between them.
    """

    def amount(flavor: Mapping[str, Any]) -> int:
        return asked_for(flavor.get("extra_specs", {})).get(name.removeprefix("class:"), 0)

    def usage(tx: Tx, *project_ids: str) -> int:
        others = other_flavors(tx, project_ids)
        servers = tx.all(Server, *_live(project_ids))
        return sum(max(map(amount, [row.flavor_copy, *others.get(row.id, ())])) for row in servers)

    return usage
