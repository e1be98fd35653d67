# SPDX-License-Identifier: Apache-2.0
"""The types that a cloud has from the start."""

from cumulet.kernel import ids
from cumulet.kernel.app import App
from cumulet.kernel.db import Tx
from cumulet.services.cinder.types.model import DEFAULT, EVERYWHERE, DefaultType, VolumeType

LVM = "lvmdriver-1"
"""What DevStack calls its one type."""


def add_default_type(tx: Tx, app: App) -> None:
    """The type that always exists exists."""
    if not tx.exists(VolumeType, VolumeType.c.name == DEFAULT):
        tx.insert(VolumeType(id=ids.dashed(), name=DEFAULT, description="Default Volume Type"))


def add_devstack_type(tx: Tx) -> None:
    """DevStack's type exists, and volumes that name none are of it."""
    row = tx.first(VolumeType, VolumeType.c.name == LVM)
    if row is None:
        row = tx.insert(VolumeType(id=ids.dashed(), name=LVM, extra_specs={"volume_backend_name": LVM}))
    if tx.get(DefaultType, EVERYWHERE) is None:
        tx.insert(DefaultType(id=EVERYWHERE, type_id=row.id))
