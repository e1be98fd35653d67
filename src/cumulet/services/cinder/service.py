# SPDX-License-Identifier: Apache-2.0
"""Cinder's manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cumulet.kernel.app import App
from cumulet.kernel.http.versions import Microversions
from cumulet.kernel.saga import Saga
from cumulet.kernel.service import Api, CatalogEntry, Service
from cumulet.services.cinder.errors import over_quota
from cumulet.services.cinder.policies import POLICIES
from cumulet.services.cinder.types.first_types import add_default_type, add_devstack_type
from cumulet.services.cinder.wire import WIRE


def api() -> Api:
    from cumulet.services.cinder.quotas.usage import FIXED
    from cumulet.services.cinder.volumes import api as volumes

    return Api(
        prefix="/v3",
        wire=WIRE,
        policies=POLICIES,
        resources=(volumes.VOLUMES,),
        routes=(*volumes.ROUTES,),
        microversions=Microversions("volume", "3.0", "3.71"),
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
    provides=provides,
    first_start=add_default_type,
    devstack=devstack,
)
