# SPDX-License-Identifier: Apache-2.0
"""The seam to where users and groups may live instead of our tables.

A directory is read, never written: who may write it has better tools than ours. It knows its entries by ids
of its own; what the cloud calls them is none of its business.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class DirectoryError(Exception):
    """The directory did not answer, or not with what was asked; says why, for the operator."""


@dataclass(frozen=True, kw_only=True)
class DirectoryUser:
    """A user as a directory knows them. `place` is what it calls the entry: a DN in LDAP."""

    id: str
    name: str
    place: str = ""
    enabled: bool = True
    default_project_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What else is shown of them, such as `email`."""


@dataclass(frozen=True, kw_only=True)
class DirectoryGroup:
    """A group as a directory knows it."""

    id: str
    name: str
    place: str = ""
    description: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


class Directory(Protocol):
    """Called from coroutines only, outside of any transaction. Every call may raise DirectoryError."""

    async def user_named(self, name: str) -> DirectoryUser | None:
        """The user with this name, in the directory's sense of equal: in LDAP case does not count."""

    async def group_named(self, name: str) -> DirectoryGroup | None:
        """The group with this name, in the same sense."""

    async def users(self, ids: Collection[str] | None = None) -> Sequence[DirectoryUser]:
        """All users, or those with these ids that there are."""

    async def groups(self, ids: Collection[str] | None = None) -> Sequence[DirectoryGroup]:
        """All groups, or those with these ids that there are."""

    async def authenticate(self, user: DirectoryUser, password: str) -> bool:
        """Whether this is the user's password. An empty one is nobody's."""

    async def groups_of(self, user: DirectoryUser) -> Sequence[DirectoryGroup]:
        """The groups that a user is in, through other groups too where groups nest."""

    async def members_of(self, group: DirectoryGroup) -> Sequence[DirectoryUser]:
        """The users in a group, through other groups too where groups nest."""

    async def close(self) -> None:
        """Nothing is held of it any more."""
