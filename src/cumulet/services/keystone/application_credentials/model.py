# SPDX-License-Identifier: Apache-2.0
"""Application credentials and access rules as rows."""

from collections.abc import Sequence
from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx, column, json_column
from cumulet.kernel.resource import computed, field, given, ident, loaded
from cumulet.lib.timestamps import Timestamp
from cumulet.services.keystone.entity import ID, NAME_255, TEXT_OR_NULL, Entity
from cumulet.services.keystone.roles.model import Role
from cumulet.services.keystone.roles.naming import NAMED_ROLES

_RULE = {
    "id": ID,
    "path": {"type": "string", "minLength": 0, "maxLength": 225, "pattern": r"^/"},
    "service": ID,
    "method": {"enum": ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]},
}
_RULES = {"type": "array", "items": {"type": "object", "properties": _RULE, "additionalProperties": True}}


def forget_programs(tx: Tx, user_ids: Sequence[str]) -> None:
    """No program acts for these users any more. The caller moves the epoch."""
    for cls in (ApplicationCredential, AccessRule):
        tx.delete_where(cls, cls.c.user_id.in_(user_ids))


class AccessRule(Entity, service="keystone", path="/users/{user_id}/access_rules", member="access_rule"):
    """A kind of request that an application credential may be used for."""

    missing = "Could not find Access Rule: {id}."
    id: str = ident(default_factory=ids.plain)
    service_type: str = field(wire="service", filter=True)
    url_path: str = field(wire="path", filter=True)
    method: str = field(filter=True)
    user_id: str = column(index=True)


def roles_of(
    tx: Tx, ctx: Context, rows: Sequence["ApplicationCredential"]
) -> dict[str, list[dict[str, Any]]]:
    """The roles of each credential, as clients see them."""
    known = tx.get_many(Role, [id for row in rows for id in row.role_ids])
    return {row.id: [_role(known[id]) for id in row.role_ids if id in known] for row in rows}


def _role(role: Role) -> dict[str, Any]:
    return {
        "id": role.id,
        "name": role.name,
        "domain_id": role.domain_id or None,
        "description": role.description,
        "options": role.options,
    }


def rules_of(
    tx: Tx, ctx: Context, rows: Sequence["ApplicationCredential"]
) -> dict[str, list[dict[str, str]]]:
    """The access rules of each credential that has some."""
    known = tx.get_many(AccessRule, [id for row in rows for id in row.access_rule_ids or ()])
    return {row.id: [rule(known[id]) for id in row.access_rule_ids or () if id in known] for row in rows}


def rule(row: AccessRule) -> dict[str, str]:
    return {"id": row.id, "service": row.service_type, "path": row.url_path, "method": row.method}


class ApplicationCredential(
    Entity,
    service="keystone",
    path="/users/{user_id}/application_credentials",
    member="application_credential",
    unique=(("user_id", "name"),),
):
    """What a program proves itself with. Its roles never exceed those that its user still has."""

    missing = "Could not find Application Credential: {id}."
    id: str = ident(default_factory=ids.plain)
    name: str = field(create=True, filter=True, schema=NAME_255)
    description: str | None = field(default=None, create=True)
    user_id: str = field(index=True)
    project_id: str = field(index=True)
    system: str | None = computed(lambda ctx, row: None, default=None)
    expires_at: Timestamp | None = field(
        default=None, create=True, schema=TEXT_OR_NULL, view=lambda ctx, row: row.expires_at
    )
    """Shown without a zone, alone among Keystone's times."""
    unrestricted: bool = field(default=False, create=True, schema={"type": ["boolean", "null"]})
    secret: str | None = given(default=None)
    roles: list[dict[str, Any]] = loaded(roles_of, default=[], create=True, schema=NAMED_ROLES)
    access_rules: list[dict[str, str]] = loaded(rules_of, default=[], create=True, schema=_RULES)
    role_ids: list[str] = json_column(default_factory=list)
    access_rule_ids: list[str] | None = column(default=None)
    """None where every request is allowed; an empty list allows none."""
    secret_hash: str
