# SPDX-License-Identifier: Apache-2.0
"""People who come from an identity provider, by way of the front proxy that speaks with it."""

import asyncio
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cumulet.kernel.clock import ManualClock
from cumulet.kernel.db import Tx
from cumulet.services.keystone.federation import identities, memberships
from cumulet.services.keystone.federation.identities import Assertion
from cumulet.services.keystone.people import Membership
from cumulet.testing.asgi import Answer
from cumulet.testing.identity import DEFAULT, Talk, converse, rescope

F = "/OS-FEDERATION"
IDP = f"{F}/identity_providers/acme"
AUTH = f"{IDP}/protocols/saml2/auth"
SECRET = "a secret of the two"
PROXY = {"X-Front-Proxy-Secret": SECRET}
SETTINGS = {"front_proxy_secret": SECRET, "trusted_dashboards": ["https://Dash.example/auth/websso/"]}
REFUSED = "The request you have made requires authentication."
BEA = {"OIDC-sub": "b1", "OIDC-name": "bea", "OIDC-groups": "devs;ops", "OIDC-mail": "bea@acme"}
USER = {"id": "{0}", "name": "{1}", "email": "{2}"}
REMOTE = [{"type": f"HTTP_OIDC_{name}"} for name in ("SUB", "NAME", "MAIL", "GROUPS")]
RULES = [{"local": [{"user": USER}, {"groups": "{3}", "domain": {"id": "default"}}], "remote": REMOTE}]


