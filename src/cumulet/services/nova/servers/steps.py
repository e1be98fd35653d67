# SPDX-License-Identifier: Apache-2.0
"""The steps of making a server, and of taking one away."""

import asyncio
from collections import Counter
from typing import Any

from cumulet.contracts.cinder import Volumes
from cumulet.contracts.glance import Images
from cumulet.contracts.neutron import Ports
from cumulet.contracts.placement import Allocator, NoRoom, Owner
from cumulet.kernel import events, hosts
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import HostFailed, health
from cumulet.kernel.saga import StepFailed, step
from cumulet.services.nova.aggregates.matching import asked_of_aggregates
from cumulet.services.nova.compute import model as compute
from cumulet.services.nova.server_groups import ServerGroup
from cumulet.services.nova.servers import devices, guest, history, scheduling, states
from cumulet.services.nova.servers.demand import demand_of
from cumulet.services.nova.servers.model import BlockDevice, Server, ServerTag
from cumulet.services.nova.servers.resize import model as moves
from cumulet.services.nova.servers.resize.model import Migration
from cumulet.services.nova.servers.scheduling import Choice, Wish

FOREVER = 10.0 * 365 * 86400
LOOK_FOR_FENCE_EVERY = 5.0
BUILD_DEADLINE = 600.0

# -- volumes that are made for the server -------------------------------------------------------------


@step(deadline=3600)
async def wait_volumes(ctx: Context, server_id: str) -> None:
    """Every volume that is made for the server can be used."""
    made = await ctx.read(_made_here, server_id)
    volumes = ctx.app.contract(Volumes)
    for volume_id in made:
        try:
            await volumes.wait_available(ctx, volume_id)
        except ValueError as error:
            raise StepFailed(
                f"Build of instance {server_id} aborted: Volume {volume_id} did not finish being created: "
                f"{error}"
            ) from error


def _made_here(tx: Tx, server_id: str) -> list[str]:
    return [d.volume_id for d in devices.of_server(tx, server_id) if d.made_here and d.attachment_id is None]


@step()
def reserve_volumes(tx: Tx, ctx: Context, server_id: str) -> None:
    """The volumes that were made are the server's; they stay reserved for it until it is deleted."""
    tx.update(tx.need(Server, server_id), task_state="block_device_mapping")
    volumes = tx.app.contract(Volumes)
    for device in devices.of_server(tx, server_id):
        if device.attachment_id is None:
            tx.update(device, attachment_id=volumes.reserve(tx, ctx, device.volume_id, server_id))


# -- a place ------------------------------------------------------------------------------------------


def leave_place(tx: Tx, ctx: Context, server_id: str) -> None:
    """The server has no host; the one it had is not tried again."""
    server = tx.get(Server, server_id)
    if server is None or server.host is None:
        return
    tx.app.contract(Ports).unbind(tx, ctx, server_id)
    tx.app.contract(Allocator).release(tx, server_id)
    building = server.vm_state == "building" and server.task_state != "deleting"
    tried = [*server.tried_hosts, server.host]
    task = "scheduling" if building else server.task_state
    tx.update(server, host=None, host_zone=None, tried_hosts=tried, task_state=task)


@step(undo=leave_place)
def place(tx: Tx, ctx: Context, server_id: str) -> dict[str, Any]:
    """Choose a host, claim what the server needs of it, and bind the server's ports to it.

    The result holds the host and the generations of the ports; no host when one is worth waiting for.
    """
    choice = locked_choice(tx, ctx, tx.need(Server, server_id))
    if not choice.candidates and choice.returning:
        return {"host": None, "ports": []}
    return _place(tx, ctx, server_id, choice)


@step()
async def wait_host(ctx: Context, server_id: str) -> None:
    """A host that was away and could have the server is back, or nobody expects one any more."""
    await health.one_returns(ctx.app, await ctx.read(_returning, ctx, server_id))


def _returning(tx: Tx, ctx: Context, server_id: str) -> list[str]:
    return _choice(tx, ctx, tx.need(Server, server_id)).returning


@step(undo=leave_place)
def place_now(tx: Tx, ctx: Context, server_id: str) -> dict[str, Any]:
    """The same as `place`, without waiting for hosts any longer."""
    return _place(tx, ctx, server_id, locked_choice(tx, ctx, tx.need(Server, server_id)))


def _place(tx: Tx, ctx: Context, server_id: str, choice: Choice) -> dict[str, Any]:
    server = tx.need(Server, server_id)
    host, zone = claim(tx, ctx, server, choice)
    tx.update(server, host=host, host_zone=zone, task_state="spawning")
    ports = tx.app.contract(Ports).bind(tx, ctx, server_id, host, server.hostname)
    return {"host": host, "ports": ports}


def locked_choice(tx: Tx, ctx: Context, server: Server) -> Choice:
    """The choice, which no other server of the group makes at the same time."""
    tx.lock(*([f"server-group:{server.group_id}"] if server.group_id else []))
    return _choice(tx, ctx, server)


