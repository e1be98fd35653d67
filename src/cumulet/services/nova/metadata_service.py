# SPDX-License-Identifier: Apache-2.0
"""What guests read at 169.254.169.254: EC2's tree and OpenStack's documents.

A host passes each request on with the address that asked and the network or router it came through; Neutron
says whose address that is.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from cumulet.contracts.neutron import Ports
from cumulet.kernel.app import App
from cumulet.kernel.db import Tx
from cumulet.services.nova.servers import devices
from cumulet.services.nova.servers.guest_files import DATES, ec2_data, meta_data, network_data, user_data
from cumulet.services.nova.servers.model import Server

EC2_VERSIONS = (
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
)
TEXT, JSON, BYTES = "text/plain; charset=UTF-8", "application/json", "application/octet-stream"

PASSWORDS_SINCE, LONGEST_PASSWORD = "2013-04-04", 1020

Found = tuple[int, str, bytes]
MISSING: Found = (404, TEXT, b"The resource could not be found.")


class Metadata:
    """kernel.hosts.MetadataSource over our rows."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def answer(self, peer: Mapping[str, str], path: str, posted: bytes | None) -> Found:
        """Status, content type and body for a guest's GET of this path, or for what it posts there.

        All that can be posted is a password; elsewhere a POST is answered like a GET.
        """
        parts = [part for part in path.split("?")[0].split("/") if part]
        if posted is not None and _is_password(parts):
            return await self._app.db.transact(_take_password, dict(peer), posted)
        return await self._app.db.read(_answer, dict(peer), parts)


def _server(tx: Tx, peer: dict[str, str]) -> Server | None:
    """The server that asks."""
    server_id = tx.app.contract(Ports).server_of_address(
        tx,
        address=peer.get("remote_address", ""),
        network_id=peer.get("network_id", ""),
        router_id=peer.get("router_id", ""),
    )
    server = tx.get(Server, server_id) if server_id else None
    return None if server is None or server.deleted else server


def _answer(tx: Tx, peer: dict[str, str], parts: list[str]) -> Found:
    server = _server(tx, peer)
    if server is None:
        return MISSING
    if not parts:
        return _listing((*EC2_VERSIONS, "latest", "openstack"))
    if parts[0] == "openstack":
        return _openstack(tx, server, parts[1:])
    return _ec2(tx, server, parts)


def _listing(names: Any) -> Found:
    return 200, TEXT, "\n".join(names).encode()


# -- passwords ----------------------------------------------------------------------------------------


def _is_password(parts: list[str]) -> bool:
    known = len(parts) == 3 and parts[0] == "openstack" and parts[2] == "password"
    return known and (parts[1] == "latest" or (parts[1] in DATES and parts[1] >= PASSWORDS_SINCE))


def _take_password(tx: Tx, peer: dict[str, str], posted: bytes) -> Found:
    """Keep what the guest posts as its password, encrypted with its user's key; once, until it is cleared."""
    server = _server(tx, peer)
    if server is None:
        return MISSING
    if server.vendor_password:
        return 409, TEXT, b"There is a password already."
    if len(posted) > LONGEST_PASSWORD:
        return 400, TEXT, b"Request is too large."
    try:
        password = posted.decode()
    except UnicodeDecodeError:
        return 400, TEXT, b"A password is text."
    if "\0" in password:
        return 400, TEXT, b"A password is text."
    tx.update(server, vendor_password=password)
    return 200, TEXT, b""


# -- OpenStack ----------------------------------------------------------------------------------------


def _openstack(tx: Tx, server: Server, parts: list[str]) -> Found:
    if not parts:
        return _listing((*DATES, "latest"))
    version = DATES[-1] if parts[0] == "latest" else parts[0]
    if version not in DATES or len(parts) > 2:
        return MISSING
    names = _documents(server, version)
    if len(parts) == 1:
        return _listing(names)
    return _document(tx, server, parts[1]) if parts[1] in names else MISSING


def _documents(server: Server, version: str) -> list[str]:
    """The documents that a version knows, in the order in which they are listed."""
    found = ["meta_data.json"]
    if server.user_data:
        found.append("user_data")
    if version >= PASSWORDS_SINCE:
        found.append("password")
    if version >= "2013-10-17":
        found.append("vendor_data.json")
    if version >= "2015-10-15":
        found.append("network_data.json")
    if version >= "2016-10-06":
        found.append("vendor_data2.json")
    return found


def _document(tx: Tx, server: Server, name: str) -> Found:
    nics = tx.app.contract(Ports).nics(tx, [server.id]).get(server.id, [])
    if name == "meta_data.json":
        said = meta_data(server, devices.of_server(tx, server.id), nics)
        return 200, JSON, msgspec.json.encode(said)
    if name == "network_data.json":
        return 200, JSON, msgspec.json.encode(network_data(nics))
    if name == "user_data":
        return 200, BYTES, user_data(server) or b""
    if name == "password":
        return 200, TEXT, server.vendor_password.encode()
    return 200, JSON, b"{}"


# -- EC2 ----------------------------------------------------------------------------------------------


def _ec2(tx: Tx, server: Server, parts: list[str]) -> Found:
    version, rest = parts[0], parts[1:]
    if version != "latest" and version not in EC2_VERSIONS:
        return MISSING
    if not rest:
        return _listing(["meta-data/", *(["user-data"] if server.user_data else [])])
    if rest == ["user-data"]:
        data = user_data(server)
        return MISSING if data is None else (200, BYTES, data)
    if rest[0] != "meta-data":
        return MISSING
    nics = tx.app.contract(Ports).nics(tx, [server.id]).get(server.id, [])
    return _walk(ec2_data(server, nics, devices.of_server(tx, server.id)), rest[1:])


def _walk(tree: Any, parts: list[str]) -> Found:
    """A leaf of the tree, or the names at this place; what has more below it ends in a slash."""
    for part in parts:
        if not isinstance(tree, dict) or part not in tree or part == "_name":
            return MISSING
        tree = tree[part]
    if not isinstance(tree, dict):
        return 200, TEXT, str(tree).encode()
    return _listing(_shown(name, below) for name, below in sorted(tree.items()) if name != "_name")


def _shown(name: str, below: Any) -> str:
    if not isinstance(below, dict):
        return name
    return str(below["_name"]) if "_name" in below else f"{name}/"
