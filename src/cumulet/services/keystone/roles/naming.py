# SPDX-License-Identifier: Apache-2.0
"""Finds the roles that a request names, each by an id or by a name."""

from collections.abc import Iterable, Mapping

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.services.keystone.entity import ID, NAME_255
from cumulet.services.keystone.roles.model import Role

NAMED_ROLES = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"id": ID, "name": NAME_255},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    },
}


def role_ids_of(tx: Tx, asked: Iterable[Mapping[str, str]]) -> list[str]:
    """The ids of what a request names, each once; an id need not be that of a role."""
    return list(dict.fromkeys(words.get("id") or _by_name(tx, words["name"]) for words in asked))


def _by_name(tx: Tx, name: str) -> str:
    found = tx.all(Role, Role.c.name == name)
    if not found:
        raise NotFound(f"Role {name} is not defined")
    if len(found) > 1:
        raise BadRequest(
            f"There are multiple role entities named '{name}'. Please use ID instead of names to resolve "
            "the ambiguity."
        )
    return found[0].id
