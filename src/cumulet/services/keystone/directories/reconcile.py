# SPDX-License-Identifier: Apache-2.0
"""Keeps the shadows as their directories are, so that tokens never wait for one.

Who was disabled or is gone loses their tokens within minutes, whoever left a group the roles that came with
it, even if nobody logs in or looks.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Unavailable
from cumulet.services.keystone.directories.known import Directories, asking
from cumulet.services.keystone.directories.shadows import (
    public_id,
    record_groups,
    record_members_of,
    record_users,
    shadows_in,
    vanish,
)
from cumulet.services.keystone.drivers.directory import Directory, DirectoryGroup, DirectoryUser
from cumulet.services.keystone.people import Group, User
from cumulet.services.keystone.roles.model import Assignment

if TYPE_CHECKING:
    from cumulet.kernel.app import App

_AT_ONCE = 500


async def refresh(app: "App") -> None:
    """Every shadow is as its directory says; a directory that does not answer is left for the next time."""
    directories = app.contract(Directories)
    for domain_id in list(await directories.domains(app)):
        try:
            directory = await directories.of(app, domain_id)
            if directory is not None:
                with asking(app, domain_id):
                    await _refresh_domain(app, domain_id, directory)
        except Unavailable:
            continue  # It has been logged.


async def _refresh_domain(app: "App", domain_id: str, directory: Directory) -> None:
    for some in _pieces(await app.db.read(shadows_in, User, domain_id)):
        users = await directory.users([row.local_id for row in some])
        await app.db.transact(_record, some, record_users, users)
    for some in _pieces(await app.db.read(shadows_in, Group, domain_id)):
        groups = await directory.groups([row.local_id for row in some])
        await app.db.transact(_record, some, record_groups, groups)
        given = await app.db.read(_with_roles, [row.id for row in some])
        for group in groups:
            if group.id in given:
                await _refresh_members(app, domain_id, directory, group)


def _record(tx: Tx, rows: Sequence[User | Group], record: Any, found: Sequence[Any]) -> None:
    there = {each.id for each in found}
    record(tx, rows[0].domain_id, found)
    vanish(tx, [row for row in rows if row.local_id not in there])


def _with_roles(tx: Tx, ids: Sequence[str]) -> set[str]:
    """The directory's ids of those groups that were given a role; nothing hangs on who is in the others."""
    given = {row.actor_id for row in tx.all_in(Assignment, "actor_id", ids)}
    return {row.local_id for row in tx.get_many(Group, given).values()}


async def _refresh_members(app: "App", domain_id: str, directory: Directory, group: DirectoryGroup) -> None:
    users = await directory.members_of(group)
    await app.db.transact(_record_members, domain_id, group, users)


def _record_members(tx: Tx, domain_id: str, group: DirectoryGroup, users: Sequence[DirectoryUser]) -> None:
    """In the group are those of these users whom we know; the others have no token yet."""
    [shadow] = record_groups(tx, domain_id, [group])
    ids = [public_id(domain_id, "user", user.id) for user in users]
    known = [row for row in tx.get_many(User, ids).values() if not row.gone]
    record_members_of(tx, shadow, known)


def _pieces(rows: Sequence[Any]) -> list[Sequence[Any]]:
    return [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]
