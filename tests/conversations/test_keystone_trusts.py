# SPDX-License-Identifier: Apache-2.0
"""Trusts: somebody acts with some of another's roles, in their own name or the other's."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cumulet.kernel.clock import ManualClock
from cumulet.kernel.db import Tx
from cumulet.services.keystone.application_credentials.model import AccessRule, ApplicationCredential
from cumulet.services.keystone.credentials.model import Credential
from cumulet.services.keystone.oauth1.model import AccessToken, Consumer, RequestToken
from cumulet.services.keystone.trusts import model as trusts
from cumulet.services.keystone.trusts.model import Trust
from cumulet.testing.asgi import Answer
from cumulet.testing.identity import Person, Talk, converse, password, rescope

TRUSTS = "/OS-TRUST/trusts"


async def ask(trustor: Person, trustee: Person, *, token: str = "", **fields: Any) -> Answer:
    """A request for a trust in the trustor's member role on their project."""
    given = {
        "trustor_user_id": trustor.id,
        "trustee_user_id": trustee.id,
        "project_id": trustor.project["id"],
        "impersonation": False,
        "roles": [{"name": "member"}],
        **fields,
    }
    body = {"trust": {name: value for name, value in given.items() if value != "left out"}}
    return await trustor.talk("POST", TRUSTS, body, token=token or await trustor.login())


async def trust(trustor: Person, trustee: Person, **fields: Any) -> dict[str, Any]:
    answer = await ask(trustor, trustee, **fields)
    assert answer.status == 201, answer
    made: dict[str, Any] = answer["trust"]
    return made


def by(made: dict[str, Any]) -> dict[str, Any]:
    """The scope that asks for a token by a trust."""
    return {"OS-TRUST:trust": {"id": made["id"]}}


async def act(trustee: Person, made: dict[str, Any]) -> str:
    """The trustee's token by the trust."""
    return await trustee.talk.login(trustee.credentials, by(made))


