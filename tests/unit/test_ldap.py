# SPDX-License-Identifier: Apache-2.0
"""What the options of a directory do: TLS, pools, attributes, groups of other kinds; shown on OpenLDAP."""

import asyncio
import json
import re
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cumulet.services.keystone.domain_config.options import check_config
from cumulet.services.keystone.drivers.directory import DirectoryError, DirectoryGroup, DirectoryUser
from cumulet.services.keystone.drivers.ldap import filters
from cumulet.services.keystone.drivers.ldap.driver import LdapDirectory
from cumulet.services.keystone.drivers.ldap.entries import Entry, normal
from cumulet.services.keystone.drivers.ldap.reading import Reader
from cumulet.services.keystone.drivers.ldap.settings import LdapSettings
from cumulet.testing import openldap
from cumulet.testing.openldap import READER, READER_PASSWORD, SUFFIX, OpenLdap

OPTIONS: dict[str, Any] = {
    "user": READER,
    "password": READER_PASSWORD,
    "suffix": SUFFIX,
    "user_id_attribute": "uid",
    "user_name_attribute": "uid",
    "user_enabled_attribute": "employeeType",
    "group_name_attribute": "cn",
}


@pytest.fixture(scope="module")
def ldap() -> Iterator[OpenLdap]:
    """Two users and a group, in the trees that upstream takes where none is named."""
    with openldap.server(more="sizelimit 5") as server:
        server.add("ou=Users", "organizationalUnit")
        server.add("ou=UserGroups", "organizationalUnit")
        for id in ("ada", "bob"):
            person = {"cn": id, "sn": id, "userPassword": id, "mail": [f"{id}@x.org", f"{id}@y.org"]}
            server.add(f"uid={id},ou=Users", "inetOrgPerson", **person, title=f"Title of {id}")
        server.add("cn=makers,ou=UserGroups", "groupOfNames", member=f"UID=ada, OU=Users,{SUFFIX}")
        posix = {"gidNumber": "7", "memberUid": ["ada", "bob"]}
        server.add("cn=posix,ou=UserGroups", "posixGroup", **posix)
        yield server


def ask(ldap: OpenLdap, use: Callable[[LdapDirectory], Awaitable[Any]], **options: Any) -> Any:
    async def run() -> Any:
        directory = LdapDirectory(LdapSettings.parse({"url": ldap.url, **OPTIONS, **options}))
        try:
            return await use(directory)
        finally:
            await directory.close()

    return asyncio.run(run())


def users(ldap: OpenLdap, **options: Any) -> dict[str, DirectoryUser]:
    found: Sequence[DirectoryUser] = ask(ldap, lambda directory: directory.users(), **options)
    return {user.id: user for user in found}


# -- connections ----------------------------------------------------------------------------------------


def test_tls_is_believed_only_by_the_name_and_the_ca(ldap: OpenLdap) -> None:
    ca = {"tls_cacertfile": str(ldap.ca)}
    by_number = f"ldaps://127.0.0.1:{ldap.tls_port}"
    assert users(ldap, url=ldap.tls_url, **ca).keys() == {"ada", "bob"}
    for options in (
        {"url": ldap.tls_url},
        {"url": by_number, **ca},
        {"url": f"ldap://127.0.0.1:{ldap.port}", "use_tls": True, **ca},
        {"url": f"ldap://localhost:{ldap.port}", "use_tls": True},
    ):
        with pytest.raises(DirectoryError, match="certificate"):
            users(ldap, **options)


def test_tls_begins_on_the_ordinary_port_where_that_is_asked_for(ldap: OpenLdap) -> None:
    url = f"ldap://localhost:{ldap.port}"
    assert users(ldap, url=url, use_tls=True, tls_cacertfile=str(ldap.ca)).keys() == {"ada", "bob"}
    assert users(ldap, url=ldap.url, use_tls=True, tls_req_cert="never").keys() == {"ada", "bob"}
    assert users(ldap, url=ldap.tls_url, tls_req_cert="allow").keys() == {"ada", "bob"}


def test_the_first_server_that_answers_counts(ldap: OpenLdap) -> None:
    nobody = f"ldap://127.0.0.1:{openldap.free_port()}"
    for order in ("False", "True"):
        found = users(ldap, url=f"{nobody}, {ldap.url}", randomize_urls=order)
        assert found.keys() == {"ada", "bob"}


