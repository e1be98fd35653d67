# SPDX-License-Identifier: Apache-2.0
"""What the database keeps of tokens: those that were ended one by one, and the epoch."""

from cumulet.kernel import ids
from cumulet.kernel.db import Row, column
from cumulet.lib.timestamps import Timestamp


class RevokedToken(Row, table="keystone_revoked_tokens"):
    """An audit id, or `chain:` and that of the first token in a chain, that ends what bears it.

    It is asked for by its key, so a million revocations cost a validation no more than one.
    """

    id: str = column(primary=True)
    expires_at: Timestamp = column(index=True)
    """When none of its tokens could be used any more in any case."""


class Revocation(Row, table="keystone_revocations"):
    """That tokens were ended, for whoever asks afterwards; no validation looks here.

    `about` is what all of them have in common, by its name in OS-REVOKE: audit_id, audit_chain_id, user_id,
    project_id, domain_id, OS-TRUST:trust_id, OS-OAUTH1:consumer_id or OS-OAUTH1:access_token_id.
    """

    id: str = column(primary=True, default_factory=ids.plain)
    about: str
    value: str
    revoked_at: Timestamp = column(index=True)


class Epoch(Row, table="keystone_epoch"):
    """Counts the changes after which what was verified before may not hold; other processes look at it."""

    id: str = column(primary=True)
    value: int = column(default=0)


TOKENS = "tokens"
