# SPDX-License-Identifier: Apache-2.0
"""Logging in with a password that a directory knows."""

from dataclasses import dataclass

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.keystone.directories.known import Directories, asking
from cumulet.services.keystone.directories.shadows import record_groups, record_groups_of, record_users
from cumulet.services.keystone.drivers.directory import Directory, DirectoryGroup, DirectoryUser
from cumulet.services.keystone.errors import expecting, unauthorized
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.tokens.naming import find_domain
from cumulet.services.keystone.tokens.proof import Words


@dataclass(frozen=True)
class _Claim:
    """Who somebody says to be: a user of this domain by their name or, empty, by the id that it knows."""

    domain_id: str
    name: str
    local_id: str


async def log_in_elsewhere(ctx: Context, words: Words) -> User | None:
    """The user whose password is among the words, None if they are no user of a directory.

    Their shadow, and the groups that it is in, are as the directory says. Raises Unauthorized when it says
    no, Unavailable when it says nothing.
    """
    directories = ctx.app.contract(Directories)
    claim = await ctx.read(_claim, words) if await directories.domains(ctx.app) else None
    if claim is None:
        return None
    directory = await directories.of(ctx.app, claim.domain_id)
    if directory is None:
        return None
    with asking(ctx.app, claim.domain_id):
        user = await _find(directory, claim)
        password = words.get("password") or ""
        if user is None or not user.enabled or not await directory.authenticate(user, password):
            raise unauthorized()
        groups = await directory.groups_of(user)
    return await ctx.transact(_record, claim.domain_id, user, list(groups))


def _claim(tx: Tx, words: Words) -> _Claim | None:
    """None for who lives here, is unknown as an id, or names what is no open domain.

    Users whom a domain had before it got a directory stay, and come first: an administrator among them gets
    in whatever becomes of the directory.
    """
    if words.get("id"):
        known = tx.get(User, words["id"])
        if known is None or not known.local_id:
            return None
        claim = _Claim(known.domain_id, "", known.local_id)
    else:
        if not words.get("name"):
            raise expecting("id or name", "user")
        if "domain" not in words:
            raise expecting("domain", "user")
        named = find_domain(tx, words["domain"])
        if named is None:
            return None
        if tx.first_by(User, domain_id=named.id, name=words["name"], local_id="") is not None:
            return None
        claim = _Claim(named.id, words["name"], "")
    domain = tx.get(Project, claim.domain_id)
    return claim if domain is not None and domain.enabled else None


async def _find(directory: Directory, claim: _Claim) -> DirectoryUser | None:
    if claim.name:
        return await directory.user_named(claim.name)
    return next(iter(await directory.users([claim.local_id])), None)


def _record(tx: Tx, domain_id: str, user: DirectoryUser, groups: list[DirectoryGroup]) -> User:
    [shadow] = record_users(tx, domain_id, [user])
    record_groups_of(tx, shadow, record_groups(tx, domain_id, groups))
    return shadow