def _choice(tx: Tx, ctx: Context, server: Server) -> Choice:
    candidates = tx.app.contract(Allocator).candidates(tx, demand_of(server))
    known = compute.computes(tx, [candidate.name for candidate in candidates])
    return scheduling.choose(candidates, known, wish_of(tx, ctx, server))


def claim(tx: Tx, ctx: Context, server: Server, choice: Choice) -> tuple[str, str]:
    """The host that has room for the server now, and its zone, which it keeps while it has servers."""
    allocator, demand = tx.app.contract(Allocator), demand_of(server)
    owner = Owner(server.project_id, server.user_id)
    for candidate in choice.candidates:
        try:
            allocator.claim(tx, ctx, server.id, candidate.id, demand, owner=owner)
        except NoRoom:
            continue
        zone = compute.zones_of(tx, [candidate.name])[candidate.name]
        if server.wanted_zone in (None, zone):
            return candidate.name, zone
    raise StepFailed(_no_host(server, choice.refused))


def _no_host(server: Server, refused: dict[str, str]) -> str:
    if server.tried_hosts:
        return (
            "Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures "
            f"for instance {server.id}."
        )
    reasons = "; ".join(f"{name} {why}" for name, why in sorted(refused.items()))
    return f"No valid host was found. {reasons or 'There are not enough hosts available.'}"


def wish_of(tx: Tx, ctx: Context, server: Server) -> Wish:
    """What the server wants of its host, from its row, its group and its hints."""
    group = tx.get(ServerGroup, server.group_id) if server.group_id else None
    return Wish(
        zone=server.wanted_zone,
        host=server.forced_host,
        tried=server.tried_hosts,
        policy=group.policy if group is not None else None,
        members=_members(tx, server) if group is not None else {},
        most_per_host=group.max_per_host if group is not None else 1,
        away_from=_hosts_of(tx, server.hints.get("different_host")),
        together_with=_hosts_of(tx, server.hints["same_host"]) if server.hints.get("same_host") else None,
        of_aggregates=asked_of_aggregates(server.flavor_copy.get("extra_specs", {})),
        with_volumes_of={host: hosts.reaching(tx, host) for host in _hosts_of_volumes(tx, ctx, server.id)},
    )


def _members(tx: Tx, server: Server) -> dict[str, int]:
    c = Server.c
    rows = tx.all(Server, c.group_id == server.group_id, c.deleted.is_(False), c.id != server.id)
    return dict(Counter(row.host for row in rows if row.host))


def _hosts_of_volumes(tx: Tx, ctx: Context, server_id: str) -> set[str]:
    """Where the server's volumes are."""
    found = (
        tx.app.contract(Volumes).volume(tx, ctx.elevate(), device.volume_id)
        for device in devices.of_server(tx, server_id)
    )
    return {volume.host for volume in found if volume is not None and volume.host}


def _hosts_of(tx: Tx, server_ids: Any) -> list[str]:
    if not server_ids:
        return []
    wanted = [server_ids] if isinstance(server_ids, str) else list(server_ids)
    return [row.host for row in tx.get_many(Server, wanted).values() if row.host and not row.deleted]


@step(deadline=BUILD_DEADLINE)
async def wait_ports(ctx: Context, server_id: str, host: str, ports: list[list[Any]]) -> None:
    """The host has plugged every port."""
    await asyncio.gather(*(_made(ctx, host, "port", port_id, generation) for port_id, generation in ports))


async def _made(ctx: Context, host: str, kind: str, id: str, generation: list[int]) -> Any:
    try:
        return await ctx.app.hosts.made_true(host, kind, id, generation)
    except HostFailed as error:
        raise StepFailed(str(error)) from error


# -- exports of volumes -------------------------------------------------------------------------------


def unexport_volumes(tx: Tx, ctx: Context, server_id: str, host: str) -> None:
    """No volume of the server is in a guest's document; cinder ends each export with its attachment."""
    for device in devices.of_server(tx, server_id):
        if device.plugged:
            tx.update(device, plugged=False)


@step(undo=unexport_volumes)
def export_volumes(tx: Tx, ctx: Context, server_id: str, host: str) -> list[list[Any]]:
    """Every volume of the server is to be served on the host; [where, volume, generation] of each."""
    had = devices.of_server(tx, server_id)
    return [devices.export(tx, ctx, device, host, plugged=True) for device in had]


@step(deadline=BUILD_DEADLINE)
async def wait_exports(ctx: Context, server_id: str, exports: list[list[Any]]) -> None:
    """Every volume is served."""
    waits = (_made(ctx, host, "volume", volume_id, generation) for host, volume_id, generation in exports)
    await asyncio.gather(*waits)


# -- the guest ----------------------------------------------------------------------------------------


def withdraw_guest_of(tx: Tx, ctx: Context, server_id: str, host: str) -> None:
    hosts.withdraw(tx, ctx, host, "guest", server_id)


