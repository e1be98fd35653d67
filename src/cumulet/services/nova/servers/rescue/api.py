# SPDX-License-Identifier: Apache-2.0
"""The actions rescue and unrescue."""

from typing import Any

from cumulet.contracts.cinder import Volumes
from cumulet.contracts.glance import ImageInfo, Images
from cumulet.kernel import saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.resource import Action
from cumulet.kernel.resource.shapes import keys
from cumulet.services.nova.servers import creating, devices, guards, history, image_devices, schemas
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.rescue import flows

DEVICE, BUS = "hw_rescue_device", "hw_rescue_bus"
_USUAL_BUS = {"cdrom": "ide", "floppy": "fdc"}


def rescue(tx: Tx, ctx: Context, server: Server, given: dict[str, str] | None) -> dict[str, str]:
    """Accept that the guest boots from an image's disk: one that is named, or the one that it was made of."""
    guards.allow(ctx, server, "rescue")
    given = given or {}
    image = _image(tx, ctx, server, given.get("rescue_image_ref"))
    _check_volumes(tx, ctx, server)
    if server.has_volume_root and not (ctx.at("2.87") and {DEVICE, BUS} <= image.properties.keys()):
        raise _not_rescuable(server)
    tx.update(server, task_state="rescuing", rescue=_described(image, server.rescue.get("count", 0) + 1))
    history.begin(tx, ctx, server.id, "rescue")
    saga.start(tx, ctx, flows.rescue_server, server_id=server.id)
    return {"adminPass": given.get("adminPass") or creating.password()}


def _described(image: ImageInfo, count: int) -> dict[str, Any]:
    """The rescue as a guest's document has it. An image that says how it is to be seen disturbs nothing."""
    device = image.properties.get(DEVICE, "disk")
    return {
        "image_id": image.id,
        "count": count,
        "stable": not image.properties.keys().isdisjoint((DEVICE, BUS)),
        "device": device,
        "bus": image.properties.get(BUS) or _USUAL_BUS.get(device, "virtio"),
    }


def _image(tx: Tx, ctx: Context, server: Server, named: str | None) -> ImageInfo:
    """The image to boot from: a server that was made of another's image gets what that was made of."""
    images = tx.app.contract(Images)
    wanted = [named] if named else [server.image_properties.get("base_image_ref"), server.image_id]
    found = next((image for id in wanted if id and (image := images.image(tx, ctx, id))), None)
    if found is None and not named and server.has_volume_root:
        raise _not_rescuable(server)
    if found is None or found.status != "active" or image_devices.PROPERTY in found.properties:
        raise BadRequest(f"Requested rescue image '{named or server.image_id}' is not supported")
    return found


def _not_rescuable(server: Server) -> BadRequest:
    return BadRequest(f"Instance {server.id} cannot be rescued: Cannot rescue a volume-backed instance")


def _check_volumes(tx: Tx, ctx: Context, server: Server) -> None:
    """Raise Conflict while a volume comes to the server or leaves it."""
    volumes, everyone = tx.app.contract(Volumes), ctx.elevate()
    for device in devices.of_server(tx, server.id):
        volume = volumes.volume(tx, everyone, device.volume_id)
        if volume is not None and volume.status != "in-use":
            raise Conflict(
                f"Invalid volume: volume '{volume.id}' status must be 'in-use'. Currently in "
                f"'{volume.status}' status"
            )


def unrescue(tx: Tx, ctx: Context, server: Server, given: Any) -> None:
    """Accept that the guest boots from its own disk again."""
    guards.allow(ctx, server, "unrescue")
    tx.update(server, task_state="unrescuing")
    history.begin(tx, ctx, server.id, "unrescue")
    saga.start(tx, ctx, flows.unrescue_server, server_id=server.id)


RESCUE = {
    **schemas.obj({"adminPass": schemas.TEXT, "rescue_image_ref": schemas.UUID}),
    "type": ["object", "null"],
}

ACTIONS = (
    Action(
        name="rescue",
        policy="os_compute_api:os-rescue",
        run=rescue,
        status=200,
        body=RESCUE,
        answer=keys(adminPass=str),
    ),
    Action(name="unrescue", policy="os_compute_api:os-unrescue", run=unrescue),
)
