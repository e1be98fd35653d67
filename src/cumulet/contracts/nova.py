# SPDX-License-Identifier: Apache-2.0
"""What other services ask of Nova in their own transaction."""

from typing import Protocol

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx


class Servers(Protocol):
    """Servers, for those whose things they use."""

    def volume_grew(self, tx: Tx, ctx: Context, volume_id: str) -> None:
        """Start that the guests that have the volume see how large it is now."""
