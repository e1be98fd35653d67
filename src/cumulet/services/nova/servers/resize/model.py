# SPDX-License-Identifier: Apache-2.0
"""What a move of a server is: from a host and a flavor to others, and how far it has come."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from cumulet.kernel import ids
from cumulet.kernel.db import Tx
from cumulet.kernel.db.rows import Row, column, json_column
from cumulet.lib.timestamps import Timestamp
from cumulet.services.nova.servers.model import Server

RESIZE, MIGRATION = "resize", "migration"
ACTIONS = {RESIZE: "resize", MIGRATION: "migrate"}
"""What its request is called among a server's actions, by its type."""

OVER = ("confirmed", "reverted", "error")


class Migration(Row, table="nova_migrations"):
    """A resize or a migration. In Placement it is a consumer: it holds what the server had on its source.

    `extra_vcpus`, `extra_memory_mb` and `extra_disk_gb` are what the flavor that the server does not have
    takes beyond the one that it has, for as long as it may come to it: quota counts the larger of the two.
    """

    id: str = column(primary=True, default_factory=ids.dashed)
    number: int = column(unique=True)
    type: str
    status: str = column(default="pre-migrating")
    server_id: str = column(index=True)
    project_id: str = column(index=True)
    user_id: str
    source_host: str
    dest_host: str | None = column(default=None)
    wanted_host: str | None = column(default=None)
    old_flavor: dict[str, Any] = json_column()
    new_flavor: dict[str, Any] = json_column()
    was_running: bool = column(default=True)
    extra_vcpus: int = column(default=0)
    extra_memory_mb: int = column(default=0)
    extra_disk_gb: int = column(default=0)
    created_at: Timestamp = column(default=Timestamp(""), index=True)
    updated_at: Timestamp = column(default=Timestamp(""))


def next_number(tx: Tx) -> int:
    """The number of a new one."""
    return int(tx.scalar(sa.select(sa.func.coalesce(sa.func.max(Migration.c.number), 0)))) + 1


def unfinished(tx: Tx, *where: Any) -> list[Migration]:
    """Those that are not over."""
    return tx.all(Migration, Migration.c.status.not_in(OVER), *where)


def of_server(tx: Tx, server_id: str, status: str) -> Migration | None:
    """The server's migration that has come this far."""
    return tx.first(Migration, Migration.c.server_id == server_id, Migration.c.status == status)


def kept_disks(tx: Tx) -> set[tuple[str, str]]:
    """(server, host) of the hosts that keep the disk of a server that is elsewhere, and may be back."""
    return {(row.server_id, row.source_host) for row in unfinished(tx)}


# -- flavors ------------------------------------------------------------------------------------------


def columns_of(server: Server, flavor: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a server that a flavor, as servers keep it, fills."""
    return {
        "flavor_id": flavor["id"],
        "flavor_copy": dict(flavor),
        "vcpus": flavor["vcpus"],
        "memory_mb": flavor["ram"],
        "disk_gb": disk_gb(flavor, root_is_local=not server.has_volume_root),
    }


def disk_gb(flavor: Mapping[str, Any], *, root_is_local: bool) -> int:
    """What a server of this flavor takes of its host's disk."""
    root: int = flavor["disk"] if root_is_local else 0
    return root + int(flavor["ephemeral"]) + -(-int(flavor["swap"]) // 1024)


def extra(server: Server, has: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, int]:
    """The columns of a migration that say what the other flavor takes beyond the one that the server has."""
    now, then = columns_of(server, has), columns_of(server, other)
    return {f"extra_{name}": max(0, then[name] - now[name]) for name in ("vcpus", "memory_mb", "disk_gb")}


NOTHING_EXTRA = {"extra_vcpus": 0, "extra_memory_mb": 0, "extra_disk_gb": 0}


def other_flavors(tx: Tx, project_ids: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
    """The flavors between which servers of these projects are, by server."""
    rows = unfinished(tx, Migration.c.project_id.in_(project_ids))
    return {row.server_id: [row.old_flavor, row.new_flavor] for row in rows}
