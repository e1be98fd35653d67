# SPDX-License-Identifier: Apache-2.0
"""Policies that Keystone keeps for others, and whose they are."""

from pathlib import Path
from typing import Any

import pytest

from cumulet.testing.identity import Talk, converse

RULES = '{"may_sing": "role:singer"}'


async def policy(keystone: Talk, **fields: Any) -> str:
    id: str = (await keystone.make("policy", "/policies", blob=RULES, type="application/json", **fields))[
        "id"
    ]
    return id


async def music(keystone: Talk) -> dict[str, str]:
    """A service in a city, which is in a country, and elsewhere."""
    await keystone.make("region", id="Country")
    await keystone.make("region", id="City", parent_region_id="Country")
    service = await keystone.make("service", type="music")
    found = {"service": service["id"]}
    for region in ("City", "Country", "Elsewhere"):
        endpoint = await keystone.make(
            "endpoint", interface="public", service_id=service["id"], url="http://x", region=region
        )
        found[region] = endpoint["id"]
    return found


async def meant_for(keystone: Talk, endpoint_id: str) -> str | None:
    """The id of the policy of an endpoint."""
    answer = await keystone("GET", f"/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy")
    if answer.status == 404:
        assert answer["error"]["message"] == f"No policy is associated with endpoint {endpoint_id}."
        return None
    id: str = answer["policy"]["id"]
    return id


def test_a_policy_is_made_shown_changed_and_deleted(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        made = await keystone.make("policy", "/policies", blob=RULES, type="application/json", colour="red")
        path = f"/policies/{made['id']}"
        assert made == {
            "id": made["id"],
            "blob": RULES,
            "type": "application/json",
            "colour": "red",
            "links": {"self": f"http://cloud/identity/v3{path}"},
        }
        await policy(keystone)
        other = await keystone.make("policy", "/policies", blob="", type="text/plain")
        found = await keystone("GET", "/policies?type=text/plain")
        assert found["policies"] == [other]
        assert len((await keystone("GET", "/policies"))["policies"]) == 3
        changed = await keystone("PATCH", path, {"policy": {"blob": "{}", "size": 3}})
        assert changed["policy"] == {**made, "blob": "{}", "size": 3}
        assert (await keystone("GET", path))["policy"] == changed["policy"]
        assert (await keystone("DELETE", path)).status == 204
        gone = await keystone("GET", path)
        assert (gone.status, gone["error"]["message"]) == (404, f"Could not find policy: {made['id']}.")

    converse(tmp_path, talk, database=database)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"blob": RULES},
        {"type": "text/plain"},
        {"blob": {"a": 1}, "type": "text/plain"},
        {"blob": RULES, "type": "x" * 256},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(tmp_path: Path, body: dict[str, Any]) -> None:
    async def talk(keystone: Talk) -> None:
        assert (await keystone("POST", "/policies", {"policy": body})).status == 400
        id = await policy(keystone)
        assert (await keystone("PATCH", f"/policies/{id}", {"policy": {}})).status == 400

    converse(tmp_path, talk)


def test_the_nearest_policy_is_that_of_an_endpoint(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ids = await music(keystone)
        where = {
            "service": f"services/{ids['service']}",
            "country": f"services/{ids['service']}/regions/Country",
            "city": f"services/{ids['service']}/regions/City",
            "endpoint": f"endpoints/{ids['City']}",
        }
        assert await meant_for(keystone, ids["City"]) is None
        policies = {name: await policy(keystone) for name in where}
        for name, path in where.items():
            association = f"/policies/{policies[name]}/OS-ENDPOINT-POLICY/{path}"
            missing = await keystone("GET", association)
            assert (missing.status, missing["error"]["message"]) == (
                404, "Could not find policy association."
            )  # fmt: skip
            for method in ("PUT", "PUT", "GET", "HEAD"):
                assert (await keystone(method, association)).status == 204
            assert await meant_for(keystone, ids["City"]) == policies[name]
        assert await meant_for(keystone, ids["Country"]) == policies["country"]
        assert await meant_for(keystone, ids["Elsewhere"]) == policies["service"]

        async def endpoints(name: str) -> set[str]:
            answer = await keystone("GET", f"/policies/{policies[name]}/OS-ENDPOINT-POLICY/endpoints")
            return {endpoint["id"] for endpoint in answer["endpoints"]}

        assert await endpoints("service") == {ids["City"], ids["Country"], ids["Elsewhere"]}
        assert await endpoints("country") == {ids["City"], ids["Country"]}
        assert await endpoints("city") == await endpoints("endpoint") == {ids["City"]}
        for name in ("endpoint", "city", "country"):
            path = f"/policies/{policies[name]}/OS-ENDPOINT-POLICY/{where[name]}"
            assert (await keystone("DELETE", path)).status == 204
        assert await meant_for(keystone, ids["City"]) == policies["service"]
        assert (await keystone("DELETE", f"/policies/{policies['service']}")).status == 204
        assert await meant_for(keystone, ids["City"]) is None

    converse(tmp_path, talk, database=database)


def test_a_thing_has_one_policy_and_loses_only_that(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ids = await music(keystone)
        old, new = await policy(keystone), await policy(keystone)
        association = "/policies/{}/OS-ENDPOINT-POLICY/endpoints/" + ids["City"]
        for id in (old, new):
            assert (await keystone("PUT", association.format(id))).status == 204
        assert (await keystone("GET", association.format(old))).status == 404
        assert (await keystone("DELETE", association.format(old))).status == 204
        assert await meant_for(keystone, ids["City"]) == new
        assert (await keystone("DELETE", f"/endpoints/{ids['City']}")).status == 204
        found = await keystone("GET", f"/policies/{new}/OS-ENDPOINT-POLICY/endpoints")
        assert found["endpoints"] == []

    converse(tmp_path, talk, database=database)


def test_what_there_is_not_has_no_policy(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ids, id = await music(keystone), await policy(keystone)
        base = f"/policies/{id}/OS-ENDPOINT-POLICY"
        for path in ("endpoints/no", "services/no", "services/no/regions/City",
                     f"services/{ids['service']}/regions/no"):  # fmt: skip
            for method in ("PUT", "GET", "DELETE"):
                assert (await keystone(method, f"{base}/{path}")).status == 404
        assert (await keystone("GET", "/policies/no/OS-ENDPOINT-POLICY/endpoints")).status == 404
        assert (await keystone("GET", "/endpoints/no/OS-ENDPOINT-POLICY/policy")).status == 404
        token = await (await keystone.person("alice")).login()
        for method, path in (("GET", "/policies"), ("PUT", f"{base}/endpoints/{ids['City']}")):
            assert (await keystone(method, path, token=token)).status == 403

    converse(tmp_path, talk)
