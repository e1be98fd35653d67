# SPDX-License-Identifier: Apache-2.0
"""Nova's manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cumulet.kernel.app import App
from cumulet.kernel.bus import HostFacts
from cumulet.kernel.db import Tx
from cumulet.kernel.http.versions import Microversions
from cumulet.kernel.saga import Saga
from cumulet.kernel.service import Api, CatalogEntry, Service
from cumulet.services.nova.policies import POLICIES
from cumulet.services.nova.versions import MAXIMUM, MINIMUM
from cumulet.services.nova.wire import WIRE, over_quota


def api() -> Api:
    from cumulet.services.nova import keypairs, server_groups, versions
    from cumulet.services.nova.flavors import access, extra_specs
    from cumulet.services.nova.flavors import api as flavors
    from cumulet.services.nova.quotas import QUOTAS
    from cumulet.services.nova.servers import api as servers
    from cumulet.services.nova.servers import creating, listing, tags

    modules = (versions, extra_specs, keypairs, server_groups, servers, creating, listing, tags)
    return Api(
        prefix="/v2.1",
        wire=WIRE,
        policies=POLICIES,
        resources=(servers.SERVERS, flavors.FLAVORS, access.ACCESS, server_groups.SERVER_GROUPS),
        routes=(access.list_access, *(function for module in modules for function in module.ROUTES)),
        microversions=Microversions("compute", MINIMUM, MAXIMUM, "X-OpenStack-Nova-API-Version"),
        quota_list=QUOTAS,
        over_quota=over_quota,
        project_in_path=True,
        request_id_headers=("x-compute-request-id",),
    )


def sagas() -> Sequence[Saga]:
    from cumulet.services.nova.servers import flows

    return (flows.create_server, flows.delete_server)


def first_start(tx: Tx, app: App) -> None:
    from cumulet.services.nova.compute.model import ensure_control

    ensure_control(tx)


def host_connected(tx: Tx, facts: HostFacts) -> None:
    from cumulet.services.nova.compute.model import host_connected

    host_connected(tx, facts)


async def devstack(app: App, image: Path | None) -> None:
    from cumulet.services.nova.flavors.devstack import make

    await app.db.transact(make)


def provides() -> Mapping[type, Any]:
    return {}


SERVICE = Service(
    name="nova",
    path="/compute",
    port=8774,
    catalog=(CatalogEntry("compute", "nova", "/v2.1"),),
    admin_rule="context_is_admin",
    api=api,
    sagas=sagas,
    provides=provides,
    first_start=first_start,
    devstack=devstack,
    host_connected=host_connected,
)
