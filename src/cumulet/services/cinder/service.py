# SPDX-License-Identifier: Apache-2.0
"""Cinder's manifest."""

from cumulet.kernel.db import Tx
from cumulet.kernel.http.versions import Microversions
from cumulet.kernel.quota import Quota
from cumulet.kernel.saga import Saga
from cumulet.kernel.service import Api, CatalogEntry, Service
from cumulet.services.cinder.policies import POLICIES
from cumulet.services.cinder.volumes.model import Volume
from cumulet.services.cinder.wire import WIRE, over_quota


def volumes(tx: Tx, project_id: str) -> int:
    return tx.count(Volume, Volume.c.project_id == project_id)


def gigabytes(tx: Tx, project_id: str) -> int:
    return tx.sum(Volume, Volume.c.size, Volume.c.project_id == project_id)


def api() -> Api:
    from cumulet.services.cinder.volumes.api import VOLUMES

    return Api(
        prefix="/v3",
        wire=WIRE,
        policies=POLICIES,
        resources=(VOLUMES,),
        microversions=Microversions("volume", "3.0", "3.71"),
        quota_list=(Quota("volumes", 10, volumes), Quota("gigabytes", 1000, gigabytes)),
        over_quota=over_quota,
        project_in_path=True,
        request_id_headers=("x-compute-request-id",),
    )


def sagas() -> list[Saga]:
    from cumulet.services.cinder.volumes import flows

    return [flows.create_volume, flows.extend_volume, flows.delete_volume]


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
)
