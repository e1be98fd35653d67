# SPDX-License-Identifier: Apache-2.0
"""Credentials as rows; their contents are encrypted with the keys of the folder `credential-keys`."""

from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import json_column
from cumulet.kernel.resource import field, ident
from cumulet.services.keystone.entity import TEXT_OR_NULL, Entity
from cumulet.services.keystone.tokens.authority import Authority


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
