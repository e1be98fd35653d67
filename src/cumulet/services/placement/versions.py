# SPDX-License-Identifier: Apache-2.0
"""Which versions there are: the one document that needs no token."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import LINKS, array, keys
from cumulet.services.placement.wire import answer

MINIMUM, MAXIMUM = "1.0", "1.39"
VERSIONS = keys(versions=array(keys(id=str, max_version=str, min_version=str, status=str, links=LINKS)))


@route("GET", "/", public=True, prefixed=False, answer=VERSIONS)
async def show_versions(ctx: Context, request: Request) -> Reply:
    """The versions of the API. The link is empty as it is upstream, and clients know what to make of it."""
    version = {
        "id": "v1.0",
        "max_version": MAXIMUM,
        "min_version": MINIMUM,
        "status": "CURRENT",
        "links": [{"rel": "self", "href": ""}],
    }
    return answer(ctx, {"versions": [version]})


ROUTES = (show_versions,)
