# SPDX-License-Identifier: Apache-2.0
"""Users and groups that live in a directory: they log in, are listed, get roles, and are changed elsewhere.

The directory is imagined here; tests/unit/test_ldap.py holds the same talk with OpenLDAP.
"""

import hashlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from cumulet.kernel.clock import ManualClock
from cumulet.services.keystone.directories import reconcile
from cumulet.services.keystone.drivers.directory import DirectoryUser
from cumulet.services.keystone.drivers.simulated import SimulatedDirectory
from cumulet.services.keystone.service import service
from cumulet.testing.identity import Talk, converse, password

Town = Callable[[Talk, SimulatedDirectory, str], Awaitable[None]]


def in_town(path: Path, talk: Town, **how: Any) -> None:
    """A conversation about the domain `town`, whose people ada, bob and eve live in a directory."""
    directory = SimulatedDirectory()
    for id in ("ada", "bob", "eve"):
        directory.add_user(
            id, f"{id}'s", DirectoryUser(id=id, name=id.title(), extra={"email": f"{id}@x.org"})
        )
    directory.add_group("makers", ["ada", "bob"])
    directory.add_group("everybody", ["makers", "eve"])

    async def run(keystone: Talk) -> None:
        domain = await keystone.make("domain", name="town")
        config = {"identity": {"driver": "ldap"}, "ldap": {"url": "ldap://imagined"}}
        path = f"/domains/{domain['id']}/config"
        assert (await keystone("PUT", path, {"config": config})).status == 201
        await talk(keystone, directory, domain["id"])

    converse(path, run, service=service(drivers={"ldap": lambda options: directory}), **how)


def somebody(name: str, secret: str = "") -> dict[str, Any]:
    return {"name": name, "domain": {"name": "town"}, "password": secret or f"{name.lower()}'s"}


async def users(keystone: Talk, query: str) -> dict[str, dict[str, Any]]:
    answer = await keystone("GET", f"/users?{query}")
    assert answer.status == 200, answer
    return {user["name"]: user for user in answer["users"]}


async def groups(keystone: Talk, path: str) -> dict[str, str]:
    answer = await keystone("GET", path)
    assert answer.status == 200, answer
    return {group["name"]: group["id"] for group in answer["groups"]}


