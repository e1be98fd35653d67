# SPDX-License-Identifier: Apache-2.0
"""Who may use a bucket or an object, as Amazon's canned lists say it and as Swift's containers keep it."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import NotImplementedHere
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift import access
from cumulet.services.swift.model import Container
from cumulet.services.swift.s3 import letter
from cumulet.services.swift.s3.letter import Node

_ANYBODY = ".r:*"
_CANNED = {
    "private": {access.READ: "", access.WRITE: ""},
    "public-read": {access.READ: f"{_ANYBODY},.rlistings", access.WRITE: ""},
    "public-read-write": {access.READ: f"{_ANYBODY},.rlistings", access.WRITE: _ANYBODY},
}
_OWN = ("private", "bucket-owner-read", "bucket-owner-full-control")
_EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


def of_bucket(request: Request) -> dict[str, str]:
    """The container's lists that a request asks for, empty when for none. Raises NotImplementedHere."""
    asked = request.headers.get("x-amz-acl")
    if asked is None:
        return {}
    if asked not in _CANNED:
        raise NotImplementedHere
    return _CANNED[asked]


def of_object(request: Request) -> None:
    """Raise NotImplementedHere for a list that an object would have beside its bucket's."""
    if request.headers.get("x-amz-acl", "private") not in _OWN:
        raise NotImplementedHere


def owner(ctx: Context) -> Node:
    return "Owner", [("ID", ctx.project_id), ("DisplayName", ctx.identity.project_name)]


def shown(ctx: Context, container: Container) -> Reply:
    """What its owner, and anybody, may do with a bucket and all that is in it."""
    user = f'Grantee xmlns:xsi="{letter.SCHEMA}" xsi:type="CanonicalUser"'
    grants: list[Node] = [_grant(user, owner(ctx)[1], "FULL_CONTROL")]
    for header, permission in ((access.READ, "READ"), (access.WRITE, "WRITE")):
        if _ANYBODY in container.headers.get(header, "").split(","):
            group = f'Grantee xmlns:xsi="{letter.SCHEMA}" xsi:type="Group"'
            grants.append(_grant(group, [("URI", _EVERYBODY)], permission))
    return letter.answer("AccessControlPolicy", [owner(ctx), ("AccessControlList", grants)])


def _grant(grantee: str, who: list[Node], permission: str) -> Node:
    return "Grant", [(grantee, who), ("Permission", permission)]
