# SPDX-License-Identifier: Apache-2.0
"""What projects can run out of, and the API by which limits are seen and set."""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel import quota
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Row, Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import body_of, route, routes
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.quota import CLASS, Quota, QuotaLimit
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.neutron.errors import InvalidInput
from cumulet.services.neutron.floating_ips.model import FloatingIp
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports.model import Port
from cumulet.services.neutron.routers.model import Router
from cumulet.services.neutron.security_groups.model import SecurityGroup, SecurityGroupRule
from cumulet.services.neutron.subnet_pools.model import SubnetPool
from cumulet.services.neutron.subnets.model import Subnet


def counted(name: str, default: int, cls: type[Row]) -> Quota:
    def usage(tx: Tx, project_id: str) -> int:
        return tx.count(cls, cls.c.project_id == project_id)

    return Quota(name, default, usage)


QUOTAS = (
    counted("network", 100, Network),
    counted("subnet", 100, Subnet),
    counted("subnetpool", -1, SubnetPool),
    counted("port", 500, Port),
    counted("router", 10, Router),
    counted("floatingip", 50, FloatingIp),
    counted("security_group", 10, SecurityGroup),
    counted("security_group_rule", 100, SecurityGroupRule),
    Quota("rbac_policy", 10, lambda tx, project_id: 0),
)


# -- the API --------------------------------------------------------------------------------------------


_EACH = [one.name for one in QUOTAS]
LIMITS = dict.fromkeys(_EACH, int)
QUOTA = keys(quota=keys(LIMITS))
USAGE = keys(limit=int, used=int, reserved=int)


@route(
    "GET",
    "/quotas",
    policy="get_quota",
    answer=keys(quotas=array(keys(LIMITS, project_id=str, tenant_id=str))),
)
def list_quotas(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The limits of every project that has its own."""
    ctx.require("update_quota")
    query = sa.select(QuotaLimit.c.scope).where(
        QuotaLimit.c.service == "neutron", QuotaLimit.c.scope != CLASS
    )
    projects = tx.execute(query.distinct().order_by(QuotaLimit.c.scope)).scalars().all()
    found = [
        {**_limits(tx, ctx, project), "project_id": project, "tenant_id": project} for project in projects
    ]
    return {"quotas": found}


@route("GET", "/quotas/tenant", answer=keys(tenant=keys(tenant_id=str | None)))
def own_tenant(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The caller's project, by its old name."""
    return {"tenant": {"tenant_id": ctx.project_id}}


@route("GET", "/quotas/project", answer=keys(project=keys(project_id=str | None)))
def own_project(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The caller's project."""
    return {"project": {"project_id": ctx.project_id}}


@route("GET", "/quotas/{project_id}", policy="get_quota", answer=QUOTA)
def show_quota(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The limits of a project."""
    return {"quota": _limits(tx, ctx, _project(ctx, request, "get_quota"))}


@route("GET", "/quotas/{project_id}/default", policy="get_quota", answer=QUOTA)
def show_default_quota(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The limits of a project that has none of its own."""
    _project(ctx, request, "get_quota")
    return {"quota": _limits(tx, ctx, CLASS)}


@routes(
    "GET",
    "/quotas/{project_id}/details",
    "/quotas/{project_id}/details.json",
    policy="get_quota",
    answer=keys(quota=keys(dict.fromkeys(_EACH, USAGE))),
)
def show_quota_details(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The limits of a project and how much of each it uses; nothing is ever reserved."""
    project = _project(ctx, request, "get_quota")
    used = quota.usage(tx, ctx.service.api.quotas, project)
    limits = _limits(tx, ctx, project)
    return {"quota": {n: {"limit": limits[n], "used": used[n], "reserved": 0} for n in limits}}


@route(
    "PUT",
    "/quotas/{project_id}",
    policy="update_quota",
    schema=body_of(quota={"type": "object"}),
    answer=QUOTA,
)
def update_quota(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Set some limits of a project; with `check_limit` none below what it uses."""
    project = _project(ctx, request, "update_quota")
    asked = request.member("quota")
    if not isinstance(asked, dict):
        raise BadRequest("Body contains invalid data")
    asked = {name: value for name, value in asked.items() if name not in ("project_id", "tenant_id")}
    checked, _ = bool(asked.pop("check_limit", False)), asked.pop("force", None)
    if unknown := sorted(set(asked) - set(ctx.service.api.quotas)):
        raise BadRequest(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
    for name, value in asked.items():
        limit = _limit(name, value)
        if checked and 0 <= limit < (used := ctx.service.api.quotas[name].usage(tx, project)):
            raise InvalidInput(f"Quota limit {limit} for {name} is below its use of {used}")
        quota.set_limit(tx, "neutron", project, name, limit)
    return {"quota": _limits(tx, ctx, project)}


@route("DELETE", "/quotas/{project_id}", policy="delete_quota", status=204)
def delete_quota(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The project has the default limits again."""
    project = _project(ctx, request, "delete_quota")
    if not tx.exists(QuotaLimit, QuotaLimit.c.service == "neutron", QuotaLimit.c.scope == project):
        raise NotFound(f"Quota for project {project} could not be found.", kind="TenantQuotaNotFound")
    quota.reset(tx, "neutron", project)
    return Reply(204)


def _project(ctx: Context, request: Request, policy: str) -> str:
    project = request.params["project_id"]
    ctx.require(policy, {"project_id": project, "tenant_id": project})
    return project


def _limits(tx: Tx, ctx: Context, scope: str) -> dict[str, int]:
    return quota.limits(tx, "neutron", ctx.service.api.quotas, scope)


def _limit(name: str, value: Any) -> int:
    try:
        number = int(value) if not isinstance(value, bool) else -2
    except (TypeError, ValueError):
        raise InvalidInput(f"'{value}' is not an integer") from None
    if not -1 <= number <= 2147483647:
        raise BadRequest(
            f"Invalid input for {name}. Reason: '{value}' is not in the range from -1 to 2147483647."
        )
    return number


ROUTES = (
    list_quotas,
    own_tenant,
    own_project,
    show_quota,
    show_default_quota,
    show_quota_details,
    update_quota,
    delete_quota,
)
