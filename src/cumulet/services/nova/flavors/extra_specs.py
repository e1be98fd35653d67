# SPDX-License-Identifier: Apache-2.0
"""What a flavor says to the scheduler and to the host, as keys and values."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import keys
from cumulet.services.nova.flavors.model import Flavor

_RULE = "os_compute_api:os-flavor-extra-specs"
_VALUE = {"type": ["string", "number"], "maxLength": 255}
_SPECS = {
    "type": "object",
    "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,255}$": _VALUE},
    "additionalProperties": False,
}
_BODY = Checked(
    {
        "type": "object",
        "properties": {"extra_specs": _SPECS},
        "required": ["extra_specs"],
        "additionalProperties": False,
    }
)
_ONE = Checked({**_SPECS, "minProperties": 1, "maxProperties": 1})

SPECS = keys(extra_specs=dict[str, str])


def _flavor(tx: Tx, ctx: Context, request: Request, verb: str) -> Flavor:
    ctx.require(f"{_RULE}:{verb}")
    flavor: Flavor = fetch_by_key(tx, ctx, Flavor, request.params["flavor_id"], "")
    return flavor


def _texts(specs: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in specs.items()}


@route("GET", "/flavors/{flavor_id}/os-extra_specs", policy=f"{_RULE}:index", answer=SPECS)
def list_extra_specs(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """All extra specs of a flavor."""
    return {"extra_specs": _flavor(tx, ctx, request, "index").extra_specs}


@route(
    "POST",
    "/flavors/{flavor_id}/os-extra_specs",
    policy=f"{_RULE}:create",
    schema=_BODY.at,
    answer=SPECS,
)
def create_extra_specs(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Set some extra specs; others stay."""
    flavor = _flavor(tx, ctx, request, "create")
    specs = _texts(_BODY(ctx, request.body)["extra_specs"])
    tx.update(flavor, extra_specs={**flavor.extra_specs, **specs})
    return {"extra_specs": specs}


@route("GET", "/flavors/{flavor_id}/os-extra_specs/{key}", policy=f"{_RULE}:show", answer=dict[str, str])
def show_extra_spec(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One extra spec."""
    flavor, key = _flavor(tx, ctx, request, "show"), request.params["key"]
    if key not in flavor.extra_specs:
        raise _missing(flavor, key)
    return {key: flavor.extra_specs[key]}


@route(
    "PUT",
    "/flavors/{flavor_id}/os-extra_specs/{key}",
    policy=f"{_RULE}:update",
    schema=_ONE.at,
    answer=dict[str, str],
)
def update_extra_spec(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Set one extra spec."""
    flavor, key = _flavor(tx, ctx, request, "update"), request.params["key"]
    specs = _texts(_ONE(ctx, request.body))
    if key not in specs:
        raise BadRequest("Request body and URI mismatch")
    tx.update(flavor, extra_specs={**flavor.extra_specs, **specs})
    return specs


@route("DELETE", "/flavors/{flavor_id}/os-extra_specs/{key}", policy=f"{_RULE}:delete")
def delete_extra_spec(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Remove one extra spec."""
    flavor, key = _flavor(tx, ctx, request, "delete"), request.params["key"]
    if key not in flavor.extra_specs:
        raise _missing(flavor, key)
    tx.update(flavor, extra_specs={k: v for k, v in flavor.extra_specs.items() if k != key})
    return Reply(200)


def _missing(flavor: Flavor, key: str) -> NotFound:
    return NotFound(f"Flavor {flavor.id} has no extra specs with key {key}.")


ROUTES = (list_extra_specs, create_extra_specs, show_extra_spec, update_extra_spec, delete_extra_spec)
