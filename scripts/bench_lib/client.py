# SPDX-License-Identifier: Apache-2.0
"""A user's side of the cloud under measurement: JSON over HTTP, as the admin."""

from typing import Any

import httpx
from lab.cloud import login

_UNLIMITED = {
    "compute/v2.1/os-quota-sets/{project}": ("quota_set", ("instances", "cores", "ram", "server_groups")),
    "network/v2.0/quotas/{project}": ("quota", ("network", "subnet", "port", "router", "security_group")),
    "volume/v3/os-quota-sets/{project}": ("quota_set", ("volumes", "gigabytes", "snapshots")),
}
_VERSIONS = {"compute": "compute 2.90", "volume": "volume 3.60"}


class Refused(Exception):
    """The cloud answered with an error."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{status}: {said[:300]}")
        self.status = status


class Client:
    """One admin; as many requests at once as it is asked for."""

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        self.http = httpx.AsyncClient(base_url=url, timeout=30, limits=limits, trust_env=False)
        self.project_id = ""

    async def log_in(self) -> None:
        answer = await self.http.post("/identity/v3/auth/tokens", json=login())
        answer.raise_for_status()
        self.http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        self.project_id = answer.json()["token"]["project"]["id"]

    async def lift_quotas(self) -> None:
        """The admin's project may have as much as it likes."""
        for path, (envelope, names) in _UNLIMITED.items():
            body = {envelope: dict.fromkeys(names, -1)}
            await self.send("PUT", f"/{path.format(project=self.project_id)}", body)

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        """What the cloud answers. Raises Refused for an error, httpx.TransportError when nothing answers."""
        version = _VERSIONS.get(path.split("/", 2)[1])
        headers = {"OpenStack-API-Version": version} if version else {}
        answer = await self.http.request(method, path, json=body, headers=headers)
        if answer.status_code >= 400:
            raise Refused(answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def prepare(
        self, content: bytes = b"\0" * 1024, disk_format: str = "raw", ram: int = 64
    ) -> "Ground":
        """A network with a subnet, an image with this content and a flavor, for servers to stand on."""
        made = await self.send("POST", "/network/v2.0/networks", {"network": {"name": "bench"}})
        network_id = made["network"]["id"]
        subnet = {"network_id": network_id, "ip_version": 4, "cidr": "10.64.0.0/16"}
        await self.send("POST", "/network/v2.0/subnets", {"subnet": subnet})
        image = {"name": "bench", "disk_format": disk_format, "container_format": "bare"}
        image_id = (await self.send("POST", "/image/v2/images", image))["id"]
        octets = {"Content-Type": "application/octet-stream"}
        sent = await self.http.put(f"/image/v2/images/{image_id}/file", content=content, headers=octets)
        sent.raise_for_status()
        flavor = {"flavor": {"name": "bench", "ram": ram, "vcpus": 1, "disk": 1}}
        flavor_id = (await self.send("POST", "/compute/v2.1/flavors", flavor))["flavor"]["id"]
        return Ground(self, network_id, image_id, flavor_id)

    async def close(self) -> None:
        await self.http.aclose()


class Ground:
    """What servers stand on, and making them."""

    def __init__(self, client: Client, network_id: str, image_id: str, flavor_id: str) -> None:
        self.client = client
        self.network_id = network_id
        self.image_id = image_id
        self.flavor_id = flavor_id

    async def create_server(self, name: str) -> str:
        """The id of a server that was accepted, with one port."""
        server = {
            "name": name,
            "imageRef": self.image_id,
            "flavorRef": self.flavor_id,
            "networks": [{"uuid": self.network_id}],
        }
        answer = await self.client.send("POST", "/compute/v2.1/servers", {"server": server})
        return str(answer["server"]["id"])
