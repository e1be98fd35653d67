# SPDX-License-Identifier: Apache-2.0
"""The actions on servers."""

from collections.abc import Callable
from typing import Any

from cumulet.contracts.neutron import Ports
from cumulet.kernel import saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.bus import CallError
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, NotFound
from cumulet.kernel.http.messages import Reply
from cumulet.kernel.resource import Action
from cumulet.kernel.resource.shapes import keys, since
from cumulet.services.nova.names import check_name
from cumulet.services.nova.servers import flows, guards, history, imaging, power, schemas
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.rebuilding import REBUILT, rebuild

CONSOLE_SECONDS = 15.0

# -- power --------------------------------------------------------------------------------------------


def change_power(tx: Tx, ctx: Context, server: Server, name: str) -> None:
    """Accept a change of power: the server says what is being done, and the saga does it."""
    change = power.CHANGES[name]
    guards.allow(ctx, server, name, change.action)
    tx.update(server, task_state=change.task)
    history.begin(tx, ctx, server.id, change.action)
    saga.start(tx, ctx, flows.change_power, server_id=server.id, change=name)


def _power(change: str) -> Callable[[Tx, Context, Server, Any], None]:
    def run(tx: Tx, ctx: Context, server: Server, given: Any) -> None:
        change_power(tx, ctx, server, change)

    return run


def reboot(tx: Tx, ctx: Context, server: Server, given: dict[str, str]) -> None:
    """Restart the guest: SOFT lets its system end first, HARD does not ask."""
    change_power(tx, ctx, server, f"reboot_{given['type'].lower()}")


REBOOT = schemas.obj({"type": {"enum": ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]}}, "type")

# -- locks and states ---------------------------------------------------------------------------------


def lock(tx: Tx, ctx: Context, server: Server, given: Any) -> None:
    """Let nobody but administrators change the server."""
    owner = server.user_id == ctx.user_id or server.project_id == ctx.project_id
    reason = (given or {}).get("locked_reason") if ctx.at("2.73") and isinstance(given, dict) else None
    by = "owner" if owner and not ctx.is_admin else "admin"
    if server.locked_by is None or by == "admin":
        tx.update(server, locked_by=by, locked_reason=reason)
    history.begin(tx, ctx, server.id, "lock")


def unlock(tx: Tx, ctx: Context, server: Server, given: Any) -> None:
    """Let the server be changed again; what an administrator locked only they unlock."""
    if server.locked_by == "admin":
        rule = "os_compute_api:os-lock-server:unlock:unlock_override"
        ctx.require(rule, Server.target(tx, server))
    tx.update(server, locked_by=None, locked_reason=None)
    history.begin(tx, ctx, server.id, "unlock")


def _lock_body(version: int) -> dict[str, Any]:
    if version < 2073:
        return {}
    reason = {"type": "string", "minLength": 1, "maxLength": 255}
    inner = schemas.obj({"locked_reason": reason})
    return {**inner, "type": ["object", "null"]}


def reset_state(tx: Tx, ctx: Context, server: Server, given: dict[str, str]) -> None:
    """Call the server active or in error, whatever it is; its guest does not change."""
    state = given["state"]
    tx.update(server, vm_state=state, task_state=None, problem={} if state == "active" else server.problem)
    history.begin(tx, ctx, server.id, "reset")


RESET = schemas.obj({"state": {"enum": ["active", "error"]}}, "state")


def inject_network(tx: Tx, ctx: Context, server: Server, given: Any) -> None:
    """The server's host is told once more what its ports should be."""
    guards.allow(ctx, server, "injectNetworkInfo")
    if server.host is not None:
        tx.app.contract(Ports).bind(tx, ctx.elevate(), server.id, server.host, server.hostname)


# -- images -------------------------------------------------------------------------------------------


def create_image(tx: Tx, ctx: Context, server: Server, given: dict[str, Any]) -> Reply:
    """Accept an image of the server's root disk, or of its volumes when it boots from one."""
    name, metadata = check_name(given["name"]), given.get("metadata") or {}
    guards.allow(ctx, server, "createImage")
    if server.has_volume_root:
        image_id = _image_of_volumes(tx, ctx, server, name, metadata)
    else:
        image_id = imaging.accept(tx, ctx, name, imaging.properties_of(server, metadata))
        saga.start(tx, ctx, flows.create_image, server_id=server.id, image_id=image_id)
    tx.update(server, task_state="image_snapshot_pending")
    history.begin(tx, ctx, server.id, "createImage")
    if ctx.at("2.45"):
        return Reply(202, {"image_id": image_id})
    return Reply(202, headers={"Location": f"{ctx.base_url}/images/{image_id}"})


def _image_of_volumes(tx: Tx, ctx: Context, server: Server, name: str, metadata: dict[str, str]) -> str:
    ctx.require("os_compute_api:servers:create_image:allow_volume_backed", Server.target(tx, server))
    image_id, snapshot_ids = imaging.accept_of_volumes(tx, ctx, server, name, metadata)
    names = {"server_id": server.id, "image_id": image_id, "snapshot_ids": snapshot_ids}
    saga.start(tx, ctx, flows.create_volume_image, **names)
    return image_id


