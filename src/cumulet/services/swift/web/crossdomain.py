# SPDX-License-Identifier: Apache-2.0
"""The policy that Flash and its heirs ask for before they read from another domain."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request

PATH = "/crossdomain.xml"
_POLICY = b"""<?xml version="1.0"?>
<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd" >
<cross-domain-policy>
<allow-access-from domain="*" secure="false" />
</cross-domain-policy>"""


@route("GET", PATH, prefixed=False, public=True, returns="application/xml", tags=("crossdomain",))
async def show(ctx: Context, request: Request) -> Reply:
    """Everybody may read, as far as access allows it."""
    return Reply(200, _POLICY, {}, "application/xml")


ROUTES = (show,)
