# SPDX-License-Identifier: Apache-2.0
"""The operations on groups, and who is in them."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource import expose
from cumulet.kernel.resource.finding import fetch
from cumulet.kernel.resource.shapes import page
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.directories import refresh
from cumulet.services.keystone.directories.operations import List, Show
from cumulet.services.keystone.directories.shadows import check_domain_is_here, check_is_here
from cumulet.services.keystone.entity import Create, DeleteKnown, Update, named, plain_filters
from cumulet.services.keystone.errors import not_found
from cumulet.services.keystone.people import Group, Membership, User, groups_of, membership_id
from cumulet.services.keystone.projects.changes import forget_actors
from cumulet.services.keystone.storing import callers_domain, duplicate, unique
from cumulet.services.keystone.tokens.revocation import rights_changed
from cumulet.services.keystone.users.api import need_domain
from cumulet.services.keystone.users.filters import password_expiry
from cumulet.services.keystone.wire import list_links


def create_group(tx: Tx, ctx: Context, given: dict[str, Any]) -> Group:
    """A group in the domain that was asked for, or that of the caller's token."""
    values = {**given, "domain_id": given.get("domain_id") or callers_domain(ctx)}
    need_domain(tx, values["domain_id"])
    check_domain_is_here(tx, values["domain_id"])
    with unique("group", duplicate(values["name"], values["domain_id"])):
        return tx.insert(Group(**values))


def update_group(tx: Tx, ctx: Context, group: Group, given: dict[str, Any]) -> Group:
    check_is_here(group)
    if given.get("domain_id", group.domain_id) != group.domain_id:
        raise BadRequest("Cannot change Domain ID")
    with unique("group", duplicate(given.get("name", group.name), group.domain_id)):
        return tx.update(group, **given)


def delete_group(tx: Tx, ctx: Context, group: Group) -> None:
    """The group is gone, and its members have lost the roles that they had through it."""
    check_is_here(group)
    forget_actors(tx, [group.id])
    tx.delete(group)
    rights_changed(tx)


GROUPS = expose(
    Group,
    List(
        policy="identity:list_groups",
        domain_target=("target.group.domain_id",),
        only_domain=lambda id: Group.c.domain_id == id,
        bounded=True,
    ),
    Show(policy="identity:get_group"),
    Create(policy="identity:create_group", run=create_group),
    Update(policy="identity:update_group", run=update_group),
    DeleteKnown(policy="identity:delete_group", run=delete_group),
)


# -- membership -----------------------------------------------------------------------------------------

_MEMBER = "/groups/{group_id}/users/{user_id}"


@route(
    "GET",
    "/groups/{group_id}/users",
    policy="identity:list_users_in_group",
    query=("name", "enabled", "password_expires_at"),
    answer=page(User),
)
@refresh.after(refresh.members_of, "identity:list_users_in_group")
def list_members(tx: Tx, ctx: Context, request: Request) -> Any:
    """The users in a group."""
    group = fetch(tx, ctx, Group, request, "identity:list_users_in_group")
    c = Membership.c
    ids = [row.user_id for row in tx.all(Membership, c.group_id == group.id, c.idp_id.is_(None))]
    filters = {**plain_filters(User, request), "password_expires_at": password_expiry}
    where = [
        condition(ctx, request.query.all(key)) for key, condition in filters.items() if key in request.query
    ]
    if domain_id := ctx.identity.domain_id:
        where.append(User.c.domain_id == domain_id)
    rows = tx.all(User, User.c.id.in_(ids), *where, order_by=[User.c.id])
    links = list_links(ctx, request.path, request.query.pairs)
    return {"users": render(tx, ctx, User, rows), "links": links}


@route("GET", _MEMBER, policy="identity:check_user_in_group", status=204)
@refresh.after(refresh.members_of, "identity:check_user_in_group")
def check_member(tx: Tx, ctx: Context, request: Request) -> None:
    """Whether a user is in a group."""
    group, user = _both(tx, ctx, request, "identity:check_user_in_group")
    if group.id not in groups_of(tx, user.id):
        _need_member(tx, group, user)


@route("PUT", _MEMBER, policy="identity:add_user_to_group", status=204)
def add_member(tx: Tx, ctx: Context, request: Request) -> None:
    """The user is in the group."""
    group, user = _both(tx, ctx, request, "identity:add_user_to_group")
    _check_same_place(group, user)
    id = membership_id(group.id, user.id)
    if tx.get(Membership, id) is None:
        tx.insert(Membership(id=id, group_id=group.id, user_id=user.id), retry=True)
        rights_changed(tx)


@route("DELETE", _MEMBER, policy="identity:remove_user_from_group", status=204)
def remove_member(tx: Tx, ctx: Context, request: Request) -> None:
    """The user is in the group no longer, and has lost the roles that they had through it."""
    group, user = _both(tx, ctx, request, "identity:remove_user_from_group")
    _check_same_place(group, user)
    tx.delete(_need_member(tx, group, user))
    rights_changed(tx)


def _check_same_place(group: Group, user: User) -> None:
    """Raise Forbidden unless both live here: a directory says itself who is in its groups."""
    if bool(group.local_id) != bool(user.local_id):
        raise Forbidden(
            "Group membership across backend boundaries is not allowed. Group in question is "
            f"{group.id}, user is {user.id}."
        )
    check_is_here(group, user)


def _need_member(tx: Tx, group: Group, user: User) -> Membership:
    found = tx.get(Membership, membership_id(group.id, user.id))
    if found is None:
        raise not_found("user in group", user.id)
    return found


def _both(tx: Tx, ctx: Context, request: Request, policy: str) -> tuple[Group, User]:
    """The group and the user of the path; policy is asked before it is told whether they exist."""
    group = tx.get(Group, request.params["group_id"])
    user = tx.get(User, request.params["user_id"])
    target = named("group", group.__dict__ if group is not None else {})
    ctx.require(policy, target | named("user", user.__dict__ if user is not None else {}))
    if group is None:
        raise not_found("group", request.params["group_id"])
    if user is None:
        raise not_found("user", request.params["user_id"])
    return group, user


ROUTES = (list_members, check_member, add_member, remove_member)
