# SPDX-License-Identifier: Apache-2.0
"""What clients ask before they ask for anything else: version documents, extensions, filters."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import LINKS, array, keys
from cumulet.services.cinder.listing import FILTERS

MINIMUM, MAXIMUM = "3.0", "3.71"
EXTENSIONS = {
    "os-availability-zone": "AvailabilityZones",
    "capabilities": "Capabilities",
    "os-extended-snapshot-attributes": "ExtendedSnapshotAttributes",
    "os-extended-services": "ExtendedServices",
    "os-hosts": "Hosts",
    "os-quota-class-sets": "QuotaClasses",
    "os-quota-sets": "Quotas",
    "OS-SCH-HNT": "SchedulerHints",
    "scheduler-stats": "Scheduler_stats",
    "os-services": "Services",
    "os-snapshot-actions": "SnapshotActions",
    "os-types-extra-specs": "TypesExtraSpecs",
    "os-types-manage": "TypesManage",
    "os-used-limits": "UsedLimits",
    "os-volume-actions": "VolumeActions",
    "os-vol-host-attr": "VolumeHostAttribute",
    "os-vol-image-meta": "VolumeImageMetadata",
    "os-vol-tenant-attr": "VolumeTenantAttribute",
    "os-volume-transfer": "VolumeTransfer",
    "os-volume-type-access": "VolumeTypeAccess",
    "os-admin-actions": "AdminActions",
}
"""What of upstream's extensions is there, by alias."""

VERSIONS = keys(
    versions=array(
        keys(
            {"media-types": array(keys(base=str, type=str))},
            id=str,
            status=str,
            version=str,
            min_version=str,
            updated=str,
            links=LINKS,
        )
    )
)
EXTENSION = keys(name=str, alias=str, description=str, updated=str, links=LINKS)


def _versions(ctx: Context) -> dict[str, Any]:
    media = {"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}
    entry = {
        "id": "v3.0",
        "status": "CURRENT",
        "version": MAXIMUM,
        "min_version": MINIMUM,
        "updated": "2023-08-31T00:00:00Z",
        "links": [
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
            {"rel": "self", "href": f"{ctx.base_url}/v3/"},
        ],
        "media-types": [media],
    }
    return {"versions": [entry]}


@route("GET", "/", prefixed=False, public=True, status=300, answer=VERSIONS)
async def list_versions(ctx: Context, request: Request) -> Reply:
    """Every version of this API; needs no token."""
    return Reply(300, _versions(ctx))


@route("GET", "", answer=VERSIONS)
async def show_version(ctx: Context, request: Request) -> Reply:
    """The one version of this API; needs a token, unlike the other services' documents."""
    return Reply(200, _versions(ctx))


@route("GET", "/extensions", answer=keys(extensions=array(EXTENSION)))
async def list_extensions(ctx: Context, request: Request) -> dict[str, Any]:
    """What this API has beyond its core, by the names that upstream gave it."""
    return {"extensions": [_extension(alias) for alias in EXTENSIONS]}


@route("GET", "/extensions/{alias}", answer=keys(extension=EXTENSION))
async def show_extension(ctx: Context, request: Request) -> dict[str, Any]:
    """One extension."""
    alias = request.params["alias"]
    if alias not in EXTENSIONS:
        raise NotFound("The resource could not be found.")
    return {"extension": _extension(alias)}


def _extension(alias: str) -> dict[str, Any]:
    name = EXTENSIONS[alias]
    return {
        "name": name,
        "alias": alias,
        "description": f"{name} support.",
        "updated": "2011-08-24T00:00:00+00:00",
        "links": [],
    }


@route(
    "GET",
    "/resource_filters",
    since="3.33",
    query=("resource",),
    answer=keys(resource_filters=array(keys(resource=str, filters=list[str]))),
)
async def list_filters(ctx: Context, request: Request) -> dict[str, Any]:
    """The filters that lists take."""
    asked = request.query.get("resource")
    found = [{"resource": kind, "filters": list(names)} for kind, names in FILTERS.items()]
    return {"resource_filters": [entry for entry in found if asked in (None, entry["resource"])]}


ROUTES = (list_versions, show_version, list_extensions, show_extension, list_filters)