def test_a_wrong_password_of_ours_is_an_error_and_tells_no_secret(ldap: OpenLdap) -> None:
    with pytest.raises(DirectoryError) as caught:
        users(ldap, password="s3cret")
    assert "s3cret" not in str(caught.value) and "invalidCredentials" in str(caught.value)


def test_a_connection_that_died_while_it_was_kept_is_replaced(ldap: OpenLdap) -> None:
    async def talk(directory: LdapDirectory) -> None:
        [ada] = await directory.users(["ada"])
        assert await directory.authenticate(ada, "ada")
        ldap.stop()
        ldap.start()
        assert await directory.users(["ada"]) == [ada]
        assert await directory.authenticate(ada, "ada")

    ask(ldap, talk)


def test_many_ask_at_once(ldap: OpenLdap) -> None:
    async def talk(directory: LdapDirectory) -> None:
        [ada, bob] = await directory.users(["ada", "bob"])
        calls = [directory.authenticate(user, "ada") for user in (ada, bob) * 20]
        lists = [directory.users() for _ in range(20)]
        assert await asyncio.gather(*calls) == [True, False] * 20
        assert [len(found) for found in await asyncio.gather(*lists)] == [2] * 20

    ask(ldap, talk, pool_size=3, auth_pool_size=2)
    ask(ldap, talk, use_pool=False)


def test_a_directory_that_was_closed_says_so(ldap: OpenLdap) -> None:
    async def talk(directory: LdapDirectory) -> None:
        await directory.close()
        with pytest.raises(DirectoryError, match="configuration has changed"):
            await directory.users()

    ask(ldap, talk)


def test_more_than_the_server_gives_at_once_is_an_error_without_pages(ldap: OpenLdap) -> None:
    extra = [f"extra{number}" for number in range(6)]
    for id in extra:
        ldap.add(f"uid={id},ou=Users", "inetOrgPerson", cn=id, sn=id)
    try:
        with pytest.raises(DirectoryError, match="page_size"):
            users(ldap)
    finally:
        for id in extra:
            ldap.delete(f"uid={id},ou=Users")


def test_referrals_are_followed_only_where_that_is_asked_for_and_without_a_password(ldap: OpenLdap) -> None:
    with openldap.server(public=True) as far:
        far.add("ou=Users", "organizationalUnit")
        far.add("uid=zoe,ou=Users", "inetOrgPerson", cn="zoe", sn="zoe", userPassword="zoe")
        gone = f"ldap://127.0.0.1:{openldap.free_port()}/ou=Users,{SUFFIX}"
        places = {"far": [gone, f"{far.url}/ou=Users,{SUFFIX}"], "lost": [gone], "odd": ["http://x"]}
        for name, urls in places.items():
            ldap.add(f"ou={name},ou=Users", "referral", "extensibleObject", ref=urls)
        try:
            assert users(ldap, query_scope="sub").keys() == {"ada", "bob"}
            found = users(ldap, query_scope="sub", chase_referrals=True)
            assert found.keys() == {"ada", "bob", "zoe"}
            below = {"user_tree_dn": f"ou=far,ou=Users,{SUFFIX}"}
            assert users(ldap, **below) == {}
            assert users(ldap, chase_referrals=True, **below).keys() == {"zoe"}
            login = ask(ldap, lambda d: d.authenticate(found["zoe"], "zoe"), chase_referrals=True)
            assert login is False
        finally:
            for name in places:
                ldap.delete(f"ou={name},ou=Users")


def test_nobody_waits_for_a_server_that_is_silent(ldap: OpenLdap) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ldap://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(DirectoryError):
            users(ldap, url=url, connection_timeout=1)
        assert time.monotonic() - began < 10
        assert users(ldap, url=f"{url},{ldap.url}", connection_timeout=1).keys() == {"ada", "bob"}


def test_what_does_not_exist_is_empty(ldap: OpenLdap) -> None:
    assert users(ldap, user_tree_dn=f"ou=Nowhere,{SUFFIX}") == {}


# -- entries --------------------------------------------------------------------------------------------


