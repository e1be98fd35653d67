# SPDX-License-Identifier: Apache-2.0
"""Services, endpoints and regions, and what a cloud publishes of itself."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cumulet.kernel.app import App
from cumulet.kernel.clock import SystemClock
from cumulet.kernel.config import Settings
from cumulet.kernel.db import Database, Tx, schema
from cumulet.services.keystone.catalog.model import CatalogService, Endpoint
from cumulet.services.keystone.catalog.urls import filled, is_well_formed
from cumulet.services.keystone.devstack import devstack
from cumulet.services.keystone.service import SERVICE as KEYSTONE
from cumulet.testing.identity import ADMIN_PROJECT, Talk, converse, password


def test_an_endpoint_is_made_shown_in_tokens_and_deleted(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        service = await keystone.make("service", type="music", name="orpheus", description="sings")
        assert (service["enabled"], service["description"]) == (True, "sings")
        endpoint = await keystone.make(
            "endpoint",
            interface="public",
            service_id=service["id"],
            url="http://music/$(project_id)s",
            region="North",
        )
        assert endpoint["region"] == endpoint["region_id"] == "North"
        assert (await keystone("GET", "/regions/North")).status == 200

        async def published() -> list[str]:
            catalog = (await keystone("GET", "/auth/catalog"))["catalog"]
            return [e["url"] for s in catalog if s["type"] == "music" for e in s["endpoints"]]

        project_id = (await keystone("GET", "/projects?name=admin"))["projects"][0]["id"]
        assert await published() == [f"http://music/{project_id}"]
        path = f"/endpoints/{endpoint['id']}"
        assert (await keystone("PATCH", path, {"endpoint": {"enabled": False}})).status == 200
        assert await published() == []
        found = await keystone("GET", f"/endpoints?service_id={service['id']}&interface=public")
        assert [e["id"] for e in found["endpoints"]] == [endpoint["id"]]
        assert (await keystone("DELETE", f"/services/{service['id']}")).status == 204
        assert (await keystone("GET", path)).status == 404

    converse(tmp_path, talk, database=database)


@pytest.mark.parametrize(
    "changes",
    [
        {"interface": "secret"},
        {"url": "nonsense"},
        {"url": "http://x/$(unknown)s"},
        {"url": "http://" + "x" * 300},
        {"service_id": "nothing"},
        {"region_id": "nowhere"},
        {"enabled": "yes"},
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    async def talk(keystone: Talk) -> None:
        service = await keystone.make("service", type="music")
        body = {"interface": "public", "service_id": service["id"], "url": "http://x", **changes}
        assert (await keystone("POST", "/endpoints", {"endpoint": body})).status == 400

    converse(tmp_path, talk)


def test_regions_stand_in_one_another_without_a_circle(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        north = await keystone("PUT", "/regions/North", {"region": {}})
        assert north.status == 201
        assert north["region"]["parent_region_id"] is None
        city = await keystone.make("region", id="City", parent_region_id="North")
        assert city["id"] == "City"
        circle = await keystone("PATCH", "/regions/North", {"region": {"parent_region_id": "City"}})
        assert circle["error"]["message"] == (
            "The specified parent region City would create a circular region hierarchy."
        )
        assert (await keystone("POST", "/regions", {"region": {"id": "City"}})).status == 409
        assert (await keystone("PUT", "/regions/South", {"region": {"id": "West"}})).status == 400
        assert (await keystone("POST", "/regions", {"region": {"parent_region_id": "no"}})).status == 400
        inside = await keystone("GET", "/regions?parent_region_id=North")
        assert [region["id"] for region in inside["regions"]] == ["City"]
        assert len((await keystone.make("region"))["id"]) == 32
        assert (await keystone("DELETE", "/regions/RegionOne")).status == 403
        assert (await keystone("DELETE", "/regions/North")).status == 204
        assert (await keystone("GET", "/regions/City")).status == 404

    converse(tmp_path, talk)


def test_addresses_are_filled_or_left_out() -> None:
    values = {"project_id": "p", "tenant_id": "p", "user_id": None}
    assert filled("http://x/$(project_id)s/%(tenant_id)s", values) == "http://x/p/p"
    assert filled("http://x/$(user_id)s", values) is None
    assert is_well_formed("http://x/$(project_id)s")
    assert not is_well_formed("http://x/$(project_id")
    assert not is_well_formed("http://x/$(password)s")


def test_a_cloud_that_moves_takes_its_endpoints_with_it(tmp_path: Path) -> None:
    async def start(url: str) -> dict[str, str]:
        clock = SystemClock()
        db = Database(f"sqlite:///{tmp_path / 'cumulet.db'}", clock)
        app = App(Settings(state=tmp_path, public_url=url), [KEYSTONE], db, clock)
        _ = app.service("keystone").api
        await db.transact(schema.create)
        await app.start()
        services = {row.id: row.type for row in await db.read(Tx.all, CatalogService)}
        found = {services[row.service_id]: row.url for row in await db.read(Tx.all, Endpoint)}
        await app.stop()
        db.close()
        return found

    async def run() -> None:
        assert await start("http://old") == {"identity": "http://old/identity"}
        assert await start("https://new") == {"identity": "https://new/identity"}

    asyncio.run(run())


def test_the_people_of_devstack_are_added_on_demand(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        app = keystone.cloud.app
        for _ in range(2):
            await app.db.transact(devstack, app)
        projects = {p["name"] for p in (await keystone("GET", "/projects"))["projects"]}
        assert {"demo", "alt_demo", "invisible_to_admin", "service", "admin"} == projects
        assert await keystone.role("ResellerAdmin")
        user = {"name": "demo", "domain": {"id": "default"}, "password": "open sesame"}
        demo = {"project": {"name": "demo", "domain": {"id": "default"}}}
        token = (await keystone.ask_token(password(user, demo)))["token"]
        assert {"member", "reader"} < {role["name"] for role in token["roles"]}
        admin = {**user, "name": "admin"}
        assert (await keystone.ask_token(password(admin, demo))).status == 201
        assert (await keystone.ask_token(password(user, ADMIN_PROJECT))).status == 401

    converse(tmp_path, talk, database=database)