def test_a_trustee_acts_with_the_trustors_roles(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        made = await trust(ada, bob, note="kept")
        assert {key: made[key] for key in ("expires_at", "remaining_uses", "deleted_at", "note")} == {
            "expires_at": None,
            "remaining_uses": None,
            "deleted_at": None,
            "note": "kept",
        }
        assert (made["redelegation_count"], made["redelegated_trust_id"]) == (0, None)
        assert [role["name"] for role in made["roles"]] == ["member"]
        assert made["roles_links"]["self"].endswith(f"/v3/OS-TRUST/trusts/{made['id']}/roles")
        answer = await bob.try_to_log_in(by(made))
        token = answer["token"]
        assert token["user"]["id"] == bob.id
        assert token["project"]["id"] == ada.project["id"]
        assert {role["name"] for role in token["roles"]} == {"member", "reader"}
        assert token["OS-TRUST:trust"] == {
            "id": made["id"],
            "impersonation": False,
            "trustor_user": {"id": ada.id},
            "trustee_user": {"id": bob.id},
        }
        assert token["catalog"]
        bearer = answer.headers["x-subject-token"]
        project = f"/projects/{ada.project['id']}"
        assert (await keystone("GET", project, token=bearer)).status == 200
        assert (await keystone("GET", project, token=await bob.login())).status == 403
        assert (await ada.try_to_log_in(by(made))).status == 403

    converse(tmp_path, talk, database=database)


def test_a_trustee_may_act_in_the_trustors_name(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        made = await trust(ada, bob, impersonation=True)
        answer = await bob.try_to_log_in(by(made))
        assert answer["token"]["user"]["name"] == "ada"
        bearer = answer.headers["x-subject-token"]
        assert (await keystone("GET", f"/users/{ada.id}", token=bearer)).status == 200
        assert (await keystone("GET", f"/users/{bob.id}", token=bearer)).status == 403
        by_token = rescope(await bob.login(), by(made))
        assert (await keystone.ask_token(by_token))["token"]["user"]["name"] == "ada"

    converse(tmp_path, talk)


def test_trusts_are_listed_by_whom_they_concern(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        made = await trust(ada, bob)
        of_ada, of_bob = f"{TRUSTS}?trustor_user_id={ada.id}", f"{TRUSTS}?trustee_user_id={bob.id}"
        for token, path in ((await ada.login(), of_ada), (await bob.login(), of_bob), (None, TRUSTS)):
            (listed,) = (await keystone("GET", path, token=token))["trusts"]
            assert listed["id"] == made["id"]
            assert "roles" not in listed
        assert (await keystone("GET", of_ada, token=await bob.login())).status == 403
        assert (await keystone("GET", of_bob, token=await ada.login())).status == 403
        assert (await keystone("GET", TRUSTS, token=await ada.login())).status == 403
        one, role = f"{TRUSTS}/{made['id']}", await keystone.role("member")
        for token in (await ada.login(), await bob.login(), None):
            assert (await keystone("GET", one, token=token))["trust"] == made
            assert (await keystone("GET", f"{one}/roles", token=token))["roles"] == made["roles"]
            assert (await keystone("GET", f"{one}/roles/{role}", token=token))["role"] == made["roles"][0]
            assert (await keystone("HEAD", f"{one}/roles/{role}", token=token)).status == 200
            assert (await keystone("GET", f"{one}/roles/nothing", token=token)).status == 404
        eve = await keystone.person("eve")
        assert (await keystone("GET", one, token=await eve.login())).status == 403
        missing = await keystone("GET", f"{TRUSTS}/nothing", token=await eve.login())
        assert missing["error"]["message"] == "Could not find trust: nothing."
        assert (await keystone("DELETE", one, token=await bob.login())).status == 403
        assert (await keystone("PATCH", one, {"trust": {}})).status == 405

    converse(tmp_path, talk)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"impersonation": "left out"}, 400),
        ({"impersonation": "yes"}, 400),
        ({"trustee_user_id": "left out"}, 400),
        ({"trustee_user_id": "nobody"}, 404),
        ({"project_id": "nowhere"}, 404),
        ({"roles": []}, 403),
        ({"roles": "left out"}, 403),
        ({"roles": [{"name": "unheard of"}]}, 404),
        ({"roles": [{"id": "unheardof"}]}, 404),
        ({"roles": [{"name": "admin"}]}, 404),
        ({"roles": [{"some": "key"}]}, 400),
        ({"roles": [{"name": "ambiguous"}]}, 400),
        ({"expires_at": "bad"}, 400),
        ({"expires_at": ""}, 400),
        ({"expires_at": "Z"}, 400),
        ({"expires_at": "2000-01-01T00:00:00Z"}, 400),
        ({"remaining_uses": 0}, 400),
        ({"remaining_uses": -1}, 400),
        ({"remaining_uses": "two"}, 400),
        ({"remaining_uses": 1, "allow_redelegation": True}, 400),
        ({"allow_redelegation": True, "redelegation_count": 4}, 403),
        ({"redelegation_count": -1}, 400),
    ],
)
def test_a_trust_that_makes_no_sense_is_refused(tmp_path: Path, fields: dict[str, Any], status: int) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        for domain_id in (None, "default"):
            await keystone.make("role", name="ambiguous", domain_id=domain_id)
        answer = await ask(ada, bob, **fields)
        assert answer.status == status, answer

    converse(tmp_path, talk)


