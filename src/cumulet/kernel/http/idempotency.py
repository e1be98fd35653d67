# SPDX-License-Identifier: Apache-2.0
"""Idempotency keys: a create that is sent again with the same key gets the first one's answer.

The answer is stored in the transaction of the create itself, so there is no instant at which one exists
without the other. A key belongs to the user who sent it and is kept for a day.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cumulet.kernel.db.rows import Row, column, json_column
from cumulet.kernel.db.tx import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.http.messages import Reply, Request
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context

KEPT_SECONDS = 86400
_REPLAYED = "Idempotency-Replayed"


class StoredAnswer(Row, table="idempotency_keys"):
    """The answer that a key got."""

    id: str = column(primary=True)
    request: str
    status: int
    body: Any = json_column(default_factory=dict)
    headers: dict[str, str] = json_column()
    created_at: Timestamp = column(default=Timestamp(""), index=True)


def once(tx: Tx, key: str, run: Callable[..., Any], ctx: "Context", request: Request) -> Reply:
    """Run the request unless the key has an answer already.

    Raises Conflict when the key came with another request before, BadRequest for a key over 255 characters.
    """
    if not key.isprintable() or len(key) > 255:
        raise BadRequest("An Idempotency-Key is at most 255 printable characters.")
    id = hashlib.sha256(f"{ctx.user_id}/{ctx.project_id}/{key}".encode()).hexdigest()
    asked = hashlib.sha256(
        f"{ctx.service.name} {request.method} {request.path} {ctx.version}\n".encode() + request.raw
    ).hexdigest()
    tx.lock(f"idempotency:{id}")
    stored = tx.get(StoredAnswer, id)
    if stored is not None:
        if stored.request != asked:
            raise Conflict(
                "This Idempotency-Key was used for another request; use a new key for a new request."
            )
        return Reply(stored.status, stored.body, {**stored.headers, _REPLAYED: "true"})
    result = run(tx, ctx, request)
    reply = result if isinstance(result, Reply) else Reply(200, result)
    tx.insert(
        StoredAnswer(id=id, request=asked, status=reply.status, body=reply.body, headers=dict(reply.headers)),
        retry=True,
    )
    return reply


def trim(tx: Tx) -> int:
    """Forget answers older than a day; how many there were."""
    return tx.delete_where(StoredAnswer, StoredAnswer.c.created_at < timestamps.add(tx.now, -KEPT_SECONDS))
