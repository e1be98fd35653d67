# SPDX-License-Identifier: Apache-2.0
"""Placement's manifest."""

from collections.abc import Mapping
from typing import Any

from cumulet.contracts.placement import Allocator
from cumulet.kernel.app import App
from cumulet.kernel.db import Tx
from cumulet.kernel.http.versions import Microversions
from cumulet.kernel.service import Api, CatalogEntry, Service
from cumulet.services.placement.versions import MAXIMUM, MINIMUM


def api() -> Api:
    from cumulet.services.placement import rows, versions  # noqa: F401
    from cumulet.services.placement.policies import POLICIES
    from cumulet.services.placement.wire import WIRE

    modules = (versions,)
    return Api(
        prefix="",
        wire=WIRE,
        policies=POLICIES,
        routes=tuple(function for module in modules for function in module.ROUTES),
        microversions=Microversions("placement", MINIMUM, MAXIMUM),
    )


def provides() -> Mapping[type, Any]:
    from cumulet.services.placement.contract import PlacementAllocator
    from cumulet.services.placement.picture import Pictures

    return {Allocator: PlacementAllocator, Pictures: Pictures}


def first_start(tx: Tx, app: App) -> None:
    from cumulet.services.placement.changes import ensure_shards

    ensure_shards(tx)


SERVICE = Service(
    name="placement",
    path="/placement",
    port=8778,
    catalog=(CatalogEntry("placement", "placement"),),
    admin_rule="admin_api",
    api=api,
    provides=provides,
    first_start=first_start,
)
