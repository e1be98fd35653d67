# SPDX-License-Identifier: Apache-2.0
"""What this Swift can do, as clients ask before they do it."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift import limits
from cumulet.services.swift.bulk import deleting, extracting
from cumulet.services.swift.large import manifest
from cumulet.services.swift.objects import symlinks
from cumulet.services.swift.settings import SwiftSettings
from cumulet.services.swift.signed import addresses
from cumulet.services.swift.storage_policy import POLICY
from cumulet.services.swift.versions import archive

VERSION = "2.38.0"
"""The version of Swift whose features these are."""


@route("GET", "/info", prefixed=False, public=True, answer={"type": "object"}, tags=("info",))
async def show(ctx: Context, request: Request) -> dict[str, Any]:
    """The features and their limits, by the names under which clients look for them."""
    digests = {"allowed_digests": sorted(ctx.app.contract(SwiftSettings).allowed_digests)}
    return {**CAPABILITIES, "formpost": digests, "tempurl": {**_TEMPURL, **digests}}


@route("GET", "/healthcheck", prefixed=False, public=True, returns="text/plain", tags=("info",))
async def check(ctx: Context, request: Request) -> Reply:
    """That it is there."""
    return Reply(200, b"OK", {}, "text/plain")


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
    "bulk_delete": {
        "max_deletes_per_request": deleting.MOST,
        "max_failed_deletes": deleting.MOST_FAILED,
    },
    "bulk_upload": {
        "max_containers_per_extraction": extracting.MOST_CONTAINERS,
        "max_failed_extractions": extracting.MOST_FAILED,
    },
    "container_quotas": {},
    "crossdomain": {},
    "dlo": {"max_segments_per_page": limits.LISTING},
    "object_versioning": {},
    "slo": {
        "allow_async_delete": True,
        "max_manifest_segments": manifest.MAX_SEGMENTS,
        "max_manifest_size": manifest.MAX_SIZE,
        "min_segment_size": 1,
        "yield_frequency": 10,
    },
    "staticweb": {},
    "symlink": {"symloop_max": symlinks.MOST_HOPS, "static_links": True},
    "versioned_writes": {"allowed_flags": [archive.STACK.lower(), archive.HISTORY.lower()]},
}

_TEMPURL = {
    "methods": list(addresses.METHODS),
    "incoming_remove_headers": [],
    "incoming_allow_headers": [],
    "outgoing_remove_headers": [f"{addresses.HIDDEN}*"],
    "outgoing_allow_headers": [f"{addresses.SHOWN}*"],
}

ROUTES = (show, check)
