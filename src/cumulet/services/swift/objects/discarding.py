# SPDX-License-Identifier: Apache-2.0
"""Files of what is no longer there: removed after the commit that left them without a row."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cumulet.services.swift.store import Store

if TYPE_CHECKING:
    from cumulet.kernel.app import App


async def discard(app: "App", blobs: Iterable[str | None]) -> None:
    """What these blobs held is gone; who is reading one reads it to its end."""
    if wanted := [blob for blob in blobs if blob is not None]:
        await asyncio.to_thread(app.contract(Store).remove, wanted)
