# SPDX-License-Identifier: Apache-2.0
"""Identity providers, protocols, mappings and service providers: how they are kept and shown."""

from pathlib import Path
from typing import Any

import pytest

from cumulet.testing.identity import V3, Talk, converse

F = "/OS-FEDERATION"
IDP = f"{F}/identity_providers/acme"
RULES = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "REMOTE_USER"}]}]


async def put(keystone: Talk, path: str, member: str, **fields: Any) -> dict[str, Any]:
    answer = await keystone("PUT", path, {member: fields})
    assert answer.status == 201, answer
    found: dict[str, Any] = answer[member]
    return found


def test_an_identity_provider_gets_its_id_from_the_path_and_a_domain_of_its_own(
    tmp_path: Path, database: str
) -> None:
    async def talk(keystone: Talk) -> None:
        made = await put(keystone, IDP, "identity_provider", description="Ours", remote_ids=["b", "a"])
        here = f"{keystone.cloud.app.settings.public_url}{V3}{IDP}"
        domain_id = made.pop("domain_id")
        assert made == {
            "id": "acme",
            "enabled": False,
            "description": "Ours",
            "remote_ids": ["a", "b"],
            "authorization_ttl": None,
            "links": {"self": here, "protocols": f"{here}/protocols"},
        }
        domain = (await keystone("GET", f"/domains/{domain_id}"))["domain"]
        assert domain["name"] == domain_id and domain["enabled"]
        assert domain["description"] == "Auto generated federated domain for Identity Provider: acme"
        assert (await keystone("GET", IDP))["identity_provider"] == {**made, "domain_id": domain_id}
        again = await keystone("PUT", IDP, {"identity_provider": {}})
        assert (again.status, again["error"]["message"]) == (
            409,
            "Conflict occurred attempting to store identity_provider - Duplicate entry: acme.",
        )
        bare = await keystone("PUT", f"{F}/identity_providers/bare", {})
        assert (bare.status, bare["identity_provider"]["remote_ids"]) == (201, [])

    converse(tmp_path, talk, database=database)


def test_an_identity_provider_may_stand_in_a_domain_that_exists_and_goes_with_it(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        domain = await keystone.make("domain", name="corp")
        made = await put(keystone, IDP, "identity_provider", domain_id=domain["id"])
        assert made["domain_id"] == domain["id"]
        nowhere = await keystone(
            "PUT", f"{F}/identity_providers/other", {"identity_provider": {"domain_id": "nowhere"}}
        )
        assert (nowhere.status, nowhere["error"]["message"]) == (404, "Could not find domain: nowhere.")
        path = f"/domains/{domain['id']}"
        await keystone("PATCH", path, {"domain": {"enabled": False}})
        assert (await keystone("DELETE", path)).status == 204
        gone = await keystone("GET", IDP)
        assert (gone.status, gone["error"]["message"]) == (404, "Could not find Identity Provider: acme.")

    converse(tmp_path, talk)


def test_a_remote_id_belongs_to_one_identity_provider(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        await put(keystone, IDP, "identity_provider", remote_ids=["https://idp"])
        other = f"{F}/identity_providers/other"
        taken = await keystone("PUT", other, {"identity_provider": {"remote_ids": ["https://idp"]}})
        assert (taken.status, taken["error"]["message"]) == (
            409,
            "Conflict occurred attempting to store identity_provider - Duplicate remote ID: https://idp.",
        )
        assert (await keystone("GET", other)).status == 404
        await put(keystone, other, "identity_provider", remote_ids=["mine"])
        change = {"identity_provider": {"remote_ids": ["https://idp"]}}
        assert (await keystone("PATCH", other, change)).status == 409
        assert (await keystone("GET", other))["identity_provider"]["remote_ids"] == ["mine"]
        change = {"identity_provider": {"remote_ids": ["new"]}}
        assert (await keystone("PATCH", IDP, change))["identity_provider"]["remote_ids"] == ["new"]
        change = {"identity_provider": {"remote_ids": ["https://idp", "mine"]}}
        assert (await keystone("PATCH", other, change)).status == 200

    converse(tmp_path, talk, database=database)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"domain_id": "default"},
        {"id": "other"},
        {"colour": "red"},
        {"remote_ids": ["a", "a"]},
        {"remote_ids": [1]},
        {"authorization_ttl": -1},
        {"enabled": "perhaps"},
    ],
)
def test_a_change_of_an_identity_provider_that_makes_no_sense_is_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    async def talk(keystone: Talk) -> None:
        await put(keystone, IDP, "identity_provider")
        assert (await keystone("PATCH", IDP, {"identity_provider": changes})).status == 400

    converse(tmp_path, talk)


