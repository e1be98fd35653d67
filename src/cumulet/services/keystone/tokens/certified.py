# SPDX-License-Identifier: Apache-2.0
"""Tokens for who has shown a certificate, and good only together with it (RFC 8705)."""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.keystone import certificates
from cumulet.services.keystone.errors import unauthorized
from cumulet.services.keystone.federation.logins import map_person
from cumulet.services.keystone.federation.model import Mapping as Rules
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles.effective import Scope
from cumulet.services.keystone.tokens import factors
from cumulet.services.keystone.tokens.authority import Authority, Token
from cumulet.services.keystone.tokens.naming import may_log_in
from cumulet.services.keystone.tokens.payload import CERTIFIED
from cumulet.services.keystone.tokens.proof import Proof

MAPPING = "oauth2_mapping"


async def issue_by_certificate(ctx: Context, user_id: str, certificate: bytes) -> Token:
    """A token of this user for their default project, if the mapping of certificates says that they are it.

    Raises Unauthorized; for who must show several factors too, of which a certificate is none.
    """
    rules = await ctx.read(Tx.get, Rules, MAPPING)
    if rules is None:
        raise unauthorized(f"Could not find mapping: {MAPPING}.")
    try:
        names = certificates.attributes(certificate)
    except ValueError:
        raise unauthorized("The certificate is none.") from None
    person = await map_person(ctx, rules, names)
    return await ctx.read(_issue, user_id, person.user, certificates.thumbprint(certificate))


def _issue(tx: Tx, user_id: str, said: Mapping[str, Any], thumbprint: str) -> Token:
    authority = tx.app.contract(Authority)
    epoch = authority.epoch()
    user = tx.get(User, user_id)
    if user is None or not may_log_in(tx, user):
        raise unauthorized()
    if not user.default_project_id or factors.rules_of(user) or not _fits(tx, user, said):
        raise unauthorized("The certificate is not this user's, or they may not log in by one.")
    proof = Proof(user_id=user.id, methods=(CERTIFIED,), thumbprint=thumbprint)
    token = authority.issue(tx, epoch, proof, Scope("project", user.default_project_id))
    if token is None:
        raise unauthorized()
    return token


def _fits(tx: Tx, user: User, said: Mapping[str, Any]) -> bool:
    """Whether all that the certificate says of a user is true of this one, and it says which one that is."""
    domain, home = tx.need(Project, user.domain_id), said.get("domain") or {}
    pairs = (
        (said.get("id"), user.id),
        (said.get("name"), user.name),
        (said.get("email"), user.extra.get("email")),
        (home.get("id"), domain.id),
        (home.get("name"), domain.name),
    )
    names_one = bool(said.get("id") or said.get("name"))
    return names_one and all(wanted == actual for wanted, actual in pairs if wanted)
