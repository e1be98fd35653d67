# SPDX-License-Identifier: Apache-2.0
"""The operations on policies, and on what they are associated with."""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.endpoint import route, routes
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource import Delete, Show, expose
from cumulet.kernel.resource.shapes import one, page
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.catalog.model import CatalogService, Endpoint, Region
from cumulet.services.keystone.endpoint_policy.model import (
    Policy,
    PolicyAssociation,
    endpoints_of,
    key_of,
    policy_of,
)
from cumulet.services.keystone.entity import Create, List, Update, need
from cumulet.services.keystone.wire import list_links

POLICIES = expose(
    Policy,
    List(policy="identity:list_policies"),
    Show(policy="identity:get_policy"),
    Create(policy="identity:create_policy"),
    Update(policy="identity:update_policy"),
    Delete(policy="identity:delete_policy"),
)


@route(
    "GET",
    "/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy",
    policy="identity:get_policy_for_endpoint",
    answer=one(Policy),
)
def show_policy_of_endpoint(tx: Tx, ctx: Context, request: Request) -> Any:
    """The policy that is meant for an endpoint, the most special one."""
    ctx.require("identity:get_policy_for_endpoint", {})
    endpoint = need(tx, Endpoint, request.params["endpoint_id"])
    policy = policy_of(tx, endpoint)
    if policy is None:
        raise NotFound(f"No policy is associated with endpoint {endpoint.id}.")
    return {"policy": render(tx, ctx, Policy, [policy])[0]}


_ASSOCIATIONS = "/policies/{policy_id}/OS-ENDPOINT-POLICY"


@route(
    "GET",
    _ASSOCIATIONS + "/endpoints",
    policy="identity:list_endpoints_for_policy",
    answer=page(Endpoint),
)
def list_endpoints_of_policy(tx: Tx, ctx: Context, request: Request) -> Any:
    """The endpoints that a policy is associated with, in whatever way."""
    ctx.require("identity:list_endpoints_for_policy", {})
    rows = endpoints_of(tx, need(tx, Policy, request.params["policy_id"]).id)
    return {"endpoints": render(tx, ctx, Endpoint, rows), "links": list_links(ctx, request.path)}


# -- associations ---------------------------------------------------------------------------------------

_PATHS = tuple(
    _ASSOCIATIONS + path
    for path in (
        "/endpoints/{endpoint_id}",
        "/services/{service_id}",
        "/services/{service_id}/regions/{region_id}",
    )
)
_NAMED: Mapping[str, type[Any]] = {
    "endpoint_id": Endpoint,
    "service_id": CatalogService,
    "region_id": Region,
}


def _named(tx: Tx, ctx: Context, request: Request, verb: str) -> tuple[str, dict[str, str]]:
    """The policy, and what the path associates it with. Raises NotFound unless all of it exists."""
    ids = {name: request.params[name] for name in _NAMED if name in request.params}
    kind = {"endpoint_id": "endpoint", "service_id": "service"}.get("_".join(ids), "region_and_service")
    ctx.require(f"identity:{verb}_policy_association_for_{kind}", {})
    policy_id = need(tx, Policy, request.params["policy_id"]).id
    for name, id in ids.items():
        need(tx, _NAMED[name], id)
    return policy_id, ids


@routes("PUT", *_PATHS, status=204)
def associate(tx: Tx, ctx: Context, request: Request) -> None:
    """The policy is that of the endpoint, the service or the service in the region, in place of any other."""
    policy_id, ids = _named(tx, ctx, request, "create")
    key = key_of(**ids)
    known = tx.get(PolicyAssociation, key)
    if known is not None:
        tx.update(known, policy_id=policy_id)
    else:
        tx.insert(PolicyAssociation(id=key, policy_id=policy_id, **ids), retry=True)


@routes("GET", *_PATHS, status=204)
def check_association(tx: Tx, ctx: Context, request: Request) -> None:
    """Whether the policy is that of the endpoint, the service or the service in the region."""
    policy_id, ids = _named(tx, ctx, request, "check")
    found = tx.get(PolicyAssociation, key_of(**ids))
    if found is None or found.policy_id != policy_id:
        raise NotFound("Could not find policy association.")


@routes("DELETE", *_PATHS, status=204)
def dissociate(tx: Tx, ctx: Context, request: Request) -> None:
    """The policy is not theirs any more; another one stays what it is."""
    policy_id, ids = _named(tx, ctx, request, "delete")
    found = tx.get(PolicyAssociation, key_of(**ids))
    if found is not None and found.policy_id == policy_id:
        tx.delete(found)


ROUTES = (show_policy_of_endpoint, list_endpoints_of_policy, associate, check_association, dissociate)
