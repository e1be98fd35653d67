# SPDX-License-Identifier: Apache-2.0
"""OS-REVOKE: which tokens were ended, and routes that are no more."""

from pathlib import Path

from cumulet.kernel.clock import ManualClock
from cumulet.services.keystone.tokens import revocation
from cumulet.testing.identity import Talk, converse, ended, rescope

EVENTS = "/OS-REVOKE/events"


def test_what_ended_tokens_is_told(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        assert (await keystone("GET", EVENTS)).body == {
            "events": [],
            "links": {"next": None, "self": f"http://cloud/identity/v3{EVENTS}", "previous": None},
        }
        alice = await keystone.person("alice")
        token = await alice.login()
        first = (await keystone("GET", "/auth/tokens", headers={"X-Subject-Token": token}))["token"]
        assert (await keystone("DELETE", "/auth/tokens", headers={"X-Subject-Token": token})).status == 204
        await keystone("PATCH", f"/users/{alice.id}", {"user": {"password": "another"}})
        project = f"/projects/{alice.project['id']}"
        await keystone("PATCH", project, {"project": {"enabled": False}})
        domain = await keystone.make("domain", name="label")
        await keystone("PATCH", f"/domains/{domain['id']}", {"domain": {"enabled": False}})
        assert await ended(keystone) == [
            {"audit_id": first["audit_ids"][0]},
            {"user_id": alice.id},
            {"project_id": alice.project["id"]},
            {"domain_id": domain["id"]},
        ]
        found = (await keystone("GET", EVENTS))["events"]
        assert all(event["issued_before"] == event["revoked_at"] for event in found)
        assert found[0]["revoked_at"].endswith("Z")

    converse(tmp_path, talk, database=database)


def test_what_ended_with_that_on_which_it_rested_is_told(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        alice, bob = await keystone.person("alice"), await keystone.person("bob")
        given = {
            "trustor_user_id": alice.id,
            "trustee_user_id": bob.id,
            "project_id": alice.project["id"],
            "impersonation": False,
            "roles": [{"name": "member"}],
        }
        alices = await alice.login()
        trust = (await keystone("POST", "/OS-TRUST/trusts", {"trust": given}, token=alices))["trust"]
        assert (await keystone("DELETE", f"/OS-TRUST/trusts/{trust['id']}")).status == 204
        role = f"/projects/{bob.project['id']}/users/{bob.id}/roles/{await keystone.role('member')}"
        assert (await keystone("DELETE", role)).status == 204
        assert (await keystone("DELETE", f"/users/{alice.id}")).status == 204
        assert (await keystone("DELETE", f"/projects/{bob.project['id']}")).status == 204
        assert await ended(keystone) == [
            {"OS-TRUST:trust_id": trust["id"]},
            {"user_id": alice.id},
            {"project_id": bob.project["id"]},
        ]

    converse(tmp_path, talk)


def test_events_are_asked_for_since_a_moment_and_forgotten_in_the_end(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        alice, bob = await keystone.person("alice"), await keystone.person("bob")
        await keystone("PATCH", f"/users/{alice.id}", {"user": {"enabled": False}})
        clock.advance(60)
        await keystone("PATCH", f"/users/{bob.id}", {"user": {"enabled": False}})
        both = (await keystone("GET", EVENTS))["events"]
        assert [event["user_id"] for event in both] == [alice.id, bob.id]
        late = await keystone("GET", f"{EVENTS}?since={both[1]['revoked_at']}")
        assert late["events"] == both[1:]
        wrong = await keystone("GET", f"{EVENTS}?since=yesterday")
        assert (wrong.status, wrong["error"]["message"]) == (400, "invalidate date format yesterday")
        clock.advance(172800 + 3600 + 1)
        await keystone.cloud.app.db.transact(revocation.trim)
        await keystone.become_admin()
        assert (await keystone("GET", EVENTS))["events"] == []

    converse(tmp_path, talk, clock=clock)


def test_only_services_and_administrators_are_told(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        token = await (await keystone.person("alice")).login()
        assert (await keystone("GET", EVENTS, token=token)).status == 403
        service = await (await keystone.person("watcher", role="service")).login()
        assert (await keystone("GET", EVENTS, token=service)).status == 200
        unscoped = await keystone.ask_token(rescope(token))
        assert (await keystone("GET", EVENTS, token=unscoped.headers["x-subject-token"])).status == 403

    converse(tmp_path, talk)


def test_lists_and_certificates_of_signed_tokens_are_no_more(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        revoked = await keystone("GET", "/auth/tokens/OS-PKI/revoked")
        assert (revoked.status, revoked["error"]["message"]) == (
            403,
            "You are not authorized to perform the requested action.",
        )
        for path in ("ca", "certificates"):
            answer = await keystone("GET", f"/OS-SIMPLE-CERT/{path}", token="")
            assert (answer.status, answer["error"]["message"]) == (
                410,
                "This API is no longer available due to the removal of support for PKI tokens.",
            )

    converse(tmp_path, talk)
