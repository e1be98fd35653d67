# SPDX-License-Identifier: Apache-2.0
"""What a token by a trust holds."""

from typing import Any

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.services.keystone import compliance
from cumulet.services.keystone.errors import forbidden, not_found
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles import effective
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens.subject import Delegated, Subject
from cumulet.services.keystone.trusts.model import Trust, find, pedigree


def delegated(tx: Tx, id: str, subject: Subject, place: Project | None) -> Delegated | None:
    """The roles of the trust, if whoever first gave them still has them all, and the trustor too.

    None for a trust that has ended. Raises Forbidden, and NotFound, for one that nobody may use at present.
    """
    trust = find(tx, id)
    if trust is None:
        return None
    chain = pedigree(tx, trust)
    if place is None:
        raise not_found("project", str(trust.project_id))
    if subject.user_id != trust.trustee_user_id:
        raise forbidden()
    trustor = _trustor(tx, trust)
    stays_away = compliance.inactive_from(tx.app.contract(KeystoneSettings), trustor)
    return Delegated(
        roles=_roles(tx, trust, {trustor.id, chain[-1].trustor_user_id}, subject, place),
        body={"OS-TRUST:trust": _shown(trust)},
        identity={"trust_id": trust.id, "trustor_id": trustor.id},
        expires_at=min((end for end in (trust.expires_at, stays_away) if end), default=None),
        acts_as=trustor if trust.impersonation else None,
        generation=trustor.generation,
    )


def _trustor(tx: Tx, trust: Trust) -> User:
    trustor = tx.get(User, trust.trustor_user_id)
    if trustor is None or not compliance.is_enabled(tx.app.contract(KeystoneSettings), trustor, tx.now):
        raise forbidden()
    domain = tx.get(Project, trustor.domain_id)
    if domain is None or not domain.enabled:
        raise NotFound("Trustor domain is disabled.")
    return trustor


def _roles(tx: Tx, trust: Trust, givers: set[str], subject: Subject, place: Project) -> list[Any]:
    """Raises Forbidden when one of the givers has lost one of them."""
    wanted = set(effective.expanded(effective.implications(tx), trust.role_ids))
    for giver in givers:
        if not wanted <= set(effective.effective_ids(tx, giver, subject.scope, place)):
            raise forbidden()
    return effective.global_roles(tx, trust.role_ids)


def _shown(trust: Trust) -> dict[str, Any]:
    return {
        "id": trust.id,
        "trustor_user": {"id": trust.trustor_user_id},
        "trustee_user": {"id": trust.trustee_user_id},
        "impersonation": trust.impersonation,
    }
