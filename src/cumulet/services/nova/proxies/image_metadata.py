# SPDX-License-Identifier: Apache-2.0
"""The metadata of images until 2.38: the properties that Glance keeps of them."""

import dataclasses
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.http.peers import ask
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import keys
from cumulet.services.nova.proxies.images import image_of, properties_of, there
from cumulet.services.nova.servers.imaging import check_quota
from cumulet.services.nova.servers.schemas import METADATA, obj

_LAST = "2.38"
_PATH = "/images/{image_id}/metadata"
_PATCH = {"content-type": "application/openstack-images-v2.1-json-patch"}
_ALL = Checked(obj({"metadata": METADATA}, "metadata"))
_ONE = Checked(obj({"meta": {**METADATA, "minProperties": 1, "maxProperties": 1}}, "meta"))
ALL, ONE = keys(metadata=dict), keys(meta=dict)


def _read(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    return properties_of(image_of(tx, ctx, request.params["image_id"]))


def _write(tx: Tx, ctx: Context, request: Request, had: dict[str, Any], wanted: dict[str, Any]) -> None:
    """The image has these properties and no others."""
    check_quota(tx, ctx, wanted)
    steps: list[dict[str, Any]] = [
        {"op": "add", "path": _pointer(key), "value": value}
        for key, value in wanted.items()
        if had.get(key) != value
    ]
    steps += [{"op": "remove", "path": _pointer(key)} for key in had.keys() - wanted.keys()]
    asked = there("PATCH", request.params["image_id"])
    ask(tx, ctx, dataclasses.replace(asked, body=steps, headers=_PATCH))


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


@route("GET", _PATH, until=_LAST, answer=ALL)
def list_image_metadata(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """All properties of an image."""
    return {"metadata": _read(tx, ctx, request)}


@route("POST", _PATH, until=_LAST, schema=_ALL.at, answer=ALL)
def add_image_metadata(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Set some properties; others stay."""
    given = _ALL(ctx, request.body)["metadata"]
    had = _read(tx, ctx, request)
    _write(tx, ctx, request, had, {**had, **given})
    return {"metadata": {**had, **given}}


@route("PUT", _PATH, until=_LAST, schema=_ALL.at, answer=ALL)
def replace_image_metadata(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The image has these properties and no others."""
    given = _ALL(ctx, request.body)["metadata"]
    _write(tx, ctx, request, _read(tx, ctx, request), given)
    return {"metadata": given}


@route("GET", f"{_PATH}/{{key}}", until=_LAST, answer=ONE)
def show_image_property(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One property."""
    key, had = request.params["key"], _read(tx, ctx, request)
    if key not in had:
        raise NotFound("The resource could not be found.")
    return {"meta": {key: had[key]}}


@route("PUT", f"{_PATH}/{{key}}", until=_LAST, schema=_ONE.at, answer=ONE)
def update_image_property(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Set one property."""
    key, meta = request.params["key"], _ONE(ctx, request.body)["meta"]
    if key not in meta:
        raise BadRequest("Request body and URI mismatch")
    had = _read(tx, ctx, request)
    _write(tx, ctx, request, had, {**had, **meta})
    return {"meta": meta}


@route("DELETE", f"{_PATH}/{{key}}", until=_LAST, status=204)
def delete_image_property(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The image has this property no more."""
    key, had = request.params["key"], _read(tx, ctx, request)
    if key not in had:
        raise NotFound("Invalid metadata key")
    _write(tx, ctx, request, had, {name: value for name, value in had.items() if name != key})
    return Reply(204)


ROUTES = (
    list_image_metadata,
    add_image_metadata,
    replace_image_metadata,
    show_image_property,
    update_image_property,
    delete_image_property,
)
