# SPDX-License-Identifier: Apache-2.0
"""Asking for an import."""

from typing import Any

from cumulet.kernel import saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.http.endpoint import body_of, route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.services.glance import limits
from cumulet.services.glance.data import flows
from cumulet.services.glance.images.changes import IMPORT_METHODS
from cumulet.services.glance.images.model import Image, image_target


@route("POST", "/images/{image_id}/import", schema=body_of(method={"type": "object"}), status=202)
def import_image(tx: Tx, ctx: Context, request: Request) -> None:
    """Accept the import of what was staged."""
    body = _checked(request.body)
    image: Image = fetch_by_key(tx, ctx, Image, request.params["image_id"], "get_image")
    _require_importable(image)
    ctx.require("modify_image", image_target(ctx, image))
    if body.get("all_stores_must_succeed") is False:
        raise BadRequest("All_stores_must_succeed can only be set with enabled_backends None")
    limits.charge_import(tx, ctx, image)
    tx.update(image, status="importing")
    saga.start(tx, ctx, flows.import_image, image_id=image.id)


def _require_importable(image: Image) -> None:
    if image.status == "active":
        raise Conflict("Image with status active cannot be target for import")
    if image.status != "uploading":
        raise Conflict("Image needs to be staged before 'glance-direct' method can be used")
    for name in ("container_format", "disk_format"):
        if not image.__dict__[name]:
            raise Conflict(f"'{name}' needs to be set before import")
    if image.upload_id is not None:
        raise Conflict(
            f"New operation on image '{image.id}' is not permitted as prior operation is still in progress"
        )


def _checked(body: Any) -> dict[str, Any]:
    """The body of an import request. Raises BadRequest in upstream's words."""
    if body is None:
        raise BadRequest("Body expected in request.")
    if not isinstance(body, dict) or "method" not in body:
        raise BadRequest("Import request requires a 'method' field.")
    method = body["method"]
    if not isinstance(method, dict) or "name" not in method:
        raise BadRequest("Import request requires a 'name' field.")
    if method["name"] not in IMPORT_METHODS:
        raise BadRequest(f"Unknown import method name '{method['name']}'.")
    for name in ("all_stores_must_succeed", "all_stores"):
        if not isinstance(body.get(name, False), bool):
            raise BadRequest(f"'{name}' must be boolean value only")
    return body


ROUTES = (import_image,)
