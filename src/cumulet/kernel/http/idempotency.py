# SPDX-License-Identifier: Apache-2.0
"""Idempotency keys: a POST that is sent again with the same key gets the first one's answer.

The answer is stored in the transaction of the request itself, so there is no instant at which one exists
without the other. A key belongs to the user who sent it and is kept for a day. Answers may hold secrets that
are told once (a private key, a password), so they are sealed with the key that the client has sent, of which
we keep a hash only.
"""

import base64
import hashlib
from typing import TYPE_CHECKING

import msgspec
from cryptography.fernet import Fernet

from cumulet.kernel.db.rows import Row, column
from cumulet.kernel.db.tx import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.http.messages import Reply, Request
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context

KEPT_SECONDS = 86400
_REPLAYED = "Idempotency-Replayed"


class StoredAnswer(Row, table="idempotency_keys"):
    """The answer that a key got; `sealed` holds its body and headers, for who has the key."""

    id: str = column(primary=True)
    request: str
    status: int
    sealed: str
    created_at: Timestamp = column(default=Timestamp(""), index=True)


def once(tx: Tx, key: str, endpoint: Endpoint, ctx: "Context", request: Request) -> Reply:
    """Run the request unless the key has an answer already.

    Raises Conflict when the key came with another request before, BadRequest for a key over 255 characters.
    """
    if not key.isprintable() or len(key) > 255:
        raise BadRequest("An Idempotency-Key is at most 255 printable characters.")
    whole = f"{ctx.user_id}/{ctx.project_id}/{key}".encode()
    id, seal = hashlib.sha256(whole).hexdigest(), _seal(whole)
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
        body, headers = msgspec.json.decode(seal.decrypt(stored.sealed))
        return Reply(stored.status, body, {**headers, _REPLAYED: "true"})
    result = endpoint.run(tx, ctx, request)
    reply = result if isinstance(result, Reply) else Reply(endpoint.status_at(ctx.version), result)
    body = msgspec.Raw(reply.body) if isinstance(reply.body, bytes) else reply.body
    sealed = seal.encrypt(msgspec.json.encode((body, dict(reply.headers)))).decode()
    tx.insert(StoredAnswer(id=id, request=asked, status=reply.status, sealed=sealed), retry=True)
    return reply


def _seal(whole: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"sealed with " + whole).digest()))


def trim(tx: Tx) -> int:
    """Forget answers older than a day; how many there were."""
    return tx.delete_where(StoredAnswer, StoredAnswer.c.created_at < timestamps.add(tx.now, -KEPT_SECONDS))
