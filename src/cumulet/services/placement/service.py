# SPDX-License-Identifier: Apache-2.0
"""Placement's manifest."""

from collections.abc import Mapping, Sequence
from typing import Any

from cumulet.contracts.placement import Allocator
from cumulet.kernel.app import App
from cumulet.kernel.db import Tx
from cumulet.kernel.service import Api, CatalogEntry, Check, Service
from cumulet.services.placement.versions import MAXIMUM, MINIMUM


def api() -> Api:
    from cumulet.services.placement import aggregates, resource_classes, traits, usages, versions
    from cumulet.services.placement.allocations import api as allocations
    from cumulet.services.placement.allocations import reshaping
    from cumulet.services.placement.candidates import api as candidates
    from cumulet.services.placement.inventories import api as inventories
    from cumulet.services.placement.policies import POLICIES
    from cumulet.services.placement.providers import api as providers
    from cumulet.services.placement.wire import WIRE, PlacementVersions

    modules = (
        versions,
        providers,
        inventories,
        aggregates,
        traits,
        usages,
        resource_classes,
        allocations,
        reshaping,
        candidates,
    )
    return Api(
        prefix="",
        wire=WIRE,
        policies=POLICIES,
        routes=tuple(function for module in modules for function in module.ROUTES),
        microversions=PlacementVersions("placement", MINIMUM, MAXIMUM),
    )


def provides() -> Mapping[type, Any]:
    from cumulet.services.placement.contract import PlacementAllocator
    from cumulet.services.placement.picture import Pictures

    return {Allocator: PlacementAllocator, Pictures: Pictures}


def first_start(tx: Tx, app: App) -> None:
    from cumulet.services.placement.changes import ensure_shards

    ensure_shards(tx)


def invariants() -> Sequence[Check]:
    from cumulet.services.placement.invariants import CHECKS

    return CHECKS


SERVICE = Service(
    name="placement",
    path="/placement",
    port=8778,
    catalog=(CatalogEntry("placement", "placement"),),
    admin_rule="admin_api",
    api=api,
    provides=provides,
    first_start=first_start,
    invariants=invariants,
)
