# SPDX-License-Identifier: Apache-2.0
"""The steps of a resize or a migration.

While it is not confirmed the server holds in Placement what its new flavor takes, and the migration what the
old one took where the server was: both are counted, so there is always a way back. The disk stays where it
was, too. A server only moves to hosts on the fabric of its own, for these can have its disk.
"""

import dataclasses
from typing import Any

from cumulet.contracts.neutron import Ports
from cumulet.contracts.placement import Allocator
from cumulet.kernel import events, hosts
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import step
from cumulet.services.nova.compute import model as compute
from cumulet.services.nova.servers import devices, guest, history, states, steps
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.power import power_of, task_left
from cumulet.services.nova.servers.resize.model import (
    ACTIONS,
    MIGRATION,
    NOTHING_EXTRA,
    Migration,
    columns_of,
    extra,
)
from cumulet.services.nova.servers.scheduling import Choice

Published = list[Any]
"""[host, generation]."""


def _both(tx: Tx, server_id: str, migration_id: str) -> tuple[Server, Migration]:
    return tx.need(Server, server_id), tx.need(Migration, migration_id)


# -- to another flavor or host ------------------------------------------------------------------------


def _stay(tx: Tx, ctx: Context, server_id: str, migration_id: str) -> None:
    """The server holds what it held."""
    tx.app.contract(Allocator).hand_over(tx, migration_id, server_id)


@step(undo=_stay)
def choose_host(tx: Tx, ctx: Context, server_id: str, migration_id: str) -> None:
    """There is room for the server's next flavor on a host; the migration holds what the server held."""
    server, migration = _both(tx, server_id, migration_id)
    then = server.but(
        **columns_of(server, migration.new_flavor), forced_host=migration.wanted_host, tried_hosts=[]
    )
    choice = _reachable(tx, migration, steps.locked_choice(tx, ctx, then))
    tx.app.contract(Allocator).hand_over(tx, server_id, migration_id)
    host, _ = steps.claim(tx, ctx, then, choice)
    tx.update(migration, dest_host=host, status="migrating")
    tx.update(server, task_state="resize_migrating")


def _reachable(tx: Tx, migration: Migration, choice: Choice) -> Choice:
    """The hosts to which the server's disk can come; first the one that has it, unless it is to be left."""
    source = migration.source_host
    reaching = hosts.reaching(tx, source)
    refused = dict(choice.refused)
    for candidate in choice.candidates:
        if candidate.name == source and migration.type == MIGRATION:
            refused[candidate.name] = "has the server already"
        elif candidate.name not in reaching:
            refused[candidate.name] = "cannot get the server's disk from its host"
    fit = [candidate for candidate in choice.candidates if candidate.name not in refused]
    fit.sort(key=lambda candidate: candidate.name != source)
    return dataclasses.replace(choice, candidates=fit, refused=refused)


def _switch_back(tx: Tx, ctx: Context, server_id: str, migration_id: str) -> None:
    """The server is where and what it was."""
    server, migration = tx.get(Server, server_id), tx.need(Migration, migration_id)
    if server is None or server.deleted or migration.status != "post-migrating":
        return
    if server.host is not None and server.host != migration.source_host:
        hosts.withdraw(tx, ctx, server.host, "guest", server_id)
    tx.update(migration, status="migrating", **extra(server, migration.old_flavor, migration.new_flavor))
    _return(tx, ctx, server, migration, power_of(server))


@step(undo=_switch_back)
def switch(tx: Tx, ctx: Context, server_id: str, migration_id: str) -> Published:
    """The server has its new flavor and host. A host that it left has nothing of it but its disk."""
    server, migration = _both(tx, server_id, migration_id)
    host = str(migration.dest_host)
    leaves = host != migration.source_host
    if leaves:
        guest.publish_with(tx, ctx, server, (), ())
    server = tx.update(
        server,
        **columns_of(server, migration.new_flavor),
        host=host,
        host_zone=compute.zones_of(tx, [host])[host],
        forced_host=None,
        disk_host=migration.source_host if leaves else None,
        power="running" if migration.was_running else "stopped",
        task_state="resize_finish",
    )
    tx.update(migration, status="post-migrating", **extra(server, migration.new_flavor, migration.old_flavor))
    return _arrive(tx, ctx, server, host)


