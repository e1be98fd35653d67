# SPDX-License-Identifier: Apache-2.0
"""What Nova does for other services: contracts.nova.Servers."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.nova.servers import growing
from cumulet.services.nova.servers.model import BlockDevice, Server


class NovaServers:
    """contracts.nova.Servers."""

    def volume_grew(self, tx: Tx, ctx: Context, volume_id: str) -> None:
        """Start that the guests that have the volume see how large it is now."""
        c = BlockDevice.c
        having = tx.all(BlockDevice, c.volume_id == volume_id, c.plugged.is_(True))
        for server in tx.get_many(Server, [device.server_id for device in having]).values():
            growing.begin(tx, ctx.within("nova"), server)