def test_the_users_of_a_domain_are_those_of_its_directory(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        found = await users(keystone, f"domain_id={town}")
        assert sorted(found) == ["Ada", "Bob", "Eve"]
        ada = found["Ada"]
        assert ada["id"] == hashlib.sha256(f"{town}userada".encode()).hexdigest()
        assert (ada["domain_id"], ada["email"], ada["enabled"]) == (town, "ada@x.org", True)
        assert (ada["options"], ada["password_expires_at"]) == ({}, None)
        assert (await keystone("GET", f"/users/{ada['id']}"))["user"] == ada
        assert sorted(await users(keystone, f"domain_id={town}&name__startswith=E")) == ["Eve"]
        assert sorted(await users(keystone, f"domain_id={town}&name=ada")) == ["Ada"]
        assert sorted(await users(keystone, f"domain_id={town}&name=zoe")) == []
        assert "admin" not in found and "Ada" not in await users(keystone, "domain_id=default")

    in_town(tmp_path, talk, database=database)


def test_groups_and_who_is_in_them_are_those_of_the_directory(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        found = await groups(keystone, f"/groups?domain_id={town}")
        assert sorted(found) == ["everybody", "makers"]
        assert await groups(keystone, f"/groups?domain_id={town}&name=MAKERS") == {"makers": found["makers"]}
        assert await groups(keystone, f"/groups?domain_id={town}&name=idlers") == {}
        assert found["makers"] == hashlib.sha256(f"{town}groupmakers".encode()).hexdigest()
        answer = await keystone("GET", f"/groups/{found['makers']}/users")
        members = {user["name"]: user["id"] for user in answer["users"]}
        assert sorted(members) == ["Ada", "Bob"]
        answer = await keystone("GET", f"/groups/{found['everybody']}/users")
        assert sorted(user["name"] for user in answer["users"]) == ["Ada", "Bob", "Eve"]
        assert sorted(await groups(keystone, f"/users/{members['Ada']}/groups")) == ["everybody", "makers"]
        path = f"/groups/{found['makers']}/users/{members['Bob']}"
        assert (await keystone("HEAD", path)).status == 204
        directory.members["makers"].remove("bob")
        answer = await keystone("GET", path)
        assert (answer.status, answer["error"]["message"]) == (
            404,
            f"Could not find user in group: {members['Bob']}.",
        )
        assert (await keystone("GET", f"/groups/{found['makers']}"))["group"]["name"] == "makers"

    in_town(tmp_path, talk)


def test_a_user_of_a_directory_logs_in_by_name_and_by_id(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        answer = await keystone.ask_token(password(somebody("Ada")))
        assert answer.status == 201, answer
        ada = answer["token"]["user"]
        assert (ada["name"], ada["domain"]) == ("Ada", {"id": town, "name": "town"})
        assert ada["id"] == hashlib.sha256(f"{town}userada".encode()).hexdigest()
        assert answer["token"]["methods"] == ["password"] and "roles" not in answer["token"]
        assert (await keystone.ask_token(password(somebody("aDA", "ada's")))).status == 201
        assert (await keystone.ask_token(password({"id": ada["id"], "password": "ada's"}))).status == 201

    in_town(tmp_path, talk, database=database)


def test_whatever_is_wrong_with_a_login_the_answer_is_the_same(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        directory.disable("eve")
        ada = (await users(keystone, f"domain_id={town}"))["Ada"]["id"]
        for user in (
            somebody("Ada", "wrong"),
            {**somebody("Ada"), "password": ""},
            {"name": "Ada", "domain": {"id": town}},
            somebody("Zoe"),
            somebody("Eve"),
            {"id": ada, "password": "wrong"},
            {"id": "0" * 64, "password": "ada's"},
            {"name": "Ada", "domain": {"id": "default"}, "password": "ada's"},
        ):
            answer = await keystone.ask_token(password(user))
            assert (answer.status, answer["error"]["message"]) == (
                401,
                "The request you have made requires authentication.",
            ), user
        await keystone("PATCH", f"/domains/{town}", {"domain": {"enabled": False}})
        assert (await keystone.ask_token(password(somebody("Ada")))).status == 401

    in_town(tmp_path, talk)


def test_roles_are_given_to_users_and_groups_of_a_directory(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        project = await keystone.make("project", name="works", domain_id=town)
        place, scope = f"/projects/{project['id']}", {"project": {"id": project["id"]}}
        found = await groups(keystone, f"/groups?domain_id={town}")
        eve = (await users(keystone, f"domain_id={town}"))["Eve"]["id"]
        member, reader = await keystone.role("member"), await keystone.role("reader")
        assert (await keystone("PUT", f"{place}/groups/{found['makers']}/roles/{member}")).status == 204
        assert (await keystone("PUT", f"{place}/users/{eve}/roles/{reader}")).status == 204
        answer = await keystone.ask_token(password(somebody("Ada"), scope))
        assert sorted(role["name"] for role in answer["token"]["roles"]) == ["member", "reader"]
        token = answer.headers["x-subject-token"]
        answer = await keystone.ask_token(password(somebody("Eve"), scope))
        assert [role["name"] for role in answer["token"]["roles"]] == ["reader"]
        answer = await keystone("GET", f"/role_assignments?scope.project.id={project['id']}&include_names")
        shown = {
            (kind, held[kind]["name"])
            for held in answer["role_assignments"]
            for kind in ("user", "group")
            if kind in held
        }
        assert shown == {("group", "makers"), ("user", "Eve")}
        answer = await keystone("GET", f"/role_assignments?scope.project.id={project['id']}&effective")
        assert {held["user"]["id"] for held in answer["role_assignments"]} >= {eve}
        answer = await keystone("GET", "/auth/projects", token=token)
        assert [row["name"] for row in answer["projects"]] == ["works"]

    in_town(tmp_path, talk, database=database)


def test_a_role_that_a_group_inherits_to_projects_reaches_its_members(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        project = await keystone.make("project", name="works", domain_id=town)
        everybody = (await groups(keystone, f"/groups?domain_id={town}"))["everybody"]
        path = f"/OS-INHERIT/domains/{town}/groups/{everybody}/roles/{await keystone.role('reader')}"
        assert (await keystone("PUT", f"{path}/inherited_to_projects")).status == 204
        scope = {"project": {"name": "works", "domain": {"name": "town"}}}
        answer = await keystone.ask_token(password(somebody("Ada"), scope))
        assert [role["name"] for role in answer["token"]["roles"]] == ["reader"]
        assert answer["token"]["project"]["id"] == project["id"]
        answer = await keystone("GET", f"/role_assignments?effective&scope.project.id={project['id']}")
        [held] = answer["role_assignments"]
        assert held["user"]["id"] == hashlib.sha256(f"{town}userada".encode()).hexdigest()

    in_town(tmp_path, talk)


def test_who_left_a_group_has_lost_its_roles_at_the_next_login(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        project = await keystone.make("project", name="works", domain_id=town)
        scope = {"project": {"id": project["id"]}}
        makers = (await groups(keystone, f"/groups?domain_id={town}"))["makers"]
        role = await keystone.role("member")
        await keystone("PUT", f"/projects/{project['id']}/groups/{makers}/roles/{role}")
        token = await keystone.login(somebody("Ada"), scope)
        directory.members["makers"].remove("ada")
        assert (await keystone("GET", "/auth/projects", token=token)).status == 200
        assert (await keystone.ask_token(password(somebody("Ada"), scope))).status == 401
        assert (await keystone("GET", "/auth/projects", token=token)).status == 401

    in_town(tmp_path, talk)


def test_tokens_never_wait_for_a_directory(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        token = await keystone.login(somebody("Ada"))
        asked = directory.asked
        directory.reachable = False
        answer = await keystone("GET", "/auth/tokens", headers={"X-Subject-Token": token})
        assert (answer.status, answer["token"]["user"]["name"]) == (200, "Ada")
        assert (await keystone("GET", "/auth/projects", token=token)).status == 200
        assert (await keystone("GET", "/role_assignments")).status == 200
        assert "Ada" in await users(keystone, "")
        assert directory.asked == asked

    in_town(tmp_path, talk)


def test_a_directory_that_does_not_answer_is_no_fault_of_anybody_else(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        ada = (await users(keystone, f"domain_id={town}"))["Ada"]["id"]
        makers = (await groups(keystone, f"/groups?domain_id={town}"))["makers"]
        directory.reachable = False
        for path in (
            f"/users?domain_id={town}",
            f"/groups?domain_id={town}",
            f"/users/{ada}",
            f"/users/{ada}/groups",
            f"/groups/{makers}/users",
        ):
            answer = await keystone("GET", path)
            assert answer.status == 503, (path, answer)
            assert answer["error"]["message"] == (
                f"The users and groups of domain {town} live in a directory that does not answer now. "
                "Please try again later."
            )
        assert (await keystone.ask_token(password(somebody("Ada")))).status == 503
        assert (await keystone.become_admin()) and "admin" in await users(keystone, "domain_id=default")
        directory.reachable = True
        assert (await keystone.ask_token(password(somebody("Ada")))).status == 201

    in_town(tmp_path, talk)


def test_a_directory_is_changed_with_its_own_tools(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        ada = (await users(keystone, f"domain_id={town}"))["Ada"]["id"]
        makers = (await groups(keystone, f"/groups?domain_id={town}"))["makers"]
        own = {"original_password": "ada's", "password": "new"}
        for method, path, body in (
            ("POST", "/users", {"user": {"name": "zoe", "domain_id": town}}),
            ("PATCH", f"/users/{ada}", {"user": {"enabled": False}}),
            ("DELETE", f"/users/{ada}", None),
            ("POST", f"/users/{ada}/password", {"user": own}),
            ("POST", "/groups", {"group": {"name": "idlers", "domain_id": town}}),
            ("PATCH", f"/groups/{makers}", {"group": {"name": "idlers"}}),
            ("DELETE", f"/groups/{makers}", None),
            ("PUT", f"/groups/{makers}/users/{ada}", None),
            ("DELETE", f"/groups/{makers}/users/{ada}", None),
        ):
            answer = await keystone(method, path, body)
            assert (answer.status, answer["error"]["message"]) == (
                403,
                "You are not authorized to perform the requested action: LDAP does not support write "
                "operations.",
            ), (method, path, answer)
        wrong = {"original_password": "wrong", "password": "new"}
        assert (await keystone("POST", f"/users/{ada}/password", {"user": wrong})).status == 401

    in_town(tmp_path, talk)


def test_nobody_is_in_a_group_that_lives_elsewhere(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        ada = (await users(keystone, f"domain_id={town}"))["Ada"]["id"]
        group = await keystone.make("group", name="locals")
        answer = await keystone("PUT", f"/groups/{group['id']}/users/{ada}")
        assert (answer.status, answer["error"]["message"]) == (
            403,
            "Group membership across backend boundaries is not allowed. "
            f"Group in question is {group['id']}, user is {ada}.",
        )

    in_town(tmp_path, talk)


def test_who_is_gone_from_a_directory_is_not_found_and_comes_back_with_their_roles(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        project = await keystone.make("project", name="works", domain_id=town)
        scope = {"project": {"id": project["id"]}}
        bob = (await users(keystone, f"domain_id={town}"))["Bob"]["id"]
        await keystone.give("member", bob, f"/projects/{project['id']}")
        token = await keystone.login(somebody("Bob"), scope)
        directory.remove("bob")
        answer = await keystone("GET", f"/users/{bob}")
        assert (answer.status, answer["error"]["message"]) == (404, f"Could not find user: {bob}.")
        assert (await keystone("GET", "/auth/projects", token=token)).status == 401
        assert sorted(await users(keystone, f"domain_id={town}")) == ["Ada", "Eve"]
        assert "Bob" not in await users(keystone, "")
        directory.add_user("bob", "bob's", DirectoryUser(id="bob", name="Bob"))
        assert (await keystone("GET", f"/users/{bob}")).status == 200
        assert (await keystone.ask_token(password(somebody("Bob"), scope))).status == 201
        assert (await keystone("GET", "/auth/projects", token=token)).status == 401

    in_town(tmp_path, talk)


def test_an_answer_that_is_late_makes_nobody_vanish_who_was_seen_since(tmp_path: Path) -> None:
    class Slow(SimulatedDirectory):
        """Ada is made while the list of everybody is on its way."""

        meanwhile: Callable[[], Awaitable[Any]] | None = None

        async def users(self, ids: Collection[str] | None = None) -> Sequence[DirectoryUser]:
            found, after = await super().users(ids), self.meanwhile
            self.meanwhile = None
            if after is not None:
                await after()
            return found

    directory = Slow()

    async def talk(keystone: Talk) -> None:
        domain = await keystone.make("domain", name="town")
        config = {"identity": {"driver": "ldap"}}
        await keystone("PUT", f"/domains/{domain['id']}/config", {"config": config})
        directory.add_user("ada", "ada's")
        await users(keystone, f"domain_id={domain['id']}")
        directory.remove("ada")
        await users(keystone, f"domain_id={domain['id']}")
        tokens = []

        async def come_back() -> None:
            directory.add_user("ada", "ada's")
            tokens.append(await keystone.login(somebody("ada")))

        directory.meanwhile = come_back
        await users(keystone, f"domain_id={domain['id']}")
        assert (await keystone("GET", "/auth/projects", token=tokens[0])).status == 200

    converse(tmp_path, talk, service=service(drivers={"ldap": lambda options: directory}))


def test_a_name_may_pass_on_to_somebody_else(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        old = (await users(keystone, f"domain_id={town}"))["Bob"]["id"]
        directory.remove("bob")
        directory.add_user("robert", "bob's", DirectoryUser(id="robert", name="Bob"))
        new = (await users(keystone, f"domain_id={town}&name=Bob"))["Bob"]["id"]
        assert new != old
        answer = await keystone.ask_token(password(somebody("Bob")))
        assert answer["token"]["user"]["id"] == new
        assert (await keystone("GET", f"/users/{old}")).status == 404

    in_town(tmp_path, talk, database=database)


def test_shadows_follow_their_directory_even_if_nobody_looks(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        refresh = keystone.cloud.app.reconcilers
        project = await keystone.make("project", name="works", domain_id=town)
        scope = {"project": {"id": project["id"]}}
        makers = (await groups(keystone, f"/groups?domain_id={town}"))["makers"]
        role = await keystone.role("member")
        await keystone("PUT", f"/projects/{project['id']}/groups/{makers}/roles/{role}")
        ada = await keystone.login(somebody("Ada"), scope)
        bob = await keystone.login(somebody("Bob"), scope)
        eve = await keystone.login(somebody("Eve"))

        async def hold() -> list[bool]:
            found = [await keystone("GET", "/auth/projects", token=token) for token in (ada, bob, eve)]
            return [answer.status == 200 for answer in found]

        directory.reachable = False
        await refresh.once(reconcile.refresh)
        assert await hold() == [True, True, True]
        directory.reachable = True
        directory.members["makers"].remove("ada")
        directory.disable("bob")
        await refresh.once(reconcile.refresh)
        assert await hold() == [False, False, True]
        directory.remove("eve")
        await refresh.once(reconcile.refresh)
        assert await hold() == [False, False, False]

    in_town(tmp_path, talk, clock=clock)


def test_users_of_a_directory_have_application_credentials(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        project = await keystone.make("project", name="works", domain_id=town)
        ada = (await users(keystone, f"domain_id={town}"))["Ada"]["id"]
        await keystone.give("member", ada, f"/projects/{project['id']}")
        token = await keystone.login(somebody("Ada"), {"project": {"id": project["id"]}})
        path = f"/users/{ada}/application_credentials"
        made = await keystone("POST", path, {"application_credential": {"name": "robot"}}, token=token)
        assert made.status == 201, made
        words = {
            "id": made["application_credential"]["id"],
            "secret": made["application_credential"]["secret"],
        }
        identity = {"methods": ["application_credential"], "application_credential": words}
        directory.reachable = False
        answer = await keystone.ask_token({"auth": {"identity": identity}})
        assert (answer.status, answer["token"]["user"]["id"]) == (201, ada)

    in_town(tmp_path, talk)


def test_a_domain_that_loses_its_directory_loses_its_people(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        token = await keystone.login(somebody("Ada"))
        assert (await keystone("DELETE", f"/domains/{town}/config")).status == 204
        assert await users(keystone, f"domain_id={town}") == {}
        assert (await keystone("GET", "/auth/projects", token=token)).status == 401
        assert (await keystone.ask_token(password(somebody("Ada")))).status == 401
        await keystone.make("user", name="Ada", domain_id=town, password="hers")
        assert (await keystone.ask_token(password(somebody("Ada", "hers")))).status == 201

    in_town(tmp_path, talk)


def test_who_lived_in_the_domain_before_stays_and_comes_first(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        options = (await keystone("GET", f"/domains/{town}/config"))["config"]
        await keystone("DELETE", f"/domains/{town}/config")
        clerk = await keystone.make("user", name="Bob", domain_id=town, password="clerk's")
        await keystone("PUT", f"/domains/{town}/config", {"config": options})
        answer = await keystone("GET", f"/users?domain_id={town}")
        assert [user["name"] for user in answer["users"]].count("Bob") == 2
        assert (await keystone.ask_token(password(somebody("Bob")))).status == 401
        directory.reachable = False
        answer = await keystone.ask_token(password(somebody("Bob", "clerk's")))
        assert (answer.status, answer["token"]["user"]["id"]) == (201, clerk["id"])
        changed = await keystone("PATCH", f"/users/{clerk['id']}", {"user": {"email": "bob@town.org"}})
        assert changed.status == 200

    in_town(tmp_path, talk)


def test_lists_are_as_long_as_the_domain_says(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        body = {"config": {"identity": {"list_limit": 2}}}
        assert (await keystone("PATCH", f"/domains/{town}/config", body)).status == 200
        path, seen, asked = f"/users?domain_id={town}", list[str](), directory.asked
        while path:
            answer = await keystone("GET", path)
            seen += [user["name"] for user in answer["users"]]
            following = answer["links"]["next"]
            assert answer.body.get("truncated", False) == (following is not None)
            path = (following or "").removeprefix("http://cloud/identity/v3")
        assert sorted(seen) == ["Ada", "Bob", "Eve"]
        assert directory.asked == asked + 1
        answer = await keystone("GET", f"/groups?domain_id={town}")
        assert len(answer["groups"]) == 2 and "truncated" not in answer.body
        assert len((await keystone("GET", f"/users?domain_id={town}&limit=3"))["users"]) == 3

    in_town(tmp_path, talk, database=database)


def test_a_domain_goes_with_the_shadows_of_its_people(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        assert await users(keystone, f"domain_id={town}")
        directory.reachable = False
        await keystone("PATCH", f"/domains/{town}", {"domain": {"enabled": False}})
        assert (await keystone("DELETE", f"/domains/{town}")).status == 204
        assert sorted(await users(keystone, "")) == ["admin"]

    in_town(tmp_path, talk)


def test_a_directory_is_troubled_only_for_who_may_know_the_answer(tmp_path: Path) -> None:
    async def talk(keystone: Talk, directory: SimulatedDirectory, town: str) -> None:
        ada = (await users(keystone, f"domain_id={town}"))["Ada"]["id"]
        makers = (await groups(keystone, f"/groups?domain_id={town}"))["makers"]
        token = await keystone.login(somebody("Bob"))
        asked = directory.asked
        for path in (
            f"/users?domain_id={town}",
            f"/groups?domain_id={town}",
            f"/users/{ada}",
            f"/users/{ada}/groups",
            f"/groups/{makers}",
            f"/groups/{makers}/users",
            f"/groups/{makers}/users/{ada}",
        ):
            assert (await keystone("GET", path, token=token)).status == 403, path
        assert directory.asked == asked

    in_town(tmp_path, talk)


def test_a_configuration_that_makes_no_directory_is_told_to_the_operator_alone(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        domain = await keystone.make("domain", name="town")
        path = f"/domains/{domain['id']}/config"
        for config in (
            {"identity": {"driver": "vogon"}},
            {"identity": {"driver": {"ldap": True}}},
            {"identity": {"driver": "ldap"}, "ldap": {"page_size": "many"}},
            {"identity": {"driver": "ldap"}, "ldap": {"url": "ldap://h", "tls_req_cert": "maybe"}},
        ):
            assert (await keystone("PUT", path, {"config": config})).status in (200, 201)
            answer = await keystone("GET", f"/users?domain_id={domain['id']}")
            assert answer.status == 503, answer
            assert "does not answer now" in answer["error"]["message"]
            assert (await keystone.ask_token(password(somebody("Ada")))).status == 503
        for here in ({"driver": None}, {"driver": ""}, {"driver": "sql"}):
            await keystone("PUT", path, {"config": {"identity": here}})
            assert await users(keystone, f"domain_id={domain['id']}") == {}
        assert (await keystone("DELETE", path)).status == 204
        assert await users(keystone, f"domain_id={domain['id']}") == {}

    converse(tmp_path, talk)