def test_attributes_are_shown_as_the_options_say(ldap: OpenLdap) -> None:
    ada = users(ldap)["ada"]
    assert (ada.name, ada.extra) == ("ada", {"email": "ada@x.org"})
    options = {
        "user_name_attribute": "title",
        "user_mail_attribute": "sn",
        "user_attribute_ignore": [],
        "user_default_project_id_attribute": "cn",
        "user_additional_attribute_mapping": "mail:letters_to,roomNumber:room",
    }
    ada = users(ldap, **options)["ada"]
    assert (ada.name, ada.default_project_id) == ("Title of ada", "ada")
    assert ada.extra == {"email": "ada", "letters_to": "ada@x.org"}
    assert users(ldap, user_attribute_ignore=["email"])["ada"].extra == {}


def test_a_filter_narrows_whom_there_is(ldap: OpenLdap) -> None:
    for filter in ("(uid=b*)", "uid=b*"):
        assert users(ldap, user_filter=filter).keys() == {"bob"}
        assert ask(ldap, lambda directory: directory.user_named("ada"), user_filter=filter) is None


@pytest.mark.parametrize(
    ("options", "value", "enabled"),
    [
        ({}, None, True),
        ({}, "TRUE", True),
        ({}, "FALSE", False),
        ({"user_enabled_default": False}, None, False),
        ({"user_enabled_invert": True, "user_enabled_default": "False"}, None, True),
        ({"user_enabled_invert": True}, "TRUE", False),
        ({"user_enabled_mask": 2, "user_enabled_default": 512}, None, True),
        ({"user_enabled_mask": 2}, "512", True),
        ({"user_enabled_mask": 2}, "66050", False),
        ({"user_enabled_mask": 2}, "no number", False),
        ({"user_attribute_ignore": ["enabled"]}, "FALSE", True),
    ],
)
def test_who_is_enabled(ldap: OpenLdap, options: dict[str, Any], value: str | None, enabled: bool) -> None:
    ldap.change("uid=ada,ou=Users", employeeType=value if value is not None else [])
    try:
        assert users(ldap, **options)["ada"].enabled is enabled
    finally:
        ldap.change("uid=ada,ou=Users", employeeType=[])


def test_who_is_enabled_may_be_a_matter_of_a_group(ldap: OpenLdap) -> None:
    emulated = {
        "user_enabled_emulation": True,
        "user_enabled_emulation_dn": f"cn=makers,ou=UserGroups,{SUFFIX}",
    }
    found = users(ldap, **emulated)
    assert (found["ada"].enabled, found["bob"].enabled) == (True, False)
    assert not any(user.enabled for user in users(ldap, user_enabled_emulation=True).values())
    by_id = {
        "user_enabled_emulation": True,
        "user_enabled_emulation_dn": f"cn=posix,ou=UserGroups,{SUFFIX}",
        "user_enabled_emulation_use_group_config": True,
        "group_objectclass": "posixGroup",
        "group_member_attribute": "memberUid",
        "group_members_are_ids": True,
    }
    assert all(user.enabled for user in users(ldap, **by_id).values())


def test_members_of_a_group_may_be_ids(ldap: OpenLdap) -> None:
    async def talk(directory: LdapDirectory) -> None:
        [posix] = await directory.groups()
        assert posix.id == "posix"
        assert [user.id for user in await directory.members_of(posix)] == ["ada", "bob"]
        [ada] = await directory.users(["ada"])
        assert [group.id for group in await directory.groups_of(ada)] == ["posix"]

    options = {"group_objectclass": "posixGroup", "group_member_attribute": "memberUid"}
    ask(ldap, talk, **options, group_members_are_ids=True)


def test_groups_nest_only_where_that_is_asked_for(ldap: OpenLdap) -> None:
    async def talk(directory: LdapDirectory) -> list[str]:
        [ada] = await directory.users(["ada"])
        return sorted(group.id for group in await directory.groups_of(ada))

    ldap.add("cn=all,ou=UserGroups", "groupOfNames", member=f"cn=makers,ou=UserGroups,{SUFFIX}")
    try:
        assert ask(ldap, talk) == ["makers"]
        assert ask(ldap, talk, group_ad_nesting=True) == ["all", "makers"]
    finally:
        ldap.delete("cn=all,ou=UserGroups")


# -- Active Directory, which nobody may ship -------------------------------------------------------------


