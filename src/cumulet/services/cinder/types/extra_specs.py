# SPDX-License-Identifier: Apache-2.0
"""The extra specs of a type: what it can do, in words of the operator's and ours."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import keys
from cumulet.services.cinder.schemas import TEXT, thing
from cumulet.services.cinder.types.model import VolumeType, visible_specs
from cumulet.services.cinder.volumes.model import Volume

RULE = "volume_extension:types_extra_specs:"
SPECS = {
    "type": "object",
    "patternProperties": {"^[a-zA-Z0-9-_:.]{1,255}$": TEXT},
    "additionalProperties": False,
}
SEVERAL = Checked(thing("extra_specs", extra_specs=SPECS))
ONE = Checked({**SPECS, "minProperties": 1, "maxProperties": 1})

_SHOWN = dict[str, str | None]
SHOWN = keys(extra_specs=_SHOWN)


def _type(tx: Tx, ctx: Context, request: Request, verb: str) -> VolumeType:
    found: VolumeType = fetch_by_key(tx, ctx, VolumeType, request.params["volume_type_id"], RULE + verb)
    return found


def _set(tx: Tx, volume_type: VolumeType, specs: dict[str, str | None]) -> None:
    """Change a type that no volume is of: its volumes would not be what their type says."""
    if tx.exists(Volume, Volume.c.volume_type_id == volume_type.id):
        raise BadRequest("Volume Type is currently in use.")
    yes = [key for key in ("multiattach", "cacheable") if specs.get(key) == "<is> True"]
    if len(yes) == 2:
        raise BadRequest("cacheable cannot be set with multiattach.")
    tx.update(volume_type, extra_specs=specs)


@route("GET", "/types/{volume_type_id}/extra_specs", answer=SHOWN)
def list_specs(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The extra specs that the caller may know."""
    return {"extra_specs": visible_specs(ctx, _type(tx, ctx, request, "index"))}


@route("POST", "/types/{volume_type_id}/extra_specs", schema=SEVERAL.at, answer=SHOWN)
def add_specs(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """These extra specs are set; the others stay."""
    volume_type = _type(tx, ctx, request, "create")
    body = SEVERAL(ctx, request.body)
    _set(tx, volume_type, {**volume_type.extra_specs, **body["extra_specs"]})
    return body


@route("GET", "/types/{volume_type_id}/extra_specs/{key}", answer=_SHOWN)
def show_spec(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One extra spec."""
    volume_type, key = _type(tx, ctx, request, "show"), request.params["key"]
    specs = visible_specs(ctx, volume_type)
    if key not in specs:
        raise _no_key(volume_type, key)
    return {key: specs[key]}


@route("PUT", "/types/{volume_type_id}/extra_specs/{key}", schema=ONE.at, answer=_SHOWN)
def set_spec(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One extra spec has this value."""
    volume_type = _type(tx, ctx, request, "update")
    body = ONE(ctx, request.body)
    if request.params["key"] not in body:
        raise BadRequest("Request body and URI mismatch")
    _set(tx, volume_type, {**volume_type.extra_specs, **body})
    return body


@route("DELETE", "/types/{volume_type_id}/extra_specs/{key}", status=202)
def remove_spec(tx: Tx, ctx: Context, request: Request) -> Reply:
    """One extra spec is gone."""
    volume_type, key = _type(tx, ctx, request, "delete"), request.params["key"]
    if key not in volume_type.extra_specs:
        raise _no_key(volume_type, key)
    _set(tx, volume_type, {name: value for name, value in volume_type.extra_specs.items() if name != key})
    return Reply(202)


def _no_key(volume_type: VolumeType, key: str) -> NotFound:
    return NotFound(f"Volume Type {volume_type.id} has no extra specs with key {key}.")


ROUTES = (list_specs, add_specs, show_spec, set_spec, remove_spec)