@step(undo=withdraw_guest_of)
def publish_guest(tx: Tx, ctx: Context, server_id: str, host: str) -> list[int]:
    """The host is to run the guest."""
    return guest.publish(tx, ctx, tx.need(Server, server_id))


@step(deadline=BUILD_DEADLINE)
async def wait_guest(ctx: Context, server_id: str, host: str, generation: list[int]) -> None:
    """The host has made the guest what its document says."""
    await _made(ctx, host, "guest", server_id, generation)


@step()
def set_active(tx: Tx, ctx: Context, server_id: str) -> None:
    """The server runs, and its volumes are in use."""
    server = tx.need(Server, server_id)
    volumes = None
    for device in devices.of_server(tx, server_id):
        volumes = volumes or tx.app.contract(Volumes)
        volumes.attached(tx, ctx, str(device.attachment_id))
    server = tx.update(
        server,
        vm_state="active",
        task_state=None,
        power_state=states.RUNNING,
        launched_at=server.launched_at or tx.now,
    )
    history.end(tx, ctx, server_id, "create", history.Ending(host=server.host))
    events.emit(tx, ctx, "server.active", server)


# -- the end ------------------------------------------------------------------------------------------


@step()
def withdraw_guest(tx: Tx, ctx: Context, server_id: str) -> list[list[Any]]:
    """No host is to have the guest any more; [host, generation] of those that must say so."""
    server = tx.need(Server, server_id)
    where = hosts.ever_told(tx, "guest", server.id)
    found = ((host, hosts.withdraw(tx, ctx, host, "guest", server_id)) for host in where)
    return [[host, generation] for host, generation in found if generation is not None]


@step(deadline=FOREVER)
async def wait_guest_gone(ctx: Context, server_id: str, host: str, generation: list[int]) -> None:
    """The host has said that the guest is gone, or the operator that the host is."""
    await _made_or_fenced(ctx, server_id, host, generation)


@step(deadline=FOREVER)
async def wait_unplugged(ctx: Context, server_id: str, host: str, generation: list[int]) -> None:
    """The host has taken it from the guest, or the operator has said that the host is gone."""
    await _made_or_fenced(ctx, server_id, host, generation)


async def _made_or_fenced(ctx: Context, server_id: str, host: str, generation: list[int]) -> None:
    gone = asyncio.ensure_future(_made(ctx, host, "guest", server_id, generation))
    try:
        while not gone.done():
            pause = asyncio.ensure_future(ctx.app.clock.sleep(LOOK_FOR_FENCE_EVERY))
            try:
                await asyncio.wait((gone, pause), return_when=asyncio.FIRST_COMPLETED)
            finally:
                pause.cancel()
            if not gone.done() and await ctx.read(compute.is_fenced, host):
                return
        gone.result()
    finally:
        gone.cancel()


@step()
def forget(tx: Tx, ctx: Context, server_id: str) -> None:
    """The server has nothing any more: no port, attachment, volume of its own, nor room on a host."""
    server, everyone = tx.need(Server, server_id), ctx.elevate()
    tx.app.contract(Ports).unplug(tx, everyone, server_id)
    for device in devices.of_server(tx, server_id):
        end_volume(tx, everyone, device)
    if server.shelved_image_id is not None:
        tx.app.contract(Images).delete(tx, everyone, server.shelved_image_id)
    tx.app.contract(Allocator).release(tx, server_id)
    _end_moves(tx, server_id)
    tx.delete_where(ServerTag, ServerTag.c.server_id == server_id)
    server = tx.update(
        server,
        deleted=True,
        deleted_at=tx.now,
        terminated_at=tx.now,
        vm_state="deleted",
        task_state=None,
        power_state=states.NO_STATE,
    )
    history.end(tx, ctx, server_id, "delete", history.Ending(host=server.host))
    events.emit(tx, ctx, "server.deleted", server)


def _end_moves(tx: Tx, server_id: str) -> None:
    """No migration of the server goes on or holds anything; one that had come to its end was for good."""
    for migration in moves.unfinished(tx, Migration.c.server_id == server_id):
        tx.app.contract(Allocator).release(tx, migration.id)
        moved = migration.status in ("finished", "confirming")
        tx.update(migration, status="confirmed" if moved else "error", **moves.NOTHING_EXTRA)


def free_volume(tx: Tx, ctx: Context, device: BlockDevice) -> None:
    """The server has this volume no more; it stays, whatever was to become of it at the server's end."""
    if device.attachment_id is not None:
        tx.app.contract(Volumes).release(tx, ctx, device.attachment_id)
    tx.delete(device)


def end_volume(tx: Tx, ctx: Context, device: BlockDevice) -> None:
    """The server ends, and so does this volume if it was to end with the server."""
    free_volume(tx, ctx, device)
    if device.delete_on_termination:
        tx.app.contract(Volumes).delete(tx, ctx, device.volume_id)
