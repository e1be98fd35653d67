# SPDX-License-Identifier: Apache-2.0
"""Shadows: rows that stand for users and groups of a directory, so that all the rest of Keystone finds them.

A shadow is an ordinary row whose `local_id` is the id that the directory knows. Its own id follows from that
as upstream's does, so roles that were given in an older cloud still mean the same people. A shadow of what is
gone from its directory stays, with the roles that it was given, and nobody sees it or logs in as it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Forbidden
from cumulet.services.keystone.domain_config.model import DomainOption, option_id, value_of
from cumulet.services.keystone.drivers.directory import DirectoryGroup, DirectoryUser
from cumulet.services.keystone.errors import not_allowed
from cumulet.services.keystone.people import Group, Membership, User, membership_id
from cumulet.services.keystone.tokens.revocation import end_tokens_of, rights_changed

R = TypeVar("R", User, Group)

_SHOWN_IN_TOKENS = frozenset({"name", "enabled", "gone"})
HERE = "sql"
"""The driver of domains whose users and groups live in our tables."""


def public_id(domain_id: str, kind: str, local_id: str) -> str:
    """Upstream's id of a user or group that a directory knows by an id of its own."""
    return hashlib.sha256(f"{domain_id}{kind}{local_id}".encode()).hexdigest()


def driver_of(tx: Tx, domain_id: str) -> str:
    """The name of the driver that serves a domain."""
    row = tx.get(DomainOption, option_id(domain_id, "identity", "driver"))
    return str(value_of(tx, row) or HERE) if row is not None else HERE


def read_only() -> Forbidden:
    return not_allowed("LDAP does not support write operations")


def check_domain_is_here(tx: Tx, domain_id: str) -> None:
    """Raise Forbidden for a domain whose users and groups are made elsewhere."""
    if driver_of(tx, domain_id) != HERE:
        raise read_only()


def check_is_here(*rows: User | Group) -> None:
    """Raise Forbidden for what is changed elsewhere."""
    if any(row.local_id for row in rows):
        raise read_only()


# -- recording ------------------------------------------------------------------------------------------


def record_users(tx: Tx, domain_id: str, users: Iterable[DirectoryUser]) -> list[User]:
    """The shadows of these users are as the directory says."""
    values = {
        user.id: {
            "name": user.name,
            "enabled": user.enabled,
            "default_project_id": user.default_project_id,
            "extra": dict(user.extra),
        }
        for user in users
    }
    return _record(tx, User, domain_id, values)


def record_groups(tx: Tx, domain_id: str, groups: Iterable[DirectoryGroup]) -> list[Group]:
    """The shadows of these groups are as the directory says."""
    values = {
        group.id: {"name": group.name, "description": group.description, "extra": dict(group.extra)}
        for group in groups
    }
    return _record(tx, Group, domain_id, values)


def _record(tx: Tx, cls: type[R], domain_id: str, values: dict[str, dict[str, Any]]) -> list[R]:
    ids = {local_id: public_id(domain_id, cls.member, local_id) for local_id in values}
    known: dict[str, R] = tx.get_many(cls, ids.values())
    found = []
    for local_id, fields in values.items():
        row = known.get(ids[local_id])
        if row is None:
            new = cls(id=ids[local_id], domain_id=domain_id, local_id=local_id, **fields)
            found.append(tx.insert(new, retry=True))
        else:
            found.append(_changed(tx, row, {**fields, "gone": False}))
    return found


def _changed(tx: Tx, row: R, fields: dict[str, Any]) -> R:
    changes = {name: value for name, value in fields.items() if row.__dict__[name] != value}
    if not changes:
        return row
    if isinstance(row, User) and row.enabled and not changes.get("enabled", True):
        row = end_tokens_of(tx, row)
    if _SHOWN_IN_TOKENS & changes.keys():
        rights_changed(tx)
    return tx.update(row, **changes)


def record_groups_of(tx: Tx, user: User, groups: Sequence[Group]) -> None:
    """The user is in exactly these groups."""
    _record_memberships(
        tx,
        tx.all(Membership, Membership.c.user_id == user.id),
        {membership_id(group.id, user.id): (group.id, user.id) for group in groups},
    )


def record_members_of(tx: Tx, group: Group, users: Sequence[User]) -> None:
    """In the group are exactly these users."""
    _record_memberships(
        tx,
        tx.all(Membership, Membership.c.group_id == group.id),
        {membership_id(group.id, user.id): (group.id, user.id) for user in users},
    )


def _record_memberships(tx: Tx, before: list[Membership], wanted: dict[str, tuple[str, str]]) -> None:
    ended = [row for row in before if row.id not in wanted]
    new = wanted.keys() - {row.id for row in before}
    for row in ended:
        tx.delete(row)
    for id in sorted(new):
        group_id, user_id = wanted[id]
        tx.insert(Membership(id=id, group_id=group_id, user_id=user_id), retry=True)
    if ended or new:
        rights_changed(tx)


# -- what is gone ---------------------------------------------------------------------------------------


def vanish(tx: Tx, seen: Iterable[User | Group]) -> None:
    """These are gone from their directory: in no group, without tokens, and seen by nobody.

    They are rows as they were read before the directory was asked. What has changed since then was seen in
    the directory by somebody else, later than by us, and stays.
    """
    for row in seen:
        now = tx.get(type(row), row.id)
        if now is None or now.gone or now.revision != row.revision:
            continue
        mine = Membership.c.user_id if isinstance(now, User) else Membership.c.group_id
        tx.delete_where(Membership, mine == now.id)
        if isinstance(now, User):
            tx.update(end_tokens_of(tx, now), gone=True, enabled=False)
        else:
            rights_changed(tx)
            tx.update(now, gone=True)


def shadows_in(tx: Tx, cls: type[R], domain_id: str) -> list[R]:
    """All shadows of a domain, also of what is gone."""
    c = cls.c
    return tx.all(cls, c.domain_id == domain_id, c.local_id != "", order_by=[c.id])


def shadows_named(tx: Tx, cls: type[R], domain_id: str, name: str) -> list[R]:
    """The shadows of a domain that have this name."""
    c = cls.c
    return tx.all(cls, c.domain_id == domain_id, c.name == name, c.local_id != "", order_by=[c.id])


def driver_changed(tx: Tx, domain_id: str) -> None:
    """Nothing is seen any more of a directory that the domain has no longer."""
    if driver_of(tx, domain_id) == HERE:
        vanish(tx, shadows_in(tx, User, domain_id))
        vanish(tx, shadows_in(tx, Group, domain_id))
