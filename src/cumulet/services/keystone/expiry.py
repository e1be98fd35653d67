# SPDX-License-Identifier: Apache-2.0
"""When something that a client makes shall end."""

from cumulet.kernel.db import Tx
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp
from cumulet.services.keystone.errors import malformed


def expiry(tx: Tx, value: str | None) -> Timestamp | None:
    """The moment to come that a client names. Raises BadRequest for what is past or no moment."""
    if value is None:
        return None
    try:
        moment = timestamps.parse(value)
    except ValueError:
        raise malformed("Timestamp not in expected format") from None
    if moment <= tx.now:
        raise malformed("The 'expires_at' must not be before now")
    return moment
