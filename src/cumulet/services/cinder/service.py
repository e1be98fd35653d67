# SPDX-License-Identifier: Apache-2.0
"""Cinder's manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cumulet.kernel.app import App
from cumulet.kernel.reconcile import Reconciler
from cumulet.kernel.saga import Saga
from cumulet.kernel.service import Api, CatalogEntry, Check, ReportHandler, Service
from cumulet.kernel.versions import Microversions
from cumulet.services.cinder.errors import over_quota
from cumulet.services.cinder.policies import POLICIES
from cumulet.services.cinder.types.first_types import add_default_type, add_devstack_type
from cumulet.services.cinder.wire import WIRE


def api() -> Api:
    from cumulet.services.cinder import discovery, messages, metadata_api, transfers
    from cumulet.services.cinder.attachments import api as attachments
    from cumulet.services.cinder.hosting import hosts, pools, services
    from cumulet.services.cinder.quotas import api as quotas
    from cumulet.services.cinder.quotas.usage import FIXED
    from cumulet.services.cinder.snapshots import api as snapshots
    from cumulet.services.cinder.types import access, defaults, extra_specs
    from cumulet.services.cinder.types import api as types
    from cumulet.services.cinder.volumes import api as volumes

    return Api(
        prefix="/v3",
        wire=WIRE,
        policies=POLICIES,
        resources=(
            volumes.VOLUMES,
            snapshots.SNAPSHOTS,
            attachments.ATTACHMENTS,
            types.TYPES,
            messages.MESSAGES,
            *transfers.TRANSFERS,
        ),
        routes=(
            *discovery.ROUTES,
            *volumes.ROUTES,
            *metadata_api.ROUTES,
            *attachments.ROUTES,
            *types.ROUTES,
            *extra_specs.ROUTES,
            *access.ROUTES,
            *defaults.ROUTES,
            *transfers.ROUTES,
            *quotas.ROUTES,
            *services.ROUTES,
            *pools.ROUTES,
            *hosts.ROUTES,
        ),
        microversions=Microversions("volume", discovery.MINIMUM, discovery.MAXIMUM),
        quota_list=FIXED,
        over_quota=over_quota,
        project_in_path=True,
        request_id_headers=("x-compute-request-id",),
    )


def sagas() -> Sequence[Saga]:
    from cumulet.services.cinder.snapshots import flows as snapshots
    from cumulet.services.cinder.volumes import flows as volumes

    return (
        volumes.create_volume,
        volumes.extend_volume,
        volumes.upload_volume,
        volumes.delete_volume,
        snapshots.create_snapshot,
        snapshots.delete_snapshot,
    )


def provides() -> Mapping[type, Any]:
    from cumulet.contracts.cinder import Volumes
    from cumulet.services.cinder.contract import ServerVolumes

    return {Volumes: ServerVolumes()}


def reconcilers() -> Sequence[Reconciler]:
    from cumulet.services.cinder import messages, reconcile

    return (
        Reconciler(reconcile.end_transience, 30.0),
        Reconciler(reconcile.withdraw_orphans, 60.0),
        Reconciler(messages.forget_old, 3600.0),
    )


def reports() -> Mapping[str, ReportHandler]:
    from cumulet.services.cinder.reconcile import volume_reported

    return {"volume": volume_reported}


def invariants() -> Sequence[Check]:
    from cumulet.services.cinder.invariants import CHECKS

    return CHECKS


async def devstack(app: App, image: Path | None) -> None:
    """The default type is the one that CI for DevStack expects."""
    await app.db.transact(add_devstack_type)


SERVICE = Service(
    name="cinder",
    path="/volume",
    port=8776,
    catalog=(
        CatalogEntry("block-storage", "cinder", "/v3"),
        CatalogEntry("volumev3", "cinder", "/v3/$(project_id)s"),
    ),
    admin_rule="context_is_admin",
    api=api,
    sagas=sagas,
    reconcilers=reconcilers,
    provides=provides,
    reports=reports,
    first_start=add_default_type,
    devstack=devstack,
    invariants=invariants,
)
