# SPDX-License-Identifier: Apache-2.0
"""What every directory owes Keystone, as checks that run on LDAP servers and on the simulated twin alike.

    @pytest.mark.parametrize("check", CHECKS, ids=name_of)
    def test_openldap(check): asyncio.run(check(town))

A town is a directory with the people and groups below, in which groups nest.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cumulet.services.keystone.drivers.directory import Directory, DirectoryError, DirectoryUser

ODD = r"Zoë *)(uid=*\ #1, "
"""A name that would end a filter, or a DN, if it were put there as it is."""

PEOPLE: Mapping[str, Mapping[str, Any]] = {
    "ada": {"name": "Ada Lovelace", "email": "ada@town.org", "description": "First"},
    "bob": {"name": "Bob", "email": "bob@town.org"},
    "eve": {"name": "Eve", "enabled": False},
    "zoe": {"name": ODD.strip()},
}
GROUPS: Mapping[str, Sequence[str]] = {
    "makers": ("ada", "bob"),
    "everybody": ("makers", "eve"),
    "ring-a": ("ring-b",),
    "ring-b": ("ring-a", "zoe"),
}
DESCRIPTIONS = {"makers": "Who make things"}
CROWD = tuple(f"citizen{number}" for number in range(120))
"""More people than fit into one filter or one page; all of them are in the group `crowd`."""


def password_of(id: str) -> str:
    return f"{id}'s päss"


@dataclass(frozen=True)
class Town:
    """The directory under test, and how to have it not answer."""

    directory: Directory
    silence: Callable[[], None]


Check = Callable[[Town], Awaitable[None]]


async def _user(town: Town, id: str) -> DirectoryUser:
    [user] = await town.directory.users([id])
    return user


async def everybody_is_listed(town: Town) -> None:
    found = {user.id: user for user in await town.directory.users()}
    assert found.keys() == {*PEOPLE, *CROWD}
    for id, about in PEOPLE.items():
        shown = {"email": about.get("email"), "description": about.get("description")}
        assert found[id].name == about["name"]
        assert found[id].enabled == about.get("enabled", True)
        assert dict(found[id].extra) == {name: value for name, value in shown.items() if value}


async def every_group_is_listed(town: Town) -> None:
    found = {group.id: group for group in await town.directory.groups()}
    assert found.keys() == {*GROUPS, "crowd"}
    assert found["makers"].name == "makers"
    assert {id: found[id].description for id in DESCRIPTIONS} == DESCRIPTIONS


async def some_are_found_by_their_ids(town: Town) -> None:
    found = await town.directory.users(["ada", "nobody", "*", "zoe"])
    assert sorted(user.id for user in found) == ["ada", "zoe"]
    found = await town.directory.users(["bob", *CROWD])
    assert {user.id for user in found} == {"bob", *CROWD}
    assert await town.directory.users([]) == []
    groups = await town.directory.groups(["makers", "nothing", "*"])
    assert [group.id for group in groups] == ["makers"]


async def somebody_is_found_by_their_name_whatever_its_case(town: Town) -> None:
    for name in ("Ada Lovelace", "ada lovelace", "ADA LOVELACE"):
        user = await town.directory.user_named(name)
        assert user is not None and (user.id, user.name) == ("ada", "Ada Lovelace")
    assert await town.directory.user_named("Ada") is None


async def a_group_is_found_by_its_name_whatever_its_case(town: Town) -> None:
    for name in ("makers", "MAKERS"):
        group = await town.directory.group_named(name)
        assert group is not None and (group.id, group.name) == ("makers", "makers")
    for name in ("maker", "*", "makers)(cn=*"):
        assert await town.directory.group_named(name) is None


async def a_name_is_never_read_as_a_pattern(town: Town) -> None:
    user = await town.directory.user_named(ODD.strip())
    assert user is not None and user.id == "zoe"
    for name in ("*", "A*", "Bob)(objectClass=*", "*)(|(uid=*", "\\2a", "(", ")", "\\", "é", "\x01"):
        assert await town.directory.user_named(name) is None, name


async def a_password_is_right_or_wrong(town: Town) -> None:
    for id in ("ada", "zoe"):
        user = await _user(town, id)
        assert await town.directory.authenticate(user, password_of(id))
        for wrong in ("wrong", password_of("bob"), password_of(id) + " ", password_of(id).upper()):
            assert not await town.directory.authenticate(user, wrong), wrong
        assert await town.directory.authenticate(user, password_of(id))


async def an_empty_password_is_nobodys(town: Town) -> None:
    user = await _user(town, "ada")
    for empty in ("", "\0", "\u00ad", "\0" + password_of("ada")):
        assert not await town.directory.authenticate(user, empty), repr(empty)


async def who_is_gone_cannot_log_in(town: Town) -> None:
    user = await _user(town, "ada")
    for place in ("", user.place.replace("ada", "nobody").replace("Ada", "Nobody")):
        ghost = DirectoryUser(id="nobody", name="Nobody", place=place)
        assert not await town.directory.authenticate(ghost, password_of("ada"))


async def groups_of_somebody_are_found_through_other_groups_too(town: Town) -> None:
    for id, expected in {
        "ada": ["everybody", "makers"],
        "eve": ["everybody"],
        "zoe": ["ring-a", "ring-b"],
        "citizen7": ["crowd"],
    }.items():
        found = await town.directory.groups_of(await _user(town, id))
        assert sorted(group.id for group in found) == expected, id


async def members_of_a_group_are_found_through_other_groups_too(town: Town) -> None:
    for id, expected in {
        "makers": ["ada", "bob"],
        "everybody": ["ada", "bob", "eve"],
        "ring-a": ["zoe"],
        "crowd": sorted(CROWD),
    }.items():
        [group] = await town.directory.groups([id])
        found = await town.directory.members_of(group)
        assert sorted(user.id for user in found) == expected, id


async def a_directory_that_is_silent_is_an_error_with_a_reason(town: Town) -> None:
    user = await _user(town, "ada")
    [group] = await town.directory.groups(["makers"])
    town.silence()
    for ask in (
        lambda: town.directory.users(),
        lambda: town.directory.groups(["makers"]),
        lambda: town.directory.user_named("Bob"),
        lambda: town.directory.authenticate(user, password_of("ada")),
        lambda: town.directory.groups_of(user),
        lambda: town.directory.members_of(group),
    ):
        try:
            await ask()
        except DirectoryError as error:
            assert str(error)
        else:
            raise AssertionError("It answered.")


CHECKS: Sequence[Check] = (
    everybody_is_listed,
    every_group_is_listed,
    some_are_found_by_their_ids,
    somebody_is_found_by_their_name_whatever_its_case,
    a_group_is_found_by_its_name_whatever_its_case,
    a_name_is_never_read_as_a_pattern,
    a_password_is_right_or_wrong,
    an_empty_password_is_nobodys,
    who_is_gone_cannot_log_in,
    groups_of_somebody_are_found_through_other_groups_too,
    members_of_a_group_are_found_through_other_groups_too,
    a_directory_that_is_silent_is_an_error_with_a_reason,
)


def name_of(check: Any) -> str:
    return str(check.__name__)
