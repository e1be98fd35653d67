# SPDX-License-Identifier: Apache-2.0
"""The networks of DevStack."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tests.conversations.neutron_talk import API, as_nova

from cumulet.contracts.keystone import Directory, ProjectInfo
from cumulet.kernel.auth.context import Identity
from cumulet.kernel.db import Tx
from cumulet.services.neutron.devstack import devstack
from cumulet.services.neutron.service import SERVICE as NEUTRON
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import PROJECT, People, people


class Projects:
    """Knows `admin` and `demo`."""

    def project(self, tx: Tx, project_id: str) -> ProjectInfo | None:
        return None

    def project_names(self, tx: Tx, ids: Iterable[str]) -> dict[str, str]:
        return {}

    def user_exists(self, tx: Tx, user_id: str) -> bool:
        return True

    def find_project(self, tx: Tx, name: str, domain_id: str = "default") -> ProjectInfo | None:
        ids = {"demo": PROJECT, "admin": "c" * 32}
        return ProjectInfo(ids[name], name, domain_id, True)

    def service_identity(self, tx: Tx) -> Identity:
        return People().known["service"]


def test_devstack_networks_are_made_once(tmp_path: Path) -> None:
    import asyncio

    async def talk() -> None:
        keystone = people()
        both = replace(keystone, provides=lambda: {**keystone.provides(), Directory: Projects()})
        async with Cloud.running(tmp_path, [both, NEUTRON]) as cloud:
            for _ in range(2):
                await cloud.app.db.transact(devstack, cloud.app, as_nova(cloud, "admin"))
            cloud.token = "member"
            networks = (await cloud.request("GET", f"{API}/networks?sort_key=name"))["networks"]
            assert [n["name"] for n in networks] == ["private", "public", "shared"]
            subnets = (await cloud.request("GET", f"{API}/subnets"))["subnets"]
            assert len(subnets) == 3  # that of public is the operator's
            routers = (await cloud.request("GET", f"{API}/routers"))["routers"]
            assert [(r["name"], bool(r["external_gateway_info"])) for r in routers] == [("router1", True)]
            assert set(cloud.worlds["host-1"].networks) <= {n["id"] for n in networks}

    asyncio.run(talk())
