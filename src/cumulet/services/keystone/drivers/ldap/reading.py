# SPDX-License-Identifier: Apache-2.0
"""The searches that answer what a directory is asked. They wait, so they run in threads of the driver.

Where groups nest, Active Directory follows the chain itself; other servers are asked step by step.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

from cumulet.services.keystone.drivers.directory import DirectoryGroup, DirectoryUser
from cumulet.services.keystone.drivers.ldap import filters
from cumulet.services.keystone.drivers.ldap.entries import (
    Entry,
    Shape,
    as_group,
    as_user,
    group_shape,
    normal,
    user_shape,
)
from cumulet.services.keystone.drivers.ldap.settings import LdapSettings
from cumulet.services.keystone.drivers.ldap.wire import BASE, Wire

T = TypeVar("T")

_ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
_FEW = 100
"""Members up to which each is looked up; for more it is cheaper to read all users once."""


class Reader:
    """Answers from one directory."""

    def __init__(self, settings: LdapSettings, wire: Wire) -> None:
        self._settings = settings
        self._wire = wire
        self._users = user_shape(settings)
        self._groups = group_shape(settings)

    def user_named(self, name: str) -> DirectoryUser | None:
        found = self._find_users(filters.equals(self._users.names["name"], name))
        return found[0] if found else None

    def group_named(self, name: str) -> DirectoryGroup | None:
        found = self._find_groups(filters.equals(self._groups.names["name"], name))
        return found[0] if found else None

    def users(self, ids: Collection[str] | None = None) -> list[DirectoryUser]:
        return [user for some in _by_id(self._users, ids) for user in self._find_users(some)]

    def groups(self, ids: Collection[str] | None = None) -> list[DirectoryGroup]:
        return [group for some in _by_id(self._groups, ids) for group in self._find_groups(some)]

    # -- who is where -----------------------------------------------------------------------------------

    def groups_of(self, user: DirectoryUser) -> list[DirectoryGroup]:
        s = self._settings
        value = user.id if s.group_members_are_ids else user.place
        if s.group_ad_nesting and self._follows_chains:
            return self._find_groups(filters.in_chain("member", value))
        found = {group.id: group for group in self._containing([value])}
        new = list(found.values()) if s.group_ad_nesting else []
        while new:
            around = self._containing([group.place for group in new])
            new = [group for group in around if group.id not in found]
            found |= {group.id: group for group in new}
        return list(found.values())

    def _containing(self, members: Sequence[str]) -> list[DirectoryGroup]:
        attribute = self._settings.group_member_attribute
        return [
            group
            for some in _pieces(members)
            for group in self._find_groups(filters.any_of(filters.equals(attribute, each) for each in some))
        ]

    def members_of(self, group: DirectoryGroup) -> list[DirectoryUser]:
        s = self._settings
        if s.group_ad_nesting and self._follows_chains:
            return self._find_users(filters.in_chain("memberOf", group.place))
        values = self._member_values(group.place)
        if s.group_members_are_ids:
            return self.users(values)
        found, seen = dict[str, DirectoryUser](), {normal(group.place)}
        while values:
            people, groups = self._at(values)
            found |= {user.id: user for user in people}
            new = [each for each in groups if normal(each.place) not in seen] if s.group_ad_nesting else []
            seen |= {normal(each.place) for each in new}
            values = [value for each in new for value in self._member_values(each.place)]
        return list(found.values())

    def _member_values(self, place: str) -> list[str]:
        attribute = self._settings.group_member_attribute
        found = self._wire.search(place, self._groups.matching(), [attribute], BASE)
        return [value for entry in found for value in entry.texts(attribute)]

    def _at(self, places: Sequence[str]) -> tuple[list[DirectoryUser], list[DirectoryGroup]]:
        """The users and groups at these places; what is neither, or outside of its tree, is left out."""
        if len(places) > _FEW:
            wanted = {normal(place) for place in places}
            users = [user for user in self.users() if normal(user.place) in wanted]
            groups = self.groups() if self._settings.group_ad_nesting else []
            return users, [group for group in groups if normal(group.place) in wanted]
        return (
            self._as_users(entry for place in places for entry in self._one(self._users, place)),
            self._as_groups(entry for place in places for entry in self._one(self._groups, place))
            if self._settings.group_ad_nesting
            else [],
        )

    def _one(self, shape: Shape, place: str) -> list[Entry]:
        if not normal(place).endswith(normal(shape.tree)):
            return []
        return self._wire.search(place, shape.matching(), shape.attributes, BASE)

    # -- entries ----------------------------------------------------------------------------------------

    def _find_users(self, condition: str) -> list[DirectoryUser]:
        shape = self._users
        return self._as_users(self._wire.search(shape.tree, shape.matching(condition), shape.attributes))

    def _find_groups(self, condition: str) -> list[DirectoryGroup]:
        shape = self._groups
        return self._as_groups(self._wire.search(shape.tree, shape.matching(condition), shape.attributes))

    def _as_users(self, entries: Iterable[Entry]) -> list[DirectoryUser]:
        found = [user for entry in entries if (user := as_user(self._settings, self._users, entry))]
        if self._settings.user_enabled_emulation and "enabled" in self._users.names and found:
            return self._emulated(found)
        return found

    def _as_groups(self, entries: Iterable[Entry]) -> list[DirectoryGroup]:
        return [group for entry in entries if (group := as_group(self._groups, entry))]

    def _emulated(self, users: list[DirectoryUser]) -> list[DirectoryUser]:
        """The users as enabled as their membership in the group of the enabled says."""
        s = self._settings
        place = s.user_enabled_emulation_dn or f"cn=enabled_users,{self._users.tree}"
        attribute, kind, by_id = "member", "groupOfNames", False
        if s.user_enabled_emulation_use_group_config:
            attribute, kind, by_id = s.group_member_attribute, s.group_objectclass, s.group_members_are_ids
        found = self._wire.search(place, filters.equals("objectClass", kind), [attribute], BASE)
        values = {value if by_id else normal(value) for entry in found for value in entry.texts(attribute)}
        return [replace(user, enabled=(user.id if by_id else normal(user.place)) in values) for user in users]

    @cached_property
    def _follows_chains(self) -> bool:
        """Whether the server is an Active Directory, which follows chains of memberships itself."""
        found = self._wire.search("", filters.present("objectClass"), ["supportedCapabilities"], BASE)
        return any(_ACTIVE_DIRECTORY in entry.texts("supportedCapabilities") for entry in found)


def _by_id(shape: Shape, ids: Collection[str] | None) -> Iterator[str]:
    """Conditions for all entries, or for those with these ids."""
    if ids is None:
        yield filters.present(shape.id)
        return
    for some in _pieces(list(ids)):
        yield filters.any_of(filters.equals(shape.id, id) for id in some)


def _pieces(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[start : start + filters.AT_ONCE] for start in range(0, len(values), filters.AT_ONCE))