def create_backup(tx: Tx, ctx: Context, server: Server, given: dict[str, Any]) -> Reply:
    """Accept an image of the server's root disk, in whose place the oldest of its type goes."""
    name, kind, rotation = check_name(given["name"]), given["backup_type"], int(given["rotation"])
    metadata = given.get("metadata") or {}
    if not ctx.at("2.39"):
        imaging.check_quota(tx, ctx, metadata)
    guards.allow(ctx, server, "createBackup")
    if server.has_volume_root:
        raise BadRequest("Backup is not supported for volume-backed instances.")
    said = {**imaging.properties_of(server, metadata), "image_type": "backup", "backup_type": kind}
    image_id = imaging.accept(tx, ctx, name, said)
    tx.update(server, task_state="image_backup")
    history.begin(tx, ctx, server.id, "createBackup")
    asked = {"server_id": server.id, "image_id": image_id, "backup_type": kind, "rotation": rotation}
    saga.start(tx, ctx, flows.create_backup, **asked)
    if ctx.at("2.45"):
        return Reply(202, {"image_id": image_id})
    return Reply(202, headers={"Location": f"{ctx.base_url}/images/{image_id}"} if rotation else {})


_ROTATION = {"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+$", "minLength": 1}
CREATE_BACKUP = schemas.obj(
    {
        "name": schemas.NAME,
        "backup_type": schemas.TEXT,
        "rotation": _ROTATION,
        "metadata": schemas.METADATA,
    },
    "name",
    "backup_type",
    "rotation",
)
CREATE_IMAGE = schemas.obj({"name": schemas.NAME, "metadata": schemas.METADATA}, "name")

# -- looking inside -----------------------------------------------------------------------------------


async def console_output(ctx: Context, server: Server, given: dict[str, Any] | None) -> dict[str, str]:
    """What the guest wrote on its console, or the last lines of it."""
    if server.host is None or server.vm_state == "building":
        raise Conflict(f"Instance {server.id} is not ready")
    length = (given or {}).get("length")
    lines = int(length) if length not in (None, "", -1, "-1") else None
    try:
        output = await ctx.app.hosts.call(
            server.host, "console_log", "", CONSOLE_SECONDS, id=server.id, lines=lines
        )
    except CallError as error:
        raise NotFound("Guest does not have a console available.") from error
    return {"output": output}


_LENGTH = {"type": ["integer", "string", "null"], "minimum": -1, "pattern": "^-?[0-9]+$"}
CONSOLE = {**schemas.obj({"length": _LENGTH}), "type": ["object", "null"]}

# -- security groups ----------------------------------------------------------------------------------


def add_group(tx: Tx, ctx: Context, server: Server, given: dict[str, str]) -> None:
    """Every port of the server has this security group too."""
    tx.app.contract(Ports).add_security_group(tx, ctx, server.id, given["name"])


def remove_group(tx: Tx, ctx: Context, server: Server, given: dict[str, str]) -> None:
    """No port of the server has this security group any more."""
    tx.app.contract(Ports).remove_security_group(tx, ctx, server.id, given["name"])


GROUP = schemas.obj({"name": {"type": "string", "minLength": 1}}, "name", more=True)

_SERVERS, _ADMIN = "os_compute_api:servers", "os_compute_api:os-admin-actions"
_PAUSE, _SUSPEND = "os_compute_api:os-pause-server", "os_compute_api:os-suspend-server"
_LOCK, _GROUPS = "os_compute_api:os-lock-server", "os_compute_api:os-security-groups"

ACTIONS = (
    Action(name="os-start", policy=f"{_SERVERS}:start", run=_power("start")),
    Action(name="os-stop", policy=f"{_SERVERS}:stop", run=_power("stop")),
    Action(name="reboot", policy=f"{_SERVERS}:reboot", run=reboot, body=REBOOT),
    Action(name="pause", policy=f"{_PAUSE}:pause", run=_power("pause")),
    Action(name="unpause", policy=f"{_PAUSE}:unpause", run=_power("unpause")),
    Action(name="suspend", policy=f"{_SUSPEND}:suspend", run=_power("suspend")),
    Action(name="resume", policy=f"{_SUSPEND}:resume", run=_power("resume")),
    Action(name="lock", policy=f"{_LOCK}:lock", run=lock, body=_lock_body),
    Action(name="unlock", policy=f"{_LOCK}:unlock", run=unlock),
    Action(
        name="rebuild",
        policy=f"{_SERVERS}:rebuild",
        run=rebuild,
        body=schemas.rebuild,
        answer=keys(server=REBUILT),
    ),
    Action(
        name="createImage",
        policy=f"{_SERVERS}:create_image",
        run=create_image,
        body=CREATE_IMAGE,
        answer=since("2.45", keys(image_id=str)),
    ),
    Action(
        name="createBackup",
        policy="os_compute_api:os-create-backup",
        run=create_backup,
        body=CREATE_BACKUP,
        answer=since("2.45", keys(image_id=str)),
    ),
    Action(
        name="os-getConsoleOutput",
        policy="os_compute_api:os-console-output",
        run=console_output,
        status=200,
        body=CONSOLE,
        answer=keys(output=str),
    ),
    Action(name="os-resetState", policy=f"{_ADMIN}:reset_state", run=reset_state, body=RESET),
    Action(name="injectNetworkInfo", policy=f"{_ADMIN}:inject_network_info", run=inject_network),
    Action(name="addSecurityGroup", policy=f"{_GROUPS}:add", run=add_group, body=GROUP),
    Action(name="removeSecurityGroup", policy=f"{_GROUPS}:remove", run=remove_group, body=GROUP),
)
