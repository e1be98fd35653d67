# SPDX-License-Identifier: Apache-2.0
"""Making a server anew from an image, with its ports, volumes and place kept."""

from typing import Any

from cumulet.contracts.glance import Images
from cumulet.kernel import saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden
from cumulet.kernel.http.messages import Reply
from cumulet.kernel.resource.shapes import since
from cumulet.services.nova import keypairs
from cumulet.services.nova.flavors.model import Flavor
from cumulet.services.nova.names import check_name
from cumulet.services.nova.servers import creating, flows, guards, history, image_devices
from cumulet.services.nova.servers.answers import changed, changed_view
from cumulet.services.nova.servers.model import Server

_AS_IT_IS = {
    "description": "description",
    "hostname": "hostname",
    "accessIPv4": "access_ipv4",
    "accessIPv6": "access_ipv6",
    "OS-DCF:diskConfig": "disk_config",
    "metadata": "metadata",
    "user_data": "user_data",
}


REBUILT = changed(adminPass=str, key_name=since("2.54", str | None), user_data=since("2.57", str | None))


def rebuild(tx: Tx, ctx: Context, server: Server, given: dict[str, Any]) -> Reply:
    """Accept a rebuild: the row says what the server will be, the host makes its root disk anew."""
    guards.allow(ctx, server, "rebuild")
    changes = {column: given[key] for key, column in _AS_IT_IS.items() if key in given}
    if "name" in given:
        changes["name"] = check_name(given["name"])
    if "trusted_image_certificates" in given:
        ctx.require("os_compute_api:servers:rebuild:trusted_certs", Server.target(tx, server))
        changes["trusted_certs"] = given["trusted_image_certificates"] or []
    if "metadata" in given:
        creating.check_metadata_count(tx, ctx, len(given["metadata"]))
    if "personality" in given:
        creating.check_files(tx, ctx, given["personality"])
        changes["files"] = given["personality"]
    if "key_name" in given:
        changes |= _key(tx, ctx, server, given["key_name"])
    changes |= _image(tx, ctx, server, given["imageRef"])
    was_stopped = server.vm_state == "stopped"
    server = tx.update(server, task_state="rebuilding", **changes)
    history.begin(tx, ctx, server.id, "rebuild")
    saga.start(tx, ctx, flows.rebuild_server, server_id=server.id, stopped=was_stopped)
    body = changed_view(tx, ctx, server)
    body["adminPass"] = given.get("adminPass") or creating.password()
    if ctx.at("2.54"):
        body["key_name"] = server.key_name
    if ctx.at("2.57"):
        body.pop("OS-EXT-SRV-ATTR:user_data", None)
        body["user_data"] = server.user_data
    location = f"{ctx.base_url}/v2.1/servers/{server.id}"
    return Reply(202, {"server": body}, {"Location": location})


def _key(tx: Tx, ctx: Context, server: Server, name: str | None) -> dict[str, Any]:
    if name is None:
        return {"key_name": None, "key_data": None, "key_type": None}
    key = keypairs.of_user(tx, server.user_id, name)
    if key is None:
        raise BadRequest("Invalid key_name provided.")
    return {"key_name": name, "key_data": key.public_key, "key_type": key.type}


def _image(tx: Tx, ctx: Context, server: Server, image_id: str) -> dict[str, Any]:
    """The image's part of the row; refused for a server that boots from a volume."""
    image = tx.app.contract(Images).image(tx, ctx, image_id)
    if image is None:
        raise BadRequest("Cannot find image for rebuild")
    if server.has_volume_root:
        raise BadRequest("Unable to rebuild with a different image for a volume-backed server.")
    if image_devices.read(image.properties):
        raise BadRequest(f"Image {image_id} has no content: it names the volumes of a server.")
    creating.check_image(image, _flavor(server))
    if not server.flavor_copy["disk"] and not ctx.can("os_compute_api:servers:create:zero_disk_flavor"):
        raise Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
    return {"image_id": image_id, "root_image_id": None, "image_properties": dict(image.properties)}


def _flavor(server: Server) -> Flavor:
    """The flavor as the server keeps it."""
    copy = dict(server.flavor_copy)
    swap = copy.pop("swap")
    return Flavor(**copy, swap_mb=swap)
