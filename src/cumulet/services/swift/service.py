# SPDX-License-Identifier: Apache-2.0
"""Swift's manifest."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cumulet.kernel.reconcile import Reconciler
from cumulet.kernel.service import Api, CatalogEntry, Check, Inspection, Service
from cumulet.services.swift.policies import POLICIES
from cumulet.services.swift.settings import SwiftSettings

if TYPE_CHECKING:
    from cumulet.kernel.app import App


def api() -> Api:
    from cumulet.services.swift import info
    from cumulet.services.swift.accounts import api as accounts
    from cumulet.services.swift.containers import api as containers
    from cumulet.services.swift.names import canonical, require_readable
    from cumulet.services.swift.objects import api as objects
    from cumulet.services.swift.s3 import buckets as s3_buckets
    from cumulet.services.swift.s3 import objects as s3_objects
    from cumulet.services.swift.web import cors, crossdomain
    from cumulet.services.swift.wire import WIRE, answer_headers

    return Api(
        prefix="/v1",
        wire=WIRE,
        policies=POLICIES,
        routes=(
            *info.ROUTES,
            *crossdomain.ROUTES,
            *accounts.ROUTES,
            *containers.ROUTES,
            *objects.ROUTES,
            *cors.ROUTES,
            *s3_buckets.ROUTES,
            *s3_objects.ROUTES,
        ),
        answer_headers=answer_headers,
        canonical=canonical,
        name_check=require_readable,
    )


def reconcilers() -> Sequence[Reconciler]:
    from cumulet.services.swift.reconcile import expire, sweep

    return [Reconciler(expire, 5.0), Reconciler(sweep, 3600.0)]


def invariants() -> Sequence[Check]:
    from cumulet.services.swift.invariants import counters_are_exact

    return [counters_are_exact]


def inspections() -> Sequence[Inspection]:
    from cumulet.services.swift.inspection import every_row_has_its_file

    return [every_row_has_its_file]


async def prepare(app: "App") -> None:
    """The folder of the store is there."""
    from cumulet.services.swift.store import Store

    await asyncio.to_thread(app.contract(Store).prepare)


def service(settings: SwiftSettings = SwiftSettings()) -> Service:
    """Swift with these settings."""

    def provides() -> Mapping[type, Any]:
        from cumulet.services.swift.store import Store

        return {Store: Store, SwiftSettings: settings}

    return Service(
        name="swift",
        path="/object-store",
        port=8080,
        catalog=(
            CatalogEntry("object-store", "swift", "/v1/AUTH_$(project_id)s"),
            CatalogEntry("s3", "s3", "/s3"),
        ),
        admin_rule="reseller_admin",
        api=api,
        reconcilers=reconcilers,
        provides=provides,
        prepare=prepare,
        invariants=invariants,
        inspections=inspections,
        at_root=("/info", "/crossdomain.xml"),
        own_healthcheck=True,
        settings=settings,
        configure=service,
    )


SERVICE = service()