class Acme:
    """An identity provider that this cloud believes; people of its group `devs` have a project."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk

    async def open(self, rules: Any = RULES, version: str = "1.0", **fields: Any) -> None:
        for path, member, body in (
            (IDP, "identity_provider", {"enabled": True, **fields}),
            (f"{F}/mappings/people", "mapping", {"rules": rules, "schema_version": version}),
            (f"{IDP}/protocols/saml2", "protocol", {"mapping_id": "people"}),
        ):
            answer = await self.talk("PUT", path, {member: body})
            assert answer.status == 201, answer
        self.group = await self.talk.make("group", name="devs")
        self.project = await self.talk.make("project", name="rockets")
        role = await self.talk.role("member")
        path = f"/projects/{self.project['id']}/groups/{self.group['id']}/roles/{role}"
        assert (await self.talk("PUT", path)).status == 204

    async def visit(self, said: Mapping[str, str] = BEA, method: str = "GET", path: str = AUTH) -> Answer:
        return await self.talk(method, path, token="", headers={**PROXY, **said})

    async def token(self, said: Mapping[str, str] = BEA) -> str:
        answer = await self.visit(said)
        assert answer.status == 201, answer
        return answer.headers["x-subject-token"]

    async def scoped(self, token: str) -> Answer:
        return await self.talk.ask_token(rescope(token, {"project": {"id": self.project["id"]}}))

    async def holds(self, token: str) -> bool:
        return (await self.talk("GET", "/auth/projects", token=token)).status == 200


# -- coming in ------------------------------------------------------------------------------------------


def test_who_is_asserted_by_the_front_proxy_gets_a_token_that_says_so(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open()
        answer = await acme.visit()
        assert answer.status == 201
        token = answer["token"]
        assert token["methods"] == ["saml2"]
        assert "project" not in token and "roles" not in token
        user = token["user"]
        assert (user["name"], len(user["id"])) == ("bea", 32)
        assert user["OS-FEDERATION"] == {
            "groups": [{"id": acme.group["id"]}],
            "identity_provider": {"id": "acme"},
            "protocol": {"id": "saml2"},
        }
        assert "password_expires_at" not in user
        idp = (await keystone("GET", IDP))["identity_provider"]
        assert user["domain"]["id"] == idp["domain_id"]
        unscoped = answer.headers["x-subject-token"]
        assert len(unscoped) <= 255
        places = await keystone("GET", f"{F}/projects", token=unscoped)
        assert [place["name"] for place in places["projects"]] == ["rockets"]
        scoped = await acme.scoped(unscoped)
        assert {role["name"] for role in scoped["token"]["roles"]} == {"member", "reader"}
        assert scoped["token"]["user"] == user
        assert set(scoped["token"]["methods"]) == {"token", "saml2"}
        assert scoped["token"]["expires_at"] == token["expires_at"]
        assert len(scoped.headers["x-subject-token"]) <= 255

    converse(tmp_path, talk, settings=SETTINGS, database=database)


@pytest.mark.parametrize("headers", [{}, {"X-Front-Proxy-Secret": "guess"}, {"X-Front-Proxy-Secret": ""}])
@pytest.mark.parametrize("settings", [SETTINGS, {}])
def test_what_strangers_assert_is_not_believed(
    tmp_path: Path, settings: dict[str, Any], headers: dict[str, str]
) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open()
        said = {**BEA, **headers, "Remote-User": "admin"}
        answer = await keystone("GET", AUTH, token="", headers=said)
        assert (answer.status, answer["error"]["message"]) == (401, REFUSED)
        external = {"auth": {"identity": {"methods": ["external"], "external": {}}}}
        assert (await keystone("POST", "/auth/tokens", external, token="", headers=said)).status == 401
        websso = f"/auth{IDP}/protocols/saml2/websso?origin=https://dash.example/auth/websso/"
        assert (await keystone("POST", websso, token="", headers=said)).status == 401
        assert [user["name"] for user in (await keystone("GET", "/users"))["users"]] == ["admin"]

    converse(tmp_path, talk, settings=settings)


def test_without_an_identity_provider_there_is_nobody_to_come_from(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        missing = await acme.visit()
        assert (missing.status, missing["error"]["message"]) == (
            404,
            "Could not find Identity Provider: acme.",
        )
        await acme.open(enabled=False)
        assert (await acme.visit()).status == 403
        await keystone("PATCH", IDP, {"identity_provider": {"enabled": True}})
        other = await acme.visit(path=f"{IDP}/protocols/openid/auth")
        assert other["error"]["message"] == (
            "Could not find federated protocol openid for Identity Provider: acme."
        )
        await keystone("DELETE", f"{F}/mappings/people")
        assert (await acme.visit())["error"]["message"] == "Could not find mapping: people."

    converse(tmp_path, talk, settings=SETTINGS)


def test_whom_no_rule_knows_is_refused(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open()
        for said in (
            {},
            {"OIDC-sub": "b1"},
            {**BEA, "OIDC-sub": "x" * 300},
            {"OIDC_sub": "b1", "OIDC-name": "b"},
        ):
            answer = await acme.visit(said)
            assert (answer.status, answer["error"]["message"]) == (401, REFUSED)

    converse(tmp_path, talk, settings=SETTINGS)


def test_a_name_with_an_underscore_does_not_stand_in_for_one_with_a_dash(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open()
        answer = await acme.visit({**BEA, "OIDC_name": "admin", "OIDC_groups": "kings"})
        assert answer["token"]["user"]["name"] == "bea"

    converse(tmp_path, talk, settings=SETTINGS)


def test_an_assertion_of_another_identity_provider_is_refused(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open(remote_ids=["https://acme"])
        protocol = {"mapping_id": "people", "remote_id_attribute": "HTTP_OIDC_ISS"}
        await keystone("PATCH", f"{IDP}/protocols/saml2", {"protocol": protocol})
        assert (await acme.visit()).status == 401
        assert (await acme.visit({**BEA, "OIDC-iss": "https://evil"})).status == 403
        assert (await acme.visit({**BEA, "OIDC-iss": "https://acme"})).status == 201

    converse(tmp_path, talk, settings=SETTINGS)


def test_a_token_can_be_asked_for_by_the_method_mapped_and_rescoped_by_it(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open()

        async def ask(words: dict[str, Any], scope: Any = None) -> Answer:
            auth = {"identity": {"methods": ["mapped"], "mapped": words}}
            body = {"auth": {**auth, "scope": scope} if scope else auth}
            return await keystone("POST", "/auth/tokens", body, token="", headers={**PROXY, **BEA})

        project = {"project": {"id": acme.project["id"]}}
        way = {"identity_provider": "acme", "protocol": "saml2"}
        unscoped = await ask(way)
        assert unscoped["token"]["methods"] == ["mapped"]
        assert (await ask(way, project))["token"]["project"]["name"] == "rockets"
        again = await ask({"id": unscoped.headers["x-subject-token"]}, project)
        assert again["token"]["user"]["OS-FEDERATION"]["protocol"] == {"id": "saml2"}
        assert (await ask({"id": keystone.cloud.token})).status == 401
        assert (await ask({"protocol": "saml2"})).status == 400

    converse(tmp_path, talk, settings=SETTINGS)


def test_a_local_user_comes_in_as_themselves(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        user = {"name": "{0}", "type": "local", "domain": DEFAULT}
        await acme.open([{"local": [{"user": user}], "remote": [{"type": "HTTP_OIDC_NAME"}]}])
        assert (await acme.visit()).status == 401
        bea = await keystone.person("bea")
        token = (await acme.visit())["token"]
        assert token["user"]["id"] == bea.id
        assert "OS-FEDERATION" not in token["user"]
        await keystone("PATCH", f"/users/{bea.id}", {"user": {"enabled": False}})
        assert (await acme.visit()).status == 401

    converse(tmp_path, talk, settings=SETTINGS)


def test_who_the_front_proxy_let_in_is_the_user_of_that_name(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ann = await keystone.person("ann")
        body = {"auth": {"identity": {"methods": ["external"], "external": {}}, "scope": ann.scope}}
        said = {**PROXY, "Remote-User": "ann"}
        answer = await keystone("POST", "/auth/tokens", body, token="", headers=said)
        assert (answer["token"]["user"]["id"], answer["token"]["methods"]) == (ann.id, ["external"])
        nobody = await keystone("POST", "/auth/tokens", body, token="", headers=PROXY)
        assert (nobody.status, nobody["error"]["message"]) == (401, REFUSED)

    converse(tmp_path, talk, settings=SETTINGS)


# -- who they are here ----------------------------------------------------------------------------------


def test_visitors_are_the_same_user_every_time_and_are_listed_by_how_they_came(
    tmp_path: Path, database: str
) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open(domain_id="default")
        local = await keystone.make("user", name="bea", password="p")
        first = (await acme.visit())["token"]["user"]["id"]
        second = await acme.visit({**BEA, "OIDC-name": "bé".encode().decode("latin-1")})
        assert second["token"]["user"] == {**second["token"]["user"], "id": first, "name": "bé"}
        other = (await acme.visit({**BEA, "OIDC-sub": "b2"}))["token"]["user"]["id"]
        shown = (await keystone("GET", f"/users/{first}"))["user"]
        known = {"idp_id": "acme", "protocols": [{"protocol_id": "saml2", "unique_id": "b1"}]}
        assert (shown["name"], shown["email"], shown["federated"]) == ("bé", "bea@acme", [known])
        assert "federated" not in (await keystone("GET", f"/users/{local['id']}"))["user"]

        async def listed(query: str) -> set[str]:
            return {user["id"] for user in (await keystone("GET", f"/users?{query}"))["users"]}

        assert await listed("idp_id=acme") == {first, other}
        assert await listed("protocol_id=saml2&unique_id=b1") == {first}
        assert await listed("idp_id=nobody") == set()
        assert await listed("name=bea") == {local["id"], other}
        assert (await keystone.login({"name": "bea", "domain": DEFAULT, "password": "p"})) != ""

    converse(tmp_path, talk, settings=SETTINGS, database=database)


def test_a_user_may_be_told_how_identity_providers_know_them(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open()
        known = [{"idp_id": "acme", "protocols": [{"protocol_id": "saml2", "unique_id": "b1"}]}]
        user = await keystone.make("user", name="beatrice", federated=known)
        assert user["federated"] == known
        token = (await acme.visit())["token"]
        assert (token["user"]["id"], token["user"]["name"]) == (user["id"], "beatrice")
        again = {"user": {"name": "copy", "federated": known}}
        assert (await keystone("POST", "/users", again)).status == 409
        for wrong, sentence in (
            ({"idp_id": "x"}, "Could not find Identity Provider: x"),
            (
                {"protocols": [{"protocol_id": "y", "unique_id": "z"}]},
                "Could not find federated protocol y for Identity Provider: acme.",
            ),
        ):
            body = {"user": {"name": "carl", "federated": [{**known[0], **wrong}]}}
            answer = await keystone("POST", "/users", body)
            assert (answer.status, answer["error"]["message"]) == (400, sentence)
        moved = [{"idp_id": "acme", "protocols": [{"protocol_id": "saml2", "unique_id": "b9"}]}]
        path = f"/users/{user['id']}"
        assert (await keystone("PATCH", path, {"user": {"federated": moved}}))["user"]["federated"] == moved
        assert (await keystone("PATCH", path, {"user": {"federated": []}}))["user"]["federated"] == moved
        assert (await acme.visit())["token"]["user"]["id"] != user["id"]
        assert (await keystone("DELETE", IDP)).status == 204
        assert "federated" not in (await keystone("GET", path))["user"]

    converse(tmp_path, talk, settings=SETTINGS, database=database)


def test_who_comes_for_the_first_time_several_times_at_once_is_one_user(
    tmp_path: Path, database: str
) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open()
        answers = await asyncio.gather(*(acme.visit() for _ in range(6)))
        assert {answer.status for answer in answers} == {201}
        [id] = {answer["token"]["user"]["id"] for answer in answers}
        assert (await keystone("DELETE", f"/users/{id}")).status == 204
        assert not await acme.holds(answers[0].headers["x-subject-token"])
        assert (await acme.visit())["token"]["user"]["id"] != id
        assert not await acme.holds(answers[0].headers["x-subject-token"])

    converse(tmp_path, talk, settings=SETTINGS, database=database)


# -- what ends it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end", ["disable", "delete protocol", "delete provider", "disable user", "leave group"]
)
def test_what_takes_a_visitors_ground_away_ends_their_tokens(tmp_path: Path, end: str) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open()
        unscoped = await acme.token()
        scoped = (await acme.scoped(unscoped)).headers["x-subject-token"]
        user_id = (await acme.visit())["token"]["user"]["id"]
        assert await acme.holds(scoped)
        role = await keystone.role("member")
        grant = f"/projects/{acme.project['id']}/groups/{acme.group['id']}/roles/{role}"
        await {
            "disable": lambda: keystone("PATCH", IDP, {"identity_provider": {"enabled": False}}),
            "delete protocol": lambda: keystone("DELETE", f"{IDP}/protocols/saml2"),
            "delete provider": lambda: keystone("DELETE", IDP),
            "disable user": lambda: keystone("PATCH", f"/users/{user_id}", {"user": {"enabled": False}}),
            "leave group": lambda: keystone("DELETE", grant),
        }[end]()
        assert not await acme.holds(scoped)
        assert await acme.holds(unscoped) == (end == "leave group")
        if end.startswith("delete"):
            assert (await keystone("GET", f"/users/{user_id}")).status == 404

    converse(tmp_path, talk, settings=SETTINGS)


def test_tokens_that_ended_with_an_identity_provider_stay_ended(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open()
        token = await acme.token()
        for enabled in (False, True):
            await keystone("PATCH", IDP, {"identity_provider": {"enabled": enabled}})
        assert not await acme.holds(token)
        token = await acme.token()
        await keystone("DELETE", f"{IDP}/protocols/saml2")
        await keystone("PUT", f"{IDP}/protocols/saml2", {"protocol": {"mapping_id": "people"}})
        await acme.token()
        assert not await acme.holds(token)

    converse(tmp_path, talk, settings=SETTINGS, database=database)


def test_visitors_go_with_the_domain_of_their_identity_provider_wherever_they_are(
    tmp_path: Path, database: str
) -> None:
    user = {"id": "{0}", "name": "{1}", "domain": DEFAULT}

    async def talk(keystone: Talk) -> None:
        domain = await keystone.make("domain", name="corp")
        acme = Acme(keystone)
        await acme.open([{"local": [{"user": user}], "remote": REMOTE}], domain_id=domain["id"])
        bea = (await acme.visit())["token"]["user"]
        assert bea["domain"]["id"] == "default"
        known = [{"idp_id": "acme", "protocols": [{"protocol_id": "saml2", "unique_id": "c1"}]}]
        carl = await keystone.make("user", name="carl", federated=known)
        token = await acme.token({**BEA, "OIDC-sub": "c1"})
        await keystone("PATCH", f"/domains/{domain['id']}", {"domain": {"enabled": False}})
        assert (await keystone("DELETE", f"/domains/{domain['id']}")).status == 204
        assert (await keystone("GET", f"/users/{bea['id']}")).status == 404
        assert (await keystone("GET", f"/users/{carl['id']}")).status == 200
        assert not await acme.holds(token)

    converse(tmp_path, talk, settings=SETTINGS, database=database)


# -- groups and projects --------------------------------------------------------------------------------


def test_memberships_last_as_long_as_the_identity_provider_says(tmp_path: Path, database: str) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open(authorization_ttl=10)
        user_id = (await acme.visit())["token"]["user"]["id"]
        member = f"/groups/{acme.group['id']}/users/{user_id}"
        groups = (await keystone("GET", f"/users/{user_id}/groups"))["groups"]
        assert [group["name"] for group in groups] == ["devs"]
        assert groups[0]["membership_expires_at"] > "2"
        assert (await keystone("GET", member)).status == 204
        assert (await keystone("DELETE", member)).status == 404
        assert (await keystone("GET", f"/groups/{acme.group['id']}/users"))["users"] == []
        held = await keystone("GET", f"/role_assignments?effective&user.id={user_id}")
        assert {one["scope"]["project"]["id"] for one in held["role_assignments"]} == {acme.project["id"]}
        clock.advance(599)
        assert (await keystone("GET", member)).status == 204
        await acme.visit()
        clock.advance(599)
        assert (await keystone("GET", member)).status == 204
        await keystone("PATCH", IDP, {"identity_provider": {"authorization_ttl": 5}})
        assert (await keystone("GET", member)).status == 404
        await keystone.cloud.app.db.transact(memberships.trim)
        assert await keystone.cloud.app.db.read(Tx.count, Membership) == 0
        await acme.visit({**BEA, "OIDC-groups": "ops"})
        assert (await keystone("GET", f"/users/{user_id}/groups"))["groups"] == []

    converse(tmp_path, talk, settings=SETTINGS, clock=clock, database=database)


def test_an_application_credential_of_a_visitor_works_while_they_are_members(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open(authorization_ttl=120)
        scoped = await acme.scoped(await acme.token())
        path = f"/users/{scoped['token']['user']['id']}/application_credentials"
        body = {"application_credential": {"name": "ci"}}
        made = await keystone("POST", path, body, token=scoped.headers["x-subject-token"])
        assert made.status == 201, made
        words = {name: made["application_credential"][name] for name in ("id", "secret")}
        identity = {"methods": ["application_credential"], "application_credential": words}

        async def log_in() -> Answer:
            return await keystone.ask_token({"auth": {"identity": identity}})

        first = await log_in()
        assert first["token"]["project"]["name"] == "rockets"
        assert "OS-FEDERATION" not in first["token"]["user"]
        clock.advance(7190)
        later = await log_in()
        assert later.status == 201
        clock.advance(20)
        await keystone.cloud.app.db.transact(memberships.trim)
        assert (await log_in()).status == 401
        assert not await acme.holds(later.headers["x-subject-token"])

    converse(tmp_path, talk, settings=SETTINGS, clock=clock)


def test_assertions_are_kept_as_long_as_a_token_may_rest_on_them(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open()
        db = keystone.cloud.app.db
        await acme.visit()
        clock.advance(3 * 86400)
        await acme.visit({**BEA, "OIDC-groups": "none"})
        token = await acme.token()
        clock.advance(3000)
        await db.transact(identities.trim)
        assert await acme.holds(token)
        assert await db.read(Tx.count, Assertion) == 2
        clock.advance(4 * 86400)
        await db.transact(identities.trim)
        assert await db.read(Tx.count, Assertion) == 0

    converse(tmp_path, talk, settings=SETTINGS, clock=clock)


def test_projects_are_made_for_who_comes_and_roles_on_them_given(tmp_path: Path, database: str) -> None:
    projects = [{"name": "{1}'s", "roles": [{"name": "member"}, {"name": "reader"}]}]
    rules = [{"local": [{"user": USER}, {"projects": projects}], "remote": REMOTE}]

    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open(rules)
        for _ in range(2):
            token = await acme.token()
        found = (await keystone("GET", "/auth/projects", token=token))["projects"]
        assert [project["name"] for project in found] == ["bea's"]
        idp = (await keystone("GET", IDP))["identity_provider"]
        assert found[0]["domain_id"] == idp["domain_id"]
        await keystone("PATCH", f"{F}/mappings/people", {"mapping": {"rules": _with_role(rules, "king")}})
        missing = await acme.visit()
        assert (missing.status, missing["error"]["message"]) == (404, "Could not find role: king.")
        await keystone.make("role", name="king", domain_id="default")
        assert (await acme.visit()).status == 403

    converse(tmp_path, talk, settings=SETTINGS, database=database)


def _with_role(rules: list[dict[str, Any]], role: str) -> list[dict[str, Any]]:
    projects = [{"name": "throne", "roles": [{"name": role}]}]
    return [{**rules[0], "local": [rules[0]["local"][0], {"projects": projects}]}]


def test_from_version_3_on_projects_that_are_asserted_no_longer_are_lost(tmp_path: Path) -> None:
    remote = [*REMOTE, {"type": "HTTP_PROJECTS"}]
    rules = [{"local": [{"user": USER}, {"projects_json": "{4}"}], "remote": remote}]

    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open(rules, "3.0")

        async def having(text: str) -> list[str]:
            token = await acme.token({**BEA, "Projects": text})
            found = (await keystone("GET", "/auth/projects", token=token))["projects"]
            return [project["name"] for project in found]

        one = '[{"name": "one", "roles": [{"name": "member"}]}]'
        assert await having(one) == ["one"]
        assert await having(one.replace("one", "two")) == ["two"]
        assert await having("[]") == []
        assert (await acme.visit({**BEA, "Projects": "{"})).status == 401

    converse(tmp_path, talk, settings=SETTINGS)


# -- browsers -------------------------------------------------------------------------------------------


def test_a_browser_is_sent_back_to_its_dashboard_with_a_token(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        acme = Acme(keystone)
        await acme.open(remote_ids=["https://acme"])
        protocol = {"mapping_id": "people", "remote_id_attribute": "HTTP_OIDC_ISS"}
        await keystone("PATCH", f"{IDP}/protocols/saml2", {"protocol": protocol})
        said = {**BEA, "OIDC-iss": "https://acme"}
        origin = "?origin=https%3A%2F%2Fdash.example%2Fauth%2Fwebsso%2F"
        for path in (f"/auth{IDP}/protocols/saml2/websso", f"/auth{F}/websso/saml2"):
            assert (await acme.visit(said, path=path)).status == 400
            assert (await acme.visit(said, path=f"{path}?origin=https://evil/")).status == 401
            page = await acme.visit(said, "POST", path + origin)
            assert page.status == 200
            assert page.headers["content-type"].startswith("text/html")
            text = html.unescape(page.body if isinstance(page.body, str) else page.body.decode())
            assert 'action="https://dash.example/auth/websso/"' in text
            token = text.partition('id="token" value="')[2].partition('"')[0]
            assert await acme.holds(token)
        assert (await acme.visit(BEA, path=f"/auth{F}/websso/saml2{origin}")).status == 401
        stranger = {**BEA, "OIDC-iss": "https://other"}
        assert (await acme.visit(stranger, path=f"/auth{F}/websso/saml2{origin}")).status == 404

    converse(tmp_path, talk, settings=SETTINGS)
