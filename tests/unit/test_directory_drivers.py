# SPDX-License-Identifier: Apache-2.0
"""The drivers of directories pass one contract suite: OpenLDAP in several layouts, and the simulated twin."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from cumulet.services.keystone.drivers.directory import DirectoryUser
from cumulet.services.keystone.drivers.ldap.driver import LdapDirectory
from cumulet.services.keystone.drivers.ldap.settings import LdapSettings
from cumulet.services.keystone.drivers.simulated import SimulatedDirectory
from cumulet.testing import openldap
from cumulet.testing.directories import (
    CHECKS,
    CROWD,
    DESCRIPTIONS,
    GROUPS,
    PEOPLE,
    Check,
    Town,
    a_directory_that_is_silent_is_an_error_with_a_reason,
    name_of,
    password_of,
)
from cumulet.testing.openldap import SUFFIX, OpenLdap

_AD_SCHEMA = """
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.13 NAME 'displayName2' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP organizationalPerson STRUCTURAL
  MAY ( sAMAccountName $ userAccountControl $ objectGUID $ mail $ displayName2 ) )
objectclass ( 1.2.840.113556.1.5.8 NAME 'group' SUP top STRUCTURAL
  MUST cn MAY ( sAMAccountName $ objectGUID $ member $ description ) )
"""
BOUND = {"user": openldap.READER, "password": openldap.READER_PASSWORD, "suffix": SUFFIX}

PLAIN = {
    **BOUND,
    "user_tree_dn": f"ou=People,{SUFFIX}",
    "user_id_attribute": "uid",
    "user_name_attribute": "cn",
    "user_enabled_attribute": "employeeType",
    "user_enabled_default": "TRUE",
    "group_tree_dn": f"ou=Groups,{SUFFIX}",
    "group_name_attribute": "cn",
    "group_ad_nesting": True,
    "page_size": 50,
}
ACTIVE_DIRECTORY = {
    **BOUND,
    "query_scope": "sub",
    "user_tree_dn": SUFFIX,
    "user_objectclass": "user",
    "user_id_attribute": "sAMAccountName",
    "user_name_attribute": "displayName2",
    "user_enabled_attribute": "userAccountControl",
    "user_enabled_mask": "2",
    "user_enabled_default": 512,
    "group_tree_dn": SUFFIX,
    "group_objectclass": "group",
    "group_name_attribute": "cn",
    "group_id_attribute": "sAMAccountName",
    "group_ad_nesting": True,
    "use_pool": False,
}


def _about(id: str) -> dict[str, Any]:
    return dict(PEOPLE.get(id, {"name": id}))


def _shown(id: str) -> dict[str, Any]:
    about = _about(id)
    shown = {"mail": about.get("email"), "description": about.get("description")}
    return {"userPassword": password_of(id), **{name: value for name, value in shown.items() if value}}


def _members(members: Sequence[str], place: Callable[[str], str]) -> list[str]:
    return [f"{place(each)},{SUFFIX}" for each in members]


def fill_plain(ldap: OpenLdap) -> None:
    """People by their uid, in groups by their DN."""

    def place(id: str) -> str:
        return f"cn={id},ou=Groups" if id in GROUPS else f"uid={id},ou=People"

    for tree in ("People", "Groups"):
        ldap.add(f"ou={tree}", "organizationalUnit")
    for id in (*PEOPLE, *CROWD):
        about = _about(id)
        enabled = {} if about.get("enabled", True) else {"employeeType": "FALSE"}
        ldap.add(place(id), "inetOrgPerson", cn=about["name"], sn=id, **enabled, **_shown(id))
    for id, members in {**GROUPS, "crowd": CROWD}.items():
        described = {"description": DESCRIPTIONS[id]} if id in DESCRIPTIONS else {}
        ldap.add(f"cn={id},ou=Groups", "groupOfNames", member=_members(members, place), **described)
    ldap.add("cn=nameless,ou=Groups", "groupOfUniqueNames", uniqueMember="cn=x")


def fill_active_directory(ldap: OpenLdap) -> None:
    """People by their CN, somewhere below an organization, disabled by a bit."""

    def place(id: str) -> str:
        return f"cn={id},ou=Groups" if id in GROUPS else f"cn={id}\\, of Town,ou=Staff,ou=People"

    for tree in ("ou=People", "ou=Staff,ou=People", "ou=Groups"):
        ldap.add(tree, "organizationalUnit")
    for id in (*PEOPLE, *CROWD):
        about = _about(id)
        control = {} if id == "bob" else {"userAccountControl": 512 if about.get("enabled", True) else 514}
        names = {"sn": id, "sAMAccountName": id, "displayName2": about["name"]}
        ldap.add(place(id), "user", **names, **control, **_shown(id))
    ldap.add("cn=Printer,ou=People", "user", sn="no name to log in with")
    for id, members in {**GROUPS, "crowd": CROWD}.items():
        described = {"description": DESCRIPTIONS[id]} if id in DESCRIPTIONS else {}
        ldap.add(
            f"cn={id},ou=Groups", "group", sAMAccountName=id, member=_members(members, place), **described
        )


@pytest.fixture(scope="module")
def plain() -> Iterator[OpenLdap]:
    with openldap.server() as ldap:
        fill_plain(ldap)
        yield ldap


@pytest.fixture(scope="module")
def active_directory() -> Iterator[OpenLdap]:
    with openldap.server(schema=_AD_SCHEMA) as ldap:
        fill_active_directory(ldap)
        yield ldap


def pass_check(check: Check, ldap: OpenLdap, options: dict[str, Any]) -> None:
    async def run() -> None:
        directory = LdapDirectory(LdapSettings.parse(options))
        try:
            await check(Town(directory, ldap.stop))
        finally:
            await directory.close()

    with ExitStack() as stack:
        if check is a_directory_that_is_silent_is_an_error_with_a_reason:
            stack.callback(ldap.start)
        asyncio.run(run())


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_openldap(check: Check, plain: OpenLdap) -> None:
    pass_check(check, plain, {**PLAIN, "url": plain.url})


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_openldap_over_tls(check: Check, plain: OpenLdap) -> None:
    pass_check(check, plain, {**PLAIN, "url": plain.tls_url, "tls_cacertfile": str(plain.ca)})


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_a_layout_like_active_directorys(check: Check, active_directory: OpenLdap) -> None:
    pass_check(check, active_directory, {**ACTIVE_DIRECTORY, "url": active_directory.url})


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_the_simulated_twin(check: Check) -> None:
    directory = SimulatedDirectory()
    for id in (*PEOPLE, *CROWD):
        about = _about(id)
        extra = {name: about[name] for name in ("email", "description") if name in about}
        enabled = about.get("enabled", True)
        user = DirectoryUser(id=id, name=about["name"], place=f"of {id}", enabled=enabled, extra=extra)
        directory.add_user(id, password_of(id), user)
    for id, members in {**GROUPS, "crowd": CROWD}.items():
        directory.add_group(id, members, DESCRIPTIONS.get(id, ""))

    def silence() -> None:
        directory.reachable = False

    asyncio.run(check(Town(directory, silence)))  # type: ignore[arg-type]
