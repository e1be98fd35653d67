# SPDX-License-Identifier: Apache-2.0
"""What hosts say of guests by themselves, and what is true of guests and servers at any time."""

from typing import Any

import sqlalchemy as sa

from cumulet.contracts.cinder import Volumes
from cumulet.contracts.placement import Allocator
from cumulet.kernel import hosts
from cumulet.kernel.auth.context import Context
from cumulet.kernel.bus import Report
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import DocumentRow
from cumulet.kernel.service import own_context
from cumulet.lib import timestamps
from cumulet.services.nova.servers import devices, guest, states
from cumulet.services.nova.servers.deleting import end_server
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.resize import flows as resize
from cumulet.services.nova.servers.resize.model import Migration, kept_disks, unfinished
from cumulet.services.nova.servers.shelve import flows as shelve
from cumulet.services.nova.settings import NovaSettings

GUEST = "guest"
RUNNING_STATES = ("active", "paused", "suspended", "rescued")


def guest_reported(tx: Tx, host: str, report: Report) -> None:
    """A guest that powered itself off makes its server SHUTOFF; one that was started by hand is started."""
    power = (report.state or {}).get("power")
    if power != "stopped" or report.error is not None:
        return
    server = tx.get(Server, report.id)
    if server is not None and server.host == host:
        _notice_power_off(tx, own_context(tx.app, "nova"), server)


def _notice_power_off(tx: Tx, ctx: Context, server: Server) -> None:
    """Nothing was being done to the server, and its guest does not run: then it is to stay so."""
    idle = server.task_state is None and not server.deleted and server.vm_state == "active"
    if not idle or server.power != "running":
        return
    server = tx.update(server, vm_state="stopped", power_state=states.SHUTDOWN, power="stopped")
    guest.publish(tx, ctx, server)


def sync_power(tx: Tx) -> int:
    """Put right servers that are active while their host has last said that the guest is off; how many."""
    found = _documents(tx)
    ctx, count = own_context(tx.app, "nova"), 0
    rows = tx.get_many(Server, [row.thing_id for row in found if _says_stopped(row)])
    for server in rows.values():
        if server.vm_state == "active" and server.task_state is None and not server.deleted:
            _notice_power_off(tx, ctx, server)
            count += 1
    return count


def _says_stopped(row: DocumentRow) -> bool:
    settled = (row.seen_epoch, row.seen_n) == (row.epoch, row.n) and row.body is not None
    return settled and isinstance(row.state, dict) and row.state.get("power") == "stopped"


def withdraw_ownerless(tx: Tx) -> list[str]:
    """No host is told to have a guest that no server of that host owns; what was withdrawn."""
    ctx, gone = own_context(tx.app, "nova"), []
    found = [row for row in _documents(tx) if row.body is not None]
    owners, kept = tx.get_many(Server, [row.thing_id for row in found]), kept_disks(tx)
    for row in found:
        server = owners.get(row.thing_id)
        if (row.thing_id, row.host) in kept:
            continue
        if server is None or server.deleted or server.host != row.host:
            hosts.withdraw(tx, ctx, row.host, GUEST, row.thing_id)
            gone.append(row.thing_id)
    return gone


def offload_shelved(tx: Tx) -> int:
    """Have servers that are shelved for as long as the settings say leave their hosts; how many."""
    patience = tx.app.contract(NovaSettings).shelved_offload_time
    if patience <= 0:
        return 0
    c, before = Server.c, timestamps.add(tx.now, -patience)
    idle = (c.vm_state == "shelved", c.task_state.is_(None), c.deleted.is_(False))
    due = tx.all(Server, *idle, c.shelved_at <= before)
    for server in due:
        shelve.offload(tx, own_context(tx.app, "nova"), server)
    return len(due)


def reclaim_deleted(tx: Tx) -> list[str]:
    """Servers that could be restored for long enough come to their end; which."""
    interval = tx.app.contract(NovaSettings).reclaim_instance_interval
    if interval <= 0:
        return []
    ctx, c = own_context(tx.app, "nova"), Server.c
    old = timestamps.add(tx.now, -interval)
    where = (c.vm_state == states.SOFT_DELETED, c.task_state.is_(None), c.deleted_at <= old)
    found = tx.all(Server, *where, c.deleted.is_(False))
    for server in found:
        end_server(tx, ctx, server)
    return [server.id for server in found]


def confirm_resizes(tx: Tx) -> int:
    """Confirm what has waited for it as long as the settings say; how many."""
    window = tx.app.contract(NovaSettings).resize_confirm_window
    if window <= 0:
        return 0
    c, before = Migration.c, timestamps.add(tx.now, -window)
    due = tx.all(Migration, c.status == "finished", c.updated_at <= before)
    servers = tx.get_many(Server, [row.server_id for row in due])
    due = [row for row in due if servers[row.server_id].task_state is None]
    for migration in due:
        resize.begin_confirming(tx, own_context(tx.app, "nova"), migration)
    return len(due)


def _documents(tx: Tx) -> list[DocumentRow]:
    return tx.all(DocumentRow, DocumentRow.c.kind == GUEST)


# -- invariants ---------------------------------------------------------------------------------------


def allocations_are_servers(tx: Tx) -> list[str]:
    """Who holds room in Placement is a server with a host or its migration, and every such server does."""
    holding = tx.app.contract(Allocator).consumers(tx)
    c = Server.c
    alive = {row[0]: row[1] for row in tx.execute(sa.select(c.id, c.host).where(c.deleted.is_(False)))}
    moves = {row.id for row in unfinished(tx)}
    found = [f"{id} holds room and is no server" for id in holding - alive.keys() - moves]
    return found + [
        f"server {id} on {host} holds none" for id, host in alive.items() if host and id not in holding
    ]


def guests_are_servers(tx: Tx) -> list[str]:
    """A guest that a host is told to have is a server there, and every server that runs has its guest."""
    told = {(row.thing_id, row.host) for row in _documents(tx) if row.body is not None}
    c = Server.c
    rows = tx.execute(sa.select(c.id, c.host, c.vm_state).where(c.deleted.is_(False), c.host.is_not(None)))
    placed = {(id, host): state for id, host, state in rows}
    strange = told - placed.keys() - kept_disks(tx)
    found = [f"host {host} has a guest {id} that is no server of it" for id, host in strange]
    for (id, host), state in placed.items():
        if state in RUNNING_STATES and (id, host) not in told:
            found.append(f"server {id} is {state} and host {host} is not told of it")
    return found


def attachments_are_ours(tx: Tx) -> list[str]:
    """Cinder and Nova agree on who has which volume."""
    ids = list(tx.execute(sa.select(Server.c.id).where(Server.c.deleted.is_(False))).scalars())
    theirs = {a["id"] for listed in tx.app.contract(Volumes).attachments(tx, ids).values() for a in listed}
    ours: dict[str, Any] = {
        device.attachment_id: device
        for listed in devices.devices_of(tx, ids).values()
        for device in listed
        if device.attachment_id
    }
    found = [f"attachment {id} of a server is unknown to Nova" for id in theirs - ours.keys()]
    return found + [f"attachment {id} of a server is unknown to Cinder" for id in ours.keys() - theirs]


INVARIANTS = (allocations_are_servers, guests_are_servers, attachments_are_ours)
