# SPDX-License-Identifier: Apache-2.0
"""Quotas in the API: what projects may have and what they use; the absolute limits of the caller."""

from typing import Any

from cumulet.kernel import quota
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Invalid
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import either, keys, maybe
from cumulet.services.cinder import listing
from cumulet.services.cinder.quotas.usage import FIXED, every_quota
from cumulet.services.cinder.schemas import thing

RULE = "volume_extension:quotas:"
CLASS_RULE = "volume_extension:quota_classes:"
NOT_LIMITS = ("tenant_id", "project_id", "id", "skip_validation")
MOST = 2**31 - 1
SET = Checked(thing("quota_set", quota_set={"type": "object", "minProperties": 1}))
CLASS_SET = Checked(
    thing(
        "quota_class_set",
        quota_class_set={
            "type": "object",
            "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,300}$": {"type": ["integer", "string"]}},
            "additionalProperties": False,
        },
    )
)


_NAMES = [item.name for item in FIXED]
_LIMITS: dict[Any, Any] = {**dict.fromkeys(_NAMES, int), ...: int}
USAGE = keys(limit=int, in_use=int, reserved=int)
_LIMIT_OR_USAGE = either(int, USAGE)
_DETAILS: dict[Any, Any] = {**dict.fromkeys(_NAMES, _LIMIT_OR_USAGE), ...: _LIMIT_OR_USAGE}


@route(
    "GET",
    "/os-quota-sets/{target_project}",
    query=("usage",),
    answer=keys(quota_set=keys(_DETAILS, id=str)),
)
def show_quotas(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The limits of a project; with `usage` what it has of each too."""
    project_id = _project(ctx, request, "show")
    found = _limits(tx, project_id)
    if listing.strict_flag_of(request.query, "usage"):
        used = quota.usage(tx, every_quota(tx), project_id)
        details = {
            name: {"limit": limit, "in_use": used[name], "reserved": 0} for name, limit in found.items()
        }
        return {"quota_set": {"id": project_id, **details}}
    return {"quota_set": {"id": project_id, **found}}


@route("GET", "/os-quota-sets/{target_project}/defaults", answer=keys(quota_set=keys(_LIMITS, id=str)))
def show_defaults(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The limits of projects for which none were set."""
    project_id = _project(ctx, request, "show")
    return {"quota_set": {"id": project_id, **_limits(tx, quota.CLASS)}}


@route("PUT", "/os-quota-sets/{target_project}", schema=SET.at, answer=keys(quota_set=keys(_LIMITS)))
def update_quotas(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The project has these limits; a limit below what it uses is refused."""
    project_id = _project(ctx, request, "update")
    asked = SET(ctx, request.body)["quota_set"]
    known = every_quota(tx)
    wanted = {name: _number(name, value) for name, value in asked.items() if name not in NOT_LIMITS}
    for name, limit in wanted.items():
        if name not in known:
            raise Invalid(f"Bad key(s) in quota set: {name}")
        used = known[name].usage(tx, project_id)
        if 0 <= limit < used:
            raise BadRequest(
                f"Quota {name} limit must be equal or greater than existing resources. "
                f"Current usage is {used} and the requested limit is {limit}."
            )
    tx.lock(quota.lock_key("cinder", project_id))
    for name, limit in wanted.items():
        quota.set_limit(tx, "cinder", project_id, name, limit)
    return {"quota_set": _limits(tx, project_id)}


@route("DELETE", "/os-quota-sets/{target_project}")
def reset_quotas(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The project has the default limits again."""
    quota.reset(tx, "cinder", _project(ctx, request, "delete"))
    return Reply(200)


@route("GET", "/os-quota-class-sets/{class_name}", answer=keys(quota_class_set=keys(_LIMITS, id=str)))
def show_class(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The limits of a class; only the class `default` means anything."""
    ctx.require(f"{CLASS_RULE}get")
    name = request.params["class_name"]
    return {"quota_class_set": {"id": name, **_limits(tx, f"class:{name}")}}


@route(
    "PUT",
    "/os-quota-class-sets/{class_name}",
    schema=CLASS_SET.at,
    answer=keys(quota_class_set=keys(_LIMITS)),
)
def update_class(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The class has these limits, and with `default` every project for which none were set."""
    ctx.require(f"{CLASS_RULE}update")
    scope, known = f"class:{request.params['class_name']}", every_quota(tx)
    for name, value in CLASS_SET(ctx, request.body)["quota_class_set"].items():
        if name in known:
            quota.set_limit(tx, "cinder", scope, name, _number(name, value))
    return {"quota_class_set": _limits(tx, scope)}


ABSOLUTE = (
    ("volumes", "maxTotalVolumes", "totalVolumesUsed"),
    ("gigabytes", "maxTotalVolumeGigabytes", "totalGigabytesUsed"),
    ("snapshots", "maxTotalSnapshots", "totalSnapshotsUsed"),
    ("backups", "maxTotalBackups", "totalBackupsUsed"),
    ("backup_gigabytes", "maxTotalBackupGigabytes", "totalBackupGigabytesUsed"),
)
SHOWN_LIMITS = keys({shown: int for _, shown, _ in ABSOLUTE}, **{used: maybe(int) for _, _, used in ABSOLUTE})


@route(
    "GET",
    "/limits",
    policy="limits_extension:used_limits",
    query=("tenant_id", "project_id"),
    answer=keys(limits=keys(rate=list, absolute=SHOWN_LIMITS)),
)
def show_limits(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The absolute limits of the project, and what of them is used; an administrator may name another."""
    project_id = str(ctx.project_id)
    if ctx.is_admin and (other := request.query.get("tenant_id") or request.query.get("project_id")):
        project_id = other
    found = _limits(tx, project_id)
    absolute = {shown: found[name] for name, shown, _ in ABSOLUTE}
    if ctx.can("limits_extension:used_limits"):
        quotas = {item.name: item for item in FIXED}
        absolute |= {used: quotas[name].usage(tx, project_id) for name, _, used in ABSOLUTE}
    return {"limits": {"rate": [], "absolute": absolute}}


def _project(ctx: Context, request: Request, verb: str) -> str:
    project_id = request.params["target_project"]
    ctx.require(RULE + verb, {"project_id": project_id})
    return project_id


def _limits(tx: Tx, scope: str) -> dict[str, int]:
    known = every_quota(tx)
    found = quota.limits(tx, "cinder", known, scope)
    return {name: found[name] for name in known}


def _number(name: str, value: Any) -> int:
    try:
        number = int(str(value))
    except ValueError:
        raise Invalid(
            f"Invalid input for field/attribute {name}. Value: {value}. It must be a number."
        ) from None
    if isinstance(value, bool) or not -1 <= number <= MOST:
        raise Invalid(f"Invalid input for field/attribute {name}. Value: {value}. It must be -1 to {MOST}.")
    return number


ROUTES = (
    show_quotas,
    show_defaults,
    update_quotas,
    reset_quotas,
    show_class,
    update_class,
    show_limits,
)
