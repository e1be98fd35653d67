# SPDX-License-Identifier: Apache-2.0
"""What this Swift can do, as clients ask before they do it."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.services.swift import limits
from cumulet.services.swift.storage_policy import POLICY

VERSION = "2.38.0"
"""The version of Swift whose features these are."""


@route("GET", "/info", prefixed=False, public=True, answer={"type": "object"}, tags=("info",))
async def show(ctx: Context, request: Request) -> dict[str, Any]:
    """The features and their limits, by the names under which clients look for them."""
    return CAPABILITIES


CAPABILITIES: dict[str, dict[str, Any]] = {
    "swift": {
        "version": VERSION,
        "strict_cors_mode": True,
        "policies": [{"name": POLICY, "aliases": POLICY, "default": True}],
        "allow_account_management": True,
        "account_autocreate": True,
        "allow_open_expired": False,
        **limits.CONSTRAINTS,
    },
    "account_quotas": {},
    "container_quotas": {},
}

ROUTES = (show,)
