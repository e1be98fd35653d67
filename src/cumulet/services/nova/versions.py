# SPDX-License-Identifier: Apache-2.0
"""The version documents, which need no token."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import LINKS, array, keys

MINIMUM, MAXIMUM = "2.1", "2.104"

_ENTRY = {**dict.fromkeys(("id", "status", "version", "min_version", "updated"), str), "links": LINKS}
DOCUMENT = keys(version=keys({**_ENTRY, "media-types": array(keys(base=str, type=str))}))


def _entry(ctx: Context, id: str) -> dict[str, Any]:
    old = id == "v2.0"
    path = "/v2/" if old else "/v2.1/"
    return {
        "id": id,
        "status": "DEPRECATED" if old else "CURRENT",
        "version": "" if old else MAXIMUM,
        "min_version": "" if old else MINIMUM,
        "updated": "2025-07-04T12:00:00Z" if old else "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": f"{ctx.base_url}{path}"}],
    }


def _document(ctx: Context, id: str) -> dict[str, Any]:
    entry = _entry(ctx, id)
    number = "2" if id == "v2.0" else "2.1"
    media = f"application/vnd.openstack.compute+json;version={number}"
    entry["media-types"] = [{"base": "application/json", "type": media}]
    entry["links"].append({"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"})
    return {"version": entry}


@route("GET", "/", prefixed=False, public=True, answer=keys(versions=array(keys(_ENTRY))))
async def list_versions(ctx: Context, request: Request) -> Reply:
    """Every version of this API, the old one and the current one."""
    return Reply(200, {"versions": [_entry(ctx, "v2.0"), _entry(ctx, "v2.1")]})


@route("GET", "/v2", prefixed=False, public=True, answer=DOCUMENT)
async def show_old_version(ctx: Context, request: Request) -> Reply:
    """The version before microversions."""
    return Reply(200, _document(ctx, "v2.0"))


@route("GET", "", public=True, answer=DOCUMENT)
async def show_version(ctx: Context, request: Request) -> Reply:
    """The current version."""
    return Reply(200, _document(ctx, "v2.1"))


@route("GET", "/versions/{version_id}", public=True, answer=DOCUMENT)
async def show_version_by_id(ctx: Context, request: Request) -> Reply:
    """Either version, by its id."""
    return Reply(200, _document(ctx, "v2.0" if request.params["version_id"] == "v2.0" else "v2.1"))


ROUTES = (list_versions, show_old_version, show_version, show_version_by_id)
