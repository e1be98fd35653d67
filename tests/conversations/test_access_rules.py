# SPDX-License-Identifier: Apache-2.0
"""Access rules of application credentials, at every service."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cumulet.services.cinder.service import SERVICE as CINDER
from cumulet.services.glance.service import SERVICE as GLANCE
from cumulet.services.keystone.service import SERVICE as KEYSTONE
from cumulet.services.neutron.service import SERVICE as NEUTRON
from cumulet.services.nova.service import SERVICE as NOVA
from cumulet.services.placement.service import SERVICE as PLACEMENT
from cumulet.testing.cloud import Cloud
from cumulet.testing.identity import Person, Talk


def with_all_services(path: Path, talk: Callable[[Talk], Awaitable[None]]) -> None:
    async def run() -> None:
        services = [KEYSTONE, PLACEMENT, GLANCE, NEUTRON, CINDER, NOVA]
        async with Cloud.running(path, services, hosts=0) as cloud:
            keystone = Talk(cloud)
            await keystone.become_admin()
            await talk(keystone)

    asyncio.run(run())


async def token_with(person: Person, *rules: tuple[str, str, str], **fields: Any) -> str:
    """A token by a credential that may ask only this: (type of service, method, path)."""
    path = f"/users/{person.id}/application_credentials"
    wanted = [{"service": service, "method": method, "path": path} for service, method, path in rules]
    words = {"name": "robot", "access_rules": wanted, **fields}
    made = await person.talk("POST", path, {"application_credential": words}, token=await person.login())
    assert made.status == 201, made
    secret = {"id": made["application_credential"]["id"], "secret": made["application_credential"]["secret"]}
    identity = {"methods": ["application_credential"], "application_credential": secret}
    answer = await person.talk.ask_token({"auth": {"identity": identity}})
    return answer.headers["x-subject-token"]


RULES = (
    ("compute", "GET", "/v2.1/servers"),
    ("compute", "GET", "/v2.1/{project_id}/flavors"),
    ("image", "GET", "/v2/images/**"),
    ("network", "GET", "/v2.0/*"),
    ("volumev3", "GET", "/v3/{project_id}/volumes"),
    ("block-storage", "GET", "/v3/snapshots"),
    ("placement", "GET", "/resource_providers"),
    ("identity", "GET", "/v3/auth/projects"),
)


COVERED = (
    "/compute/v2.1/servers",
    "/compute/v2.1/servers?limit=1",
    "/compute/v2.1/{project}/flavors",
    "/image/v2/images/one",
    "/image/v2/images/one/members/two",
    "/network/v2.0/networks",
    "/volume/v3/{project}/volumes",
    "/volume/v3/snapshots",
    "/placement/resource_providers",
    "/identity/v3/auth/projects",
)
NOT_COVERED = (
    "/compute/v2.1/servers/detail",
    "/compute/v2.1/{project}/servers",
    "/compute/v2.1/flavors",
    "/image/v2/images",
    "/network/v2.0/networks/one",
    "/volume/v3/volumes",
    "/volume/v3/{project}/snapshots",
    "/identity/v3/auth/domains",
    "/placement/resource_providers/one",
)


def test_a_rule_covers_a_path_as_it_was_asked(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        token = await token_with(ada, *RULES)
        for path in (*COVERED, *NOT_COVERED):
            asked = path.format(project=ada.project["id"])
            answer = await keystone.cloud.request("GET", asked, token=token)
            assert (answer.status != 401) == (path in COVERED), (path, answer)
            assert ("www-authenticate" in answer.headers) == (path in NOT_COVERED)
            other = await keystone.cloud.request("DELETE", asked, token=token)
            assert other.status in (401, 405), "no rule is for this method"

    with_all_services(tmp_path, talk)


def test_what_a_service_asks_for_its_user_needs_no_rule(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, nova = await keystone.person("ada"), await keystone.person("nova", role="service")
        token = await token_with(ada, ("compute", "GET", "/v2.1/servers"))
        request = keystone.cloud.request
        assert (await request("GET", "/network/v2.0/networks", token=token)).status == 401
        service = {"X-Service-Token": await nova.login()}
        assert (await request("GET", "/network/v2.0/networks", token=token, headers=service)).status == 200
        for other in ("nonsense", token, await ada.login()):
            fake = {"X-Service-Token": other}
            assert (await request("GET", "/network/v2.0/networks", token=token, headers=fake)).status == 401

    with_all_services(tmp_path, talk)


def test_a_token_with_rules_is_shown_to_who_knows_of_them(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        token = await token_with(ada, ("compute", "GET", "/v2.1/servers"))
        subject = {"X-Subject-Token": token, "OpenStack-Identity-Access-Rules": "1.0"}
        own = await keystone("GET", "/auth/tokens", token=token, headers=subject)
        assert own.status == 200, "everybody may have their own token validated"
        for version in ("0.9", "none", ""):
            older = {**subject, "OpenStack-Identity-Access-Rules": version}
            assert (await keystone("GET", "/auth/tokens", headers=older)).status == 404

    with_all_services(tmp_path, talk)
