# SPDX-License-Identifier: Apache-2.0
"""The actions resize, migrate, confirmResize and revertResize."""

from collections.abc import Mapping
from typing import Any

from cumulet.contracts.glance import Images
from cumulet.kernel import quota, saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.resource import Action
from cumulet.services.nova.compute import model as compute
from cumulet.services.nova.flavors.model import Flavor, embedded
from cumulet.services.nova.quotas import of_classes
from cumulet.services.nova.servers import creating, guards, history, schemas
from cumulet.services.nova.servers.demand import USUAL, asked_for
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.resize import flows, model
from cumulet.services.nova.servers.resize.model import MIGRATION, RESIZE, Migration, extra, of_server

_SERVERS, _MIGRATE = "os_compute_api:servers", "os_compute_api:os-migrate-server:migrate"


def resize(tx: Tx, ctx: Context, server: Server, given: Mapping[str, Any]) -> None:
    """Accept another flavor, on this host or another; the server says afterwards whether it stays so."""
    _allow(tx, ctx, server, "resize")
    flavor = _flavor(tx, ctx, str(given["flavorRef"]))
    _check_change(server, flavor)
    new = embedded(flavor)
    more: dict[str, Any] = extra(server, server.flavor_copy, new)
    _charge(tx, ctx, server, flavor, more)
    _check_image(tx, ctx, server, flavor)
    _begin(tx, ctx, server, Migration(**_row(tx, server, RESIZE, new), **more), given)


def migrate(tx: Tx, ctx: Context, server: Server, given: Mapping[str, str | None] | None) -> None:
    """Accept a move to another host: to one that is named, or to any."""
    host = (given or {}).get("host") if ctx.at("2.56") else None
    if host:
        ctx.require(f"{_MIGRATE}:host", Server.target(tx, server))
    _allow(tx, ctx, server, "migrate")
    if host and host == server.host:
        raise BadRequest("Cannot migrate to the host where the server exists.")
    if host and host not in compute.computes(tx, [host]):
        raise BadRequest(f"Compute host {host} could not be found.")
    row = _row(tx, server, MIGRATION, server.flavor_copy)
    _begin(tx, ctx, server, Migration(**row, wanted_host=host or None), {})


def _allow(tx: Tx, ctx: Context, server: Server, action: str) -> None:
    guards.allow(ctx, server, action)
    if server.host is None or not _is_up(tx, server.host):
        raise _unavailable()


def _is_up(tx: Tx, host: str) -> bool:
    known = compute.computes(tx, [host]).get(host)
    return known is not None and known.up


def _unavailable() -> Conflict:
    return Conflict("Service is unavailable at this time.")


def _flavor(tx: Tx, ctx: Context, reference: str) -> Flavor:
    visible = Flavor.visible(ctx)
    flavor_id = reference.rpartition("/")[2]
    flavor = tx.first(Flavor, Flavor.c.id == flavor_id, *([] if visible is None else [visible]))
    if flavor is None or flavor.disabled:
        raise BadRequest(f"Flavor {flavor_id} could not be found.")
    return flavor


def _check_change(server: Server, flavor: Flavor) -> None:
    """Raise BadRequest for a flavor that is the same, or whose disks are smaller: disks never shrink."""
    old, cannot = server.flavor_copy, "Server disk was unable to be resized because:"
    if not flavor.disk and old["disk"] and not server.has_volume_root:
        raise BadRequest(f"{cannot} Resize to zero disk flavor is not allowed.")
    if flavor.id == old["id"]:
        raise BadRequest("When resizing, instances must change flavor!")
    root_shrinks = flavor.disk < old["disk"] and not server.has_volume_root
    if root_shrinks or flavor.ephemeral < old["ephemeral"]:
        raise BadRequest(f"{cannot} Unable to resize disk down.")


def _charge(tx: Tx, ctx: Context, server: Server, flavor: Flavor, more: Mapping[str, int]) -> None:
    """Refuse what the project may not have more of; what becomes less is free once it was confirmed."""
    costs = {"cores": more["extra_vcpus"], "ram": more["extra_memory_mb"], "disk": more["extra_disk_gb"]}
    had = asked_for(server.flavor_copy.get("extra_specs", {}))
    for name, amount in asked_for(flavor.extra_specs).items():
        if name not in USUAL:
            costs[f"class:{name}"] = amount - had.get(name, 0)
    known = {**ctx.service.api.quotas, **of_classes(flavor)}
    costs = {name: amount for name, amount in costs.items() if amount > 0}
    quota.charge(tx, ctx, server.project_id, costs, known)


def _check_image(tx: Tx, ctx: Context, server: Server, flavor: Flavor) -> None:
    """Raise BadRequest for a flavor that is too small for the server's image, where that is still there."""
    image = tx.app.contract(Images).image(tx, ctx, server.image_id) if server.image_id else None
    if image is not None and image.status == "active":
        creating.check_image(image, flavor)


def _row(tx: Tx, server: Server, type: str, flavor: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "number": model.next_number(tx),
        "type": type,
        "server_id": server.id,
        "project_id": server.project_id,
        "user_id": server.user_id,
        "source_host": server.host,
        "old_flavor": dict(server.flavor_copy),
        "new_flavor": dict(flavor),
        "was_running": server.vm_state == "active",
    }


def _begin(tx: Tx, ctx: Context, server: Server, migration: Migration, given: Mapping[str, Any]) -> None:
    tx.insert(migration, retry=True)
    tx.update(server, task_state="resize_prep", disk_config=given.get("OS-DCF:diskConfig", "MANUAL"))
    history.begin(tx, ctx, server.id, model.ACTIONS[migration.type])
    saga.start(tx, ctx, flows.move_server, server_id=server.id, migration_id=migration.id)


def confirm(tx: Tx, ctx: Context, server: Server, given: Any) -> None:
    """Accept that the server stays what and where it has become."""
    guards.allow(ctx, server, "confirmResize")
    migration = _finished(tx, server)
    if not _is_up(tx, migration.source_host):
        raise _unavailable()
    history.begin(tx, ctx, server.id, "confirmResize")
    flows.begin_confirming(tx, ctx, migration)


def revert(tx: Tx, ctx: Context, server: Server, given: Any) -> None:
    """Accept that the server becomes again what it was, where it was."""
    guards.allow(ctx, server, "revertResize")
    migration = _finished(tx, server)
    tx.update(migration, status="reverting")
    tx.update(server, task_state="resize_reverting")
    history.begin(tx, ctx, server.id, "revertResize")
    saga.start(tx, ctx, flows.revert_move, server_id=server.id, migration_id=migration.id)


def _finished(tx: Tx, server: Server) -> Migration:
    migration = of_server(tx, server.id, "finished")
    if migration is None:
        raise BadRequest("Instance has not been resized.")
    return migration


RESIZE_BODY = schemas.obj(
    {"flavorRef": schemas.FLAVOR_REF, "OS-DCF:diskConfig": schemas.DISK_CONFIG}, "flavorRef"
)


def _migrate_body(version: int) -> schemas.Schema:
    if version < 2056:
        return {}
    made = schemas.obj({"host": {**schemas.FQDN, "type": ["string", "null"]}})
    return {**made, "type": ["object", "null"]}


ACTIONS = (
    Action(name="resize", policy=f"{_SERVERS}:resize", run=resize, body=RESIZE_BODY),
    Action(name="migrate", policy=_MIGRATE, run=migrate, body=_migrate_body),
    Action(name="confirmResize", policy=f"{_SERVERS}:confirm_resize", run=confirm, status=204),
    Action(name="revertResize", policy=f"{_SERVERS}:revert_resize", run=revert),
)