def test_nobody_trusts_for_another(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        assert (await ask(ada, bob, token=await bob.login())).status == 403
        assert (await ask(ada, bob, token=await keystone.become_admin())).status == 403

    converse(tmp_path, talk)


def test_the_uses_of_a_trust_are_counted(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        made = await trust(ada, bob, remaining_uses=3)
        wrong = {**bob.credentials, "password": "wrong"}
        assert (await keystone.ask_token(password(wrong, by(made)))).status == 401
        tokens = await asyncio.gather(*(bob.try_to_log_in(by(made)) for _ in range(5)))
        assert sorted(answer.status for answer in tokens) == [201, 201, 201, 401, 401]
        assert (await keystone("GET", f"{TRUSTS}/{made['id']}")).status == 404
        used = [answer for answer in tokens if answer.status == 201]
        assert all([await bob.holds(answer.headers["x-subject-token"]) for answer in used])

    converse(tmp_path, talk, database=database)


def test_a_trust_ends_at_its_time(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        ends = "2026-11-20T10:10:00.000000Z"
        made = await trust(ada, bob, expires_at=ends)
        assert made["expires_at"] == ends
        assert (await ask(ada, bob, expires_at=ends)).status == 409
        answer = await bob.try_to_log_in(by(made))
        assert answer["token"]["expires_at"] == ends
        await clock.pass_time(601)
        assert not await bob.holds(answer.headers["x-subject-token"])
        assert (await bob.try_to_log_in(by(made))).status == 401
        assert (await keystone("GET", f"{TRUSTS}/{made['id']}")).status == 404

    converse(tmp_path, talk, clock=clock)


def test_trusts_that_have_ended_are_forgotten(tmp_path: Path, database: str) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        async def kept() -> list[str]:
            await keystone.become_admin()
            return [each["id"] for each in (await keystone("GET", TRUSTS))["trusts"]]

        ada, bob, eve = [await keystone.person(name) for name in ("ada", "bob", "eve")]
        lasting = await trust(ada, bob, remaining_uses=2)
        passing = await trust(ada, bob, expires_at="2026-11-20T10:10:00Z")
        used_up = await trust(ada, eve, remaining_uses=1)
        await act(bob, lasting)
        bearer = await act(eve, used_up)
        transact = keystone.cloud.app.db.transact
        await transact(trusts.trim)
        assert set(await kept()) == {lasting["id"], passing["id"], used_up["id"]}
        await clock.pass_time(601)
        await transact(trusts.trim)
        assert set(await kept()) == {lasting["id"], used_up["id"]}
        assert (await keystone("GET", f"{TRUSTS}/{passing['id']}")).status == 404
        assert await eve.holds(bearer)
        await clock.pass_time(3600 + 172800)
        await transact(trusts.trim)
        assert await kept() == [lasting["id"]]
        assert (await bob.try_to_log_in(by(lasting))).status == 201

    converse(tmp_path, talk, database=database, clock=clock)


async def _delete_trust(keystone: Talk, ada: Person, bob: Person, made: dict[str, Any]) -> Answer:
    return await keystone("DELETE", f"{TRUSTS}/{made['id']}", token=await ada.login())


async def _delete_trustor(keystone: Talk, ada: Person, bob: Person, made: dict[str, Any]) -> Answer:
    return await keystone("DELETE", f"/users/{ada.id}")


async def _disable_trustor(keystone: Talk, ada: Person, bob: Person, made: dict[str, Any]) -> Answer:
    return await keystone("PATCH", f"/users/{ada.id}", {"user": {"enabled": False}})


async def _disable_trustors_domain(keystone: Talk, ada: Person, bob: Person, made: dict[str, Any]) -> Answer:
    return await keystone("PATCH", f"/domains/{ada.user['domain_id']}", {"domain": {"enabled": False}})


async def _disable_project(keystone: Talk, ada: Person, bob: Person, made: dict[str, Any]) -> Answer:
    return await keystone("PATCH", f"/projects/{ada.project['id']}", {"project": {"enabled": False}})


async def _delete_project(keystone: Talk, ada: Person, bob: Person, made: dict[str, Any]) -> Answer:
    return await keystone("DELETE", f"/projects/{ada.project['id']}")


async def _take_role_away(keystone: Talk, ada: Person, bob: Person, made: dict[str, Any]) -> Answer:
    role = await keystone.role("member")
    return await keystone("DELETE", f"/projects/{ada.project['id']}/users/{ada.id}/roles/{role}")


@pytest.mark.parametrize(
    ("happens", "refusal", "gone"),
    [
        (_delete_trust, 401, True),
        (_delete_trustor, 401, True),
        (_disable_trustor, 403, False),
        (_disable_trustors_domain, 404, False),
        (_disable_project, 401, False),
        (_delete_project, 401, True),
        (_take_role_away, 403, False),
    ],
)
def test_what_ends_a_trust(tmp_path: Path, happens: Any, refusal: int, gone: bool) -> None:
    async def talk(keystone: Talk) -> None:
        domain = await keystone.make("domain", name="elsewhere")
        ada, bob = await keystone.person("ada", domain_id=domain["id"]), await keystone.person("bob")
        place = await keystone.make("project", name="shared")
        ada.project, ada.scope = place, {"project": {"id": place["id"]}}
        await keystone.give("member", ada.id, f"/projects/{place['id']}")
        made = await trust(ada, bob)
        bearer = await act(bob, made)
        assert await bob.holds(bearer)
        assert (await happens(keystone, ada, bob, made)).status in (200, 204)
        assert not await bob.holds(bearer)
        assert (await bob.try_to_log_in(by(made))).status == refusal
        assert (await keystone("GET", f"{TRUSTS}/{made['id']}")).status == (404 if gone else 200)

    converse(tmp_path, talk)


DELEGATIONS = (Trust, ApplicationCredential, AccessRule, Credential, RequestToken, AccessToken)


def _hand_on(tx: Tx, user_id: str, other_id: str, project_id: str) -> None:
    """One of everything by which a user hands on rights."""
    consumer = tx.insert(Consumer(secret="none"))
    common = {"project_id": project_id, "role_ids": [], "secret": "none"}
    tx.insert(
        Trust(trustor_user_id=user_id, trustee_user_id=other_id, project_id=project_id, impersonation=True)
    )
    tx.insert(ApplicationCredential(name="a", user_id=user_id, project_id=project_id, secret_hash="none"))
    tx.insert(AccessRule(service_type="compute", url_path="/", method="GET", user_id=user_id))
    tx.insert(Credential(user_id=user_id, type="cert", blob="", project_id=project_id))
    tx.insert(RequestToken(consumer_id=consumer.id, authorizing_user_id=user_id, **common))
    tx.insert(AccessToken(consumer_id=consumer.id, authorizing_user_id=user_id, **common))


@pytest.mark.parametrize("what", ["user", "project", "domain"])
def test_nothing_outlives_the_user_the_project_and_the_domain_that_it_was_for(
    tmp_path: Path, what: str, database: str
) -> None:
    async def talk(keystone: Talk) -> None:
        domain = (await keystone.make("domain", name="away"))["id"]
        ada = await keystone.person("ada", domain_id=domain)
        bob = await keystone.person("bob")
        transact = keystone.cloud.app.db.transact
        await transact(_hand_on, ada.id, bob.id, ada.project["id"])
        await transact(_hand_on, bob.id, ada.id, bob.project["id"])
        await keystone("PATCH", f"/domains/{domain}", {"domain": {"enabled": False}})
        ids = {"user": ada.id, "project": ada.project["id"], "domain": domain}
        assert (await keystone("DELETE", f"/{what}s/{ids[what]}")).status == 204
        left = await keystone.cloud.app.db.read(lambda tx: {cls: tx.count(cls) for cls in DELEGATIONS})
        expected = dict.fromkeys(DELEGATIONS, 1)
        expected[Trust] = 1 if what == "project" else 0
        expected[AccessRule] = 2 if what == "project" else 1
        assert left == expected

    converse(tmp_path, talk, database=database)


def test_who_has_stayed_away_too_long_trusts_nobody(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        made = await trust(ada, bob)
        bearer = await act(bob, made)
        for _ in range(2):
            clock.advance(24 * 3600.0)
            await keystone.become_admin()
            await bob.login()
        assert not await bob.holds(bearer)
        assert (await bob.try_to_log_in(by(made))).status == 403
        await keystone("PATCH", f"/users/{ada.id}", {"user": {"enabled": True}})
        assert (await bob.try_to_log_in(by(made))).status == 201

    converse(tmp_path, talk, clock=clock, settings={"disable_user_account_days_inactive": 2})


def test_a_new_password_of_either_ends_the_tokens_of_a_trust(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        made = await trust(ada, bob, impersonation=True)
        for person in (ada, bob):
            bearer = await act(bob, made)
            await keystone("PATCH", f"/users/{person.id}", {"user": {"password": "another"}})
            assert not await bob.holds(bearer)
            person.credentials["password"] = "another"

    converse(tmp_path, talk)


def test_a_trust_hands_on_no_more_than_it_has(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob, eve = [await keystone.person(name) for name in ("ada", "bob", "eve")]
        await keystone.give("manager", ada.id, f"/projects/{ada.project['id']}")
        common = {"impersonation": True, "allow_redelegation": True}
        first = await trust(ada, bob, **common, expires_at="2030-01-01T00:00:00Z")
        assert first["redelegation_count"] == 3
        token = await act(bob, first)
        other = await keystone.make("project", name="other")
        await keystone.give("member", ada.id, f"/projects/{other['id']}")
        for beyond in (
            {"expires_at": "2031-01-01T00:00:00Z"},
            {"roles": [{"name": "manager"}]},
            {"redelegation_count": 1},
            {"allow_redelegation": False, "remaining_uses": 1},
            {"project_id": other["id"]},
        ):
            assert (await ask(ada, eve, token=token, **{**common, **beyond})).status == 403, beyond
        second = await trust(ada, eve, token=token, **common)
        assert (second["redelegation_count"], second["redelegated_trust_id"]) == (2, first["id"])
        assert second["expires_at"] == first["expires_at"]
        by_eve = await act(eve, second)
        earlier = {"impersonation": True, "expires_at": "2029-01-01T00:00:00Z"}
        last = await trust(ada, bob, token=by_eve, redelegation_count=1, **earlier)
        assert last["redelegation_count"] == 0
        ends_here = await ask(ada, eve, token=await act(bob, last), **earlier)
        assert ends_here.status == 403
        disabled = {"user": {"enabled": False}}
        assert (await keystone("PATCH", f"/users/{bob.id}", disabled)).status == 200
        assert (await eve.try_to_log_in(by(second))).status == 403
        assert not await eve.holds(by_eve)
        assert (await keystone("DELETE", f"{TRUSTS}/{first['id']}")).status == 204
        assert (await keystone("GET", TRUSTS))["trusts"] == []

    converse(tmp_path, talk)


def test_a_trust_without_impersonation_hands_on_only_what_the_trustee_has_too(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob, eve = [await keystone.person(name) for name in ("ada", "bob", "eve")]
        first = await trust(ada, bob, allow_redelegation=True)
        token, there = await act(bob, first), ada.project["id"]
        assert (await ask(bob, eve, token=token, project_id=there, impersonation=True)).status == 403
        second = await trust(bob, eve, token=token, project_id=there)
        assert (await eve.try_to_log_in(by(second))).status == 403
        await keystone.give("member", bob.id, f"/projects/{there}")
        assert (await eve.try_to_log_in(by(second))).status == 201
        role = await keystone.role("member")
        await keystone("DELETE", f"/projects/{there}/users/{ada.id}/roles/{role}")
        assert (await eve.try_to_log_in(by(second))).status == 403

    converse(tmp_path, talk)


def test_a_trust_is_not_got_rid_of(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        token = await act(bob, await trust(ada, bob, impersonation=True))
        for scope in (None, ada.scope, {"unscoped": {}}, by(await trust(ada, bob))):
            answer = await keystone.ask_token(rescope(token, scope))
            assert answer.status == 403
            assert "Create a new trust-scoped token instead" in answer["error"]["message"]
        assert (await ask(ada, bob, token=token, impersonation=True)).status == 403
        credentials = f"/users/{ada.id}/application_credentials"
        body = {"application_credential": {"name": "robot"}}
        assert (await keystone("POST", credentials, body, token=token)).status == 403
        assert (await keystone("GET", credentials, token=token)).status == 403
        assert (await keystone("GET", f"/users/{ada.id}/access_rules", token=token)).status == 403

    converse(tmp_path, talk)


def test_programs_neither_make_nor_see_trusts(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        made = await trust(ada, bob)
        path, words = f"/users/{ada.id}/application_credentials", {"name": "robot", "unrestricted": True}
        answer = await keystone("POST", path, {"application_credential": words}, token=await ada.login())
        robot = answer["application_credential"]
        secret = {"id": robot["id"], "secret": robot["secret"]}
        identity = {"methods": ["application_credential"], "application_credential": secret}
        token = (await keystone.ask_token({"auth": {"identity": identity}})).headers["x-subject-token"]
        refused = await ask(ada, bob, token=token)
        assert (refused.status, "for managing trusts" in refused["error"]["message"]) == (403, True)
        one = f"{TRUSTS}/{made['id']}"
        for path in (f"{TRUSTS}?trustor_user_id={ada.id}", one, f"{one}/roles"):
            assert (await keystone("GET", path, token=token)).status == 403
        assert (await keystone("DELETE", one, token=token)).status == 403

    converse(tmp_path, talk)


def test_a_trust_for_no_project_lets_nobody_in(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        made = await trust(ada, bob, project_id="left out", roles="left out")
        assert (made["project_id"], made["roles"]) == (None, [])
        assert (await bob.try_to_log_in(by(made))).status == 404
        assert (await bob.try_to_log_in({"OS-TRUST:trust": {}})).status == 400
        assert (await bob.try_to_log_in({"OS-TRUST:trust": ""})).status == 400

    converse(tmp_path, talk)