def test_identity_providers_are_listed_by_id_and_by_whether_they_are_enabled(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        for id, enabled in (("acme", True), ("other", False)):
            await put(keystone, f"{F}/identity_providers/{id}", "identity_provider", enabled=enabled)

        async def listed(query: str) -> list[str]:
            answer = await keystone("GET", f"{F}/identity_providers{query}")
            return [row["id"] for row in answer["identity_providers"]]

        assert await listed("") == ["acme", "other"]
        assert await listed("?enabled=true") == ["acme"]
        assert await listed("?enabled=False") == ["other"]
        assert await listed("?id=other") == ["other"]
        assert (await keystone("HEAD", f"{F}/identity_providers")).status == 200
        assert (await keystone("DELETE", f"{F}/identity_providers/other")).status == 204
        assert await listed("") == ["acme"]
        assert (await keystone("PUT", f"{F}/identity_providers/{'x' * 65}", {})).status == 400

    converse(tmp_path, talk)


def test_a_mapping_is_checked_by_the_version_that_it_names(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        path = f"{F}/mappings/people"
        made = await put(keystone, path, "mapping", rules=RULES, schema_version=None)
        assert (made["id"], made["rules"], made["schema_version"]) == ("people", RULES, "1.0")
        assert made["links"]["self"].endswith(f"{V3}{path}")
        again = await keystone("PUT", path, {"mapping": {"rules": RULES}})
        assert again.status == 409
        project = {"name": "p", "roles": [], "domain": {"id": "default"}}
        second = [{"local": [{"projects": [project]}], "remote": [{"type": "X"}]}]
        refused = await keystone("PATCH", path, {"mapping": {"rules": second}})
        assert refused.status == 400
        assert "Additional properties are not allowed" in refused["error"]["message"]
        changed = await keystone("PATCH", path, {"mapping": {"rules": second, "schema_version": "2.0"}})
        assert (changed["mapping"]["rules"], changed["mapping"]["schema_version"]) == (second, "2.0")
        for body in ({"rules": []}, {}, {"rules": RULES, "schema_version": "7"}, {"rules": "all"}):
            assert (await keystone("PUT", f"{F}/mappings/bad", {"mapping": body})).status == 400
        listed = (await keystone("GET", f"{F}/mappings"))["mappings"]
        assert [row["id"] for row in listed] == ["people"]
        assert (await keystone("DELETE", path)).status == 204
        gone = await keystone("GET", path)
        assert gone["error"]["message"] == "Could not find mapping: people."

    converse(tmp_path, talk)


def test_protocols_stand_below_their_identity_provider(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        await put(keystone, IDP, "identity_provider")
        await put(keystone, f"{F}/mappings/people", "mapping", rules=RULES)
        path = f"{IDP}/protocols/saml2"
        wrong = await keystone("PUT", path, {"protocol": {"mapping_id": "none"}})
        assert (wrong.status, wrong["error"]["message"]) == (400, "Invalid mapping id: none")
        made = await put(keystone, path, "protocol", mapping_id="people", remote_id_attribute="HTTP_ISS")
        here = f"{keystone.cloud.app.settings.public_url}{V3}{IDP}"
        links = {"self": f"{here}/protocols/saml2", "identity_provider": here}
        assert made == {"id": "saml2", "mapping_id": "people", "links": links}
        listed = (await keystone("GET", f"{IDP}/protocols"))["protocols"]
        assert listed == [{**made, "idp_id": "acme", "remote_id_attribute": "HTTP_ISS"}]
        assert (await keystone("PUT", path, {"protocol": {"mapping_id": "people"}})).status == 409
        assert (await keystone("PUT", path, {"protocol": {"mapping_id": "people", "x": 1}})).status == 400
        assert (await keystone("PATCH", path, {"protocol": {"mapping_id": "none"}})).status == 400
        await put(keystone, f"{F}/mappings/other", "mapping", rules=RULES)
        changed = await keystone("PATCH", path, {"protocol": {"mapping_id": "other"}})
        assert changed["protocol"]["mapping_id"] == "other"
        elsewhere = await keystone(
            "PUT", f"{F}/identity_providers/none/protocols/saml2", {"protocol": {"mapping_id": "people"}}
        )
        assert elsewhere["error"]["message"] == "Could not find Identity Provider: none."
        assert (await keystone("DELETE", path)).status == 204
        gone = await keystone("GET", path)
        assert (gone.status, gone["error"]["message"]) == (
            404,
            "Could not find federated protocol saml2 for Identity Provider: acme.",
        )
        await put(keystone, path, "protocol", mapping_id="people")
        assert (await keystone("DELETE", IDP)).status == 204
        assert (await keystone("GET", path)).status == 404

    converse(tmp_path, talk, database=database)


def test_tokens_tell_of_service_providers_that_are_enabled(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        path = f"{F}/service_providers/beta"
        urls = {"auth_url": "https://beta/auth", "sp_url": "https://beta/sp"}
        made = await put(keystone, path, "service_provider", **urls)
        assert (made["enabled"], made["relay_state_prefix"], made["description"]) == (False, "ss:mem:", None)

        async def told() -> Any:
            subject = {"X-Subject-Token": keystone.cloud.token}
            return (await keystone("GET", "/auth/tokens", headers=subject))["token"].get("service_providers")

        assert await told() is None
        await keystone("PATCH", path, {"service_provider": {"enabled": True}})
        assert await told() == [{"id": "beta", **urls}]
        listed = await keystone("GET", f"{F}/service_providers?enabled=true")
        assert [row["id"] for row in listed["service_providers"]] == ["beta"]
        bad = await keystone("PUT", f"{F}/service_providers/x", {"service_provider": {"auth_url": "x"}})
        assert bad.status == 400
        assert (await keystone("DELETE", path)).status == 204
        assert await told() is None

    converse(tmp_path, talk)


def test_only_an_administrator_changes_who_is_believed(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ann = await keystone.person("ann")
        token = await ann.login()
        refused = await keystone("PUT", IDP, {"identity_provider": {}}, token=token)
        assert (refused.status, refused["error"]["message"]) == (
            403,
            "You are not authorized to perform the requested action: identity:create_identity_provider.",
        )
        for path in ("identity_providers", "mappings", "service_providers", "identity_providers/x/protocols"):
            assert (await keystone("GET", f"{F}/{path}", token=token)).status == 403
        assert (await keystone("GET", f"{F}/projects", token=token))["projects"][0]["id"] == ann.project["id"]
        assert (await keystone("GET", f"{F}/domains", token=token))["domains"] == []

    converse(tmp_path, talk)


def test_without_a_signing_key_nothing_is_asserted_to_others(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        assert (await keystone("GET", f"{F}/saml2/metadata", token="")).status == 501
        identity = {"methods": ["token"], "token": {"id": keystone.cloud.token}}
        body = {"auth": {"identity": identity, "scope": {"service_provider": {"id": "beta"}}}}
        path = "/auth/OS-FEDERATION/saml2"
        assert (await keystone("POST", path, {"auth": {}})).status == 400
        missing = await keystone("POST", path, body)
        assert missing["error"]["message"] == "Could not find Service Provider: beta."
        urls = {"auth_url": "https://beta/auth", "sp_url": "https://beta/sp"}
        await put(keystone, f"{F}/service_providers/beta", "service_provider", **urls)
        assert (await keystone("POST", path, body)).status == 403
        await keystone("PATCH", f"{F}/service_providers/beta", {"service_provider": {"enabled": True}})
        for kind in ("", "/ecp"):
            assert (await keystone("POST", path + kind, body)).status == 501
            assert (await keystone("GET", path + kind)).status == 405

    converse(tmp_path, talk)
