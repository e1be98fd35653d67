# SPDX-License-Identifier: Apache-2.0
"""What a token by an application credential holds, and what its bearer may not make of it."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.keystone.application_credentials.model import AccessRule, ApplicationCredential, rule
from cumulet.services.keystone.errors import not_allowed
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles import effective
from cumulet.services.keystone.tokens.subject import Delegated, Subject


def delegated(tx: Tx, id: str, subject: Subject, place: Project | None) -> Delegated | None:
    """The roles of the credential if its user still has them all; None for one that is gone."""
    found = tx.get(ApplicationCredential, id)
    if found is None or found.user_id != subject.user_id:
        return None
    held = effective.roles(tx, subject.user_id, subject.scope, place)
    whole = set(found.role_ids) <= {role.id for role in held}
    rules = _access_rules(tx, found)
    shown: dict[str, Any] = {"id": found.id, "name": found.name, "restricted": not found.unrestricted}
    return Delegated(
        roles=effective.global_roles(tx, found.role_ids) if whole else [],
        body={"application_credential": {**shown, **({"access_rules": list(rules)} if rules else {})}},
        identity={"application_credential_id": found.id, "access_rules": rules},
        expires_at=found.expires_at,
    )


def _access_rules(tx: Tx, credential: ApplicationCredential) -> tuple[dict[str, str], ...] | None:
    if credential.access_rule_ids is None:
        return None
    known = tx.get_many(AccessRule, credential.access_rule_ids)
    return tuple(rule(known[id]) for id in credential.access_rule_ids if id in known)


def require_unrestricted(tx: Tx, ctx: Context, what: str) -> None:
    """Raise Forbidden for who uses a credential that was not made to make others; `what` is what it would."""
    own = ctx.identity.application_credential_id
    row = tx.get(ApplicationCredential, own) if own else None
    if own and (row is None or not row.unrestricted):
        raise not_allowed(
            f"Using method 'application_credential' is not allowed for managing additional {what}."
        )
