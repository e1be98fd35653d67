# SPDX-License-Identifier: Apache-2.0
"""A directory in memory: the twin of the LDAP driver, for tests and for clouds that are imagined."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from cumulet.services.keystone.drivers.directory import DirectoryError, DirectoryGroup, DirectoryUser


@dataclass
class SimulatedDirectory:
    """A Directory whose entries are these. Members are ids of users and of groups; groups nest.

    `reachable` may be set to False, and `asked` counts the calls.
    """

    people: dict[str, DirectoryUser] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    teams: dict[str, DirectoryGroup] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    reachable: bool = True
    asked: int = 0

    # -- its content ------------------------------------------------------------------------------------

    def add_user(self, id: str, password: str, user: DirectoryUser | None = None) -> DirectoryUser:
        """A user, named like their id unless another is given."""
        self.people[id] = user or DirectoryUser(id=id, name=id, place=f"user {id}")
        self.passwords[id] = password
        return self.people[id]

    def add_group(self, id: str, members: Iterable[str] = (), description: str = "") -> DirectoryGroup:
        self.teams[id] = DirectoryGroup(id=id, name=id, place=f"group {id}", description=description)
        self.members[id] = set(members)
        return self.teams[id]

    def remove(self, id: str) -> None:
        """Neither a user nor a group has this id any more."""
        for known in (self.people, self.passwords, self.teams, self.members):
            known.pop(id, None)
        for inside in self.members.values():
            inside.discard(id)

    def disable(self, id: str) -> None:
        self.people[id] = replace(self.people[id], enabled=False)

    # -- what it is asked -------------------------------------------------------------------------------

    async def user_named(self, name: str) -> DirectoryUser | None:
        self._ask()
        return next((user for user in self.people.values() if user.name.lower() == name.lower()), None)

    async def group_named(self, name: str) -> DirectoryGroup | None:
        self._ask()
        return next((group for group in self.teams.values() if group.name.lower() == name.lower()), None)

    async def users(self, ids: Collection[str] | None = None) -> Sequence[DirectoryUser]:
        self._ask()
        return [user for user in self.people.values() if ids is None or user.id in ids]

    async def groups(self, ids: Collection[str] | None = None) -> Sequence[DirectoryGroup]:
        self._ask()
        return [group for group in self.teams.values() if ids is None or group.id in ids]

    async def authenticate(self, user: DirectoryUser, password: str) -> bool:
        self._ask()
        return bool(password) and self.passwords.get(user.id) == password

    async def groups_of(self, user: DirectoryUser) -> Sequence[DirectoryGroup]:
        self._ask()
        return [group for group in self.teams.values() if user.id in self._inside(group.id, set())]

    async def members_of(self, group: DirectoryGroup) -> Sequence[DirectoryUser]:
        self._ask()
        return [user for id, user in self.people.items() if id in self._inside(group.id, set())]

    async def close(self) -> None:
        pass

    def _inside(self, group_id: str, seen: set[str]) -> set[str]:
        found = set(self.members.get(group_id, ()))
        for id in found & self.teams.keys() - seen:
            found |= self._inside(id, seen | {group_id})
        return found

    def _ask(self) -> None:
        self.asked += 1
        if not self.reachable:
            raise DirectoryError("nobody answers")