def _arrive(tx: Tx, ctx: Context, server: Server, host: str) -> Published:
    """The server's ports and volumes are the host's, and the guest is to be there."""
    tx.app.contract(Ports).bind(tx, ctx, server.id, host, server.hostname)
    for device in devices.of_server(tx, server.id):
        if device.plugged:
            devices.export(tx, ctx.elevate(), device, host)
    return [host, guest.publish(tx, ctx, server)]


@step()
def finish(tx: Tx, ctx: Context, server_id: str, migration_id: str) -> None:
    """The server waits for somebody to confirm or revert."""
    server, migration = _both(tx, server_id, migration_id)
    tx.update(migration, status="finished")
    history.end(tx, ctx, server_id, ACTIONS[migration.type], history.Ending(host=server.host))
    server = tx.update(
        server,
        vm_state="resized",
        power_state=states.RUNNING if migration.was_running else states.SHUTDOWN,
        task_state=task_left(server),
        launched_at=tx.now,
        problem={},
    )
    events.emit(tx, ctx, "server.resize", server)


# -- for good -----------------------------------------------------------------------------------------


@step()
def withdraw_source(tx: Tx, ctx: Context, server_id: str, migration_id: str) -> list[Published]:
    """The host that the server left is to have nothing of it; [host, generation] when it is another."""
    server, migration = _both(tx, server_id, migration_id)
    return _withdrawn(tx, ctx, server, migration.source_host, other=server.host)


@step()
def settle_confirmed(tx: Tx, ctx: Context, server_id: str, migration_id: str) -> None:
    """The server is what it has become, and holds nothing else."""
    server, migration = _both(tx, server_id, migration_id)
    over(tx, migration, "confirmed")
    history.end(tx, ctx, server_id, "confirmResize", history.Ending(host=server.host))
    stopped = server.power_state == states.SHUTDOWN
    server = tx.update(
        server, vm_state="stopped" if stopped else "active", task_state=task_left(server), disk_host=None
    )
    events.emit(tx, ctx, "server.resize_confirm", server)


def over(tx: Tx, migration: Migration, status: str) -> None:
    """The migration has ended, and holds nothing."""
    tx.app.contract(Allocator).release(tx, migration.id)
    tx.update(migration, status=status, **NOTHING_EXTRA)


# -- and back -----------------------------------------------------------------------------------------


@step()
def withdraw_destination(tx: Tx, ctx: Context, server_id: str, migration_id: str) -> list[Published]:
    """The host that the server came to is to have nothing of it; [host, generation] when it is another."""
    server, migration = _both(tx, server_id, migration_id)
    return _withdrawn(tx, ctx, server, str(server.host), other=migration.source_host)


def _withdrawn(tx: Tx, ctx: Context, server: Server, host: str, *, other: str | None) -> list[Published]:
    generation = hosts.withdraw(tx, ctx, host, "guest", server.id) if host != other else None
    return [[host, generation]] if generation is not None else []


@step()
def go_back(tx: Tx, ctx: Context, server_id: str, migration_id: str) -> Published:
    """The server has its old flavor and host again, and holds there what it held."""
    server, migration = _both(tx, server_id, migration_id)
    tx.app.contract(Allocator).hand_over(tx, migration_id, server_id)
    tx.update(migration, **NOTHING_EXTRA)
    return _return(tx, ctx, server, migration, "running" if migration.was_running else "stopped")


def _return(tx: Tx, ctx: Context, server: Server, migration: Migration, power: str) -> Published:
    host = migration.source_host
    server = tx.update(
        server,
        **columns_of(server, migration.old_flavor),
        host=host,
        host_zone=compute.zones_of(tx, [host])[host],
        disk_host=None,
        power=power,
    )
    return _arrive(tx, ctx, server, host)


@step()
def settle_reverted(tx: Tx, ctx: Context, server_id: str, migration_id: str) -> None:
    """The server is what it was."""
    server, migration = _both(tx, server_id, migration_id)
    over(tx, migration, "reverted")
    history.end(tx, ctx, server_id, "revertResize", history.Ending(host=server.host))
    running = migration.was_running
    server = tx.update(
        server,
        vm_state="active" if running else "stopped",
        power_state=states.RUNNING if running else states.SHUTDOWN,
        task_state=task_left(server),
        launched_at=tx.now,
        problem={},
    )
    events.emit(tx, ctx, "server.resize_revert", server)
