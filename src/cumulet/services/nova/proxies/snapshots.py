# SPDX-License-Identifier: Apache-2.0
"""os-snapshots until 2.35: Cinder's snapshots in Nova's words."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Forbidden
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request, as_flag
from cumulet.kernel.http.peers import Asked, ask
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.nova.proxies.words import LAST, limited, retold
from cumulet.services.nova.servers.schemas import FLAG, TEXT, obj

_RULE = "os_compute_api:os-volumes:snapshots"
_ONE = "/os-snapshots/{snapshot_id}"
_TEXTS = ("volume_id", "display_name", "display_description")
CREATE = Checked(
    obj({"snapshot": obj({"force": FLAG, **dict.fromkeys(_TEXTS, TEXT)}, "volume_id")}, "snapshot")
)
SHOWN = keys(
    id=str,
    volumeId=str,
    status=str,
    size=int,
    createdAt=str,
    displayName=str | None,
    displayDescription=str | None,
)


def _view(snapshot: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": snapshot["id"],
        "volumeId": snapshot["volume_id"],
        "status": snapshot["status"],
        "size": snapshot["size"],
        "createdAt": snapshot["created_at"],
        "displayName": snapshot["name"],
        "displayDescription": snapshot["description"],
    }


def _list(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    found = ask(tx, ctx, Asked(service="cinder", method="GET", path="/snapshots/detail"))["snapshots"]
    return {"snapshots": [_view(snapshot) for snapshot in limited(request.query, found)]}


def _there(method: str, snapshot_id: str) -> Asked:
    params = {"snapshot_id": snapshot_id}
    return Asked(service="cinder", method=method, path="/snapshots/{snapshot_id}", params=params)


@route(
    "GET",
    "/os-snapshots",
    until=LAST,
    policy=f"{_RULE}:list",
    query=("limit", "offset"),
    answer=keys(snapshots=array(SHOWN)),
)
def list_snapshots(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The snapshots of the caller's project."""
    ctx.require(f"{_RULE}:list")
    return _list(tx, ctx, request)


@route(
    "GET",
    "/os-snapshots/detail",
    until=LAST,
    policy=f"{_RULE}:detail",
    query=("limit", "offset"),
    answer=keys(snapshots=array(SHOWN)),
)
def list_snapshots_detail(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The same."""
    ctx.require(f"{_RULE}:detail")
    return _list(tx, ctx, request)


@route("GET", _ONE, until=LAST, policy=f"{_RULE}:show", answer=keys(snapshot=SHOWN))
def show_snapshot(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One snapshot."""
    ctx.require(f"{_RULE}:show")
    return {"snapshot": _view(ask(tx, ctx, _there("GET", request.params["snapshot_id"]))["snapshot"])}


@route(
    "POST",
    "/os-snapshots",
    until=LAST,
    policy=f"{_RULE}:create",
    schema=CREATE.at,
    answer=keys(snapshot=SHOWN),
)
def create_snapshot(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Accept a snapshot of a volume; of one in use only with `force`."""
    ctx.require(f"{_RULE}:create")
    given = dict(CREATE(ctx, request.body)["snapshot"])
    for name in ("name", "description"):
        if f"display_{name}" in given:
            given[name] = given.pop(f"display_{name}")
    given["force"] = as_flag(given.get("force", False))
    asked = Asked(service="cinder", method="POST", path="/snapshots", body={"snapshot": given})
    with retold((413, Forbidden)):
        made = ask(tx, ctx, asked)
    return {"snapshot": _view(made["snapshot"])}


@route("DELETE", _ONE, until=LAST, policy=f"{_RULE}:delete", status=202)
def delete_snapshot(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Accept the end of a snapshot."""
    ctx.require(f"{_RULE}:delete")
    ask(tx, ctx, _there("DELETE", request.params["snapshot_id"]))
    return Reply(202)


ROUTES = (list_snapshots, list_snapshots_detail, show_snapshot, create_snapshot, delete_snapshot)
