# SPDX-License-Identifier: Apache-2.0
"""Keystone's version documents. Their links carry the address by which the client came."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request


def _version(ctx: Context) -> dict[str, Any]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{ctx.base_url}/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


@route("GET", "/", prefixed=False, public=True)
def list_versions(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The versions, of which there is one."""
    body = {"versions": {"values": [_version(ctx)]}}
    return Reply(300, body, {"Location": f"{ctx.base_url}/v3/", "Vary": "X-Auth-Token"})


@route("GET", "", public=True)
def show_version(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Version 3."""
    return Reply(200, {"version": _version(ctx)}, {"Vary": "X-Auth-Token"})


ROUTES = (list_versions, show_version)
