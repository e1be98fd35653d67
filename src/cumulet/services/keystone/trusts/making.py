# SPDX-License-Identifier: Apache-2.0
"""Making a trust, of one's own roles or, by a trust that allows it, of those that one was trusted with."""

from collections.abc import Sequence
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.services.keystone.entity import need
from cumulet.services.keystone.errors import forbidden, not_allowed, not_found
from cumulet.services.keystone.expiry import expiry
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles.effective import Scope, effective_ids
from cumulet.services.keystone.roles.naming import role_ids_of
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.storing import unique
from cumulet.services.keystone.trusts.model import Trust, need_usable, pedigree


def create_trust(tx: Tx, ctx: Context, given: dict[str, Any]) -> Trust:
    """A new trust of the caller's."""
    project_id = given.get("project_id") or None
    if project_id and not given.get("roles"):
        raise not_allowed("At least one role should be specified")
    if given["trustor_user_id"] != ctx.user_id:
        raise not_allowed("The authenticated user should match the trustor")
    need(tx, User, given["trustee_user_id"])
    role_ids = role_ids_of(tx, given.get("roles") or [])
    parents = _parents(tx, ctx)
    origin = parents[-1].trustor_user_id if parents else ctx.user_id
    _need_held(tx, origin, project_id, role_ids)
    trust = Trust(
        trustor_user_id=ctx.user_id,
        trustee_user_id=given["trustee_user_id"],
        project_id=project_id,
        impersonation=given["impersonation"],
        expires_at=expiry(tx, given.get("expires_at")),
        remaining_uses=given.get("remaining_uses"),
        redelegation_count=_redelegation_count(ctx, given, parents),
        role_ids=role_ids,
        extra=given["extra"],
    )
    if parents:
        trust = _redelegated(parents[0], trust)
    with unique("trust", f"Duplicate entry found with ID {trust.id}"):
        return tx.insert(trust)


def _parents(tx: Tx, ctx: Context) -> Sequence[Trust]:
    """The chain of trusts that the caller acts by, theirs first. Forbidden by any other delegation."""
    if ctx.identity.access_token_id:
        raise not_allowed("Redelegation allowed for delegated by trust only")
    if not ctx.identity.trust_id:
        return ()
    return pedigree(tx, need_usable(tx, ctx.identity.trust_id))


def _need_held(tx: Tx, user_id: str, project_id: str | None, role_ids: list[str]) -> None:
    """Raise NotFound for the first role that the user does not have there now."""
    held: list[str] = []
    if project_id:
        held = effective_ids(tx, user_id, Scope("project", project_id), need(tx, Project, project_id))
    for role_id in role_ids:
        if role_id not in held:
            raise not_found("role", role_id)


def _redelegation_count(ctx: Context, given: dict[str, Any], parents: Sequence[Trust]) -> int:
    """How long a chain may follow the new trust.

    Raises BadRequest and Forbidden for wishes that contradict each other, the settings or the chain.
    """
    most = ctx.app.contract(KeystoneSettings).max_redelegation_count
    asked: int | None = given.get("redelegation_count")
    if not given.get("allow_redelegation") or asked == 0:
        return 0
    if asked and asked > most:
        raise forbidden()
    if given.get("remaining_uses") is not None:
        raise BadRequest("remaining_uses must not be set if redelegation is allowed")
    if not parents:
        return asked or most
    remaining = parents[0].redelegation_count - 1
    if asked and asked != remaining:
        raise forbidden()
    return max(remaining, 0)


def _redelegated(parent: Trust, trust: Trust) -> Trust:
    """The trust as it follows from the one before it. Raises Forbidden where it would go beyond that."""
    goes_beyond = (
        parent.redelegation_count < 1
        or trust.remaining_uses is not None
        or (trust.impersonation and not parent.impersonation)
        or trust.project_id != parent.project_id
        or not set(trust.role_ids) <= set(parent.role_ids)
        or bool(parent.expires_at and trust.expires_at and trust.expires_at > parent.expires_at)
    )
    if goes_beyond:
        raise forbidden()
    return trust.but(redelegated_trust_id=parent.id, expires_at=trust.expires_at or parent.expires_at)
