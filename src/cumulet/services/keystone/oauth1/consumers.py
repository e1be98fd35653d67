# SPDX-License-Identifier: Apache-2.0
"""The operations on consumers. Their secret is told once."""

from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Delete, Resource, Show, expose
from cumulet.kernel.resource.writing import Made
from cumulet.services.keystone.credentials.model import seal
from cumulet.services.keystone.entity import Create, List, Update
from cumulet.services.keystone.oauth1.model import Consumer
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.revocation import CONSUMER, tell_ended


def create_consumer(tx: Tx, ctx: Context, given: dict[str, Any]) -> Made:
    """A consumer, and the secret with which it signs."""
    secret = ids.plain()
    given["extra"].pop("secret", None)
    row = tx.insert(Consumer(**given, secret=seal(ctx.app.contract(Authority), secret)))
    return Made(row, {"secret": secret})


class _Update(Update):
    """A change of anything but the id and the secret."""

    def answer(self, cls: type[Resource], tx: Tx, ctx: Context, request: Request) -> Reply:
        words = request.body.get(cls.member) if isinstance(request.body, dict) else None
        if isinstance(words, dict) and "secret" in words:
            raise BadRequest("The secret of a consumer cannot be changed.")
        if (
            isinstance(words, dict)
            and words.get("id", request.params["consumer_id"]) != (request.params["consumer_id"])
        ):
            raise BadRequest("Cannot change ID")
        return super().answer(cls, tx, ctx, request)


def delete_consumer(tx: Tx, ctx: Context, row: Consumer) -> None:
    """The consumer is gone with all that it was granted, and the tokens by that have ended."""
    tx.delete(row)
    tell_ended(tx, CONSUMER, row.id)


CONSUMERS = expose(
    Consumer,
    List(policy="identity:list_consumers"),
    Show(policy="identity:get_consumer"),
    Create(policy="identity:create_consumer", run=create_consumer, beside={"secret": str}),
    _Update(policy="identity:update_consumer"),
    Delete(policy="identity:delete_consumer", run=delete_consumer),
)
