# SPDX-License-Identifier: Apache-2.0
"""What suites need to stand on: they ask for two flavors, two images, networks, types, by id.

Most of it is there after `cumulet up --devstack`; what is missing is made here through the API, as an
operator would.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from lab.cloud import Cloud

_FLAVORS = ("m1.nano", "m1.micro")
_MULTIATTACH = "multiattach"


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Names and ids that go into a suite's configuration."""

    url: str
    flavor: str
    other_flavor: str
    image: str
    other_image: str
    image_file: Path
    """The content of both images."""
    public_network: str
    shared_network: str
    newest: Mapping[str, str]
    """The highest microversion of a service."""
    hosts: tuple[str, ...]
    backends: tuple[str, ...]
    vendor: str
    protocol: str
    """Who made the storage, and how volumes are reached, as its pools say."""
    multiattach_type: str


class Operator:
    """An admin who asks the cloud what it has."""

    def __init__(self, cloud: Cloud) -> None:
        headers = {"X-Auth-Token": cloud.await_token()}
        self.http = httpx.Client(base_url=cloud.url, headers=headers, timeout=60, trust_env=False)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def named(self, path: str, kind: str, name: str) -> str:
        """The id of the thing of that name. Raises LookupError."""
        for row in self.send("GET", path)[kind]:
            if row["name"] == name:
                return str(row["id"])
        raise LookupError(f"The cloud has no {kind} named {name}.")


def prepare(cloud: Cloud, folder: Path) -> Ground:
    """Everything exists that the suites ask for and that a cloud can have at all; files are in the folder."""
    operator = Operator(cloud)
    image = operator.send("GET", "/image/v2/images?visibility=public")["images"][0]
    pools = operator.send("GET", "/volume/v3/scheduler-stats/get_pools?detail=true")["pools"]
    compute = operator.send("GET", "/compute/v2.1/os-services?binary=nova-compute")["services"]
    flavors = [operator.named("/compute/v2.1/flavors", "flavors", name) for name in _FLAVORS]
    content = operator.http.get(f"/image/v2/images/{image['id']}/file").content
    file = folder / "guest.qcow2"
    file.write_bytes(content)
    return Ground(
        url=cloud.url,
        flavor=flavors[0],
        other_flavor=flavors[1],
        image=image["id"],
        other_image=_copy(operator, image, content),
        image_file=file,
        public_network=operator.named("/network/v2.0/networks", "networks", "public"),
        shared_network="shared",
        newest=_newest(operator),
        hosts=tuple(sorted(row["host"] for row in compute)),
        backends=tuple(sorted({pool["capabilities"]["volume_backend_name"] for pool in pools})),
        vendor=pools[0]["capabilities"]["vendor_name"],
        protocol=pools[0]["capabilities"]["storage_protocol"],
        multiattach_type=_multiattach(operator),
    )


def _copy(operator: Operator, image: Mapping[str, Any], content: bytes) -> str:
    """A second image with the content of the first."""
    given = {key: image[key] for key in ("disk_format", "container_format")}
    given |= {"name": f"{image['name']}-alt", "visibility": "public"}
    copy = operator.send("POST", "/image/v2/images", given)
    headers = {"Content-Type": "application/octet-stream"}
    sent = operator.http.put(f"/image/v2/images/{copy['id']}/file", content=content, headers=headers)
    sent.raise_for_status()
    return str(copy["id"])


def _multiattach(operator: Operator) -> str:
    """A volume type whose volumes several servers may have at once."""
    given = {"name": _MULTIATTACH, "extra_specs": {"multiattach": "<is> True"}}
    operator.send("POST", "/volume/v3/types", {"volume_type": given})
    return _MULTIATTACH


def _newest(operator: Operator) -> dict[str, str]:
    """What the version documents say."""
    compute = operator.send("GET", "/compute/")["versions"][-1]["version"]
    volume = operator.http.get("/volume/").json()["versions"][-1]["version"]
    placement = operator.send("GET", "/placement/")["versions"][-1]["max_version"]
    return {"compute": compute, "volume": volume, "placement": placement}
