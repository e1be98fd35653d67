# SPDX-License-Identifier: Apache-2.0
"""Making, changing and ending projects and domains."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden
from cumulet.services.keystone.application_credentials.model import ApplicationCredential, forget_programs
from cumulet.services.keystone.credentials.model import Credential
from cumulet.services.keystone.domain_config.model import forget_config
from cumulet.services.keystone.entity import merged
from cumulet.services.keystone.federation.model import forget_providers_of, providers_of
from cumulet.services.keystone.federation.visitors import only_known_by
from cumulet.services.keystone.limits import hierarchy
from cumulet.services.keystone.limits.model import Limit
from cumulet.services.keystone.oauth1.model import AccessToken, RequestToken
from cumulet.services.keystone.people import Group, Membership, User
from cumulet.services.keystone.projects.model import Domain, Project, ProjectTag, set_tags
from cumulet.services.keystone.projects.tree import ancestors, is_leaf, subtree
from cumulet.services.keystone.roles.model import Assignment, Role
from cumulet.services.keystone.storing import callers_domain, check_delete, check_update, unique
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.revocation import (
    end_tokens_of,
    end_tokens_within,
    rights_changed,
    tell_ended_with,
)
from cumulet.services.keystone.trusts import model as trusts
from cumulet.services.keystone.trusts.model import Trust

P = TypeVar("P", bound=Project)
_HEX = re.compile(r"[0-9a-f]{32}")
_SHOWN_IN_TOKENS = frozenset({"name", "enabled"})


# -- making ---------------------------------------------------------------------------------------------


def create_project(tx: Tx, ctx: Context, given: dict[str, Any]) -> Project:
    """A project in its place of the tree, or one that acts as a domain."""
    if given.get("is_domain"):
        if given.get("parent_id"):
            raise BadRequest("only root projects are allowed to act as domains.")
        return _stored(tx, Project, {**given, "domain_id": "", "parent_id": None})
    domain_id = given.get("domain_id") or callers_domain(ctx)
    parent_id = given.get("parent_id") or domain_id
    _check_place(tx, ctx, domain_id, parent_id)
    return _stored(tx, Project, {**given, "domain_id": domain_id, "parent_id": parent_id})


def create_domain(tx: Tx, ctx: Context, given: dict[str, Any]) -> Domain:
    """A domain, with the id that the request asks for if it does."""
    id = given.get("explicit_domain_id")
    if id is not None and not _HEX.fullmatch(id):
        raise BadRequest("Domain ID does not conform to required UUID format.")
    return _stored(tx, Domain, {**given, **({"id": id} if id else {})})


def _stored(tx: Tx, cls: type[P], given: Mapping[str, Any]) -> P:
    values = {name: value for name, value in given.items() if name in cls.stored}
    values["name"] = values["name"].strip()
    values["options"] = merged({}, given.get("options") or {})
    row = cls(**values)
    with unique("project", _taken(row)):
        row = tx.insert(row)
    if given.get("tags"):
        set_tags(tx, row.id, given["tags"])
    return row


def _taken(row: Project) -> str:
    if row.is_domain:
        return f"it is not permitted to have two projects acting as domains with the same name: {row.name}"
    return (
        "it is not permitted to have two projects with either the same name or same id in the same domain: "
        f"name is {row.name}, project id {row.id}"
    )


def _check_place(tx: Tx, ctx: Context, domain_id: str, parent_id: str) -> None:
    """Raise BadRequest unless a project may stand there, Forbidden when that would be too deep."""
    domain, parent = tx.get(Project, domain_id), tx.get(Project, parent_id)
    if domain is None or not domain.is_domain:
        raise BadRequest(f"Could not find domain: {domain_id}.")
    if parent is None:
        raise BadRequest(f"Could not find project: {parent_id}.")
    if parent.is_domain and parent.id != domain.id:
        raise BadRequest(
            f"Cannot create project, the parent ({parent.id}) is acting as a domain, but this project's "
            f"domain id ({domain.id}) does not match the parent's id."
        )
    if not parent.is_domain and parent.domain_id != domain.id:
        raise BadRequest(
            f"Cannot create project, since it specifies its domain_id {domain.id}, but specifies a parent "
            f"in a different domain ({parent.domain_id})."
        )
    above = [parent, *ancestors(tx, parent)]
    for row in above:
        if not row.enabled:
            raise BadRequest(f"cannot create a project in a branch containing a disabled project: {row.id}")
    most = ctx.app.contract(Authority).settings.max_project_depth
    if len(above) > min(most, hierarchy.DEPTHS.get(ctx.app.settings.limit_model, most)):
        raise Forbidden(f"Max hierarchy depth reached for {parent.id} branch.")


# -- changing -------------------------------------------------------------------------------------------


def update_project(tx: Tx, ctx: Context, row: Any, given: dict[str, Any]) -> Any:
    """The project or domain with the changes that are allowed."""
    check_update(row, given)
    _check_fixed(row, given)
    changes = {name: value for name, value in given.items() if name in row.stored and name not in _FIXED}
    if "name" in changes:
        changes["name"] = changes["name"].strip()
    if "options" in changes:
        changes["options"] = merged(row.options, changes["options"])
    if given.get("tags") is not None:
        set_tags(tx, row.id, given["tags"])
    _check_enabling(tx, row, changes)
    if row.enabled and changes.get("enabled") is False:
        row = _ended(tx, row)
    if _SHOWN_IN_TOKENS & changes.keys():
        rights_changed(tx)
    with unique("project", _taken(row.but(**changes))):
        return tx.update(row, **changes)


_FIXED = frozenset({"domain_id", "parent_id", "is_domain"})


def _check_fixed(row: Project, given: Mapping[str, Any]) -> None:
    if "domain_id" in given and (given["domain_id"] or "") != row.domain_id:
        raise BadRequest("Cannot change Domain ID")
    if "parent_id" in given and given["parent_id"] != row.parent_id:
        raise Forbidden("Update of `parent_id` is not allowed.")
    if "is_domain" in given and given["is_domain"] != row.is_domain:
        raise BadRequest("Update of `is_domain` is not allowed.")


def _check_enabling(tx: Tx, row: Project, changes: Mapping[str, Any]) -> None:
    enables = changes.get("enabled") is True and not row.enabled
    if enables and not all(above.enabled for above in ancestors(tx, row)):
        raise Forbidden(f"Cannot enable project {row.id} since it has disabled parents")
    disables = changes.get("enabled") is False and row.enabled
    if disables and not row.is_domain and any(below.enabled for below in subtree(tx, row.id)):
        raise Forbidden(f"Cannot disable project {row.id} since its subtree contains enabled projects.")


def _ended(tx: Tx, row: Project) -> Any:
    """All tokens that rest on a project or domain which is being disabled have ended."""
    if row.is_domain:
        end_tokens_within(tx, row.id)
    return end_tokens_of(tx, row)


# -- ending ---------------------------------------------------------------------------------------------


def delete_project(tx: Tx, ctx: Context, row: Project) -> None:
    """A project without others below it is gone, with the roles and credentials that were for it."""
    if row.is_domain:
        return delete_domain(tx, ctx, row)
    check_delete(row)
    if not is_leaf(tx, row.id):
        raise Forbidden(
            f"Cannot delete the project {row.id} since it is not a leaf in the hierarchy. "
            "Use the cascade option if you want to delete a whole subtree."
        )
    _forget_projects(tx, [row.id])
    tx.delete(row)
    tell_ended_with(tx, row)


def delete_domain(tx: Tx, ctx: Context, row: Project) -> None:
    """A disabled domain is gone, with everything in it."""
    check_delete(row)
    if row.enabled:
        raise Forbidden("Cannot delete a domain that is enabled, please disable it first.")
    projects = subtree(tx, row.id)
    users = {user.id for user in tx.all(User, User.c.domain_id == row.id)}
    users |= set(only_known_by(tx, providers_of(tx, row.id)))
    groups = [group.id for group in tx.all(Group, Group.c.domain_id == row.id)]
    _forget_projects(tx, [row.id, *(project.id for project in projects)])
    forget_users(tx, sorted(users))
    forget_actors(tx, groups)
    forget_providers_of(tx, row.id)
    for cls in (Group, Role):
        tx.delete_where(cls, cls.c.domain_id == row.id)
    forget_config(tx, row.id)
    for project in reversed(projects):
        tx.delete(project)
    tx.delete(row)
    tell_ended_with(tx, row)


def _forget_projects(tx: Tx, ids: list[str]) -> None:
    """Nothing of ours refers to these projects any more."""
    for some in _pieces(ids):
        tx.delete_where(Assignment, Assignment.c.target_id.in_(some))
        tx.delete_where(ProjectTag, ProjectTag.c.project_id.in_(some))
        tx.delete_where(ApplicationCredential, ApplicationCredential.c.project_id.in_(some))
        tx.delete_where(Credential, Credential.c.project_id.in_(some))
        tx.delete_where(Limit, sa.or_(Limit.c.project_id.in_(some), Limit.c.domain_id.in_(some)))
        trusts.end(tx, tx.all_in(Trust, "project_id", some))
        tx.delete_where(RequestToken, RequestToken.c.project_id.in_(some))
        tx.delete_where(AccessToken, AccessToken.c.project_id.in_(some))
        tx.update_where(User, {"default_project_id": None}, User.c.default_project_id.in_(some))


def forget_users(tx: Tx, ids: list[str]) -> None:
    """These users are gone, and nothing of ours refers to them."""
    forget_actors(tx, ids)
    for some in _pieces(ids):
        tx.delete_where(User, User.c.id.in_(some))


def forget_actors(tx: Tx, ids: list[str]) -> None:
    """Nothing of ours refers to these users and groups any more."""
    for some in _pieces(ids):
        tx.delete_where(Assignment, Assignment.c.actor_id.in_(some))
        members = sa.or_(Membership.c.user_id.in_(some), Membership.c.group_id.in_(some))
        tx.delete_where(Membership, members)
        forget_programs(tx, some)
        tx.delete_where(Credential, Credential.c.user_id.in_(some))
        tx.delete_where(RequestToken, RequestToken.c.authorizing_user_id.in_(some))
        tx.delete_where(AccessToken, AccessToken.c.authorizing_user_id.in_(some))
        for actor in ("trustor_user_id", "trustee_user_id"):
            trusts.end(tx, tx.all_in(Trust, actor, some))


def _pieces(ids: list[str]) -> Iterable[list[str]]:
    return (ids[start : start + 500] for start in range(0, len(ids), 500))
