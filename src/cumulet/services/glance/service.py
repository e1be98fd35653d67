# SPDX-License-Identifier: Apache-2.0
"""Glance's manifest."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cumulet.contracts.glance import Images
from cumulet.kernel.hosts import ImageSource
from cumulet.kernel.reconcile import Reconciler
from cumulet.kernel.saga import Saga
from cumulet.kernel.service import Api, CatalogEntry, Check, Service
from cumulet.services.glance.policies import POLICIES
from cumulet.services.glance.wire import WIRE

if TYPE_CHECKING:
    from pathlib import Path

    from cumulet.kernel.app import App


def api() -> Api:
    from cumulet.services.glance import info, schemas, versions
    from cumulet.services.glance.data import api as data
    from cumulet.services.glance.data import imports
    from cumulet.services.glance.images import api as images
    from cumulet.services.glance.images import members, tags, update
    from cumulet.services.glance.limits import QUOTAS, over_quota
    from cumulet.services.glance.metadefs import namespaces, objects, properties, resource_types
    from cumulet.services.glance.metadefs import tags as metadef_tags

    return Api(
        prefix="/v2",
        wire=WIRE,
        policies=POLICIES,
        resources=(images.IMAGES,),
        quota_list=QUOTAS,
        over_quota=over_quota,
        routes=(
            *versions.ROUTES,
            *images.ROUTES,
            *update.ROUTES,
            *tags.ROUTES,
            *members.ROUTES,
            *data.ROUTES,
            *imports.ROUTES,
            *namespaces.ROUTES,
            *objects.ROUTES,
            *properties.ROUTES,
            *metadef_tags.ROUTES,
            *resource_types.ROUTES,
            *schemas.ROUTES,
            *info.ROUTES,
        ),
    )


def sagas() -> Sequence[Saga]:
    from cumulet.services.glance.data import flows

    return [flows.import_image]


def provides() -> Mapping[type, Any]:
    from cumulet.services.glance.contract import GlanceImages
    from cumulet.services.glance.data.store import Store

    return {Images: GlanceImages, ImageSource: GlanceImages, Store: Store}


def reconcilers() -> Sequence[Reconciler]:
    from cumulet.services.glance.data.reconcile import sweep

    return [Reconciler(sweep, 60.0)]


def invariants() -> Sequence[Check]:
    from cumulet.services.glance.data.invariants import content_is_accounted_for

    return [content_is_accounted_for]


async def prepare(app: "App") -> None:
    """The folders of the store are there, and the types of resources that definitions are for."""
    from cumulet.services.glance.data.store import Store
    from cumulet.services.glance.metadefs.resource_types import know_types

    await asyncio.to_thread(app.contract(Store).prepare)
    await app.db.transact(know_types)


async def watch(app: "App") -> None:
    from cumulet.services.glance.data.reconcile import keep_alive

    await keep_alive(app)


async def devstack(app: "App", path: "Path | None") -> None:
    from cumulet.services.glance.devstack import add_guest_image

    await add_guest_image(app, path)


SERVICE = Service(
    name="glance",
    path="/image",
    port=9292,
    catalog=(CatalogEntry("image", "glance"),),
    admin_rule="context_is_admin",
    api=api,
    sagas=sagas,
    reconcilers=reconcilers,
    provides=provides,
    prepare=prepare,
    watch=watch,
    devstack=devstack,
    invariants=invariants,
)
