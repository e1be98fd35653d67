# SPDX-License-Identifier: Apache-2.0
"""Which versions there are: the one document that needs no token."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request

MINIMUM, MAXIMUM = "1.0", "1.39"


@route("GET", "/", public=True, prefixed=False)
async def show_versions(ctx: Context, request: Request) -> dict[str, Any]:
    """The versions of the API. The link is empty as it is upstream, and clients know what to make of it."""
    version = {
        "id": "v1.0",
        "max_version": MAXIMUM,
        "min_version": MINIMUM,
        "status": "CURRENT",
        "links": [{"rel": "self", "href": ""}],
    }
    return {"versions": [version]}


ROUTES = (show_versions,)
