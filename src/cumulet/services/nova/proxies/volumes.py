# SPDX-License-Identifier: Apache-2.0
"""os-volumes until 2.35: Cinder's volumes in Nova's words."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.http.peers import Asked, ask
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import array, either, keys, maybe
from cumulet.services.nova.proxies.words import LAST, limited, retold
from cumulet.services.nova.servers.schemas import SIZE, TEXT, obj

_RULE = "os_compute_api:os-volumes"
_ONE = "/os-volumes/{volume_id}"
_TEXTS = ("volume_type", "snapshot_id", "availability_zone", "display_name", "display_description")
_VOLUME = obj({"size": SIZE, "metadata": {"type": "object"}, **dict.fromkeys(_TEXTS, TEXT)}, "size")
CREATE = Checked(obj({"volume": _VOLUME}, "volume"))
ATTACHED = keys(id=str, volumeId=str, serverId=str, device=maybe(str))
SHOWN = keys(
    id=str,
    status=str,
    size=int,
    availabilityZone=str | None,
    createdAt=str,
    attachments=array(either(ATTACHED, keys())),
    displayName=str | None,
    displayDescription=str | None,
    volumeType=str | None,
    snapshotId=str | None,
    metadata=dict[str, str],
)


def _view(volume: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": volume["id"],
        "status": volume["status"],
        "size": volume["size"],
        "availabilityZone": volume["availability_zone"],
        "createdAt": volume["created_at"],
        "attachments": [_attached(volume)],
        "displayName": volume["name"],
        "displayDescription": volume["description"],
        "volumeType": volume["volume_type"],
        "snapshotId": volume["snapshot_id"],
        "metadata": volume["metadata"],
    }


def _attached(volume: dict[str, Any]) -> dict[str, Any]:
    """The first attachment of the volume, empty when it has none."""
    for item in volume["attachments"]:
        device = {"device": item["device"]} if item.get("device") else {}
        return {"id": volume["id"], "volumeId": volume["id"], "serverId": item["server_id"], **device}
    return {}


def _list(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    found = ask(tx, ctx, Asked(service="cinder", method="GET", path="/volumes/detail"))["volumes"]
    return {"volumes": [_view(volume) for volume in limited(request.query, found)]}


def _there(method: str, volume_id: str) -> Asked:
    return Asked(
        service="cinder", method=method, path="/volumes/{volume_id}", params={"volume_id": volume_id}
    )


@route(
    "GET",
    "/os-volumes",
    until=LAST,
    policy=f"{_RULE}:list",
    query=("limit", "offset"),
    answer=keys(volumes=array(SHOWN)),
)
def list_volumes(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The volumes of the caller's project."""
    ctx.require(f"{_RULE}:list")
    return _list(tx, ctx, request)


@route(
    "GET",
    "/os-volumes/detail",
    until=LAST,
    policy=f"{_RULE}:detail",
    query=("limit", "offset"),
    answer=keys(volumes=array(SHOWN)),
)
def list_volumes_detail(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The same."""
    ctx.require(f"{_RULE}:detail")
    return _list(tx, ctx, request)


@route("GET", _ONE, until=LAST, policy=f"{_RULE}:show", answer=keys(volume=SHOWN))
def show_volume(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One volume."""
    ctx.require(f"{_RULE}:show")
    return {"volume": _view(ask(tx, ctx, _there("GET", request.params["volume_id"]))["volume"])}


@route(
    "POST",
    "/os-volumes",
    until=LAST,
    policy=f"{_RULE}:create",
    schema=CREATE.at,
    answer=keys(volume=SHOWN),
)
def create_volume(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Accept a volume, empty or made of a snapshot."""
    ctx.require(f"{_RULE}:create")
    given = dict(CREATE(ctx, request.body)["volume"])
    for name in ("name", "description"):
        if f"display_{name}" in given:
            given[name] = given.pop(f"display_{name}")
    given["size"] = int(given["size"])
    asked = Asked(service="cinder", method="POST", path="/volumes", body={"volume": given})
    with retold((400, BadRequest), (413, Forbidden)):
        made = ask(tx, ctx, asked)["volume"]
    location = f"{ctx.base_url}/v2.1/os-volumes/{made['id']}"
    return Reply(200, {"volume": _view(made)}, {"Location": location})


@route("DELETE", _ONE, until=LAST, policy=f"{_RULE}:delete", status=202)
def delete_volume(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Accept the end of a volume that nothing uses."""
    ctx.require(f"{_RULE}:delete")
    with retold((404, NotFound), (400, BadRequest)):
        ask(tx, ctx, _there("DELETE", request.params["volume_id"]))
    return Reply(202)


ROUTES = (list_volumes, list_volumes_detail, show_volume, create_volume, delete_volume)
