# SPDX-License-Identifier: Apache-2.0
"""What a project can run out of. Only Keystone's unified limits bound it, each from when it is registered.

Sizes are whole MiB, rounded down. As upstream has it, what is uploaded without a word of its size may pass
the limit once: the next upload is refused.
"""

from collections.abc import Sequence
from typing import Any

from cumulet.kernel import quota
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Error, OverQuota
from cumulet.kernel.quota import UNLIMITED, Quota, Shortage
from cumulet.services.glance.images.model import Image

_STORED = ("active", "deactivated")
_STAGED = ("uploading", "importing")
_COMING = ("saving", *_STAGED)
_MIB = 2**20


def _size(tx: Tx, project_ids: Sequence[str], statuses: Sequence[str]) -> int:
    c = Image.c
    return tx.sum(Image, c.size, c.project_id.in_(project_ids), c.status.in_(statuses)) // _MIB


def _stored(tx: Tx, *project_ids: str) -> int:
    return _size(tx, project_ids, _STORED)


def _staged(tx: Tx, *project_ids: str) -> int:
    return _size(tx, project_ids, _STAGED)


def _images(tx: Tx, *project_ids: str) -> int:
    return tx.count(Image, Image.c.project_id.in_(project_ids))


def _uploading(tx: Tx, *project_ids: str) -> int:
    return tx.count(Image, Image.c.project_id.in_(project_ids), Image.c.status.in_(_COMING))


QUOTAS = tuple(
    Quota(name, UNLIMITED, usage, unified=name, only_unified=True)
    for name, usage in (
        ("image_size_total", _stored),
        ("image_stage_total", _staged),
        ("image_count_total", _images),
        ("image_count_uploading", _uploading),
    )
)


class LimitExceeded(OverQuota):
    """A limit of the project would be passed; Glance answers 413."""

    status = 413
    title = "Request Entity Too Large"


def over_quota(short: list[Shortage]) -> Error:
    return LimitExceeded(quota.over_limit(short), resources=tuple(item.resource for item in short))


def charge_upload(tx: Tx, ctx: Context, image: Image, size: int | None) -> None:
    """Refuse unless the project may upload one more, of as many bytes as were announced."""
    _charge(tx, ctx, image, {"image_size_total": (size or 0) // _MIB, "image_count_uploading": 1})


def charge_staging(tx: Tx, ctx: Context, image: Image, size: int | None) -> None:
    """Refuse unless the project may stage one more, of as many bytes as were announced."""
    _charge(tx, ctx, image, {"image_stage_total": (size or 0) // _MIB, "image_count_uploading": 1})


def charge_import(tx: Tx, ctx: Context, image: Image) -> None:
    """Refuse unless what was staged may be stored."""
    _charge(tx, ctx, image, {"image_size_total": (image.size or 0) // _MIB})


def _charge(tx: Tx, ctx: Context, image: Image, amounts: dict[str, int]) -> None:
    """The image's project pays; one that is nobody's costs nobody."""
    if image.project_id is not None:
        quota.charge(tx, ctx, image.project_id, amounts)


def usage(tx: Tx, project_id: str) -> dict[str, Any]:
    """What a project uses of everything that is limited."""
    quotas = {item.name: item for item in QUOTAS}
    limits = quota.limits(tx, "glance", quotas, project_id)
    return {
        name: {"usage": quotas[name].usage(tx, project_id), "limit": limit}
        for name, limit in limits.items()
        if limit != UNLIMITED
    }
