# SPDX-License-Identifier: Apache-2.0
"""A domain whose people live in OpenLDAP: its configuration, logins and roles, and a server that is away."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cumulet.testing import openldap
from cumulet.testing.identity import Talk, converse, password
from cumulet.testing.openldap import READER, READER_PASSWORD, SUFFIX, OpenLdap


@pytest.fixture(scope="module")
def ldap() -> Iterator[OpenLdap]:
    with openldap.server() as server:
        for tree in ("People", "Groups"):
            server.add(f"ou={tree}", "organizationalUnit")
        for id, name in (("ada", "Ada Lovelace"), ("bob", "Robert")):
            person = {"cn": name, "sn": name, "mail": f"{id}@town.org", "userPassword": f"{id}'s"}
            server.add(f"uid={id},ou=People", "inetOrgPerson", **person)
        server.add("cn=makers,ou=Groups", "groupOfNames", member=f"uid=ada,ou=People,{SUFFIX}")
        everybody = [f"cn=makers,ou=Groups,{SUFFIX}", f"uid=bob,ou=People,{SUFFIX}"]
        server.add("cn=everybody,ou=Groups", "groupOfNames", member=everybody)
        yield server


async def new_domain(keystone: Talk, ldap: OpenLdap) -> str:
    domain = await keystone.make("domain", name="town")
    config = {
        "identity": {"driver": "ldap"},
        "ldap": {
            "url": f"ldap://localhost:{ldap.port}",
            "use_tls": True,
            "tls_cacertfile": str(ldap.ca),
            "user": READER,
            "password": READER_PASSWORD,
            "user_tree_dn": f"ou=People,{SUFFIX}",
            "user_id_attribute": "uid",
            "user_name_attribute": "uid",
            "group_tree_dn": f"ou=Groups,{SUFFIX}",
            "group_name_attribute": "cn",
            "group_ad_nesting": True,
            "user_additional_attribute_mapping": ["cn:full_name"],
        },
    }
    answer = await keystone("PUT", f"/domains/{domain['id']}/config", {"config": config})
    assert answer.status == 201 and "password" not in answer["config"]["ldap"], answer
    id: str = domain["id"]
    return id


def test_people_of_an_ldap_server_log_in_and_get_roles_by_their_groups(
    tmp_path: Path, database: str, ldap: OpenLdap
) -> None:
    async def talk(keystone: Talk) -> None:
        town = await new_domain(keystone, ldap)
        answer = await keystone("GET", f"/users?domain_id={town}")
        assert {user["name"]: (user["email"], user["full_name"]) for user in answer["users"]} == {
            "ada": ("ada@town.org", "Ada Lovelace"),
            "bob": ("bob@town.org", "Robert"),
        }
        answer = await keystone("GET", f"/groups?domain_id={town}&name=everybody")
        [everybody] = answer["groups"]
        project = await keystone.make("project", name="works", domain_id=town)
        role = await keystone.role("member")
        path = f"/projects/{project['id']}/groups/{everybody['id']}/roles/{role}"
        assert (await keystone("PUT", path)).status == 204
        user = {"name": "ada", "domain": {"id": town}, "password": "ada's"}
        answer = await keystone.ask_token(password(user, {"project": {"id": project["id"]}}))
        assert answer.status == 201, answer
        assert sorted(role["name"] for role in answer["token"]["roles"]) == ["member", "reader"]
        for wrong in ("", "bob's"):
            answer = await keystone.ask_token(password({**user, "password": wrong}))
            assert answer.status == 401
        answer = await keystone.ask_token(password({**user, "name": "*"}))
        assert answer.status == 401

    converse(tmp_path, talk, database=database)


def test_who_left_the_server_is_found_no_more(tmp_path: Path, ldap: OpenLdap) -> None:
    async def talk(keystone: Talk) -> None:
        town = await new_domain(keystone, ldap)
        ldap.add("uid=eve,ou=People", "inetOrgPerson", cn="Eve", sn="Eve", userPassword="eve's")
        token = await keystone.login({"name": "eve", "domain": {"id": town}, "password": "eve's"})
        eve = (await keystone("GET", "/auth/tokens", headers={"X-Subject-Token": token}))["token"]["user"][
            "id"
        ]
        ldap.delete("uid=eve,ou=People")
        assert (await keystone("GET", f"/users/{eve}")).status == 404
        assert (await keystone("GET", "/auth/projects", token=token)).status == 401

    converse(tmp_path, talk)


def test_while_the_server_is_away_only_its_own_people_wait(tmp_path: Path, ldap: OpenLdap) -> None:
    async def talk(keystone: Talk) -> None:
        town = await new_domain(keystone, ldap)
        user = {"name": "ada", "domain": {"id": town}, "password": "ada's"}
        token = await keystone.login(user)
        ldap.stop()
        try:
            assert (await keystone.ask_token(password(user))).status == 503
            assert (await keystone("GET", f"/users?domain_id={town}")).status == 503
            assert (await keystone("GET", "/auth/projects", token=token)).status == 200
            assert await keystone.become_admin()
        finally:
            ldap.start()
        assert (await keystone.ask_token(password(user))).status == 201

    converse(tmp_path, talk)
