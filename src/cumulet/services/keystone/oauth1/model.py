# SPDX-License-Identifier: Apache-2.0
"""Consumers, and the two kinds of tokens that they get one after the other, as rows.

Secrets are stored sealed: to check a signature they must be known again.
"""

from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.db import Row, Tx, column, json_column
from cumulet.kernel.errors import NotFound
from cumulet.kernel.resource import field, ident
from cumulet.lib.timestamps import Timestamp
from cumulet.services.keystone.entity import TEXT_OR_NULL, Entity


class Consumer(Entity, service="keystone", path="/OS-OAUTH1/consumers", member="consumer"):
    """A program that asks users for some of their rights."""

    missing = "Consumer not found"
    id: str = ident(default_factory=ids.plain)
    description: str | None = field(default=None, create=True, update=True, schema=TEXT_OR_NULL)
    secret: str = column()
    extra: dict[str, Any] = json_column(default_factory=dict)


class RequestToken(Row, table="keystone_request_tokens"):
    """A consumer's question. With a verifier it has been answered, and may be turned into an access token."""

    id: str = column(primary=True, default_factory=ids.plain)
    consumer_id: str = column(index=True, references="keystone_consumers.id", on_delete="CASCADE")
    project_id: str = column(index=True)
    secret: str
    expires_at: Timestamp | None = None
    verifier: str | None = None
    authorizing_user_id: str | None = column(default=None, index=True)
    role_ids: list[str] = json_column(default_factory=list)


class AccessToken(
    Entity,
    service="keystone",
    path="/users/{authorizing_user_id}/OS-OAUTH1/access_tokens",
    member="access_token",
):
    """A consumer's right to act for a user."""

    missing = "Access token not found"
    id: str = ident(default_factory=ids.plain)
    consumer_id: str = field(index=True, references="keystone_consumers.id", on_delete="CASCADE")
    authorizing_user_id: str = field(index=True)
    project_id: str = field(index=True)
    expires_at: Timestamp | None = field(default=None)
    secret: str = column()
    role_ids: list[str] = json_column(default_factory=list)


def need_request_token(tx: Tx, id: str) -> RequestToken:
    found = tx.get(RequestToken, id)
    if found is None:
        raise NotFound("Request token not found")
    return found


def need_access_token(tx: Tx, id: str) -> AccessToken:
    found = tx.get(AccessToken, id)
    if found is None:
        raise NotFound(AccessToken.missing)
    return found
