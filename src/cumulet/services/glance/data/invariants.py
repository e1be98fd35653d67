# SPDX-License-Identifier: Apache-2.0
"""What must always be true of images and their content."""

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.services.glance.images.model import Image


def content_is_accounted_for(tx: Tx) -> list[str]:
    """An image that can be used has its sums, and one that is being written names its upload."""
    usable = Image.c.status.in_(("active", "deactivated"))
    unsummed = sa.or_(Image.c.size.is_(None), Image.c.checksum.is_(None), Image.c.os_hash_value.is_(None))
    nameless = sa.and_(Image.c.status == "saving", Image.c.upload_id.is_(None))
    busy = sa.and_(usable, Image.c.upload_id.is_not(None))
    found = tx.all(Image, sa.or_(sa.and_(usable, unsummed), nameless, busy), order_by=(Image.c.id,))
    return [f"Image {image.id} is {image.status}, and its content is not accounted for." for image in found]
