# SPDX-License-Identifier: Apache-2.0
"""What a project can run out of in Nova, and limits that only bound one request."""

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.kernel.quota import Quota
from cumulet.services.nova.server_groups import ServerGroup
from cumulet.services.nova.servers.model import Server


def _live(project_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return Server.c.project_id == project_id, Server.c.deleted.is_(False)


def _instances(tx: Tx, project_id: str) -> int:
    return tx.count(Server, *_live(project_id))


def _cores(tx: Tx, project_id: str) -> int:
    return tx.sum(Server, Server.c.vcpus, *_live(project_id))


def _ram(tx: Tx, project_id: str) -> int:
    return tx.sum(Server, Server.c.memory_mb, *_live(project_id))


def _server_groups(tx: Tx, project_id: str) -> int:
    return tx.count(ServerGroup, ServerGroup.c.project_id == project_id)


def _none(tx: Tx, project_id: str) -> int:
    """Counted for each user, group or request where it is used, not for the project."""
    return 0


QUOTAS = (
    Quota("instances", 10, _instances),
    Quota("cores", 20, _cores),
    Quota("ram", 51200, _ram),
    Quota("metadata_items", 128, _none),
    Quota("injected_files", 5, _none),
    Quota("injected_file_content_bytes", 10240, _none),
    Quota("injected_file_path_bytes", 255, _none),
    Quota("key_pairs", 100, _none),
    Quota("server_groups", 10, _server_groups),
    Quota("server_group_members", 10, _none),
)
PROXIED = ("floating_ips", "fixed_ips", "security_groups", "security_group_rules")
"""Neutron's business since long; below 2.36 they are shown as unlimited."""