class _Recorder:
    """A wire to what says to be an Active Directory, finds nothing and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def search(
        self, base: str, filter: str, attributes: Sequence[str], scope: str | None = None
    ) -> list[Entry]:
        if base == "":
            return [Entry("", {"supportedcapabilities": [b"1.2.840.113556.1.4.800"]})]
        self.asked.append((base, filter))
        return []


def test_active_directory_follows_chains_of_groups_itself() -> None:
    options = {
        "suffix": "DC=town",
        "user_tree_dn": "DC=town",
        "group_tree_dn": "DC=town",
        "user_objectclass": "person",
        "group_objectclass": "group",
        "group_ad_nesting": True,
    }
    wire = _Recorder()
    reader = Reader(LdapSettings.parse(options), wire)  # type: ignore[arg-type]
    reader.groups_of(DirectoryUser(id="ada", name="Ada", place="CN=Ada (x)*,DC=town"))
    reader.members_of(DirectoryGroup(id="makers", name="makers", place="CN=makers,DC=town"))
    chain = "1.2.840.113556.1.4.1941"
    assert wire.asked == [
        ("DC=town", f"(&(objectClass=group)(member:{chain}:=CN=Ada \\28x\\29\\2a,DC=town))"),
        ("DC=town", f"(&(objectClass=person)(memberOf:{chain}:=CN=makers,DC=town))"),
    ]


def test_an_object_guid_is_shown_as_a_uuid_and_asked_for_by_its_bytes() -> None:
    guid = uuid.UUID("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")
    entry = Entry("CN=x", {"objectguid": [guid.bytes_le]})
    assert entry.text("objectGUID") == str(guid)
    readable = uuid.UUID(bytes_le=b"sixteen letters!")
    assert Entry("CN=x", {"objectguid": [readable.bytes_le]}).text("objectGUID") == str(readable)
    assert Entry("CN=x", {"jpegphoto": [b"\xff\xd8", b"\0"]}).texts("jpegPhoto") == []
    bytes_asked = "".join(f"\\{byte:02x}" for byte in guid.bytes_le)
    assert filters.equals("objectGUID", str(guid)) == f"(objectGUID={bytes_asked})"
    assert filters.equals("objectGUID", "no guid*") == "(objectGUID=no guid\\2a)"


# -- pure -----------------------------------------------------------------------------------------------


def test_equal_names_of_entries_are_equal() -> None:
    assert normal("UID=Ada,  OU=People,DC=x") == normal("uid=ada,ou=people, dc=X")
    assert normal("cn=a\\, b,dc=x") == normal("CN=A\\,  B,DC=x") != normal("cn=a,cn=b,dc=x")
    assert normal("no dn") == "no dn"


def test_the_examples_of_the_page_have_options_that_there_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "services" / "keystone.md").read_text()
    examples = re.findall(r'^    (\{"config": \{"identity".*?\}\}\})$', page, flags=re.MULTILINE | re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        config = json.loads(example)["config"]
        check_config(config)
        settings = LdapSettings.parse(config["ldap"])
        assert settings.group_ad_nesting and settings.page_size == 500


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"page_size": "many"}, "ldap.page_size must be a whole number, not 'many'"),
        ({"use_tls": "maybe"}, "ldap.use_tls must be true or false, not 'maybe'"),
        ({"pool_retry_delay": True}, "ldap.pool_retry_delay must be a number, not True"),
        ({"user_attribute_ignore": 5}, "ldap.user_attribute_ignore must be a list, not 5"),
        ({"url": ["ldap://x"]}, "ldap.url must be text"),
        ({"pool_size": "0"}, "ldap.pool_size must be at least 1, not 0"),
        ({"page_size": -5}, "ldap.page_size must be at least 0, not -5"),
        ({"query_scope": "all"}, "ldap.query_scope must be one of one, sub, not 'all'"),
        (
            {"user_additional_attribute_mapping": "mail"},
            "an additional attribute is mapped by attribute:name",
        ),
        ({"url": "ldap://host:port"}, "ldap.url cannot be read"),
        (
            {"use_tls": True, "tls_cacertfile": "/nowhere"},
            "the certificates of ldap.tls_cacertfile cannot be",
        ),
    ],
)
def test_options_that_cannot_be_meant_are_refused_with_a_sentence(
    options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError) as caught:
        LdapDirectory(LdapSettings.parse(options))
    assert sentence in str(caught.value)
