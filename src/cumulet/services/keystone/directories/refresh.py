# SPDX-License-Identifier: Apache-2.0
"""Asks a domain's directory anew before something is read of it.

Each function leaves shadows that are as the directory says; what is read then are rows, as everywhere. Policy
is asked first: a directory is troubled only for who may know the answer.
"""

import functools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.messages import Query, Request
from cumulet.services.keystone.directories.known import Directories, asking
from cumulet.services.keystone.directories.shadows import (
    record_groups,
    record_groups_of,
    record_members_of,
    record_users,
    shadows_in,
    shadows_named,
    vanish,
)
from cumulet.services.keystone.drivers.directory import Directory, DirectoryGroup, DirectoryUser
from cumulet.services.keystone.entity import named
from cumulet.services.keystone.people import Group, User

T = TypeVar("T")
_RECORD: Mapping[type[Any], Callable[..., Any]] = {User: record_users, Group: record_groups}
_AT_ONCE = 500
"""Shadows that one transaction writes, so that a large directory holds up nobody else."""


# -- lists ----------------------------------------------------------------------------------------------


def domain_of(ctx: Context, request: Request) -> str | None:
    """The domain that a list is about: the one asked for, or that of the caller's token."""
    return request.query.get("domain_id") or ctx.identity.domain_id


async def before_list(ctx: Context, cls: type[Any], request: Request) -> Request:
    """The shadows of the domain that a list is about are those of its directory.

    The request comes back with a name as the directory spells it, in which case does not count. Pages after
    the first are of the list that the first one found.
    """
    domain_id = domain_of(ctx, request)
    if not domain_id or "marker" in request.query:
        return request
    directory = await ctx.app.contract(Directories).of(ctx.app, domain_id)
    if directory is None:
        return request
    if request.query.get("name") is not None:
        return await _before_list_of_one(ctx, cls, directory, request)
    before: Sequence[Any] = await ctx.read(shadows_in, cls, domain_id)
    with asking(ctx.app, domain_id):
        found: Sequence[Any] = await (directory.users() if cls is User else directory.groups())
    for some in _pieces(found):
        await ctx.transact(_RECORD[cls], domain_id, some)
    there = {each.id for each in found}
    await ctx.transact(vanish, [row for row in before if row.local_id not in there])
    return request


async def _before_list_of_one(
    ctx: Context, cls: type[Any], directory: Directory, request: Request
) -> Request:
    domain_id, name = domain_of(ctx, request) or "", request.query.get("name") or ""
    before: Sequence[Any] = await ctx.read(shadows_named, cls, domain_id, name)
    with asking(ctx.app, domain_id):
        found = await (directory.user_named(name) if cls is User else directory.group_named(name))
    if found is not None:
        await ctx.transact(_RECORD[cls], domain_id, [found])
    await ctx.transact(vanish, [row for row in before if found is None or row.local_id != found.id])
    if found is None or found.name == name:
        return request
    query = Query()
    query.pairs = [(key, found.name if key == "name" else value) for key, value in request.query.pairs]
    return replace(request, query=query)


# -- one user or group ----------------------------------------------------------------------------------


async def refresh_one(ctx: Context, row: User | Group) -> None:
    """The shadow is as its directory says, and gone if it is gone there."""
    directory = await ctx.app.contract(Directories).of(ctx.app, row.domain_id)
    if directory is None:
        return
    with asking(ctx.app, row.domain_id):
        ids = [row.local_id]
        found: Sequence[Any] = await (
            directory.users(ids) if isinstance(row, User) else directory.groups(ids)
        )
    await ctx.transact(_record_one, row, found)


def _record_one(tx: Tx, row: User | Group, found: Sequence[Any]) -> None:
    if found:
        _RECORD[type(row)](tx, row.domain_id, found)
    else:
        vanish(tx, [row])


# -- who is where ---------------------------------------------------------------------------------------


async def groups_of(ctx: Context, user: User, group: Group | None) -> None:
    """The groups of a user are those that their directory says."""
    directory = await ctx.app.contract(Directories).of(ctx.app, user.domain_id)
    if directory is None:
        return
    with asking(ctx.app, user.domain_id):
        found = next(iter(await directory.users([user.local_id])), None)
        groups = await directory.groups_of(found) if found is not None else ()
    await ctx.transact(_record_groups, user, found, list(groups))


def _record_groups(tx: Tx, user: User, found: DirectoryUser | None, groups: Sequence[DirectoryGroup]) -> None:
    if found is None:
        return _record_one(tx, user, ())
    [shadow] = record_users(tx, user.domain_id, [found])
    record_groups_of(tx, shadow, record_groups(tx, user.domain_id, groups))


async def members_of(ctx: Context, user: User | None, group: Group) -> None:
    """The users in a group are those that its directory says."""
    directory = await ctx.app.contract(Directories).of(ctx.app, group.domain_id)
    if directory is None:
        return
    with asking(ctx.app, group.domain_id):
        found = next(iter(await directory.groups([group.local_id])), None)
        users = await directory.members_of(found) if found is not None else ()
    for some in _pieces(users):
        await ctx.transact(record_users, group.domain_id, some)
    await ctx.transact(_record_members, group, found, users)


def _record_members(
    tx: Tx, group: Group, found: DirectoryGroup | None, users: Sequence[DirectoryUser]
) -> None:
    if found is None:
        return _record_one(tx, group, ())
    [shadow] = record_groups(tx, group.domain_id, [found])
    record_members_of(tx, shadow, record_users(tx, group.domain_id, users))


Route = TypeVar("Route", bound=Callable[..., Any])


def after(refresh: Callable[..., Awaitable[None]], policy: str) -> Callable[[Route], Any]:
    """A route's plain function, which reads, run after what it reads was refreshed.

    `refresh` is `groups_of` or `members_of`; the route names a user, a group or both.
    """
    needs_user = refresh is groups_of

    def mark(function: Route) -> Any:
        @functools.wraps(function)
        async def run(ctx: Context, request: Request) -> Any:
            if not await ctx.app.contract(Directories).domains(ctx.app):
                return await ctx.read(function, ctx, request)
            user, group = await ctx.read(_named, request)
            about = user if needs_user else group
            if about is not None and about.local_id:
                ctx.require(policy, _target(request, user, group))
                await refresh(ctx, user, group)
            return await ctx.read(function, ctx, request)

        return run

    return mark


def _named(tx: Tx, request: Request) -> tuple[User | None, Group | None]:
    params = request.params
    return (
        tx.get(User, params["user_id"]) if "user_id" in params else None,
        tx.get(Group, params["group_id"]) if "group_id" in params else None,
    )


def _target(request: Request, user: User | None, group: Group | None) -> dict[str, Any]:
    """What the rule sees: `owner` rules look at `user_id`."""
    target: dict[str, Any] = {"user_id": request.params.get("user_id")}
    target |= named("user", user.__dict__) if user is not None else {}
    return target | (named("group", group.__dict__) if group is not None else {})


def _pieces(found: Sequence[T]) -> Iterator[Sequence[T]]:
    return (found[start : start + _AT_ONCE] for start in range(0, len(found), _AT_ONCE))
