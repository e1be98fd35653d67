# SPDX-License-Identifier: Apache-2.0
"""Credentials as rows; their contents are encrypted with the keys of the folder `credential-keys`."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx, json_column
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.resource import field, ident
from cumulet.services.keystone.credentials.delegation import acting_by
from cumulet.services.keystone.entity import TEXT_OR_NULL, Entity
from cumulet.services.keystone.errors import expecting
from cumulet.services.keystone.storing import unique
from cumulet.services.keystone.tokens.authority import Authority

EC2 = "ec2"


def seal(authority: Authority, text: str) -> str:
    """The text as it is stored."""
    return authority.keyring.credential.encrypt(text.encode(), 0).decode()


def unseal(authority: Authority, sealed: str) -> str:
    """What was sealed. Raises LookupError when its key is gone."""
    found = authority.keyring.credential.decrypt(sealed.encode())
    if found is None:
        raise LookupError("the key that encrypted this credential is not in the folder credential-keys")
    return found[0].decode()


def _blob(ctx: Context, row: Any) -> str:
    return unseal(ctx.app.contract(Authority), row.blob)


class Credential(Entity, service="keystone", path="/credentials", member="credential"):
    """A secret of a user, perhaps for one project.

    `blob` is JSON text that Keystone looks into for type ec2 only.
    """

    id: str = ident(default_factory=ids.plain)
    user_id: str = field(create=True, update=True, filter=True, index=True)
    type: str = field(create=True, update=True, filter=True)
    blob: str = field(create=True, update=True, view=_blob)
    project_id: str | None = field(default=None, create=True, update=True, index=True, schema=TEXT_OR_NULL)
    extra: dict[str, Any] = json_column(default_factory=dict)


# -- contents -------------------------------------------------------------------------------------------


def parsed_content(blob: str) -> dict[str, Any]:
    """What the blob of an EC2 credential says. Raises BadRequest when that is no access key."""
    try:
        found = msgspec.json.decode(blob)
    except msgspec.DecodeError:
        raise BadRequest("Invalid blob in credential") from None
    if not found or not isinstance(found, dict):
        raise expecting("blob", "credential")
    if not isinstance(found.get("access"), str):
        raise expecting("access", "credential")
    return found


def content_of(ctx: Context, row: Credential) -> dict[str, Any]:
    """What is in an EC2 credential; nothing when its type was changed over what is no access key."""
    try:
        return parsed_content(_blob(ctx, row))
    except BadRequest:
        return {}


# -- storing --------------------------------------------------------------------------------------------


def insert_ec2(tx: Tx, ctx: Context, given: Mapping[str, Any]) -> Credential:
    """A credential under the id that its access key gives, which keeps by what delegation it was made."""
    content = parsed_content(given["blob"])
    if not given.get("project_id"):
        raise expecting("project_id", "credential")
    delegation = acting_by(ctx.identity)
    blob = msgspec.json.encode({**content, **delegation}).decode() if delegation else given["blob"]
    id = hashlib.sha256(content["access"].encode()).hexdigest()
    return insert(tx, ctx, {**given, "blob": blob, "id": id})


def insert(tx: Tx, ctx: Context, given: Mapping[str, Any]) -> Credential:
    """A credential with its content sealed. Raises Conflict when its id is taken."""
    row = Credential(**{**given, "blob": seal(ctx.app.contract(Authority), given["blob"])})
    with unique("credential", f"Duplicate entry found with ID {row.id}"):
        return tx.insert(row)
