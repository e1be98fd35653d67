# SPDX-License-Identifier: Apache-2.0
"""How one proves who one is: by a password, by a token, by an application credential.

Whatever is wrong, the answer is the same 401, and takes as long.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.keystone.application_credentials.model import ApplicationCredential
from cumulet.services.keystone.errors import expecting, not_allowed, unauthorized
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.tokens.authority import Authority, Proof
from cumulet.services.keystone.tokens.payload import METHODS
from cumulet.services.keystone.tokens.request import Asked

_Words = Mapping[str, Any]


async def prove(ctx: Context, asked: Asked) -> Proof:
    """Who has proved what by all the methods of a request.

    Raises Unauthorized, and BadRequest for what is missing.
    """
    proofs = [await _PROVERS[name](ctx, words, asked) for name, words in asked.methods.items()]
    if len({proof.user_id for proof in proofs}) != 1:
        raise unauthorized()
    methods = {name for proof in proofs for name in proof.methods}
    ends = [proof.expires_at for proof in proofs if proof.expires_at is not None]
    return Proof(
        user_id=proofs[0].user_id,
        methods=tuple(name for name in METHODS if name in methods),
        expires_at=min(ends) if ends else None,
        chain=next((proof.chain for proof in proofs if proof.chain), ""),
        application_credential_id=next(
            (p.application_credential_id for p in proofs if p.application_credential_id), ""
        ),
    )


@dataclass(frozen=True)
class _Candidate:
    """Whose secret is to be compared with which hash."""

    user_id: str
    secret_hash: str | None
    credential_id: str = ""


async def _by_password(ctx: Context, words: _Words, asked: Asked) -> Proof:
    if "user" not in words:
        raise expecting("user", "password")
    user = words["user"]
    candidate = await ctx.read(_find_user, user)
    passwords = ctx.app.contract(Authority).passwords
    if not await passwords.matches(user.get("password") or "", candidate.secret_hash):
        raise unauthorized()
    return Proof(user_id=candidate.user_id, methods=("password",))


async def _by_credential(ctx: Context, words: _Words, asked: Asked) -> Proof:
    candidate = await ctx.read(_find_credential, words)
    if not await ctx.app.contract(Authority).passwords.matches(words["secret"], candidate.secret_hash):
        raise unauthorized()
    return Proof(
        user_id=candidate.user_id,
        methods=("application_credential",),
        application_credential_id=candidate.credential_id,
    )


async def _by_token(ctx: Context, words: _Words, asked: Asked) -> Proof:
    authority = ctx.app.contract(Authority)
    token = authority.known(words["id"], ctx.app.clock.now()) or await ctx.read(authority.look, words["id"])
    if token is None:
        raise unauthorized()
    who = token.identity
    if who.system_scope and asked.scope is not None and asked.scope[0] in ("project", "domain"):
        raise not_allowed(
            "Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed."
        )
    if who.application_credential_id:
        raise not_allowed("Using a delegated token to create another token is not allowed.")
    return Proof(
        user_id=who.user_id,
        methods=("token", *token.claims.methods),
        expires_at=token.claims.expires_at,
        chain=token.claims.chain,
    )


_PROVERS = {"password": _by_password, "token": _by_token, "application_credential": _by_credential}
_NOBODY = _Candidate("", None)


def _find_user(tx: Tx, words: _Words) -> _Candidate:
    """Whose password is to be compared: nobody's for who is unknown or disabled, or whose domain is."""
    user = _user(tx, words)
    if user is None or not user.enabled:
        return _NOBODY
    domain = tx.get(Project, user.domain_id)
    if domain is None or not domain.enabled:
        return _NOBODY
    return _Candidate(user.id, user.password_hash)


def _user(tx: Tx, words: _Words) -> User | None:
    if words.get("id"):
        return tx.get(User, words["id"])
    if not words.get("name"):
        raise expecting("id or name", "user")
    if "domain" not in words:
        raise expecting("domain", "user")
    domain = find_domain(tx, words["domain"])
    if domain is None:
        return None
    return tx.first_by(User, domain_id=domain.id, name=words["name"])


def find_domain(tx: Tx, words: _Words) -> Project | None:
    """A domain by its id or name. Raises BadRequest when neither is given."""
    if words.get("id"):
        found = tx.get(Project, words["id"])
        return found if found is not None and found.is_domain else None
    if not words.get("name"):
        raise expecting("id or name", "domain")
    return tx.first_by(Project, domain_id="", name=words["name"])


def _find_credential(tx: Tx, words: _Words) -> _Candidate:
    found = _credential(tx, words)
    if found is None or (found.expires_at and found.expires_at <= tx.now):
        return _NOBODY
    return _Candidate(found.user_id, found.secret_hash, found.id)


def _credential(tx: Tx, words: _Words) -> ApplicationCredential | None:
    if words.get("id"):
        return tx.get(ApplicationCredential, words["id"])
    if not words.get("name"):
        raise expecting("name or ID", "application credential")
    if not words.get("user"):
        raise expecting("user", "application credential")
    user = _user(tx, words["user"])
    if user is None:
        return None
    return tx.first_by(ApplicationCredential, user_id=user.id, name=words["name"])
