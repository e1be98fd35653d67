# SPDX-License-Identifier: Apache-2.0
"""Finds what a request names, by an id or by a name within a domain; half a name is a BadRequest."""

from cumulet.kernel.db import Tx
from cumulet.services.keystone import compliance
from cumulet.services.keystone.errors import expecting, unauthorized
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles.effective import UNSCOPED, Scope
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens.proof import Words


def find_domain(tx: Tx, words: Words) -> Project | None:
    if words.get("id"):
        found = tx.get(Project, words["id"])
        return found if found is not None and found.is_domain else None
    if not words.get("name"):
        raise expecting("id or name", "domain")
    return tx.first_by(Project, domain_id="", name=words["name"])


def find_user(tx: Tx, words: Words) -> User | None:
    if words.get("id"):
        return tx.get(User, words["id"])
    if not words.get("name"):
        raise expecting("id or name", "user")
    if "domain" not in words:
        raise expecting("domain", "user")
    domain = find_domain(tx, words["domain"])
    if domain is None:
        return None
    return tx.first_by(User, domain_id=domain.id, name=words["name"], visitor="", gone=False)


def find_project(tx: Tx, words: Words) -> Project | None:
    if not words.get("name"):
        if not words.get("id"):
            raise expecting("id or name", "project")
        return tx.get(Project, words["id"])
    if "domain" not in words:
        raise expecting("domain", "project")
    domain = find_domain(tx, words["domain"])
    if domain is None:
        return None
    return tx.first_by(Project, domain_id=domain.id, name=words["name"])


def find_scope(tx: Tx, kind: str, words: Words) -> Scope:
    """The scope that a request names; Unauthorized for one that does not exist."""
    if kind == "unscoped":
        return UNSCOPED
    if kind == "system":
        return Scope("system", "all")
    found = find_domain(tx, words) if kind == "domain" else find_project(tx, words)
    if found is None:
        raise unauthorized()
    return Scope(kind, found.id)


def may_log_in(tx: Tx, user: User | None) -> bool:
    """Whether a user exists and is enabled, as their domain is."""
    if user is None or not compliance.is_enabled(tx.app.contract(KeystoneSettings), user, tx.now):
        return False
    domain = tx.get(Project, user.domain_id)
    return domain is not None and domain.enabled
