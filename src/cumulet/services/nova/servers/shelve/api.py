# SPDX-License-Identifier: Apache-2.0
"""The actions shelve, shelveOffload and unshelve."""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel import saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.resource import Action
from cumulet.services.nova.compute import model as compute
from cumulet.services.nova.servers import devices, guards, history, imaging, schemas
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.shelve import flows
from cumulet.services.nova.settings import NovaSettings

_RULE = "os_compute_api:os-shelve"
_SUFFIX = "-shelved"


def shelve(tx: Tx, ctx: Context, server: Server, given: Any) -> None:
    """Accept that the server is stopped and kept as an image; one that boots from a volume needs none."""
    guards.allow(ctx, server, "shelve")
    image_id = None
    if not server.has_volume_root:
        name = server.name[: 255 - len(_SUFFIX)] + _SUFFIX
        image_id = imaging.accept(tx, ctx, name, imaging.properties_of(server, {}))
    leaves = image_id is None or tx.app.contract(NovaSettings).shelved_offload_time == 0
    tx.update(server, task_state="shelving")
    history.begin(tx, ctx, server.id, "shelve")
    saga.start(tx, ctx, flows.shelve_server, server_id=server.id, image_id=image_id, leaves=leaves)


def shelve_offload(tx: Tx, ctx: Context, server: Server, given: Any) -> None:
    """Accept that a shelved server leaves its host."""
    guards.allow(ctx, server, "shelveOffload")
    history.begin(tx, ctx, server.id, "shelveOffload")
    flows.offload(tx, ctx, server)


def unshelve(tx: Tx, ctx: Context, server: Server, given: Mapping[str, str | None] | None) -> None:
    """Accept that a shelved server runs again: where it is, or wherever there is room by now."""
    given = given or {} if ctx.at("2.77") else {}
    guards.allow(ctx, server, "unshelve")
    where = _where(tx, ctx, server, given)
    history.begin(tx, ctx, server.id, "unshelve")
    if server.host is not None:
        tx.update(server, task_state="unshelving")
        saga.start(tx, ctx, flows.unshelve_here, server_id=server.id)
        return
    tx.update(server, task_state="unshelving", root_image_id=server.shelved_image_id, tried_hosts=[], **where)
    has_volumes = bool(devices.of_server(tx, server.id))
    saga.start(tx, ctx, flows.unshelve_server, server_id=server.id, with_volumes=has_volumes)


def _where(tx: Tx, ctx: Context, server: Server, given: Mapping[str, str | None]) -> dict[str, str | None]:
    """What the server wants of its next host: the zone and the host that were asked for.

    A zone of None is any from now on; a host is wanted this time only.
    """
    host = given.get("host")
    if given and server.vm_state != "shelved_offloaded":
        raise Conflict(
            f'Specifying an availability zone or a host when unshelving server "{server.id}" with status '
            f'"{server.vm_state}" is not supported. The server status must be SHELVED_OFFLOADED.'
        )
    zones = {known.zone for known in compute.computes(tx).values() if known.usable}
    if given.get("availability_zone") not in (None, "", *zones):
        raise BadRequest("The requested availability zone is not available")
    wanted = given.get("availability_zone") if "availability_zone" in given else server.wanted_zone
    if host is not None:
        ctx.require(f"{_RULE}:unshelve_to_host", Server.target(tx, server))
        _check_host(tx, host, wanted)
    return {"wanted_zone": wanted, "pinned_zone": wanted, "forced_host": host}


def _check_host(tx: Tx, host: str, zone: str | None) -> None:
    known = compute.computes(tx, [host]).get(host)
    if known is None:
        raise BadRequest(f"Compute host {host} could not be found.")
    if zone is not None and known.zone != zone:
        raise Conflict(f'Host "{host}" is not in the availability zone "{zone}".')


def _unshelve_body(version: int) -> schemas.Schema:
    if version < 2077:
        return {}
    if version < 2091:
        made = schemas.obj({"availability_zone": schemas.NAME}, "availability_zone")
    else:
        made = schemas.obj({"availability_zone": {"type": ["string", "null"]}, "host": schemas.TEXT})
    return {**made, "type": ["object", "null"]}


ACTIONS = (
    Action(name="shelve", policy=f"{_RULE}:shelve", run=shelve),
    Action(name="shelveOffload", policy=f"{_RULE}:shelve_offload", run=shelve_offload),
    Action(name="unshelve", policy=f"{_RULE}:unshelve", run=unshelve, body=_unshelve_body),
)
